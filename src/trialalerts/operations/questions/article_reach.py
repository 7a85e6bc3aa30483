"""Whom an article would be told: how many people, by what they follow, where, in which language, how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from trialalerts.catalog.articles.naming import trials_named
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.outlines import outline_of
from trialalerts.catalog.tables import ChangeKind
from trialalerts.database.bulk import is_sqlite, list_value
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.query import filters_text
from trialalerts.matching.window import Indexed
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree

__all__ = ["ArticleReach", "article_reach"]

_ANYWHERE = "anywhere"
_ONE_TRIAL = "a trial that it names"

# Written out, since a million of them pass. Where the article is for no region in particular, all wishes for one place
# or another are alike, and there are few different ones.
_PREFERENCES = """
SELECT p.subscriber_id, s.locale, s.frequency, coalesce(p.country, ''), p.area_id, {region}, p.item_id, {filters}
FROM preference p JOIN subscriber s ON s.id = p.subscriber_id
WHERE (p.area_id {areas} OR p.item_id {trials})
AND p.confirmed_at IS NOT NULL AND p.paused_until IS NULL AND s.state = 'active'
"""
_REGION = """p.region_kind || '|' || coalesce(p.country, '') || '|' || coalesce(p.subdivision, ''),
    p.latitude, p.longitude, p.radius_km"""
_NO_REGION = "'anywhere||', NULL, NULL, NULL"


class _Preference(NamedTuple):
    """A preference as the matcher reads it."""

    area_id: str
    region: str
    latitude: float | None
    longitude: float | None
    radius_km: float | None
    item_id: int | None
    filters: str


@dataclass(frozen=True, kw_only=True)
class ArticleReach:
    """How many people an article would be told, and how many of them by each of what they follow.

    Who follows two of its areas, or two countries, counts for each. Countries are ISO 3166-1, languages ISO 639-1.
    """

    people: int
    by_area: Counter[str]
    by_region: Counter[str]
    by_language: Counter[str]
    by_rhythm: Counter[str]


def article_reach(session: Session, draft: ItemDraft, areas: AreaTree, today: date) -> ArticleReach:
    """Count whom an article would be told if it were published now.

    Args:
        session: reads.
        draft: the article.
        areas: the tree of areas.
        today: the day on which ages count.
    """
    facts = draft.facts.model_dump(mode="json")
    about = {"direct": list(draft.areas), "ancestors": list(draft.ancestors)}
    outline = outline_of(kind=draft.kind, status=None, facts=facts, areas=about, topics=draft.topics)
    named = trials_named(session.connection(), set(outline.trials)).of(outline.trials)
    kind, places = ChangeKind.PUBLISHED.value, outline.all_places
    candidate = Indexed(seq=1, item_id=0, kind=kind, outline=outline, places=places, names=named)
    window = Matcher(changes=WindowIndex([candidate], areas), shown=None, today=today).changes
    above = {*outline.direct, *outline.ancestors}.union(*(areas.ancestors(each) for each in outline.direct))
    met: dict[_Preference, bool] = {}
    people: dict[int, tuple[str, str]] = {}
    by_area, by_region = set[tuple[int, str]](), set[tuple[int, str]]()
    for who, locale, frequency, country, *columns in _preferences(
        session, {*above, ANY_AREA}, named, placed=places is not None
    ):
        row, language = _Preference(*columns), locale[:2]
        if row not in met:
            met[row] = window.found(window.index.every, row) is not None
        if met[row] and window.index.read_in(language):
            people[who] = language, frequency
            by_area.add((who, row.area_id if row.item_id is None else _ONE_TRIAL))
            by_region.add((who, country or _ANYWHERE))
    return ArticleReach(
        people=len(people),
        by_area=Counter(area for _, area in by_area),
        by_region=Counter(region for _, region in by_region),
        by_language=Counter(language for language, _ in people.values()),
        by_rhythm=Counter(frequency for _, frequency in people.values()),
    )


def _preferences(session: Session, areas: set[str], trials: frozenset[int], *, placed: bool) -> Any:
    sqlite = is_sqlite(session)
    one_of = "IN (SELECT value FROM json_each(:{name}))" if sqlite else "= ANY(:{name})"
    asked = _PREFERENCES.format(
        region=_REGION if placed else _NO_REGION,
        filters=filters_text("p"),
        areas=one_of.format(name="areas"),
        trials=one_of.format(name="trials"),
    )
    values = {"areas": list_value(sorted(areas), sqlite=sqlite), "trials": list_value(sorted(trials), sqlite=sqlite)}
    found = session.connection().execute(text(asked), values)
    return found.cursor.fetchall() if found.cursor is not None else ()
