"""Reading a digest: from the numbers it refers to, to its entries in their order, each with its reasons.

Composing decides *what* is told; that stands in the digest and never changes. The order, the reasons and the distances
are worked out here, from the items as they are when somebody reads.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from operator import attrgetter
from typing import Any, Protocol, TypeVar

import sqlalchemy
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change, ChangeKind, Item, appeared_at
from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, is_sqlite, list_value
from trialalerts.digests.entries import RECRUITING_NOW, Entry, Told
from trialalerts.digests.tables import Selection, SelectionKind
from trialalerts.matching.arranging import Match, arranged
from trialalerts.matching.explaining import Explainer, Follows
from trialalerts.matching.window import Candidate, Subject, shown_first, subject_of, told_change, told_kind
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree, load_areas
from trialalerts.vocabulary.topics import load_topics

__all__ = ["DigestReader", "Parted"]

_AT_ONCE = 500
_MOST_SELECTIONS = 20_000
_MOST_CHANGES = 10_000
_MOST_SUBJECTS = 2_000

_READ_AGAIN_SECONDS = 300.0
_Numbers = dict[SelectionKind, set[int]]
_Kept = TypeVar("_Kept")


class Parted(Protocol):
    """What a digest says of what it tells: pairs of a preference and what it brought, a selection, by their ids."""

    @property
    def parts(self) -> list[list[int]]: ...


@dataclass(slots=True)
class _Followed:
    """What is read of a preference: a plain row, for a model's instance for each would take three times as long."""

    id: int
    area_id: str
    label: str | None
    region_kind: RegionKind
    region_label: str
    country: str | None
    subdivision: str | None
    latitude: float | None
    longitude: float | None
    born_on: date | None
    sex: str | None
    topics: list[str]


class DigestReader:
    """Reads digests, many at once; keeps what never changes (selections, changes) and items while they stay the same.

    Make one for a process; it may be used by one thread at a time.
    """

    def __init__(self) -> None:
        self._areas = AreaTree([])
        self._unknown: set[str] = set()
        self._explainer = Explainer(self._areas)
        self._read_again = 0.0
        self._selections: dict[int, Selection] = {}
        self._changes: dict[int, Change] = {}
        self._subjects: dict[int, tuple[tuple[Any, ...], Subject, datetime]] = {}
        self._told: dict[int, tuple[Candidate, Told]] = {}

    def entries(self, session: Session, digests: Sequence[Parted], *, most: int | None = None) -> list[list[Entry]]:
        """Return the entries of each digest, best first; those behind the first ``most`` (None: all) hold no reasons.

        The digests need not be stored: only their ``parts`` count.
        """
        asked_for = [part for digest in digests for part in digest.parts]
        selections = self._selections_of(session, {selection_id for _, selection_id in asked_for})
        return self.told(session, [[(p, selections[s]) for p, s in d.parts if s in selections] for d in digests], most)

    def told(
        self, session: Session, asked: Sequence[Sequence[tuple[int, Selection]]], most: int | None = None
    ) -> list[list[Entry]]:
        """Return the entries for what preferences (by id) brought, for each of several people."""
        preferences = _preferences(session, {preference_id for of_one in asked for preference_id, _ in of_one})
        explainer = self._vocabulary(session, {preference.area_id for preference in preferences.values()})
        numbers: _Numbers = {kind: set() for kind in SelectionKind}
        for of_one in asked:
            for _, selection in of_one:
                numbers[selection.kind].update(selection.numbers)
        candidates = self._candidates(session, numbers)
        made = []
        for of_one in asked:
            pairs = [
                (preferences.get(preference_id), found)
                for preference_id, selection in of_one
                for number in selection.numbers
                if (found := candidates.get((selection.kind, number))) is not None
            ]
            made.append(
                [self._entry(explainer, m, explained=most is None or n < most) for n, m in enumerate(arranged(pairs))]
            )
        return made

    def versions(self, items: Iterable[int]) -> dict[int, str]:
        """Return the hashes of all that is shown of items, by id, as their entries were read last."""
        return {item_id: self._subjects[item_id][0][1] for item_id in items}

    def _candidates(self, session: Session, numbers: _Numbers) -> dict[tuple[SelectionKind, int], Candidate]:
        changes = self._changes_of(session, numbers[SelectionKind.CHANGES])
        still_open = numbers[SelectionKind.OPEN]
        subjects = self._subjects_of(session, {change.item_id for change in changes.values()} | still_open)
        found: dict[tuple[SelectionKind, int], Candidate] = {}
        for seq, change in changes.items():
            if change.item_id in subjects:
                found[SelectionKind.CHANGES, seq] = self._candidate(change, subjects[change.item_id][0])
        for item_id in still_open & subjects.keys():
            found[SelectionKind.OPEN, item_id] = shown_first(*subjects[item_id])
        return found

    def _candidate(self, change: Change, subject: Subject) -> Candidate:
        """Return a change with its item, made anew only when the item was read anew."""
        known = self._told.get(change.seq)
        if known is None or known[0].subject is not subject:
            told = Told(kind=told_kind(change), seq=change.seq, before=change.before, after=change.after)
            known = self._told[change.seq] = (told_change(change, subject), told)
        return known[0]

    def _entry(self, explainer: Explainer, match: Match, *, explained: bool) -> Entry:
        """Return the entry of a match; what happened stands in the order in which it happened."""
        happened = sorted(match.candidates, key=_by_number)
        subject, candidates = match.subject, match.candidates
        reasons = [explainer.reason(subject, candidates, p) for p in match.preferences] if explained else []
        return Entry(
            item_id=match.subject.item_id,
            kind=match.subject.kind.value,
            told=self._what_is_told(happened),
            reasons=tuple(reasons),
            tier=int(match.tier),
        )

    def _what_is_told(self, happened: Sequence[Candidate]) -> tuple[Told, ...]:
        """Return what happened; that it is open, or published, only once."""
        told = [self._told[c.seq][1] if c.seq else _SHOWN_FIRST[c.kind] for c in happened]
        kinds = {one.kind for one in told if one.seq}
        already = {RECRUITING_NOW} if kinds & _SAY_THAT_IT_IS_OPEN else kinds
        return tuple(one for one in told if one.seq or one.kind not in already)

    def _vocabulary(self, session: Session, followed: AbstractSet[str]) -> Explainer:
        """Return who explains, with areas read minutes ago, or just now where one that is followed is not known."""
        lacking = {area for area in followed if area not in self._areas} - self._unknown - {ANY_AREA}
        if lacking or time.monotonic() >= self._read_again:
            self._read_again = time.monotonic() + _READ_AGAIN_SECONDS
            self._areas = load_areas(session)
            self._unknown = {area for area in followed if area not in self._areas}
            self._explainer = Explainer(self._areas, load_topics(session))
        return self._explainer

    def _selections_of(self, session: Session, ids: AbstractSet[int]) -> dict[int, Selection]:
        _make_room(self._selections, _MOST_SELECTIONS)
        for some in _slices(ids - self._selections.keys()):
            for row in session.exec(select(Selection).where(col(Selection.id).in_(some))):
                session.expunge(row)
                self._selections[row.id or 0] = row
        return {number: self._selections[number] for number in ids if number in self._selections}

    def _changes_of(self, session: Session, seqs: AbstractSet[int]) -> dict[int, Change]:
        _make_room(self._changes, _MOST_CHANGES)
        for some in _slices(seqs - self._changes.keys()):
            for row in session.exec(select(Change).where(col(Change.seq).in_(some))):
                session.expunge(row)
                self._changes[row.seq] = row
        return {seq: self._changes[seq] for seq in seqs if seq in self._changes}

    def _subjects_of(self, session: Session, ids: AbstractSet[int]) -> dict[int, tuple[Subject, datetime]]:
        """Return the items with the moment at which each appeared; one that was seen again is read again."""
        if len(self._subjects) > _MOST_SUBJECTS:
            self._told.clear()  # it would keep the items in memory that are to go
        _make_room(self._subjects, _MOST_SUBJECTS)
        sqlite = is_sqlite(session)
        rows = session.connection().execute(_versions(sqlite), {"numbers": list_value(ids, sqlite=sqlite)})
        versions: dict[int, tuple[Any, ...]] = {row[0]: tuple(row) for row in rows}
        stale = {n for n, version in versions.items() if n not in self._subjects or self._subjects[n][0] != version}
        for some in _slices(stale):
            for item in session.exec(select(Item).where(col(Item.id).in_(some))):
                appeared = appeared_at(item.published_at, item.first_seen_at)
                self._subjects[item.id or 0] = (versions[item.id or 0], subject_of(item), appeared)
        return {number: self._subjects[number][1:] for number in versions}


_by_number = attrgetter("seq")
_SHOWN_FIRST = {kind: Told(kind=kind) for kind in (RECRUITING_NOW, ChangeKind.PUBLISHED.value)}
_SAY_THAT_IT_IS_OPEN = {
    RECRUITING_NOW,
    *(k.value for k in (ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.REOPENED)),
}


def _preferences(session: Session, ids: AbstractSet[int]) -> dict[int, Follows]:
    sqlite = is_sqlite(session)
    rows = session.connection().execute(_followed(sqlite), {"numbers": list_value(ids, sqlite=sqlite)})
    return {row[0]: _Followed(*row) for row in rows}


@cache
def _followed(sqlite: bool) -> sqlalchemy.Select[Any]:
    columns = table_of(Preference).c
    return sqlalchemy.select(*(columns[each.name] for each in fields(_Followed))).where(
        in_list(columns.id, "numbers", sqlite=sqlite)
    )


@cache
def _versions(sqlite: bool) -> sqlalchemy.Select[Any]:
    """Return what asks which items are still as they were: the moment stays as the driver gives it."""
    columns = table_of(Item).c
    seen = sqlalchemy.type_coerce(columns.last_seen_at, sqlalchemy.types.NullType())
    asked = sqlalchemy.select(columns.id, columns.facts_hash, seen)
    return asked.where(in_list(columns.id, "numbers", sqlite=sqlite))


def _make_room(kept: dict[int, _Kept], most: int) -> None:
    """Forget the older half of what is kept where it is too much."""
    if len(kept) > most:
        for key in list(kept)[: len(kept) // 2]:
            del kept[key]


def _slices(ids: AbstractSet[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))
