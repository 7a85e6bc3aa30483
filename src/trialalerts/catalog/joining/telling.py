"""What is told of a trial that several records tell, once they are put together.

What one record says anew is told where the trial says it, too. That a trial is seen by another registry's eyes is no
news in itself: only another status is, or results; and an open trial that concerns somebody now whom it did not concern
before, under any of its numbers, is told to that person as one that recruits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, delete, select
from sqlmodel import col

from trialalerts.catalog.changes.announcing import Announcer
from trialalerts.catalog.changes.comparison import Difference, compare_trials
from trialalerts.catalog.changes.gains import further_condition
from trialalerts.catalog.changes.publishing import Happened
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.joining.linking import RecordKey
from trialalerts.catalog.joining.merging import MergedTrial
from trialalerts.catalog.joining.versions import read_facts
from trialalerts.catalog.outlines import Outline, outline_of, read_outline, written_outline
from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import BaselineItem, Change, ChangeKind, ItemKind
from trialalerts.catalog.trials.status import is_recruiting
from trialalerts.database.bulk import in_chunks

__all__ = ["Side", "Teller", "sides_of"]

_OF_THE_TRIAL = frozenset(
    {
        ChangeKind.OPENED,
        ChangeKind.REOPENED,
        ChangeKind.PAUSED,
        ChangeKind.CLOSED,
        ChangeKind.WITHDRAWN,
        ChangeKind.RESULTS_POSTED,
    }
)
"""What is told whichever record brings it."""
_STARTS = (ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.REOPENED)


@dataclass(frozen=True, kw_only=True)
class Side:
    """An item as it was before its records were put together with others.

    ``row`` are its columns. ``is_shown`` tells whether it was open to be seen: not kept back by a baseline;
    ``was_told`` whether anybody can have been told that it is open.
    """

    item_id: int
    row: Mapping[str, Any]
    is_open: bool
    is_shown: bool
    was_told: bool
    first_seen_at: datetime

    @cached_property
    def facts(self) -> TrialFacts | None:
        """The facts of the trial, where this program can read them."""
        return read_facts(self.row["facts"])

    @cached_property
    def outline(self) -> str:
        """The outline of the trial, as it is written."""
        row, facts = self.row, self.facts or self.row["facts"]
        about = {"areas": row["areas"], "topics": row["topics"] or ()}
        return written_outline(outline_of(kind=ItemKind.TRIAL, status=row["status"], facts=facts, **about))


def sides_of(connection: Connection, rows: Iterable[Row[Any]]) -> dict[int, Side]:
    """Return items as they are."""
    items = {row.id: row for row in rows}
    kept: set[int] = set()
    told: set[int] = set()
    for chunk in in_chunks(sorted(items)):
        hidden = select(col(BaselineItem.item_id)).where(col(BaselineItem.item_id).in_(chunk))
        kept |= set(connection.execute(hidden).scalars())
        starts = col(Change.item_id).in_(chunk), col(Change.kind).in_(_STARTS)
        told |= set(connection.execute(select(col(Change.item_id)).where(*starts).distinct()).scalars())
    return {
        item_id: Side(
            item_id=item_id,
            row=row._asdict(),
            is_open=bool(row.is_open),
            is_shown=item_id not in kept,
            was_told=item_id in told or (bool(row.is_open) and item_id not in kept),
            first_seen_at=row.first_seen_at,
        )
        for item_id, row in items.items()
    }


class Teller:
    """Tells what happened; an ``announcer`` of None tells nothing."""

    def __init__(self, connection: Connection, announcer: Announcer | None) -> None:
        self._connection = connection
        self._announcer = announcer

    def is_told(self, entries: Sequence[PreparedItem]) -> bool:
        """Tell whether what one of these brings is told."""
        return self._announcer is not None and any(self._announcer.is_told(entry) for entry in entries)

    def of_split(self, item_id: int, sides: Sequence[Side], merged: MergedTrial) -> list[Happened]:
        """Return what is told of a trial that a record left, or that is a record which left: its status at most."""
        if self._announcer is None or not sides:
            return []
        return [Happened(item_id, each) for each in _of_status(sides[0], merged.facts)]

    def of_joined(
        self,
        item_id: int,
        sides: Sequence[Side],
        trial: PreparedItem,
        entries: Sequence[PreparedItem],
        before: Mapping[RecordKey, TrialFacts],
    ) -> list[Happened]:
        """Return what is told of a trial.

        Args:
            item_id: its item now.
            sides: the items that it was.
            trial: what all its records say.
            entries: those of them that were read just now.
            before: what these said before, by their keys; a record that is new is not there.
        """
        announcer, facts = self._announcer, trial.draft.facts
        if announcer is None or not isinstance(facts, TrialFacts):
            return []
        told = self.is_told(entries)
        if not sides:
            if told:
                return list(announcer.told_first([(item_id, trial)]))
            announcer.keep_back(self._connection, [(item_id, trial)])
            return []
        self._settle_baseline(item_id, sides, trial, announcer, told=told)
        found = [*self._changes(sides, trial, entries, before)] if told else []
        if is_recruiting(facts.status):
            is_news = any(entry_key(entry) not in before for entry in entries) or len(sides) > 1
            found += self._gain(sides, trial, found) if is_news else []
        return [Happened(item_id, each) for each in found]

    def _settle_baseline(
        self, item_id: int, sides: Sequence[Side], trial: PreparedItem, announcer: Announcer, *, told: bool
    ) -> None:
        """Keep a trial back as long as all that it was is kept back, or where a baseline opens it in silence."""
        facts = trial.draft.facts
        is_open = isinstance(facts, TrialFacts) and is_recruiting(facts.status)
        is_opened = is_open and not any(side.is_open for side in sides)
        if any(side.is_shown for side in sides):
            connection = self._connection
            if not all(side.is_shown for side in sides):
                connection.execute(delete(BaselineItem).where(col(BaselineItem.item_id) == item_id))
            if is_opened and not told:
                announcer.keep_back(connection, [(item_id, trial)])

    def _changes(
        self,
        sides: Sequence[Side],
        trial: PreparedItem,
        entries: Sequence[PreparedItem],
        before: Mapping[RecordKey, TrialFacts],
    ) -> Iterable[Difference]:
        facts = trial.draft.facts
        if not isinstance(facts, TrialFacts):
            return
        if len(sides) > 1:
            yield from _told_to_each(sides, facts)
            return
        side = sides[0]
        found = list(compare_trials(side.facts, facts)) if side.facts else []
        said: list[Difference] = []
        for entry in entries:
            was = before.get(entry_key(entry))
            if was is not None and isinstance(entry.draft.facts, TrialFacts):
                said += compare_trials(was, entry.draft.facts)
        for each in found:
            if each.kind in _OF_THE_TRIAL:
                yield each
            elif same := [one for one in said if one.kind is each.kind]:
                yield from _in_both(each, same[0])
        if any(entry_key(entry) in before for entry in entries):
            yield from further_condition(side.row, trial.draft, found)

    def _gain(self, sides: Sequence[Side], trial: PreparedItem, told: Sequence[Difference]) -> list[Difference]:
        """Return the news of an open trial for those whom it did not concern under any of its numbers before."""
        knew = [side.outline for side in sides if side.was_told]
        facts = trial.draft.facts
        if not knew or not isinstance(facts, TrialFacts) or any(each.kind in _STARTS for each in told):
            return []
        areas = {"direct": trial.draft.areas, "ancestors": trial.draft.ancestors}
        now = outline_of(kind=ItemKind.TRIAL, status=facts.status, facts=facts, areas=areas, topics=trial.draft.topics)
        if any(not _reaches_further(now, read_outline(was)) for was in knew):
            return []
        after = {"status": facts.status, "joined": True}
        return [Difference(kind=ChangeKind.REGISTERED, before={"told_as": knew}, after=after)]


def _reaches_further(now: Outline, was: Outline) -> bool:
    """Tell whether a trial can concern somebody whom it did not concern before: by what it is about, or where it is."""
    about = (now.direct, was.direct), (now.ancestors, was.ancestors), (now.topics, was.topics)
    if any(set(new) - set(old) for new, old in about):
        return True
    if now.open_places is None or was.open_places is None:
        return now.open_places is None and was.open_places is not None
    pairs = zip(now.open_places[1:], was.open_places[1:], strict=True)
    return any(set(new) - set(old) for new, old in pairs) or (now.open_places.unknown and not was.open_places.unknown)


def entry_key(entry: PreparedItem) -> RecordKey:
    """Return the registry and id of an entry."""
    return entry.draft.registry, entry.external_id


def _of_status(side: Side, facts: TrialFacts) -> list[Difference]:
    found = compare_trials(side.facts, facts) if side.facts else []
    return [each for each in found if each.kind in _OF_THE_TRIAL]


def _told_to_each(sides: Sequence[Side], facts: TrialFacts) -> Iterable[Difference]:
    """Give what is new to those who know one of the items, and not to those who know it by another."""
    by_side = [(side, _of_status(side, facts)) for side in sides if side.is_shown]
    kinds: dict[ChangeKind, Difference] = {}
    for _, found in by_side:
        for each in found:
            kinds.setdefault(each.kind, each)
    for kind, difference in kinds.items():
        knew = [side.outline for side, found in by_side if all(each.kind is not kind for each in found)]
        knew = [outline for outline in knew if outline]
        yield replace(difference, before={**difference.before, "told_as": knew}) if knew else difference


def _in_both(trial: Difference, record: Difference) -> Iterable[Difference]:
    """Give a difference of the trial as far as the record that was read makes it."""
    before, after = _in_common(trial.before, record.before), _in_common(trial.after, record.after)
    if "sites" not in {*trial.before, *trial.after} or before.get("sites") or after.get("sites"):
        yield replace(trial, before=before, after=after)


def _in_common(mine: Mapping[str, Any], its: Mapping[str, Any]) -> dict[str, Any]:
    """Return one side of a difference, of sites those alone that the other names, too."""
    if "sites" not in mine:
        return dict(mine)
    return {**mine, "sites": [site for site in mine["sites"] if site in its.get("sites", ())]}
