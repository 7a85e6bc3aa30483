"""Corrections of articles, retractions and concern: told to those whom a digest or an announcement told the article.

Whatever they follow now; of a retraction others hear, too, by what they follow. Who was told stands in the digests:
these name the selections, and selections the numbers of changes (or of items). That is asked only in a round whose
window holds such a change, and only of the digests that may have told the article.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlmodel import Session, col

from trialalerts.catalog.tables import TOLD_BEFORE_ONLY, Change, ChangeKind
from trialalerts.delivery.outbox.notices.announcing import people_reached
from trialalerts.digests.announcements.once import articles_announced
from trialalerts.digests.due import DueRow
from trialalerts.digests.due_subscribers import DueSubscriber
from trialalerts.digests.tables import Digest, Selection
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.query import MatchSet, SelectionKind, read_filters
from trialalerts.subscribers.tables import NEVER_SERVED

__all__ = ["Corrections"]

_AT_ONCE = 500
_KINDS = TOLD_BEFORE_ONLY | {ChangeKind.RETRACTED}


@dataclass(kw_only=True)
class _Correction:
    """A correction: its number, its item, what it brings, and the numbers under which the article was told before.

    It may be a retraction or concern, too: that comes whatever kinds of change somebody wants (``always``), for what we
    told them is not to be relied on.
    """

    seq: int
    item_id: int
    found: MatchSet
    always: bool
    told_as: set[int] = field(default_factory=set)

    def add_to(self, served: DueSubscriber, preference: int) -> None:
        """Add it to what somebody is told, as what a preference of theirs brings; unless it is of before their turn."""
        if self.seq <= served.cursor:
            return
        part = (preference, self.found)
        if part not in served.parts:
            served.parts.append(part)
        served.changed = True


class Corrections:
    """The corrections of one window of changes."""

    def __init__(self, index: WindowIndex) -> None:
        self._index = index
        self._all = [
            _Correction(
                seq=c.seq,
                item_id=c.item_id,
                found=MatchSet(SelectionKind.CHANGES, 1 << number),
                always=c.kind != ChangeKind.CORRECTED,
            )
            for number, c in enumerate(index.candidates)
            if c.kind in _KINDS
        ]
        self._known = False

    def add(self, session: Session, served: Iterable[DueSubscriber], rows: Sequence[DueRow]) -> None:
        """Add to what people are told the corrections of what they were told.

        Args:
            session: reads.
            served: the people of a page.
            rows: of their preferences, for the kinds of change they want.
        """
        people = {each.subscriber_id: each for each in served if each.cursor != NEVER_SERVED} if self._all else {}
        if not people:
            return
        self._read(session)
        unwanted = {row.preference_id for row in rows if row.filters and not _wants(row.filters)}
        for who, preference, selection in self._told(session, people):
            if selection.kind is SelectionKind.SILENT:
                continue
            for one in self._all:
                is_it = one.item_id in selection if selection.kind is SelectionKind.OPEN else one.told_as & selection
                if is_it and (one.always or preference not in unwanted):
                    one.add_to(people[who], preference)
        announced = articles_announced(session, {one.item_id for one in self._all})
        if announced:
            self._add_announced(session, people, rows, announced, unwanted)

    def _add_announced(
        self,
        session: Session,
        people: Mapping[int, DueSubscriber],
        rows: Sequence[DueRow],
        announced: Mapping[int, int],
        unwanted: Collection[int | None],
    ) -> None:
        """Add the corrections of what announcements (by their numbers, with their items) told."""
        wishes: dict[int, list[DueRow]] = defaultdict(list)
        for row in rows:
            if row.preference_id is not None:
                wishes[row.subscriber_id].append(row)
        for who, announcement in people_reached(session, announced, people):
            for one in (one for one in self._all if one.item_id == announced[announcement]):
                preference = _asked_by(wishes[who], one, self._index)
                is_told = any(found == one.found for _, found in people[who].parts)
                if not is_told and (one.always or preference not in unwanted):
                    one.add_to(people[who], preference)

    def _read(self, session: Session) -> None:
        """Read under which numbers the articles were told, once."""
        if self._known:
            return
        items = [one.item_id for one in self._all]
        asked = select(col(Change.item_id), col(Change.seq)).where(col(Change.item_id).in_(items))
        numbers: dict[int, set[int]] = defaultdict(set)
        for item_id, seq in session.connection().execute(asked):
            numbers[item_id].add(seq)
        for one in self._all:
            one.told_as = {seq for seq in numbers[one.item_id] if seq < one.seq}
        self._known = True

    def _told(self, session: Session, people: Collection[int]) -> Iterable[tuple[int, int, _Numbers]]:
        """Yield who was told what by which preference, of the digests that may have told one of the articles."""
        numbers = sorted(set().union(*(one.told_as for one in self._all)))
        reach = [col(Digest.from_seq) < 0]
        if numbers:
            reach.append((col(Digest.from_seq) < numbers[-1]) & (col(Digest.to_seq) >= numbers[0]))
        parts = [
            (who, preference, selection)
            for some in _slices(sorted(people))
            for who, told in session.connection().execute(
                select(col(Digest.subscriber_id), col(Digest.parts)).where(
                    col(Digest.subscriber_id).in_(some), or_(*reach)
                )
            )
            for preference, selection in told
        ]
        selections = _selections(session, {selection for _, _, selection in parts})
        return [(who, pref, selections[number]) for who, pref, number in parts if number in selections]


def told_since(session: Session, people: Mapping[int, int]) -> dict[int, set[int]]:
    """Return the numbers of the changes that people were told since one of their wishes rested.

    Args:
        session: reads.
        people: after which change that was, by the person.
    """
    told: dict[int, set[int]] = defaultdict(set)
    for some in _slices(sorted(people)):
        rows = select(col(Digest.subscriber_id), col(Digest.to_seq), col(Digest.parts)).where(
            col(Digest.subscriber_id).in_(some), col(Digest.to_seq) >= min(people[who] for who in some)
        )
        parts = [
            (who, selection)
            for who, upto, digest_parts in session.connection().execute(rows)
            if upto >= people[who]
            for _, selection in digest_parts
        ]
        selections = _selections(session, {selection for _, selection in parts})
        for who, number in parts:
            if number in selections and selections[number].kind is SelectionKind.CHANGES:
                told[who] |= selections[number]
    return told


class _Numbers(set[int]):
    """The numbers of a selection."""

    kind: SelectionKind


def _selections(session: Session, ids: Collection[int]) -> Mapping[int, _Numbers]:
    found: dict[int, _Numbers] = {}
    columns = col(Selection.id), col(Selection.kind), col(Selection.numbers)
    for some in _slices(sorted(ids)):
        for number, kind, numbers in session.connection().execute(select(*columns).where(columns[0].in_(some))):
            found[number or 0] = _Numbers(numbers)
            found[number or 0].kind = kind
    return found


def _asked_by(own: Sequence[DueRow], one: _Correction, index: WindowIndex) -> int:
    """Return which of somebody's preferences is on what an article is about; another one where none is."""
    about = (row for row in own if row.item_id is None and index.area(row.area_id, frozenset()) & one.found.bits)
    found = next(about, None) or next(iter(own), None)
    return 0 if found is None or found.preference_id is None else found.preference_id


def _wants(filters: str) -> bool:
    kinds = read_filters(filters)[0].change_kinds
    return not kinds or ChangeKind.CORRECTED.value in kinds


def _slices(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE)]
