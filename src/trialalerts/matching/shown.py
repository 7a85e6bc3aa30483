"""What is shown as it is: the trials that are open, and recent articles, as far as somebody's preferences may ask.

The terms of items (see :mod:`~trialalerts.catalog.outlines`) lead to those worth a look, which the index then decides.
So a reading costs what matches, not what exists; where very many ask, or one asks for everything, all is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy
from sqlmodel import Session

from trialalerts.catalog import outlines
from trialalerts.catalog.articles.naming import trials_named
from trialalerts.catalog.outline_rows import has_unmade, item_ids, open_ids, open_outlines, outlines_of
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.database import table_of
from trialalerts.database.bulk import in_chunks
from trialalerts.matching.query import PreferenceQuery, group_members
from trialalerts.matching.window import RECRUITING_NOW, Indexed
from trialalerts.subscribers.filters import Filters
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree

__all__ = [
    "MOST_QUERIES",
    "Queries",
    "changed_items",
    "introduction",
    "open_among",
    "open_by_terms",
    "open_trials",
    "sought",
]

MOST_QUERIES = 200
"""So many different queries look for their items one by one; for more than that, all is read."""
_FEW = 1_000
"""So many items are looked at sooner than a list of all that is in a region is read."""
_NOT_BY_TERMS = frozenset({RegionKind.PLACE, RegionKind.GROUP})
_CLOCKS_DIFFER = timedelta(days=1)
"""So far ahead an article may be dated and still be of today, somewhere."""

Queries = Collection[PreferenceQuery] | None
"""Who asks; None: anybody may."""


def sought(query: PreferenceQuery) -> PreferenceQuery:
    """Return what of a query decides which items are looked at: several have the same."""
    if query.item is not None:
        return query
    return PreferenceQuery(query.area, frozenset(), query.region, Filters(topics=query.filters.topics))


def open_trials(session: Session, queries: Queries, areas: AreaTree, *, kept_back: bool = True) -> list[Indexed]:
    """Return the trials that are open and that one of the queries may ask for, in the order of their numbers.

    Without ``kept_back``, trials of a baseline that still goes on are left out: they are told once it ends
    (:mod:`trialalerts.catalog.changes.baselines`).
    """
    ids = None if queries is None else _any_of(_open_items(session, query, areas) for query in queries)
    return open_among(session, ids, kept_back=kept_back)


def open_among(session: Session, ids: Collection[int] | None, *, kept_back: bool = True) -> list[Indexed]:
    """Return those of the items (None: of all) that are open trials, in the order of their numbers."""
    return [
        Indexed(seq=0, item_id=number, kind=RECRUITING_NOW, outline=outline, places=outline.open_places)
        for number, outline in open_outlines(session.connection(), ids, kept_back=kept_back)
    ]


def open_by_terms(session: Session, query: PreferenceQuery, areas: AreaTree) -> tuple[set[int], set[int]] | None:
    """Return the open trials (items) that a query finds as their terms tell, and those that it may find.

    None where terms tell too little: they tell it where no more is asked for than an area and a country, or a part of
    one. All cancers in the United States are a tenth of what is open: to read that takes seconds. Few are all doubtful.
    """
    trials_too = not query.filters.item_kinds or ItemKind.TRIAL.value in query.filters.item_kinds
    plain = replace(query.filters, item_kinds=()) == Filters() and not query.excluded
    if query.item is not None or not trials_too or not plain or query.region[0] in _NOT_BY_TERMS:
        return None
    connection = session.connection()
    if has_unmade(connection):
        return None
    about, region = _areas(query, areas), _region_terms(query)
    within = None if about is None else item_ids(connection, outlines.area_terms(about, is_open=True))
    if within is not None and len(within) <= _FEW:
        return set(), within
    there = open_ids(connection) if region is None else item_ids(connection, region)
    if within is None:
        return there, set()
    # Of what is found under an area below, a source may have meant that this stands above what the trial is on.
    sure = there & item_ids(connection, outlines.area_terms({query.area}, is_open=True))
    return sure, (there & within) - sure


def introduction(
    session: Session, queries: Queries, areas: AreaTree, *, articles_since: datetime, now: datetime
) -> list[Indexed]:
    """Return what a first digest shows of what the queries may ask for: open trials, and recent articles.

    An article without a date is as old as the news of it; one that only a baseline brought is of no known age.
    """
    if queries is not None and not queries:
        return []
    recent = _recent_articles(session, articles_since, now)
    asked = None if queries is None else _any_of(_articles(session, query, areas) for query in queries)
    recent = recent if asked is None else recent & asked
    articles = [
        Indexed(
            seq=0, item_id=number, kind=ChangeKind.PUBLISHED.value, outline=each.outline, places=each.outline.all_places
        )
        for number, each in sorted(outlines_of(session.connection(), recent).items())
    ]
    return [*open_trials(session, queries, areas, kept_back=False), *articles]


def changed_items(session: Session, query: PreferenceQuery, areas: AreaTree, *, after: int, upto: int) -> set[int]:
    """Return the items with changes of these numbers (``after`` < seq ≤ ``upto``) that a query may ask for."""
    change = table_of(Change).c
    asked = sqlalchemy.select(change.item_id).where(change.seq > after, change.seq <= upto)
    changed = set(session.connection().execute(asked).scalars())
    if query.item is not None:
        return (changed & {query.item}) | _naming(session, changed, query.item)
    about = _areas(query, areas)
    if about is None or not changed:
        return changed
    terms = outlines.area_terms(about, is_open=True) | outlines.area_terms(about, is_open=False)
    return changed & item_ids(session.connection(), terms)


def _naming(session: Session, changed: Collection[int], trial: int) -> set[int]:
    """Return those of the items that are articles and name a trial."""
    item, articles = table_of(Item).c, set[int]()
    for some in in_chunks(sorted(changed)):
        asked = sqlalchemy.select(item.id).where(item.id.in_(some), item.kind == ItemKind.ARTICLE)
        articles |= set(session.connection().execute(asked).scalars())
    stored = outlines_of(session.connection(), articles)
    named = trials_named(session.connection(), {n for each in stored.values() for n in each.outline.trials})
    return {number for number, each in stored.items() if trial in named.of(each.outline.trials)}


def _open_items(session: Session, query: PreferenceQuery, areas: AreaTree) -> set[int] | None:
    """Return the open trials that a query may ask for; None: all of them."""
    if query.item is not None:
        return {query.item}
    about, connection = _areas(query, areas), session.connection()
    found = None if about is None else item_ids(connection, outlines.area_terms(about, is_open=True))
    topics = outlines.topic_terms(query.filters.topics) or None
    for terms in (topics, _region_terms(query)):
        if terms is not None and (found is None or len(found) > _FEW):
            more = item_ids(connection, terms)
            found = more if found is None else found & more
    return found


def _recent_articles(session: Session, since: datetime, now: datetime) -> set[int]:
    item, change = table_of(Item).c, table_of(Change).c
    recent = sqlalchemy.and_(item.published_at >= since, item.published_at <= now + _CLOCKS_DIFFER)
    told = change.kind == ChangeKind.PUBLISHED, change.at >= since
    undated = (
        item.published_at.is_(None) & sqlalchemy.select(change.seq).where(change.item_id == item.id, *told).exists()
    )
    retracted = sqlalchemy.select(change.seq).where(change.item_id == item.id, change.kind == ChangeKind.RETRACTED)
    asked = sqlalchemy.select(item.id).where(item.kind == ItemKind.ARTICLE, recent | undated, ~retracted.exists())
    return set(session.connection().execute(asked).scalars())


def _articles(session: Session, query: PreferenceQuery, areas: AreaTree) -> set[int] | None:
    """Return the items that take nobody, articles among them, that a query may ask for; None: all of them."""
    if query.item is not None:
        return set()
    about = _areas(query, areas)
    return None if about is None else item_ids(session.connection(), outlines.area_terms(about, is_open=False))


def _areas(query: PreferenceQuery, areas: AreaTree) -> set[str] | None:
    """Return the area asked for, with those below it; None: any."""
    return None if query.area == ANY_AREA else areas.with_below(query.area)


def _region_terms(query: PreferenceQuery) -> set[str] | None:
    """Return the terms of what takes place in the region asked for; None: any."""
    kind, country, subdivision, latitude, longitude, radius = query.region
    if kind is RegionKind.ANYWHERE:
        return None
    if kind is RegionKind.GROUP:
        return {term for member in group_members(subdivision) for term in _terms_of(*member)}
    if kind is not RegionKind.PLACE:
        return _terms_of(kind, country, subdivision)
    return outlines.around_terms(country, latitude or 0.0, longitude or 0.0, radius or 0.0)


def _terms_of(kind: RegionKind, country: str | None, subdivision: str | None) -> set[str]:
    if kind is RegionKind.COUNTRY:
        return outlines.country_terms(country)
    return outlines.subdivision_terms(country, subdivision)


def _any_of(found: Iterable[set[int] | None]) -> set[int] | None:
    """Return the items of any of these sets; None: one of them is of all items."""
    together: set[int] = set()
    for items in found:
        if items is None:
            return None
        together |= items
    return together
