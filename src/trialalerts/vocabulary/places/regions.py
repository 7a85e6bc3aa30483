"""The finding of regions: what a person types, and which country, subdivision or place is meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownRegion
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.distance import MAX_RADIUS_KM, checked_radius, parse_radius
from trialalerts.vocabulary.places.everyday.finding import (
    everyday_of_codes,
    everyday_place,
    everyday_similar,
    everyday_that_begin,
    find_everyday,
)
from trialalerts.vocabulary.places.everyday.table import EverydayRegion
from trialalerts.vocabulary.places.lookup import (
    PlaceHit,
    PlaceMatch,
    find_by_keys,
    find_by_prefix,
    find_qualifiers,
    find_similar,
    without_small,
)
from trialalerts.vocabulary.places.postcodes.search import find_postcode, postcode_label, search_postcodes
from trialalerts.vocabulary.tables import Place, PlaceKind, Postcode

__all__ = [
    "DEFAULT_RADIUS_KM",
    "MAX_RADIUS_KM",
    "PlaceHit",
    "RadiusWithoutTown",
    "Region",
    "any_distance_from",
    "find_region",
    "find_region_to_travel",
    "parse_radius",
    "search_places",
    "with_radius",
]

DEFAULT_RADIUS_KM = 50.0

TRAVEL_KM = {"nearby": 25.0, "day-trip": 100.0, "region": 300.0, "anywhere": None}
"""How far somebody would travel, in words, and the radius in kilometres that it stands for; None: any distance."""

_DOMINANT = 3.0
"""A place that is this much larger than the next of its name is the one that is meant."""
_LIKE = 20.0
"""Places up to this many times smaller are told as choices."""
_OWN_CITY = 0.15
"""A city with this share of the people of the subdivision of its name is meant rather than the subdivision."""
_BOTH_MEANT = frozenset({"US-NY", "US-WA"})
"""States whose name as often means the city."""
_CHOICES = 6
_LANGUAGES = ("en", "de", "fr", "es")
_SMALL = 500_000
_BEFORE_SMALL, _FAR_LARGER = 3, 50.0
_CITIES_FIRST = {PlaceKind.CITY: 1.0, PlaceKind.COUNTRY: 1.0, PlaceKind.SUBDIVISION: 5.0}
"""A search weighs subdivisions, which gather the people of their cities, down by this."""
_ANYWHERE = frozenset({
    "anywhere", "everywhere", "worldwide", "world", "any", "all countries", "uberall", "weltweit", "partout",
    "monde entier", "dans le monde entier", "en cualquier lugar", "todo el mundo", "mundial",
})  # fmt: skip


class RadiusWithoutTown(InvalidInput):
    """A radius is asked for around what is no town: a country, a part of one, several of them, anywhere."""

    def __init__(self, place: str) -> None:
        super().__init__(f"A radius goes with a town, not with {place}; name a town or leave the radius out")


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region as a preference keeps it: ``kind`` anywhere, country, subdivision, group or place; degrees, kilometres.

    ``subdivision`` of a group are the codes of what it is made of, with blanks between.
    """

    kind: str
    label: str
    country: str | None
    subdivision: str | None
    latitude: float | None
    longitude: float | None
    radius_km: float | None


def find_region(session: Session, text: str, *, radius_km: float | None = None) -> Region:
    """Return the region that a text names: “anywhere”, a country, a subdivision, or a town with a radius around it.

    An everyday region (“Yorkshire”, “Scandinavia”) is what the table has for it: a group of countries and their
    parts, or a town with a radius of its own.

    A name may carry what it lies in (“Leeds, GB”, “Leeds, England”, “Springfield, MO”, “Leeds UK”). The largest
    of several places wins where it is three times as large as the next. A postcode stands for the district of a
    town (“LS1 4AP, GB”, “10115 Berlin”) where postcodes were imported.

    Raises:
        UnknownRegion: nothing is called so; carries the nearest names.
        AmbiguousRegion: several places of like weight are; carries labels that name one each.
        InvalidInput: the text is empty, or the radius does not go with the region or is out of bounds.
    """
    if not text.strip():
        raise InvalidInput("No region is given; expected a town, a subdivision, a country or: anywhere")
    if folded(text) in _ANYWHERE:
        return with_radius(Region(**_NOWHERE, kind="anywhere", label="anywhere"), radius_km)
    everyday = find_everyday(session, text) or everyday_of_codes(session, text)
    if everyday is not None:
        if rivals := _rivals(session, text, everyday):
            raise AmbiguousRegion(text, [everyday.label, *rivals])
        return with_radius(_everyday(session, everyday), radius_km)
    chosen = _choose(text, _candidates(session, text))
    if chosen is None:
        postcode = find_postcode(session, text)
        if postcode is not None:
            return with_radius(_around(postcode), radius_km)
        raise _unknown(session, text)
    return with_radius(_as_region(chosen), radius_km)


def find_region_to_travel(session: Session, text: str, level: str) -> Region:
    """Return the region around what a text names that somebody reaches who would travel so far.

    ``level`` is one of :data:`TRAVEL_KM`; who would go anywhere follows anywhere, and the place is kept, so that the
    nearest site and its distance can be told.

    Raises:
        UnknownRegion, AmbiguousRegion, InvalidInput: as of :func:`find_region`; or there is no such level.
    """
    if level not in TRAVEL_KM:
        raise InvalidInput(f"“{level}” is no way to travel; expected one of: {', '.join(TRAVEL_KM)}")
    radius_km = TRAVEL_KM[level]
    region = find_region(session, text, radius_km=radius_km)
    return region if radius_km is not None else any_distance_from(region)


def any_distance_from(region: Region) -> Region:
    """Return everywhere, seen from a town or postcode; of a country or a subdivision nothing is kept."""
    if region.latitude is None or region.longitude is None:
        return Region(**_NOWHERE, kind="anywhere", label="anywhere")
    return replace(region, kind="anywhere", radius_km=None)


def search_places(session: Session, text: str, *, limit: int = 10) -> list[PlaceHit]:
    """Return the places whose name begins with the text, likeliest first; the nearest spellings where there is none.

    What a place lies in may follow, begun or whole: “leeds, gb”, “spring, mis”. A text that
    begins an imported postcode finds postcodes.
    """
    if limit < 1:
        return []
    digits = any(letter.isdigit() for letter in text)
    postcodes = search_postcodes(session, text, limit=limit) if digits else []
    return [_postcode_hit(entry) for entry in postcodes] or _search_names(session, text, limit=limit)


def _search_names(session: Session, text: str, *, limit: int) -> list[PlaceHit]:
    name, _, rest = (part.strip() for part in text.partition(","))
    key = folded(name)
    if not key:
        return []
    within = (find_qualifiers(session, folded(rest)) or None) if rest else None
    found = find_by_prefix(session, key, within=within, limit=limit)
    if rest and within is None:
        begun = folded(rest)
        found = [entry for entry in found if any(folded(part).startswith(begun) for part in entry.label.split(",")[1:])]
    found += [entry for entry in _candidates(session, text) if not entry.is_nested]
    if not found and not (rest and within is None) and not everyday_that_begin(session, text):
        return [entry.hit for entry in find_similar(session, key, within=within, limit=limit)]
    best: dict[str, PlaceMatch] = {}
    for entry in sorted(found, key=lambda entry: (entry.key != key, not entry.is_proper, len(entry.key))):
        best.setdefault(entry.place.id, entry)
    return _with_everyday(session, text, _in_order(best.values(), key))[:limit]


def _with_everyday(session: Session, text: str, found: list[PlaceMatch]) -> list[PlaceHit]:
    """Return places found, everyday regions among them: behind the large ones of the very name, or behind three."""
    key = folded(text.partition(",")[0])
    first = sum(entry.key == key and entry.is_proper and not entry.is_small for entry in found)
    hits = [entry.hit for entry in found]
    regions = everyday_that_begin(session, text)
    called, begun = ([each for each in regions if (each[1] == key) is exact] for exact in (True, False))
    at = max(first, _BEFORE_SMALL)
    hits[at:at] = [PlaceHit(place=everyday_place(each), label=each.label, matched=name) for each, name in begun]
    for each, name in called:  # a continent comes before a town of its name
        hits.insert(first if each.country else 0, PlaceHit(place=everyday_place(each), label=each.label, matched=name))
    return hits


def _in_order(found: Iterable[PlaceMatch], key: str) -> list[PlaceMatch]:
    """Return places found, the likeliest first; before a small town called just so come three far larger others."""
    ordered = sorted(found, key=lambda entry: -entry.weight / _CITIES_FIRST[entry.place.kind])
    called = [entry for entry in ordered if entry.key == key]
    large, small = [each for each in called if not each.is_small], [each for each in called if each.is_small]
    begun = [entry for entry in ordered if entry.key != key]
    enough = small[0].weight * _FAR_LARGER if small else 0.0
    first = [entry for entry in begun[:_BEFORE_SMALL] if entry.weight >= enough]
    return [*large, *first, *small, *begun[len(first) :]]


def _everyday(session: Session, region: EverydayRegion) -> Region:
    """Return what a region of the table is: a town with its radius, one country or part of one, or several of them."""
    if region.town:
        around = find_region(session, region.town)
        return replace(around, label=region.label, country=region.country, radius_km=region.radius_km)
    codes = " ".join(region.codes)
    return Region(**{**_NOWHERE, "country": region.country, "subdivision": codes}, kind="group", label=region.label)  # type: ignore[arg-type]  # None and str


def _rivals(session: Session, text: str, region: EverydayRegion) -> list[str]:
    """Return the labels of large towns that have the name of a region as their own (Kent in Washington)."""
    if region.country is None or "," in text:
        return []
    called = find_by_keys(session, folded(text))
    if not any(each.place.kind is PlaceKind.CITY and each.is_proper and not each.is_small for each in called):
        return []
    try:
        chosen = _choose(text, called)
    except AmbiguousRegion as asked:
        return list(asked.choices)
    return [chosen.label] if chosen else []


def _postcode_hit(postcode: Postcode) -> PlaceHit:
    place = Place(
        id=f"{postcode.country} {postcode.code}",
        kind=PlaceKind.POSTCODE,
        name=postcode.name,
        country=postcode.country,
        subdivision=postcode.subdivision,
        latitude=postcode.latitude,
        longitude=postcode.longitude,
    )
    return PlaceHit(place=place, label=postcode_label(postcode), matched=postcode.written)


_NOWHERE: dict[str, None] = dict.fromkeys(("country", "subdivision", "latitude", "longitude", "radius_km"))


def with_radius(region: Region, radius_km: float | None) -> Region:
    """Return a region with the radius that was asked for; a town for which none was has its own or the usual one.

    Raises:
        RadiusWithoutTown: it is asked for around what is no town.
        InvalidInput: it is out of bounds.
    """
    if region.kind != "place":
        if radius_km is not None:
            raise RadiusWithoutTown(region.label)
        return region
    radius = (
        region.radius_km or DEFAULT_RADIUS_KM if radius_km is None else checked_radius(radius_km, f"{radius_km:g} km")
    )
    return Region(**{**vars(region), "radius_km": radius})


def _as_region(found: PlaceMatch) -> Region:
    place = found.place
    if place.kind is PlaceKind.CITY:
        return Region(
            kind="place",
            label=found.label,
            country=place.country,
            subdivision=place.subdivision,
            latitude=place.latitude,
            longitude=place.longitude,
            radius_km=None,
        )
    own = place.id if place.kind is PlaceKind.SUBDIVISION else None
    values = {**_NOWHERE, "country": place.country, "subdivision": own}
    return Region(**values, kind=place.kind.value, label=found.label)  # type: ignore[arg-type]  # None and str


def _around(postcode: Postcode) -> Region:
    return Region(
        kind="place",
        label=postcode_label(postcode),
        country=postcode.country,
        subdivision=postcode.subdivision,
        latitude=postcode.latitude,
        longitude=postcode.longitude,
        radius_km=None,
    )


def _candidates(session: Session, text: str) -> list[PlaceMatch]:
    """Return the places that a text may mean: the whole of it a name, or a name and what the place lies in."""
    whole = find_by_keys(session, folded(text))
    if any(not found.is_nested for found in whole):
        return _codes_first(text, whole)
    for name, qualifiers in _readings(text):
        sets = [find_qualifiers(session, folded(qualifier)) for qualifier in qualifiers]
        if all(sets) and (hits := [found for found in find_by_keys(session, folded(name)) if found.lies_in(sets)]):
            return hits
    return whole


def _codes_first(text: str, hits: list[PlaceMatch]) -> list[PlaceMatch]:
    """Two letters that are a country's code mean the country (CA is Canada, GE Georgia)."""
    code = text.strip().upper()
    return [found for found in hits if found.place.id == code] or hits


def _readings(text: str) -> Iterable[tuple[str, list[str]]]:
    """Yield the ways to part a text into a name and what it lies in, the likeliest first."""
    parts = [part for part in text.split(",") if folded(part)]
    if len(parts) > 1:
        for count in range(len(parts) - 1, 0, -1):
            yield ",".join(parts[:-count]), parts[-count:]
        return
    words = text.split()
    for count in range(1, min(4, len(words))):
        yield " ".join(words[:-count]), [" ".join(words[-count:])]


def _choose(text: str, candidates: list[PlaceMatch]) -> PlaceMatch | None:
    usable = without_small([found for found in candidates if not found.is_nested])
    if not usable:
        if candidates:
            raise _too_fine(text, candidates[0])
        return None
    if "," in text and (exact := _labelled(text, usable)) is not None:
        return exact
    weights = {found.place.id: found.weight_in(text) for found in _without_shadows(usable)}
    first, *others = sorted(
        (found for found in usable if found.place.id in weights), key=lambda x: -weights[x.place.id]
    )
    weight = weights[first.place.id]
    like = [found for found in others if weights[found.place.id] * _LIKE >= weight]
    elsewhere = [found for found in candidates if found.is_nested and found.place.country != first.place.country]
    if first.place.kind is not PlaceKind.CITY or weight >= _SMALL:
        elsewhere = []
    clear = first.place.id not in _BOTH_MEANT and (not others or weight >= _DOMINANT * weights[others[0].place.id])
    if elsewhere or (like and not clear):
        labels = [first.label, *(found.label for found in like), *(found.parent_label for found in elsewhere)]
        raise AmbiguousRegion(text, list(dict.fromkeys(labels))[:_CHOICES])
    return first


def _labelled(text: str, candidates: list[PlaceMatch]) -> PlaceMatch | None:
    """Return the place whose label a text is, as it is stored or in a language; of a town and its province the town.

    To the letter goes before what is folded; None where it is the label of none, or of several.
    """
    for languages, same in (((None,), folded), (_LANGUAGES, str.casefold), (_LANGUAGES, folded)):
        key = same(text.strip())
        exact = [found for found in candidates if any(same(found.hit.shown(each)) == key for each in languages)]
        towns = [found for found in exact if found.place.kind is PlaceKind.CITY]
        for some in (exact, towns if languages is _LANGUAGES else []):
            if len(some) == 1:
                return some[0]
    return None


def _without_shadows(candidates: list[PlaceMatch]) -> list[PlaceMatch]:
    """Of a country, a subdivision and a city of one name that lie in each other keep the one that is meant."""
    cities = [found for found in candidates if found.place.kind is PlaceKind.CITY]
    dropped: set[str] = set()
    for found in candidates:
        place = found.place
        if place.kind is PlaceKind.COUNTRY:
            dropped |= {city.place.id for city in cities if city.place.country == place.country}
        elif place.kind is PlaceKind.SUBDIVISION and place.id not in _BOTH_MEANT:
            inside = (city.place for city in cities if city.place.country == place.country)
            own = max((city.population for city in inside if city.subdivision in {place.id, None}), default=0)
            if own and own >= _OWN_CITY * place.population:
                dropped.add(place.id)
    return [found for found in candidates if found.place.id not in dropped]


def _too_fine(text: str, found: PlaceMatch) -> InvalidInput:
    return InvalidInput(
        f"“{text}” is a part of {found.parent_label}, and registries do not say where in it a trial is; "
        f"name a town with a radius, or “{found.parent_label}”"
    )


def _unknown(session: Session, text: str) -> UnknownRegion:
    name, _, rest = text.partition(",")
    within = find_qualifiers(session, folded(rest)) if rest.strip() else None
    elsewhere = (
        [] if within is None else [found for found in find_by_keys(session, folded(name)) if not found.is_nested]
    )
    choices = sorted(elsewhere, key=lambda found: -found.weight)[:3]
    everyday = [] if choices or rest.strip() else [each.label for each in everyday_similar(folded(name))]
    if not choices:
        choices = find_similar(session, folded(name), within=within or None, limit=3)
    return UnknownRegion(text.strip(), [*everyday, *_labels(choices)][:3])


def _labels(found: Sequence[PlaceMatch]) -> list[str]:
    return list(dict.fromkeys(entry.label for entry in found))
