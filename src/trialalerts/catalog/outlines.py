"""The outline of an item: what matching reads of it, in brief, and the terms under which it is found.

A registry's open trials take gigabytes of facts; what decides whether somebody is told of one takes a few hundred
bytes. An item's terms (its areas, its topics, where it takes place) lead from what somebody follows to the few items
worth a look. They may lead to too many items, never to too few: the outline itself decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import asin, cos, degrees, floor, pi, radians, sin
from string import ascii_uppercase
from typing import Any, Literal, NamedTuple

import orjson

from trialalerts.catalog.articles.audience import Audience, audience_in
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.trials.reach import site_reach
from trialalerts.catalog.trials.status import MAY_TAKE_PART, site_is_open
from trialalerts.logs import Logger
from trialalerts.vocabulary.places.distance import EARTH_RADIUS_KM
from trialalerts.vocabulary.places.territories import countries_of, subdivisions_of

__all__ = [
    "ANYWHERE",
    "Outline",
    "OutlinePlaces",
    "area_terms",
    "around_terms",
    "country_terms",
    "naming_terms",
    "outline_of",
    "places_of",
    "read_outline",
    "subdivision_terms",
    "terms_of",
    "topic_terms",
    "unplaced_terms",
    "with_facts",
    "written_outline",
]

log = Logger()

_DAYS_OF_UNIT = {"year": 365, "month": 30, "week": 6}
"""“75 Years” takes people until the day before they turn 76: so many days more than the number itself says."""
ANYWHERE = "anywhere"
"""The term of an item whose place is not known, or does not matter: no region excludes it."""
_MOST_CELLS = 2_000
_POLE, _DATE_LINE = 90.0, 180
_MATCHED = (
    "status",
    "phases",
    "sex",
    "minimum_age_days",
    "maximum_age_days",
    "maximum_age",
    "healthy_volunteers",
    "reach",
    "sites",
)

Sex = Literal["female", "male", "all"]
_Texts = Sequence[str]


class OutlinePlaces(NamedTuple):
    """Where some sites are, by what regions ask for; countries are ISO 3166-1 alpha-2, parts of them ISO 3166-2.

    ``unknown``: of a site nobody could tell the country. A site of a territory is found under each country that it is
    written under. ``without_part`` and ``without_point`` are countries with a site of which no more is known;
    ``everywhere`` are those (of an article, parts of them too) in which everybody is near. ``points`` are latitude and
    longitude in turn, in degrees; in ``circles`` everybody is near: latitude, longitude and kilometres in turn.
    """

    unknown: bool = False
    countries: _Texts = ()
    parts: _Texts = ()
    without_part: _Texts = ()
    without_point: _Texts = ()
    everywhere: _Texts = ()
    points: Sequence[float] = ()
    circles: Sequence[float] = ()


class Outline(NamedTuple):
    """What matching asks of an item. Empty or None: nobody says, so that nothing is excluded for it.

    ``direct`` are its own areas, ``ancestors`` those its source gave above them, ``topics`` with those above them.
    ``oldest_days`` is the age in days of the oldest person it takes. ``open_places`` are those of the sites that take
    people now, ``joined_places`` those of the sites where one may take part, ``all_places`` those of all its sites.
    None: its place is not known or does not matter; no place at all: it is near nobody. ``nationwide``: the record says
    of all its sites that one takes part wherever one lives. ``trials`` are the registry numbers that an article names,
    ``languages`` (ISO 639-1) those of the people it is for.
    """

    kind: str = ItemKind.TRIAL.value
    direct: _Texts = ()
    ancestors: _Texts = ()
    topics: _Texts = ()
    audience: Audience | None = None
    phases: _Texts = ()
    sex: Sex | None = None
    youngest_days: int | None = None
    oldest_days: int | None = None
    healthy_volunteers: bool | None = None
    nationwide: bool = False
    trials: _Texts = ()
    languages: _Texts = ()
    open_places: OutlinePlaces | None = None
    joined_places: OutlinePlaces | None = None
    all_places: OutlinePlaces | None = None


_ABOUT = Outline._fields.index("open_places")


def outline_of(
    *,
    kind: ItemKind,
    status: str | None,
    facts: TrialFacts | Mapping[str, Any] | None,
    areas: Mapping[str, Any],
    topics: Iterable[str],
) -> Outline:
    """Return the outline of an item by its columns; of a trial ``facts`` may be read already.

    Facts that are broken harm no other item, and exclude nobody.
    """
    about = Outline(
        kind=kind.value,
        direct=[area["id"] for area in areas.get("direct", ())],
        ancestors=list(areas.get("ancestors", ())),
        topics=list(topics),
    )
    if kind is ItemKind.ARTICLE:
        said: Mapping[str, Any] = facts if isinstance(facts, Mapping) else {}
        places = _places_of_article(said.get("regions") or ())
        return about._replace(
            audience=audience_in([said.get("audience")]),
            trials=list(said.get("trials") or ()),
            languages=list(said.get("languages") or ()),
            open_places=places,
            joined_places=places,
            all_places=places,
        )
    read = facts if isinstance(facts, TrialFacts) else _read(facts or {})
    if read is None or not read.sites:
        return about if read is None else with_facts(about, read)
    everywhere = places_of(read, read.sites)
    still_open = [site for site in read.sites if site_is_open(site, status)]
    joined = [site for site in read.sites if site.status in MAY_TAKE_PART]
    return with_facts(about, read)._replace(
        open_places=everywhere if len(still_open) == len(read.sites) else places_of(read, still_open),
        joined_places=everywhere if len(joined) == len(read.sites) else places_of(read, joined),
        all_places=everywhere,
    )


def with_facts(about: Outline, facts: TrialFacts) -> Outline:
    """Return an outline with whom a trial takes."""
    oldest = facts.maximum_age_days
    return about._replace(
        phases=[phase for phase in facts.phases if phase != "NA"],
        sex=facts.sex,
        youngest_days=facts.minimum_age_days,
        oldest_days=None if oldest is None else oldest + _slack(facts.maximum_age),
        healthy_volunteers=facts.healthy_volunteers,
        nationwide=facts.reach is not None,
    )


def places_of(facts: TrialFacts | None, sites: Iterable[Site], *, nationwide: bool = False) -> OutlinePlaces:
    """Return where these sites of a trial are; ``nationwide`` where its facts are not at hand, but say so."""
    nationwide |= facts is not None and facts.reach is not None
    countries: dict[str, None] = {}  # in their order, so that the same sites are written alike
    parts: dict[str, None] = {}
    without_part: dict[str, None] = {}
    without_point: dict[str, None] = {}
    everywhere: dict[str, None] = {}
    points: dict[tuple[float, float], None] = {}
    unknown = False
    for site in sites:
        reaches, country = site_reach(site) is not None, site.country
        placed = site.latitude is not None and site.longitude is not None
        if site.latitude is not None and site.longitude is not None and not reaches:
            points[site.latitude, site.longitude] = None
        if country is None:
            unknown = True  # no region may be excluded for that
            continue
        countries |= dict.fromkeys(countries_of(country, site.country_name))
        parts |= dict.fromkeys(subdivisions_of(country, site.subdivision))
        if not site.subdivision:
            without_part[country] = None
        if not placed:
            without_point[country] = None
        if reaches or nationwide:
            everywhere[country] = None
    flat = [degree for point in points for degree in point]
    return OutlinePlaces(
        unknown=unknown,
        countries=list(countries),
        parts=list(parts),
        without_part=list(without_part),
        without_point=list(without_point),
        everywhere=list(everywhere),
        points=flat,
    )


def _places_of_article(regions: Sequence[Mapping[str, Any]]) -> OutlinePlaces | None:
    """Return where those live whom an article is for; None: anywhere."""
    if not regions:
        return None
    countries: dict[str, None] = {}
    parts: dict[str, None] = {}
    everywhere: dict[str, None] = {}
    circles: list[float] = []
    for region in regions:
        countries |= dict.fromkeys(countries_of(region["country"], None))
        parts |= dict.fromkeys(subdivisions_of(region["country"], region.get("subdivision")))
        if region["kind"] == "place":
            circles += [region["latitude"], region["longitude"], region["radius_km"]]
        else:
            everywhere[region.get("subdivision") or region["country"]] = None
    return OutlinePlaces(countries=list(countries), parts=list(parts), everywhere=list(everywhere), circles=circles)


def written_outline(outline: Outline) -> str:
    """Return an outline as it is stored: JSON, by position; places that are the same twice stand there once."""
    *about, still_open, joined, everything = outline
    stored: list[OutlinePlaces | None] = []
    for places in (still_open, joined, everything):
        if places not in stored:
            stored.append(places)
    at = [stored.index(places) for places in (still_open, joined, everything)]
    return orjson.dumps([*about, [None if places is None else list(places) for places in stored], at]).decode()


def read_outline(text: str) -> Outline:
    """Return the outline that a text of :func:`written_outline` holds."""
    *about, stored, at = orjson.loads(text)
    about += [()] * (_ABOUT - len(about))  # written before it held the trials that are named
    places = [None if each is None else OutlinePlaces(*each) for each in stored]
    return Outline(*about, *[places[number] for number in at])


def terms_of(outline: Outline, *, is_open: bool) -> frozenset[str]:
    """Return the terms under which an item is found; of one that takes nobody only what it is about."""
    found = area_terms({*outline.direct, *outline.ancestors}, is_open=is_open)
    if is_open:
        found |= topic_terms(outline.topics)
        found |= {ANYWHERE} if outline.open_places is None else _terms_of(outline.open_places)
    return frozenset(found | naming_terms(outline.trials))


def _terms_of(places: OutlinePlaces) -> set[str]:
    found = {f"in:{region}" for region in (*places.countries, *places.parts)}
    found |= {f"within:{country}" for country in (*places.without_part, *places.everywhere)}
    found |= {f"around:{country}" for country in (*places.without_point, *places.everywhere)}
    pairs = zip(places.points[::2], places.points[1::2], strict=True)
    found |= {_cell(floor(latitude), floor(longitude)) for latitude, longitude in pairs}
    return found | {ANYWHERE} if places.unknown else found


def area_terms(areas: Collection[str], *, is_open: bool) -> set[str]:
    """Return the terms of items, open or not, that are on one of the areas."""
    prefix = "about:" if is_open else "was:"
    return {prefix + area for area in areas}


def topic_terms(topics: Collection[str]) -> set[str]:
    """Return the terms of open items on one of the topics."""
    return {f"topic:{topic}" for topic in topics}


def naming_terms(numbers: Collection[str]) -> set[str]:
    """Return the terms of articles that name a trial by one of these registry numbers."""
    return {f"names:{number}" for number in numbers}


def country_terms(country: str | None) -> set[str]:
    """Return the terms of open items in a country, or that may be there."""
    return {ANYWHERE, f"in:{country}"}


def subdivision_terms(country: str | None, subdivision: str | None) -> set[str]:
    """Return the terms of open items in a part of a country, or that may be there."""
    return {ANYWHERE, f"in:{subdivision}", f"within:{country}"}


def unplaced_terms() -> set[str]:
    """Return the terms of open items with a site of which the country, its part or the point may not be known."""
    pairs = {first + second for first in ascii_uppercase for second in ascii_uppercase}
    return {ANYWHERE, *(f"{how}:{country}" for how in ("within", "around") for country in pairs)}


def around_terms(country: str | None, latitude: float, longitude: float, radius_km: float) -> set[str] | None:
    """Return the terms of open items within a radius of a place, or that may be; None: there are too many to tell."""
    angle = min(radius_km / EARTH_RADIUS_KM, pi) + radians(0.001)  # no rounding cuts off what lies on the edge
    lowest, highest = max(latitude - degrees(angle), -_POLE), min(latitude + degrees(angle), _POLE)
    rows = range(floor(lowest), floor(highest) + 1)
    if lowest == -_POLE or highest == _POLE or sin(angle) >= cos(radians(latitude)):
        columns = range(-_DATE_LINE, _DATE_LINE + 1)
    else:
        width = degrees(asin(sin(angle) / cos(radians(latitude))))
        columns = range(floor(longitude - width), floor(longitude + width) + 1)
    if len(rows) * len(columns) > _MOST_CELLS:
        return None
    turned = {each for column in columns for each in (column - 360, column, column + 360) if abs(each) <= _DATE_LINE}
    return {ANYWHERE, f"around:{country}", *(_cell(row, column) for row in rows for column in turned)}


def _cell(latitude: int, longitude: int) -> str:
    """Return the term of a cell of one degree by one; those of 180° east and west are two."""
    return f"at:{latitude},{longitude}"


def _slack(words: str | None) -> int:
    unit = (words or "").rpartition(" ")[2].lower().rstrip("s")
    return _DAYS_OF_UNIT.get(unit, 0)


def _read(facts: Mapping[str, Any]) -> TrialFacts | None:
    try:
        return TrialFacts.model_validate({name: facts[name] for name in _MATCHED if name in facts})
    except ValueError as error:
        log.warning("facts.broken", error=type(error).__name__)
        return None
