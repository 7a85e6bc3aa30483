"""The people whom an article, or a message like one, concerns: each of many wishes is asked by the one matcher."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import bindparam, text
from sqlmodel import Session

from trialalerts.catalog.articles.addressed import AddressedTo
from trialalerts.catalog.articles.naming import trials_named
from trialalerts.catalog.outlines import Outline
from trialalerts.catalog.tables import ChangeKind
from trialalerts.database.bulk import is_sqlite
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.query import filters_text
from trialalerts.matching.window import Indexed
from trialalerts.subscribers.tables import ONE_TRIAL
from trialalerts.vocabulary.areas.tree import ANY_AREA, AreaTree

__all__ = ["Addressees", "addressees"]

# Written out, since a million of them pass. Where nothing is for a region in particular, all wishes for one place or
# another are alike, and there are few different ones. Who follows a trial is read apart, by an index: an OR of both is
# looked up for each of the million. On SQLite the state is compared as an expression, or the wishes would be looked up
# for each person who is active.
_PREFERENCES = """
SELECT {people}, {who}, p.area_id, {region}, p.item_id, {filters}
FROM preference p JOIN subscriber s ON s.id = p.subscriber_id
WHERE {about} AND p.confirmed_at IS NOT NULL AND p.paused_until IS NULL AND {state} = 'active' {whose}
"""
_TOGETHER = " GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
"""PostgreSQL gives all people with the same wish in one row, in three quarters of the time; SQLite would sort them.

Where the wishes are for all areas, nearly each is another one: then it would take longer."""
_REGION = """p.region_kind || '|' || coalesce(p.country, '') || '|' || coalesce(p.subdivision, ''),
    p.latitude, p.longitude, p.radius_km"""
_APART = "s.locale, s.frequency, coalesce(p.country, '')"
_MIXED = "substr(s.locale, 1, 2), '', ''"
_ON_AREAS, _ON_TRIALS = "p.area_id IN :areas", "p.item_id IN :trials AND p.area_id NOT IN :areas"
_NO_REGION = "'anywhere||', NULL, NULL, NULL"
_FOLLOWED_AREAS = text("SELECT DISTINCT area_id FROM preference")
_FOLLOWED_TRIALS = text("SELECT DISTINCT item_id FROM preference WHERE item_id IS NOT NULL")
_NO_AREAS = {ANY_AREA, ONE_TRIAL}


class Addressees(NamedTuple):
    """People with a wish that was met, and what is the same for all of them: who has several wishes is in several.

    ``item_id``: of the trial followed.
    """

    people: list[int]
    language: str
    frequency: str
    country: str
    area_id: str
    item_id: int | None


class _Preference(NamedTuple):
    """A preference as the matcher reads it."""

    area_id: str
    region: str
    latitude: float | None
    longitude: float | None
    radius_km: float | None
    item_id: int | None
    filters: str


def addressees(
    session: Session,
    meant: Sequence[Outline | AddressedTo],
    areas: AreaTree,
    today: date,
    *,
    topics: Sequence[str] = (),
    after: int = 0,
    announced: bool = False,
    mixed: bool = False,
) -> Iterator[Addressees]:
    """Yield the wishes of active people that would bring all of these, were they published now.

    Args:
        session: reads.
        meant: articles, and limits, each of which the same wish is to meet.
        areas: the tree of areas.
        today: the day on which ages count.
        topics: all topics there are, where a limit leaves them open.
        after: only of subscribers with a higher id.
        announced: only of those who want to be told announcements.
        mixed: people of all rhythms and countries together, both of which are empty then: a third quicker.
    """
    candidates = [_candidate(session, each, number, topics) for number, each in enumerate(meant, 1)]
    window = Matcher(changes=WindowIndex(candidates, areas), shown=None, today=today).changes
    index, every = window.index, window.index.every
    placed = any(each.places is not None for each in candidates)
    region, filters = _REGION if placed else _NO_REGION, filters_text("p")
    whose = ("AND s.id > :after " if after else "") + ("AND s.announcements" if announced else "")
    sqlite, conditions = is_sqlite(session), list(_about(meant, candidates, areas))
    together = not sqlite and all(values for _, values in conditions)
    asked = (_PREFERENCES + _TOGETHER if together else _PREFERENCES).format(
        people="array_agg(p.subscriber_id)" if together else "p.subscriber_id",
        state="s.state || ''" if sqlite else "s.state",
        who=_MIXED if mixed else _APART,
        region=region,
        filters=filters,
        about="{about}",
        whose=whose,
    )
    alike = defaultdict[tuple[Any, ...], list[int]](list)
    for about, values in conditions:
        for row in _read(session, asked.replace("{about}", about), values | ({"after": after} if after else {})):
            if together:
                alike[row[1:]] += row[0]
            else:
                alike[row[1:]].append(row[0])
    for (locale, frequency, country, *columns), people in alike.items():
        wish, language = _Preference(*columns), locale[:2]
        brought = window.found(every, wish)
        if brought is not None and brought.bits & index.read_in(language) == every:
            yield Addressees(people, language, frequency, country, wish.area_id, wish.item_id)


def _read(session: Session, asked: str, values: Mapping[str, Any]) -> Any:
    lists: list[Any] = [
        bindparam(name, value, expanding=True) for name, value in values.items() if isinstance(value, list)
    ]
    given = {name: value for name, value in values.items() if not isinstance(value, list)}
    found = session.connection().execute(text(asked).bindparams(*lists), given)
    return found.cursor.fetchall() if found.cursor is not None else ()


def _candidate(session: Session, meant: Outline | AddressedTo, seq: int, topics: Sequence[str]) -> Indexed:
    if isinstance(meant, AddressedTo):
        run = session.connection().execute
        outline = meant.outline(sorted({*run(_FOLLOWED_AREAS).scalars()} - _NO_AREAS), topics)
        # Who follows one trial follows no area and no place: only what is for everybody reaches them.
        everybody = not (meant.areas or meant.regions or meant.topics)
        names = frozenset(run(_FOLLOWED_TRIALS).scalars()) if everybody else frozenset()
    else:
        outline, names = meant, trials_named(session.connection(), set(meant.trials)).of(meant.trials)
    return Indexed(
        seq=seq, item_id=0, kind=ChangeKind.PUBLISHED.value, outline=outline, places=outline.all_places, names=names
    )


def _about(
    meant: Sequence[Outline | AddressedTo], candidates: Sequence[Indexed], areas: AreaTree
) -> Iterator[tuple[str, dict[str, list[Any]]]]:
    """Yield conditions on the wishes that may be met, as far as the database can tell by the area alone."""
    told = [
        each for each, said in zip(candidates, meant, strict=True) if not isinstance(said, AddressedTo) or said.areas
    ]
    if not told:
        yield "1 = 1", {}
        return
    outline = told[0].outline
    above = {*outline.direct, *outline.ancestors, ANY_AREA}.union(*(areas.ancestors(each) for each in outline.direct))
    yield _ON_AREAS, {"areas": sorted(above)}
    if told[0].names:
        yield _ON_TRIALS, {"areas": sorted(above), "trials": sorted(told[0].names)}
