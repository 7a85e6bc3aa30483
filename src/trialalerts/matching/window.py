"""The window: the changes of a span of numbers (or the trials open now), each as one candidate to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy
import structlog
from sqlalchemy import ColumnElement
from sqlmodel import Session

from trialalerts.catalog.articles.audience import Audience, audience_in
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.tables import BaselineItem, Change, ChangeKind, Item, ItemKind, appeared_at
from trialalerts.catalog.trials.status import is_recruiting, site_is_open
from trialalerts.database import table_of
from trialalerts.matching.closings import still_closed
from trialalerts.matching.gaining import as_it_was

__all__ = [
    "RECRUITING_NOW",
    "Candidate",
    "Subject",
    "changes_between",
    "introduction",
    "open_now",
    "recruiting_now",
    "shown_first",
    "subject_of",
    "told_change",
    "told_kind",
]

log = structlog.get_logger()

RECRUITING_NOW = "recruiting_now"
"""The kind of a candidate of a first digest: nothing changed, the trial is open."""

_CLOCKS_DIFFER = timedelta(days=1)
"""So far ahead an article may be dated and still be of today, somewhere."""

_FACTS = (
    "status",
    "phases",
    "mesh",
    "sex",
    "minimum_age_days",
    "maximum_age_days",
    "maximum_age",
    "healthy_volunteers",
    "reach",
    "sites",
)
"""What matching and reasons read; a trial's long texts and its contacts are left out of memory."""

_MAY_GAIN = frozenset({ChangeKind.PUBLISHED, ChangeKind.REGISTERED})
_SHOWN_NOW = frozenset({"baseline", "areas"})
_ENDS = frozenset({ChangeKind.PAUSED, ChangeKind.CLOSED, ChangeKind.WITHDRAWN, ChangeKind.RESULTS_POSTED})
_SITES_TURN = frozenset({ChangeKind.SITE_OPENED, ChangeKind.SITE_CLOSED})
_MAY_TAKE_PART = frozenset({None, "RECRUITING", "AVAILABLE", "NOT_YET_RECRUITING", "ENROLLING_BY_INVITATION"})


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
    """One change of one item. ``sites`` are the places that make it near; None where the place does not matter.

    ``had`` is the item as it was before, where it is news only to those who did not follow what it was about then.
    """

    subject: Subject
    kind: str
    seq: int
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    sites: tuple[Site, ...] | None
    had: Subject | None = None


def changes_between(session: Session, after: int, upto: int, *, baselines_after: int = 0) -> list[Candidate]:
    """Return the changes with ``after`` < seq ≤ ``upto``, oldest first, with their items as they are now.

    Of what baselines brought only what is still open, and only above ``baselines_after``: whoever is still to be
    introduced finds it among what is open.
    """
    change, item = table_of(Change).c, table_of(Item).c
    # Rows of columns, and each item once: as instances of their models they would take four times as long.
    asked = sqlalchemy.select(change.seq, change.item_id, change.kind, change.before, change.after, change.at)
    rows = session.connection().execute(asked.where(change.seq > after, change.seq <= upto).order_by(change.seq)).all()
    within = sqlalchemy.select(change.item_id).where(change.seq > after, change.seq <= upto)
    subjects = {
        found.id: subject_of(found)
        for found in session.connection().execute(sqlalchemy.select(*_columns()).where(item.id.in_(within)))
    }
    told = [told_change(row, subjects[row.item_id]) for row in rows]
    return [c for c in told if c.kind != RECRUITING_NOW or (c.subject.recruiting and c.seq > baselines_after)]


def introduction(session: Session, *, articles_since: datetime, now: datetime) -> list[Candidate]:
    """Return what a first digest shows: the trials that are open, and the articles published since; ``seq`` is 0.

    An article without a date is as old as the news of it; one that only a baseline brought is of no known age.

    Trials of a baseline that still goes on are left out: they are told once it ends (``catalog.baselines``).
    """
    item, kept, change = table_of(Item).c, table_of(BaselineItem).c, table_of(Change).c
    is_kept = sqlalchemy.select(kept.item_id).where(kept.item_id == item.id).exists()
    trials = sqlalchemy.select(*_columns()).where(item.is_open, ~is_kept).order_by(item.id)
    recent = sqlalchemy.and_(item.published_at >= articles_since, item.published_at <= now + _CLOCKS_DIFFER)
    told = change.kind == ChangeKind.PUBLISHED, change.at >= articles_since
    undated = (
        item.published_at.is_(None) & sqlalchemy.select(change.seq).where(change.item_id == item.id, *told).exists()
    )
    articles = sqlalchemy.select(*_columns()).where(item.kind == ItemKind.ARTICLE, recent | undated).order_by(item.id)
    rows = [row for asked in (trials, articles) for row in session.connection().execute(asked)]
    return [shown_first(subject_of(row), appeared_at(row.published_at, row.first_seen_at)) for row in rows]


def open_now(session: Session) -> list[Candidate]:
    """Return every trial that is open now, as a candidate; ``seq`` is 0."""
    item = table_of(Item).c
    rows = session.connection().execute(sqlalchemy.select(*_columns()).where(item.is_open).order_by(item.id))
    return [recruiting_now(subject_of(row), appeared_at(row.published_at, row.first_seen_at)) for row in rows]


def _columns() -> tuple[ColumnElement[Any], ...]:
    """Return the columns of an item that matching needs."""
    item = table_of(Item).c
    return item.id, item.kind, item.status, item.areas, item.topics, item.facts, item.published_at, item.first_seen_at


def told_kind(change: ChangeRow) -> str:
    """Return as what a change is told.

    What a baseline brought is recruiting now, whatever its registry did when; so is, for those who follow it, an open
    trial that names a further condition.
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
        had=as_it_was(subject, change.before) if change.kind in _MAY_GAIN else None,
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
    """Return the sites whose nearness makes the change news.

    A site that opened is news around that site only, one that closed where it was the nearest. Something that
    opens, is registered or changes whom it takes is news where one may take part; an end is news wherever the trial
    ran. None: no site is listed (yet), or it is an article, so that no region is excluded.
    """
    if subject.facts is None:
        return None
    if told_kind(change) == RECRUITING_NOW:
        return subject.open_sites if subject.facts.sites else None
    if change.kind in _SITES_TURN:
        return _sites_that_turned(change, subject)
    if not subject.facts.sites:
        return None
    if change.kind in _ENDS:
        return subject.facts.sites
    return tuple(site for site in subject.facts.sites if site.status in _MAY_TAKE_PART)


def _sites_that_turned(change: ChangeRow, subject: Subject) -> tuple[Site, ...]:
    if change.kind is ChangeKind.SITE_CLOSED:
        return still_closed(change.before, subject.open_sites, recruiting=subject.recruiting)
    return tuple(Site.model_validate(site) for site in change.after.get("sites", ()))
