"""What could have been told to a subscriber, item by item: told, or why not.

The composer says what is told; why something is not says the index that it asks, filter by filter. So there is one
matching, and an answer here cannot differ from what a digest does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from sqlmodel import Session, col, select

from trialalerts.catalog.outline_rows import outlines_of
from trialalerts.catalog.tables import BaselineItem, Change, ChangeKind, Item, ItemKind
from trialalerts.database import current_number
from trialalerts.database.bulk import in_chunks
from trialalerts.database.counter import CHANGES
from trialalerts.digests.compose import Composer
from trialalerts.digests.tables import Digest, Selection
from trialalerts.matching.bits import numbers_of
from trialalerts.matching.index import Miss, WindowIndex
from trialalerts.matching.matcher import missed
from trialalerts.matching.query import PreferenceQuery, SelectionKind
from trialalerts.matching.window import RECRUITING_NOW, Indexed, changes_between, held_changes
from trialalerts.settings import Settings
from trialalerts.subscribers.follows.silence import silenced_trials
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import NEVER_SERVED, Preference, Subscriber
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["Consideration", "Considered", "WhyNot", "consider", "consider_item"]


_LAST = 100
"""So much more than all its filters a preference misses that asks for nothing yet, or for nothing of the kind."""


class WhyNot(StrEnum):
    """Why something is not told, beside what of a preference it misses (:class:`~trialalerts.matching.index.Miss`)."""

    UNCONFIRMED = "preference_not_confirmed"
    HELD_BACK = "held_back"
    CLOSED = "closed"
    ALREADY_TOLD = "already_told"
    NEVER_TOLD = "never_told"
    """A correction of what this person was never told, or concern about it."""
    BEFORE = "before"
    """It happened before this person followed it."""
    NO_CHANGE = "no_change"
    """It is as it was when this person began to follow it."""
    NOTHING_FOLLOWED = "nothing_followed"


@dataclass(frozen=True, kw_only=True)
class Considered:
    """A change of an item, or an item as it is now (``seq`` None), and what came of it.

    ``why_not`` is empty where it is told with the next digest; of the preferences the one that it misses least is
    named. ``digest_id`` is the digest that told it.
    """

    item_id: int
    number: str
    title: str
    what: str
    seq: int | None
    at: datetime | None
    preference_id: int | None
    area_id: str | None
    why_not: tuple[str, ...]
    digest_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "why_not"}
        return values | {"told": not self.why_not, "why_not": list(self.why_not)}


@dataclass(frozen=True, kw_only=True)
class Consideration:
    """What was considered: ``items`` of it, of ``considered`` in all; ``matching`` are told with the next digest.

    ``is_told`` tells whether there is one: whoever is new gets a first digest whatever it brings.
    """

    considered: int = 0
    matching: int = 0
    is_told: bool = False
    items: tuple[Considered, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _NextDigest:
    """What the next digest tells: numbers of changes and of items, each with the preference that asks for it."""

    changes: Mapping[int, int] = field(default_factory=dict)
    shown: Mapping[int, int] = field(default_factory=dict)
    anything: bool = False


def consider(
    session: Session, settings: Settings, now: datetime, subscriber: Subscriber, *, introducing: bool, most: int | None
) -> Consideration:
    """Return what is new to a subscriber since the last digest: what is told first, then what misses least."""
    composer = Composer.for_one(session, settings, now, subscriber, introducing=introducing)
    told = _told_next(session, composer, subscriber)
    upto = current_number(session, CHANGES)
    began = subscriber.confirmed_seq if subscriber.cursor == NEVER_SERVED else subscriber.cursor
    changes = changes_between(session, upto if began is None else began, upto, over=True)
    shown = composer.matcher.shown.index.candidates if composer.matcher.shown else ()
    held = held_changes(session)
    is_new = _is_new(subscriber)
    introduced = any(is_new(each) and each.confirmed_at for each in list_preferences(session, subscriber))
    candidates = [*changes, *held, *(shown if introduced else ())]
    asked = _Asked(session, subscriber, candidates, now, told, held_from=len(changes), held=len(held))
    return asked.best(most)


def consider_item(
    session: Session, settings: Settings, now: datetime, subscriber: Subscriber, item: Item, *, introducing: bool
) -> Consideration:
    """Return all that ever happened to an item, and the item as it is now, as it concerns a subscriber."""
    number = item.id or 0
    composer = Composer.for_one(session, settings, now, subscriber, introducing=introducing)
    changes = changes_between(session, 0, current_number(session, CHANGES), items=[number], over=True)
    held = held_changes(session, [number])
    now_so = _as_it_is(session, number)
    candidates = [*changes, *held, *([now_so] if now_so else [])]
    told = _told_next(session, composer, subscriber)
    before = _told_before(session, subscriber)
    asked = _Asked(session, subscriber, candidates, now, told, held_from=len(changes), held=len(held), before=before)
    return asked.best(None)


class _Asked:
    """Candidates and the preferences of one subscriber; the first ``held_from`` are changes, then come held ones."""

    def __init__(
        self,
        session: Session,
        subscriber: Subscriber,
        candidates: Sequence[Indexed],
        now: datetime,
        told: _NextDigest,
        *,
        held_from: int,
        held: int,
        before: Mapping[tuple[SelectionKind, int], int] | None = None,
    ) -> None:
        self._session = session
        self._subscriber = subscriber
        self._candidates = candidates
        self._told = told
        self._before = before or {}
        self._changes = held_from
        self._held = held_from + held
        self._is_new = _is_new(subscriber)
        self._preferences = list_preferences(session, subscriber)
        index = WindowIndex(candidates, load_areas(session))
        today = now.date()
        silenced = index.of_items(each.item_id for each in silenced_trials(session, subscriber))
        for_others = {Miss.LANGUAGE: index.every & ~index.read_in(subscriber.locale[:2]), Miss.SILENCED: silenced}
        self._missed = [missed(index, PreferenceQuery.of(each), today) | for_others for each in self._preferences]

    def best(self, most: int | None) -> Consideration:
        """Return the ``most`` that are told or miss least; what happened last first."""
        order = sorted(range(len(self._candidates)), key=self._rank)
        told = {self._candidates[n].item_id for n in order if self._is_told(n) is not None}
        chosen = order if most is None else order[:most]
        return Consideration(
            considered=len(order),
            matching=len(told),
            is_told=self._told.anything,
            items=tuple(self._described(chosen)),
        )

    def _rank(self, number: int) -> tuple[bool, int, int]:
        return self._is_told(number) is None, int(self._least[0][number]), -self._candidates[number].seq

    def _is_told(self, number: int) -> int | None:
        """Return the preference by which the next digest tells a candidate."""
        each = self._candidates[number]
        if each.seq:
            return self._told.changes.get(each.seq)
        return self._told.shown.get(each.item_id) if number >= self._held else None

    @cached_property
    def _least(self) -> tuple[Any, Any]:
        """How much of the preference that it misses least each candidate misses, and which that is."""
        size = len(self._candidates)
        counts = np.zeros((max(len(self._preferences), 1), size), dtype=np.int64)
        for row, by_miss in enumerate(self._missed):
            for bits in by_miss.values():
                found = numbers_of(bits) if bits else np.array([], dtype=np.int64)
                counts[row][found[found < size]] += 1
            counts[row] += _LAST if self._preferences[row].confirmed_at is None else 0
            counts[row][self._held :] += 0 if self._is_new(self._preferences[row]) else _LAST
        return counts.min(axis=0), counts.argmin(axis=0)

    def _described(self, numbers: Sequence[int]) -> Iterable[Considered]:
        ids = {self._candidates[number].item_id for number in numbers}
        items = {item_id: row for item_id, *row in _named(self._session, ids)}
        moments = _moments(self._session, {self._candidates[n].seq for n in numbers} - {0})
        kept = _kept_back(self._session, ids)
        for number in numbers:
            each = self._candidates[number]
            external, title = items.get(each.item_id, ("", ""))
            preference, why, digest_id = self._reasons(number, moments.get(each.seq), kept)
            yield Considered(
                item_id=each.item_id,
                number=external,
                title=title,
                what=each.kind if number < self._held else "as_it_is",
                seq=each.seq or None,
                at=moments.get(each.seq),
                preference_id=preference.id if preference else None,
                area_id=preference.area_id if preference and preference.item_id is None else None,
                why_not=tuple(why),
                digest_id=digest_id,
            )

    def _reasons(
        self, number: int, at: datetime | None, kept: Collection[int]
    ) -> tuple[Preference | None, list[str], int | None]:
        each = self._candidates[number]
        known = SelectionKind.CHANGES if each.seq else SelectionKind.OPEN
        digest_id = self._before.get((known, each.number))
        if not self._preferences:
            return None, [WhyNot.NOTHING_FOLLOWED], digest_id
        least = int(self._least[1][number])
        preference = self._preferences[least]
        asking = self._is_told(number)
        if asking is not None:
            return next((p for p in self._preferences if p.id == asking), preference), [], None
        why: list[str] = [miss.value for miss, bits in self._missed[least].items() if bits >> number & 1]
        if each.told_before_only:
            why = [miss for miss in why if miss != Miss.PLACE]
        if preference.confirmed_at is None:
            why.append(WhyNot.UNCONFIRMED)
        if self._changes <= number < self._held or each.item_id in kept:
            why.append(WhyNot.HELD_BACK)
        if each.is_over and each.kind == RECRUITING_NOW:
            why.append(WhyNot.CLOSED)
        if digest_id is not None:
            silenced = [Miss.SILENCED.value] if Miss.SILENCED in why else []
            return preference, [WhyNot.ALREADY_TOLD, *silenced], digest_id
        return preference, why or [self._otherwise(each, preference, at)], None

    def _otherwise(self, each: Indexed, preference: Preference, at: datetime | None) -> WhyNot:
        """Say why something is not told that misses nothing."""
        if each.told_before_only:
            return WhyNot.NEVER_TOLD
        began = self._subscriber.confirmed_seq
        if each.seq and began is not None and each.seq <= began:
            return WhyNot.BEFORE
        if at is not None and preference.confirmed_at is not None and at < preference.confirmed_at:
            return WhyNot.BEFORE
        if self._is_new(preference):
            return WhyNot.HELD_BACK
        return WhyNot.ALREADY_TOLD if each.seq else WhyNot.NO_CHANGE


def _is_new(subscriber: Subscriber) -> Callable[[Preference], bool]:
    """Return what tells whether what is open is still to be told for a preference."""
    newcomer = subscriber.cursor == NEVER_SERVED
    return lambda preference: newcomer or preference.introduced_at is None


def _told_next(session: Session, composer: Composer, subscriber: Subscriber) -> _NextDigest:
    changes: dict[int, int] = {}
    shown: dict[int, int] = {}
    anything = False
    for served in composer.matches(session, subscriber).served:
        anything |= served.is_told
        for preference, found in served.parts:
            if found.kind is SelectionKind.SILENT:
                continue  # nothing happened there
            into = changes if found.kind is SelectionKind.CHANGES else shown
            into |= dict.fromkeys(composer.matcher.numbers(found), preference)
    return _NextDigest(changes=changes, shown=shown, anything=anything)


def _told_before(session: Session, subscriber: Subscriber) -> dict[tuple[SelectionKind, int], int]:
    """Return the digest that told each change, or showed each item, to a subscriber; the first where several did."""
    digests = session.exec(
        select(Digest.id, Digest.parts).where(col(Digest.subscriber_id) == subscriber.id).order_by(col(Digest.id))
    ).all()
    named = {selection for _, parts in digests for _, selection in parts}
    selections: dict[int, Selection] = {}
    for some in in_chunks(sorted(named)):
        selections |= {row.id or 0: row for row in session.exec(select(Selection).where(col(Selection.id).in_(some)))}
    told: dict[tuple[SelectionKind, int], int] = {}
    for digest_id, parts in digests:
        for _, number in parts:
            if (selection := selections.get(number)) is not None:
                for each in selection.numbers:
                    told.setdefault((selection.kind, each), digest_id or 0)
    return told


def _named(session: Session, ids: Collection[int]) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    for some in in_chunks(sorted(ids)):
        asked = select(Item.id, Item.kind, Item.external_id, Item.title).where(col(Item.id).in_(some))
        found += [
            (number or 0, external if kind is ItemKind.TRIAL else f"article {number}", title)
            for number, kind, external, title in session.exec(asked)
        ]
    return found


def _moments(session: Session, seqs: Collection[int]) -> dict[int, datetime]:
    found: dict[int, datetime] = {}
    for some in in_chunks(sorted(seqs)):
        found |= dict(session.exec(select(Change.seq, Change.at).where(col(Change.seq).in_(some))).all())
    return found


def _kept_back(session: Session, ids: Collection[int]) -> set[int]:
    """Return the items that a baseline keeps back until it ends."""
    found: set[int] = set()
    for some in in_chunks(sorted(ids)):
        found |= set(session.exec(select(BaselineItem.item_id).where(col(BaselineItem.item_id).in_(some))))
    return found


def _as_it_is(session: Session, item_id: int) -> Indexed | None:
    """Return an item as an introduction would show it, were it open and recent; None: there is none."""
    stored = outlines_of(session.connection(), [item_id]).get(item_id)
    if stored is None:
        return None
    trial = stored.outline.kind == ItemKind.TRIAL
    return Indexed(
        seq=0,
        item_id=item_id,
        kind=RECRUITING_NOW if trial else ChangeKind.PUBLISHED.value,
        outline=stored.outline,
        places=stored.outline.open_places if stored.is_open else stored.outline.all_places,
        is_over=trial and not stored.is_open,
    )
