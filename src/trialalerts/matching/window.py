"""The window: the changes of a span of numbers, each as one candidate to be told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

import sqlalchemy
from sqlmodel import Session

from trialalerts.catalog.articles.audience import Audience, audience_in
from trialalerts.catalog.articles.naming import NamedTrials, trials_named
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.outline_rows import StoredOutline, outlines_of
from trialalerts.catalog.outlines import Outline, OutlinePlaces, places_of
from trialalerts.catalog.tables import FOLLOWERS_ONLY, TOLD_BEFORE_ONLY, Change, ChangeKind, HeldChange, Item, ItemKind
from trialalerts.catalog.trials.status import MAY_TAKE_PART, is_recruiting, site_is_open
from trialalerts.database import table_of
from trialalerts.database.bulk import in_chunks, in_list, is_sqlite, list_value
from trialalerts.logs import Logger
from trialalerts.matching.closings import still_closed
from trialalerts.matching.gaining import as_it_was
from trialalerts.subscribers.tables import Preference

__all__ = [
    "RECRUITING_NOW",
    "AsTold",
    "Candidate",
    "Indexed",
    "Subject",
    "changes_between",
    "changes_numbered",
    "held_changes",
    "recruiting_now",
    "shown_first",
    "subject_of",
    "told_change",
    "told_kind",
]

log = Logger()

RECRUITING_NOW = "recruiting_now"
"""The kind of a candidate of a first digest: nothing changed, the trial is open."""

_FACTS = (
    "status", "phases", "mesh", "sex", "minimum_age_days", "maximum_age_days", "maximum_age", "healthy_volunteers",
    "reach", "sites",
)  # fmt: skip
"""What matching and reasons read; a trial's long texts and its contacts are left out of memory."""

_SHOWN_NOW = frozenset({"baseline", "areas", "joined"})
_ENDS = frozenset(
    {
        ChangeKind.PAUSED,
        ChangeKind.CLOSED,
        ChangeKind.WITHDRAWN,
        ChangeKind.RESULTS_POSTED,
        ChangeKind.RESULTS_MISSING,
    }
)


# What only followers are told is read only where there are any: registries change contacts far more often than trials.
_followed = table_of(Preference).c.item_id
_FOLLOWED = sqlalchemy.select(_followed).where(_followed.is_not(None))
_change = table_of(Change).c
# Rows of columns, and each item once: as instances of their models they would take four times as long.
_COLUMNS = _change.seq, _change.item_id, _change.kind, _change.before, _change.after, _change.at
_CHANGES = sqlalchemy.select(*_COLUMNS).order_by(_change.seq)


class ItemRow(Protocol):
    """What is read of an item: an :class:`~trialalerts.catalog.tables.Item`, or a row of its columns."""

    @property
    def id(self) -> int | None: ...
    @property
    def kind(self) -> ItemKind: ...
    @property
    def status(self) -> str | None: ...
    @property
    def areas(self) -> dict[str, Any]: ...
    @property
    def topics(self) -> list[str]: ...
    @property
    def facts(self) -> dict[str, Any]: ...


class ChangeRow(Protocol):
    """What is read of a change: a :class:`~trialalerts.catalog.tables.Change`, or a row of its columns."""

    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> ChangeKind: ...
    @property
    def before(self) -> dict[str, Any]: ...
    @property
    def after(self) -> dict[str, Any]: ...
    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Subject:
    """An item as the matcher sees it: ``direct`` are its own areas, ``ancestors`` those its source gave above them.

    ``topics`` are its topics with those above them; ``audience`` is None where nobody says for whom it is.
    """

    item_id: int
    kind: ItemKind
    status: str | None
    recruiting: bool
    direct: tuple[str, ...]
    in_title: frozenset[str]
    ancestors: frozenset[str]
    topics: frozenset[str]
    audience: Audience | None
    facts: TrialFacts | None
    open_sites: tuple[Site, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """One change of one item. ``sites`` are the places that make it near; None where the place does not matter."""

    subject: Subject
    kind: str
    seq: int
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    sites: tuple[Site, ...] | None


class AsTold(NamedTuple):
    """An item as it was told before, where that was near, and the trials (items) that an article named then."""

    outline: Outline
    places: OutlinePlaces | None
    names: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Indexed:
    """What the index holds of a change, or of an item that is shown as it is (``seq`` is 0 then).

    ``kind`` is as what it is told; ``places`` are those that make it near, None where the place does not matter.
    ``is_over`` tells of a trial that takes nobody now. ``names`` are the trials, by their items, that an article names;
    with ``only_followers`` it is news to those only who follow one of them, or the trial that it is. ``ours``: our own
    editors say it of their article. ``had`` is the item as it was told before, once
    for each way in which it was, where it is news only to those whom it did not concern then. ``closing`` is the change
    itself where sites closed: whether that is news depends on which sites are left.
    """

    seq: int
    item_id: int
    kind: str
    outline: Outline
    places: OutlinePlaces | None
    is_over: bool = False
    names: frozenset[int] = frozenset()
    only_followers: bool = False
    ours: bool = False
    had: tuple[AsTold, ...] = ()
    closing: Candidate | None = None

    @property
    def told_before_only(self) -> bool:
        """Whether it is news to those only whom a digest told the article."""
        return self.kind in TOLD_BEFORE_ONLY or self.ours

    @property
    def number(self) -> int:
        """The number by which it is known: the change's, or the item's where it is shown as it is."""
        return self.seq or self.item_id


def changes_between(
    session: Session,
    after: int,
    upto: int,
    *,
    baselines_after: int = 0,
    items: Collection[int] | None = None,
    over: bool = False,
) -> list[Indexed]:
    """Return the changes with ``after`` < seq ≤ ``upto``, oldest first, with their items as they are now.

    Of what baselines brought only what is still open, and only above ``baselines_after``: whoever is still to be
    introduced finds it among what is open. ``items`` are those that count; None: all. With ``over`` what a baseline
    brought is there, too, where it takes nobody any more: to tell why it is not told.
    """
    sqlite = is_sqlite(session)
    span = [_change.seq > after, _change.seq <= upto]
    span += [] if items is None else [in_list(_change.item_id, "items", sqlite=sqlite)]
    span += [sqlalchemy.or_(_change.kind.not_in(FOLLOWERS_ONLY), _change.item_id.in_(_FOLLOWED))]
    values = {} if items is None else {"items": list_value(sorted(items), sqlite=sqlite)}
    told = _all_indexed(session, session.connection().execute(_CHANGES.where(*span), values).all())
    return [
        each
        for each in told
        if each.kind != RECRUITING_NOW or ((over or not each.is_over) and each.seq > baselines_after)
    ]


def changes_numbered(session: Session, numbers: Collection[int]) -> list[Indexed]:
    """Return changes by their numbers, oldest first; of what a baseline brought only what still takes people."""
    sqlite = is_sqlite(session)
    asked = _CHANGES.where(in_list(_change.seq, "numbers", sqlite=sqlite))
    rows = session.connection().execute(asked, {"numbers": list_value(sorted(numbers), sqlite=sqlite)}).all()
    return [each for each in _all_indexed(session, rows) if each.kind != RECRUITING_NOW or not each.is_over]


def held_changes(session: Session, items: Collection[int] | None = None) -> list[Indexed]:
    """Return the changes that are held back for a day (see ``catalog.changes.flapping``); they have no number yet."""
    held = table_of(HeldChange).c
    columns = held.item_id, held.kind, held.before, held.after, held.since.label("at")
    asked = sqlalchemy.select(sqlalchemy.literal(0).label("seq"), *columns).order_by(held.item_id, held.subject)
    asked = asked if items is None else asked.where(held.item_id.in_(items))
    return _all_indexed(session, session.connection().execute(asked).all())


def _all_indexed(session: Session, rows: Sequence[Any]) -> list[Indexed]:
    outlines = outlines_of(session.connection(), {row.item_id for row in rows})
    subjects = _subjects(session, {row.item_id for row in rows if row.kind is ChangeKind.SITE_CLOSED})
    numbers = {number for each in outlines.values() for number in each.outline.trials}
    named = trials_named(session.connection(), numbers)
    return [_indexed(row, row.item_id, outlines[row.item_id], subjects.get(row.item_id), named) for row in rows]


def _indexed(
    change: ChangeRow, item_id: int, item: StoredOutline, subject: Subject | None, named: NamedTrials
) -> Indexed:
    outline = item.outline
    had = as_it_was(outline, change.kind, change.before)
    only_followers = change.kind in FOLLOWERS_ONLY or "trials" in change.after
    closing = told_change(change, subject) if subject is not None and change.kind is ChangeKind.SITE_CLOSED else None
    return Indexed(
        seq=change.seq,
        item_id=item_id,
        kind=told_kind(change),
        outline=outline,
        places=_places_that_count(change, outline),
        is_over=outline.kind == ItemKind.TRIAL and not item.is_open,
        names=named.of(change.after.get("trials", outline.trials)),
        only_followers=only_followers,
        ours="ours" in change.after,
        had=tuple(AsTold(each, _places_that_count(change, each), named.of(each.trials)) for each in had),
        closing=closing,
    )


class _Counting(Enum):
    """Which sites make a change news to those who live near them."""

    OPEN = auto()  # those that take people now
    JOINED = auto()  # those where one may take part: it opens, is registered, or changes whom it takes
    ALL = auto()  # an end is news wherever the trial ran
    OPENED = auto()  # those that opened, and no others
    CLOSED = auto()  # those that closed, where they were the nearest


_COUNTING = {
    RECRUITING_NOW: _Counting.OPEN,
    ChangeKind.SITE_OPENED.value: _Counting.OPENED,
    ChangeKind.SITE_CLOSED.value: _Counting.CLOSED,
    **{kind.value: _Counting.ALL for kind in _ENDS},
}


def _counting(change: ChangeRow) -> _Counting:
    return _COUNTING.get(told_kind(change), _Counting.JOINED)


def _places_that_count(change: ChangeRow, outline: Outline) -> OutlinePlaces | None:
    """Return where the change is news, by the outline; where sites closed, :class:`ClosingIndex` knows more."""
    counting = _counting(change)
    if counting is _Counting.OPENED:
        return places_of(None, _sites_in(change.after), nationwide=outline.nationwide)
    listed = {_Counting.OPEN: outline.open_places, _Counting.ALL: outline.all_places}
    return listed.get(counting, outline.joined_places)


def _subjects(session: Session, ids: Collection[int]) -> dict[int, Subject]:
    """Return items with their facts."""
    item, found = table_of(Item).c, {}
    for some in in_chunks(sorted(ids)):
        columns = item.id, item.kind, item.status, item.areas, item.topics, item.facts
        for row in session.connection().execute(sqlalchemy.select(*columns).where(item.id.in_(some))):
            found[row.id] = subject_of(row)
    return found


def told_kind(change: ChangeRow) -> str:
    """Return as what a change is told.

    What a baseline brought is recruiting now, whatever its registry did when; so is, for those whom it did not concern
    before, an open trial that names a further condition or was joined with another.
    """
    shown = change.kind is ChangeKind.REGISTERED and not _SHOWN_NOW.isdisjoint(change.after)
    return RECRUITING_NOW if shown else change.kind.value


def told_change(change: ChangeRow, subject: Subject) -> Candidate:
    """Return a change of an item as a candidate."""
    return Candidate(
        subject=subject,
        kind=told_kind(change),
        seq=change.seq,
        at=change.at,
        before=change.before,
        after=change.after,
        sites=_sites_that_count(change, subject),
    )


def shown_first(subject: Subject, at: datetime) -> Candidate:
    """Return an item as a first digest shows it: a trial that is open, or a recent article."""
    candidate = recruiting_now(subject, at)
    return candidate if subject.kind is ItemKind.TRIAL else replace(candidate, kind=ChangeKind.PUBLISHED.value)


def recruiting_now(subject: Subject, at: datetime) -> Candidate:
    """Return an item that is open as a candidate; ``at`` is when it appeared."""
    return Candidate(
        subject=subject,
        kind=RECRUITING_NOW,
        seq=0,
        at=at,
        before={},
        after={},
        sites=subject.open_sites if subject.facts and subject.facts.sites else None,
    )


def subject_of(item: ItemRow) -> Subject:
    """Return an item as the matcher sees it, with those of its facts that matching and reasons need."""
    facts = _facts(item) if item.kind is ItemKind.TRIAL else None
    direct = item.areas.get("direct", [])
    return Subject(
        item_id=item.id or 0,
        kind=item.kind,
        status=item.status,
        recruiting=item.kind is ItemKind.TRIAL and is_recruiting(item.status),
        direct=tuple(area["id"] for area in direct),
        in_title=frozenset(area["id"] for area in direct if area.get("in_title")),
        ancestors=frozenset(item.areas.get("ancestors", [])),
        topics=frozenset(item.topics),
        audience=audience_in([item.facts.get("audience")]) if item.kind is ItemKind.ARTICLE else None,
        facts=facts,
        open_sites=tuple(site for site in facts.sites if site_is_open(site, item.status)) if facts else (),
    )


def _facts(item: ItemRow) -> TrialFacts | None:
    """Return a trial's facts; None where they are broken: they harm no other then, and exclude nobody."""
    try:
        return TrialFacts.model_validate({name: item.facts[name] for name in _FACTS if name in item.facts})
    except ValueError as error:
        log.warning("facts.broken", item=item.id, error=type(error).__name__)
        return None


def _sites_that_count(change: ChangeRow, subject: Subject) -> tuple[Site, ...] | None:
    """Return the sites where the change is news, by the facts.

    None: no site is listed (yet), or it is an article, so that no region is excluded.
    """
    if subject.facts is None:
        return None
    counting = _counting(change)
    if counting is _Counting.OPENED:
        return _sites_in(change.after)
    if counting is _Counting.CLOSED:
        return still_closed(change.before, subject.open_sites, recruiting=subject.recruiting)
    if not subject.facts.sites:
        return None
    if counting is _Counting.OPEN:
        return subject.open_sites
    joined = counting is _Counting.JOINED
    return tuple(site for site in subject.facts.sites if not joined or site.status in MAY_TAKE_PART)


def _sites_in(said: Mapping[str, Any]) -> tuple[Site, ...]:
    return tuple(Site.model_validate(site) for site in said.get("sites", ()))
