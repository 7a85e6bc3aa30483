"""Reading a digest: from the numbers it refers to, to its entries in their order, each with its reasons.

Composing decides *what* is told; that stands in the digest and never changes. The order, the reasons and the distances
are worked out here, from the items as they are when somebody reads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar

import sqlalchemy
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind, appeared_at
from trialalerts.catalog.trials.lookup import joined_into, numbers_of_trials
from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, is_sqlite, list_value
from trialalerts.digests.entries import RECRUITING_NOW, Entry, EntryChange
from trialalerts.digests.rendering.lru_cache import LruCache
from trialalerts.digests.tables import Selection, SelectionKind
from trialalerts.matching.ranking import Match, MatchGroup, grouped, rank
from trialalerts.matching.reasons import Explainer, PreferenceView, Reason
from trialalerts.matching.window import Candidate, Subject, shown_first, subject_of, told_change, told_kind
from trialalerts.subscribers.tables import ONE_TRIAL, Preference, RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree, load_areas
from trialalerts.vocabulary.topics import load_topics

__all__ = ["DigestReader", "EntryList", "GroupSize", "Parted"]

_AT_ONCE = 500
_MOST_SELECTIONS = 20_000
_MOST_CHANGES = 20_000
_SUBJECT_BYTES = 80_000_000
"""What items may take in memory together: about 20,000 of them, more than change in a heavy week."""
_ONE_SUBJECT_BYTES, _ONE_SITE_BYTES = 2_000, 700

_READ_AGAIN_SECONDS = 300.0
_MORE_THAN_CORRECTED = frozenset({ChangeKind.PUBLISHED, ChangeKind.RETRACTED})
_Numbers = dict[SelectionKind, set[int]]
_Kept = TypeVar("_Kept")


class Parted(Protocol):
    """What a digest says of what it tells: pairs of a preference and what it brought, a selection, by their ids."""

    @property
    def parts(self) -> list[list[int]]: ...


class GroupSize(NamedTuple):
    """What one preference brought to a digest: ``entries`` of it follow each other there, of ``total``.

    ``preference_id`` is None for articles, and 0 where the preference is gone; ``new`` of the items are new. Of the
    articles so many are told because they were ``corrected`` or ``withdrawn``.
    """

    preference_id: int | None
    entries: int
    total: int
    new: int
    corrected: int = 0
    withdrawn: int = 0

    @classmethod
    def of_articles(cls, told: Sequence[AbstractSet[str]], *, entries: int, new: int) -> GroupSize:
        """Return the size of the articles, by the kinds of changes that are told of each."""
        withdrawn = sum(ChangeKind.RETRACTED in kinds for kinds in told)
        corrected = sum(ChangeKind.CORRECTED in kinds and kinds.isdisjoint(_MORE_THAN_CORRECTED) for kinds in told)
        return cls(None, entries, len(told), new, corrected, withdrawn)


class EntryList(NamedTuple):
    """What a digest tells: its first ``entries`` by groups, and of how many items and trials it tells in all.

    ``silent`` are the preferences and items of followed trials that were silent for long: how they stand is a note.
    """

    entries: list[Entry]
    total: int
    trials: int
    groups: tuple[GroupSize, ...] = ()
    silent: tuple[tuple[int, int], ...] = ()


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
    radius_km: float | None
    item_id: int | None
    born_on: date | None
    sex: str | None
    topics: list[str]


class _KnownItem(NamedTuple):
    """An item as it was read, with the changes of it that were told; ``version`` is its hash and when it was seen."""

    version: tuple[Any, ...]
    subject: Subject
    appeared: datetime
    told: dict[int, tuple[Candidate, EntryChange]]


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
        self._items: LruCache[int, _KnownItem] = LruCache(_SUBJECT_BYTES)

    def entries(self, session: Session, digests: Sequence[Parted]) -> list[list[Entry]]:
        """Return all entries of each digest, best first. They need not be stored: only their ``parts`` count."""
        return [found.entries for found in self.read(session, digests)]

    def read(self, session: Session, digests: Sequence[Parted], *, most: int | None = None) -> list[EntryList]:
        """Return the entries of each digest by groups, the first ``most`` of each group (None: all)."""
        asked_for = [part for digest in digests for part in digest.parts]
        selections = self._selections_of(session, {selection_id for _, selection_id in asked_for})
        return self.told(session, [[(p, selections[s]) for p, s in d.parts if s in selections] for d in digests], most)

    def told(
        self, session: Session, asked: Sequence[Sequence[tuple[int, Selection]]], most: int | None = None
    ) -> list[EntryList]:
        """Return the entries for what preferences (by id) brought, for each of several people: as :meth:`read`."""
        preferences = _preferences(session, {preference_id for of_one in asked for preference_id, _ in of_one})
        explainer = self._vocabulary(session, {preference.area_id for preference in preferences.values()})
        numbers: _Numbers = {kind: set() for kind in SelectionKind}
        for of_one in asked:
            for _, selection in of_one:
                numbers[selection.kind].update(selection.numbers)
        changes = self._changes_of(session, numbers[SelectionKind.CHANGES])
        still_open = numbers[SelectionKind.OPEN]
        items = self._items_of(session, {change.item_id for change in changes.values()} | still_open)
        candidates = _candidates(changes, still_open, items)
        trials = {each.item_id for each in preferences.values() if each.item_id is not None}
        any_article = any(known.subject.kind is ItemKind.ARTICLE for known in items.values())
        followed = numbers_of_trials(session, trials) if any_article else {}
        made = []
        for of_one in asked:
            matches = rank(
                (preferences.get(preference_id), found)
                for preference_id, selection in of_one
                for number in selection.numbers
                if (found := candidates.get((selection.kind, number))) is not None
            )
            groups = grouped(matches, [preference_id for preference_id, _ in of_one])
            told = [match for group in groups for match in group.matches[:most]]
            entries = [_entry(explainer, match, items[match.subject.item_id], followed) for match in told]
            of_trials = sum([match.subject.kind is ItemKind.TRIAL for match in matches])
            sizes = [_size_of(group, most) for group in groups]
            silent = [(p, number) for p, s in of_one if s.kind is SelectionKind.SILENT for number in s.numbers]
            made.append(EntryList(entries, len(matches), of_trials, tuple(sizes), tuple(silent)))
        return made

    def _vocabulary(self, session: Session, followed: AbstractSet[str]) -> Explainer:
        """Return who explains, with areas read minutes ago, or just now where one that is followed is not known."""
        lacking = {area for area in followed if area not in self._areas} - self._unknown - {ANY_AREA, ONE_TRIAL}
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

    def _items_of(self, session: Session, ids: AbstractSet[int]) -> dict[int, _KnownItem]:
        """Return the items; one that was seen again is read again."""
        sqlite = is_sqlite(session)
        found: dict[int, _KnownItem] = {}
        stale: dict[int, tuple[Any, ...]] = {}
        for row in session.connection().execute(_versions(sqlite), {"numbers": list_value(ids, sqlite=sqlite)}):
            version, known = tuple(row), self._items.get(row[0])
            if known is not None and known.version == version:
                found[row[0]] = known
            else:
                stale[row[0]] = version
        if stale:
            for item in session.connection().execute(_subjects(sqlite), {"numbers": list_value(stale, sqlite=sqlite)}):
                subject, appeared = subject_of(item), appeared_at(item.published_at, item.first_seen_at)
                known = found[item.id] = _KnownItem(stale[item.id], subject, appeared, {})
                sites = len(subject.facts.sites) if subject.facts else 0
                self._items.put(item.id, known, _ONE_SUBJECT_BYTES + sites * _ONE_SITE_BYTES)
        # An item that was left empty is another one now: what was told of it, is told of that.
        if joined := joined_into(session, [item_id for item_id, known in found.items() if not known.version[1]]):
            now = self._items_of(session, set(joined.values()))
            found |= now | {item_id: now[into] for item_id, into in joined.items() if into in now}
        return found


def _candidates(
    changes: Mapping[int, Change], still_open: AbstractSet[int], items: Mapping[int, _KnownItem]
) -> dict[tuple[SelectionKind, int], Candidate]:
    found: dict[tuple[SelectionKind, int], Candidate] = {}
    for seq, change in changes.items():
        if (known := items.get(change.item_id)) is not None:
            told = known.told.get(seq)
            if told is None:
                what = EntryChange(kind=told_kind(change), seq=seq, before=change.before, after=change.after)
                told = known.told[seq] = (told_change(change, known.subject), what)
            found[SelectionKind.CHANGES, seq] = told[0]
    for item_id in still_open & items.keys():
        found[SelectionKind.OPEN, item_id] = shown_first(items[item_id].subject, items[item_id].appeared)
    return found


def _size_of(group: MatchGroup, most: int | None) -> GroupSize:
    shown = len(group.matches[:most])
    if group.preference_id is not None:
        return GroupSize(group.preference_id, shown, len(group.matches), group.new)
    kinds = [{candidate.kind for candidate in match.candidates} for match in group.matches]
    return GroupSize.of_articles(kinds, entries=shown, new=group.new)


def _entry(explainer: Explainer, match: Match, known: _KnownItem, followed: Mapping[int, str]) -> Entry:
    """Return the entry of a match; what happened stands in the order in which it happened.

    ``followed`` are the numbers of trials that are followed, by their items: an article may be told for one of them.
    """
    subject, candidates = match.subject, match.candidates
    happened = sorted(candidates, key=_by_number) if len(candidates) > 1 else candidates
    return Entry(
        subject.item_id,
        subject.kind.value,
        _what_is_told(happened, known),
        tuple([_reason(explainer, match, preference, followed) for preference in match.preferences]),
        int(match.tier),
        known.version[1],
    )


def _reason(explainer: Explainer, match: Match, preference: PreferenceView, followed: Mapping[int, str]) -> Reason:
    reason = explainer.reason(match.subject, match.candidates, preference)
    if preference.item_id is None or preference.item_id == match.subject.item_id:
        return reason
    return reason._replace(trial=followed.get(preference.item_id))


def _what_is_told(happened: Sequence[Candidate], known: _KnownItem) -> tuple[EntryChange, ...]:
    """Return what happened; that it is open, or published, only once."""
    told = [known.told[c.seq][1] if c.seq else _SHOWN_FIRST[c.kind] for c in happened]
    if len(told) == 1:
        return (told[0],)
    kinds = {one.kind for one in told if one.seq}
    already = {RECRUITING_NOW} if kinds & _SAY_THAT_IT_IS_OPEN else kinds
    if kinds & (_SAY_THAT_IT_IS_OPEN - {RECRUITING_NOW}):  # two trials that became one may say both
        told = [one for one in told if one.kind != RECRUITING_NOW]
    return tuple(one for one in told if one.seq or one.kind not in already)


_by_number = attrgetter("seq")
_SHOWN_FIRST = {kind: EntryChange(kind=kind) for kind in (RECRUITING_NOW, ChangeKind.PUBLISHED.value)}
_SAY_THAT_IT_IS_OPEN = {
    RECRUITING_NOW,
    *(k.value for k in (ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.REOPENED)),
}


def _preferences(session: Session, ids: AbstractSet[int]) -> dict[int, PreferenceView]:
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


@cache
def _subjects(sqlite: bool) -> sqlalchemy.Select[Any]:
    """Return what reads items as the matcher sees them: as rows, for models would take four times as long."""
    c = table_of(Item).c
    asked = sqlalchemy.select(c.id, c.kind, c.status, c.areas, c.topics, c.facts, c.published_at, c.first_seen_at)
    return asked.where(in_list(c.id, "numbers", sqlite=sqlite))


def _make_room(kept: dict[int, _Kept], most: int) -> None:
    """Forget the older half of what is kept where it is too much."""
    if len(kept) > most:
        for key in list(kept)[: len(kept) // 2]:
            del kept[key]


def _slices(ids: AbstractSet[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))
