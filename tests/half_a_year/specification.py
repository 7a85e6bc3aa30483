"""What each subscriber must be told: a matcher that asks every change of every wish, and remembers the answers.

Few wishes are different, and an answer changes only with the item: so each is asked once, by the same specification
that the tests of matching are held to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from tests.matching.worlds import concerns
from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.database import current_number, table_of
from trialalerts.database.bulk import in_chunks
from trialalerts.digests.tables import Digest, Selection, SelectionKind
from trialalerts.matching.window import RECRUITING_NOW, Candidate, shown_first, subject_of, told_change
from trialalerts.subscribers.tables import NEVER_SERVED, Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas

__all__ = ["Due", "Specification"]

_RECENT = timedelta(days=30)
_P = table_of(Preference)
_NOT_ASKED = {"id", "subscriber_id", "region_label", "label", "created_at", "confirmed_at", "introduced_at",
              "paused_until", "paused_seq"}  # fmt: skip
_ASKED = [column for column in _P.columns if column.name not in _NOT_ASKED]


_Key = tuple[int, int, str]
"""A change by its number, or 0; the item by its own, and its version."""


@dataclass
class _Answers:
    """Of which changes and items it was asked whether a wish is about them, and of which it is."""

    asked: set[_Key] = field(default_factory=set)
    met: set[_Key] = field(default_factory=set)


class _Wish(NamedTuple):
    """What is asked for, by whoever asks it; ``introduced_at`` is when what was open was told."""

    asked: str
    introduced_at: datetime | None


@dataclass(kw_only=True)
class Due:
    """Who is due before composing, by cursor, and the last digest there was."""

    cursors: dict[int, int]
    last_digest: int

    @classmethod
    def now(cls, session: Session, now: datetime) -> Due:
        """Read who is due."""
        due = select(Subscriber.id, Subscriber.cursor).where(
            col(Subscriber.state) == SubscriberState.ACTIVE, col(Subscriber.next_due_at) <= now
        )
        last = session.exec(select(func.max(Digest.id))).one() or 0
        return cls(cursors={who or 0: cursor for who, cursor in session.exec(due)}, last_digest=last)


@dataclass
class Specification:
    """Holds what was told to what had to be told.

    Attributes:
        checked: how much was held to it.
        given: the changes that each subscriber was told so far.
    """

    checked: Counter[str] = field(default_factory=Counter)
    given: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    _wishes: dict[str, Preference] = field(default_factory=dict)
    _seen: dict[_Key, Candidate] = field(default_factory=dict)
    _answers: defaultdict[str, _Answers] = field(default_factory=lambda: defaultdict(_Answers))

    def check(self, session: Session, due: Due, now: datetime) -> None:
        """Hold the digests that were composed for who was due to it, person by person."""
        if not due.cursors:
            return
        areas, upto = load_areas(session), current_number(session, "change")
        told = _told(session, due.last_digest)
        served = {who: cursor for who, cursor in due.cursors.items() if cursor > NEVER_SERVED}
        newcomers = due.cursors.keys() - served.keys()
        changes = self._changes(session, min(served.values(), default=upto), upto)
        shown = self._shown(session, now) if newcomers else {}
        cursors: dict[int | None, int] = {}
        for some in in_chunks(served):
            rows = select(Subscriber.id, Subscriber.cursor).where(col(Subscriber.id).in_(some))
            cursors |= dict(session.exec(rows).all())
        concerned = _Concerned(self, areas, changes, shown)
        for who, own in self._wishes_of(session, due.cursors):
            if who in newcomers:
                self._check_first(who, own, told[who], concerned)
            elif cursors.get(who, upto) >= upto:  # else left for the next round
                self._check_next(who, own, told[who], concerned, served[who], now)

    def _check_first(
        self, who: int, own: Sequence[_Wish], told: Mapping[SelectionKind, set[int]], concerned: _Concerned
    ) -> None:
        wanted = set().union(*(concerned.shown(wish.asked) for wish in own))
        assert told[SelectionKind.OPEN] == wanted, (who, "a first digest")
        self.checked["first digests"] += 1

    def _check_next(
        self,
        who: int,
        own: Sequence[_Wish],
        told: Mapping[SelectionKind, set[int]],
        concerned: _Concerned,
        cursor: int,
        now: datetime,
    ) -> None:
        given = told[SelectionKind.CHANGES]
        wanted = {seq for wish in own for seq in concerned.changes(wish.asked) if seq > cursor}
        extra = {seq for seq in given if seq > cursor} - wanted
        assert not extra, (who, "told what is not followed", sorted(extra))
        old = [wish for wish in own if wish.introduced_at is None or wish.introduced_at < now]
        due_now = {seq for wish in old for seq in concerned.changes(wish.asked) if seq > cursor}
        assert due_now <= given, (who, "lost", sorted(due_now - given))
        twice = given & self.given[who]
        assert not twice, (who, "told twice", sorted(twice))
        self.given[who] |= given
        self.checked["subscribers"] += 1
        self.checked["changes told"] += len(given)

    def met(self, asked: str, candidates: Mapping[_Key, Candidate], areas: AreaTree) -> set[_Key]:
        """Return which changes, or items that are shown as they are, concern a wish."""
        answers = self._answers[asked]
        for key in candidates.keys() - answers.asked:
            answers.asked.add(key)
            if concerns(self._wishes[asked], candidates[key], areas):
                answers.met.add(key)
        return candidates.keys() & answers.met

    def _changes(self, session: Session, after: int, upto: int) -> dict[_Key, Candidate]:
        """Return the changes with ``after`` < seq ≤ ``upto``, by number and the version of the item."""
        asked = select(Change.seq, Item.id, Item.facts_hash).join(Item).where(
            col(Change.seq) > after, col(Change.seq) <= upto
        )  # fmt: skip
        found = [(seq, number or 0, version) for seq, number, version in session.exec(asked.order_by(col(Change.seq)))]
        for some in in_chunks([key[0] for key in found if key not in self._seen]):
            rows = select(Change, Item).join(Item).where(col(Change.seq).in_(some))
            for change, item in session.exec(rows):
                candidate = told_change(change, subject_of(item))
                self._seen[(change.seq, item.id or 0, item.facts_hash)] = candidate
        return {key: self._seen[key] for key in found if self._seen[key].kind != RECRUITING_NOW}

    def _shown(self, session: Session, now: datetime) -> dict[_Key, Candidate]:
        """Return what a first digest may show, each as it is: what is open, and articles of the last weeks."""
        recent = (col(Item.kind) == ItemKind.ARTICLE) & (col(Item.published_at) >= now - _RECENT)
        asked = select(Item.id, Item.facts_hash).where(col(Item.is_open) | recent)
        found = [(0, number or 0, version) for number, version in session.exec(asked)]
        for some in in_chunks([key[1] for key in found if key not in self._seen]):
            for item in session.exec(select(Item).where(col(Item.id).in_(some))):
                self._seen[(0, item.id or 0, item.facts_hash)] = shown_first(subject_of(item), item.first_seen_at)
        return {key: self._seen[key] for key in found}

    def _wishes_of(self, session: Session, people: Mapping[int, int]) -> Iterator[tuple[int, list[_Wish]]]:
        """Yield each subscriber with what is followed; as columns, for as instances they take longer than all else."""
        found: defaultdict[int, list[_Wish]] = defaultdict(list)
        for some in in_chunks(sorted(people)):
            rows = select_columns(_P.c.subscriber_id, _P.c.introduced_at, *_ASKED).where(_P.c.subscriber_id.in_(some))
            for who, introduced_at, *asked in session.connection().execute(rows):
                wish = _Wish(repr(asked), introduced_at)
                if wish.asked not in self._wishes:
                    self._wishes[wish.asked] = _preference(asked)
                found[who].append(wish)
        yield from found.items()


class _Concerned:
    """What each wish is concerned by, among what there is this time; worked out once for all who share it."""

    def __init__(
        self,
        specification: Specification,
        areas: AreaTree,
        changes: Mapping[_Key, Candidate],
        shown: Mapping[_Key, Candidate],
    ) -> None:
        self._specification, self._areas = specification, areas
        self._all_changes, self._all_shown = changes, shown
        self._changes: dict[str, list[int]] = {}
        self._shown: dict[str, set[int]] = {}

    def changes(self, asked: str) -> list[int]:
        """Return the numbers of the changes that concern a wish."""
        if asked not in self._changes:
            met = self._specification.met(asked, self._all_changes, self._areas)
            self._changes[asked] = [seq for seq, _, _ in met]
        return self._changes[asked]

    def shown(self, asked: str) -> set[int]:
        """Return the items that a first digest shows for a wish."""
        if asked not in self._shown:
            met = self._specification.met(asked, self._all_shown, self._areas)
            self._shown[asked] = {number for _, number, _ in met}
        return self._shown[asked]


def _preference(values: Sequence[Any]) -> Preference:
    return Preference(**dict(zip((column.name for column in _ASKED), values, strict=True)))


def _told(session: Session, after: int) -> defaultdict[int, dict[SelectionKind, set[int]]]:
    """Return what the digests after a number tell each subscriber."""
    digests = session.exec(select(Digest.subscriber_id, Digest.parts).where(col(Digest.id) > after)).all()
    wanted = sorted({selection for _, parts in digests for _, selection in parts})
    found: dict[int, tuple[SelectionKind, list[int]]] = {}
    for some in in_chunks(wanted):
        for row in session.exec(select(Selection).where(col(Selection.id).in_(some))):
            found[row.id or 0] = (row.kind, row.numbers)
    told: defaultdict[int, dict[SelectionKind, set[int]]] = defaultdict(lambda: {kind: set() for kind in SelectionKind})
    for who, parts in digests:
        for _, selection in parts:
            kind, numbers = found[selection]
            told[who][kind] |= set(numbers)
    return told
