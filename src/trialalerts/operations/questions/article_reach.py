"""Whom an article would be told: how many people, by what they follow, where, in which language, how often."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import bindparam, text
from sqlmodel import Session

from trialalerts.catalog.articles.naming import trials_named
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.outlines import outline_of
from trialalerts.catalog.tables import ChangeKind
from trialalerts.database.bulk import is_sqlite
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.query import filters_text
from trialalerts.matching.window import Indexed
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree

__all__ = ["ArticleReach", "article_reach"]

_ANYWHERE = "anywhere"
_ONE_TRIAL = "a trial that it names"

# Written out, since a million of them pass. Where the article is for no region in particular, all wishes for one place
# or another are alike, and there are few different ones. Who follows a trial that it names is read apart, by an index:
# an OR of both is looked up for each of the million. On SQLite the state is compared as an expression, or the wishes
# would be looked up for each person who is active.
_PREFERENCES = """
SELECT p.subscriber_id, s.locale, s.frequency, coalesce(p.country, ''), p.area_id, {region}, p.item_id, {filters}
FROM preference p JOIN subscriber s ON s.id = p.subscriber_id
WHERE {about} AND p.confirmed_at IS NOT NULL AND p.paused_until IS NULL AND {state} = 'active'
"""
_ON_ITS_AREAS, _ON_ITS_TRIALS = "p.area_id IN :areas", "p.item_id IN :trials AND p.area_id NOT IN :areas"
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
    alike = _alike(session, {*above, ANY_AREA}, named, placed=places is not None)
    found: dict[str, defaultdict[str, set[int]]] = {name: defaultdict(set) for name in ("area", "region", "in", "as")}
    for (locale, frequency, country, *columns), people in alike.items():
        row, language = _Preference(*columns), locale[:2]
        if window.index.read_in(language) and window.found(window.index.every, row) is not None:
            found["area"][row.area_id if row.item_id is None else _ONE_TRIAL].update(people)
            found["region"][country or _ANYWHERE].update(people)
            found["in"][language].update(people)
            found["as"][frequency].update(people)
    counted = {name: Counter({key: len(people) for key, people in each.items()}) for name, each in found.items()}
    return ArticleReach(
        people=counted["as"].total(),  # a person has one rhythm
        by_area=counted["area"],
        by_region=counted["region"],
        by_language=counted["in"],
        by_rhythm=counted["as"],
    )


def _alike(
    session: Session, areas: set[str], trials: frozenset[int], *, placed: bool
) -> dict[tuple[Any, ...], list[int]]:
    """Return the people by what is the same for them: locale, rhythm, country, and the columns of a preference."""
    people: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for about in (_ON_ITS_AREAS, _ON_ITS_TRIALS) if trials else (_ON_ITS_AREAS,):
        for row in _preferences(session, about, areas, trials, placed=placed):
            people[row[1:]].append(row[0])
    return people


def _preferences(session: Session, about: str, areas: set[str], trials: frozenset[int], *, placed: bool) -> Any:
    asked = _PREFERENCES.format(
        region=_REGION if placed else _NO_REGION,
        filters=filters_text("p"),
        about=about,
        state="s.state || ''" if is_sqlite(session) else "s.state",
    )
    given = {"areas": sorted(areas), "trials": sorted(trials)}
    values = {name: value for name, value in given.items() if f":{name}" in about}
    statement = text(asked).bindparams(*(bindparam(name, value, expanding=True) for name, value in values.items()))
    found = session.connection().execute(statement)
    return found.cursor.fetchall() if found.cursor is not None else ()
