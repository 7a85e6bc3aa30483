"""The questions put to the tables of places, and what a found place is worth against others of its name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log10

from sqlalchemy import RowMapping
from sqlmodel import Session, text

from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.shown import region_shown
from trialalerts.vocabulary.places.towns.small import SmallTown, town_keys, towns_called, towns_that_begin
from trialalerts.vocabulary.tables import Place, PlaceKind

__all__ = [
    "PlaceHit",
    "PlaceMatch",
    "find_by_keys",
    "find_by_prefix",
    "find_qualifiers",
    "find_similar",
    "without_small",
]

_OTHER_NAME = 0.1
"""A city found by a name that is not its first is worth a tenth of its people."""
_ANY_COUNTRY = 1_000_000
"""The smallest country is more likely meant than a village of its name."""
_SIMILAR = 72.0
_ROWS = 250
"""Rows looked at for a prefix: a place comes once for each of its names."""
_NEARLY_BEST = 7.0
_LONGER = 3
_BEGUN = 3
"""So many letters must be there before small towns that begin with them are looked up."""
_ALIKE = 2
"""So many letters at the beginning of a small town's name are not looked at for slips."""

_SELECT = """
    SELECT n.key, p.id, p.kind, p.name, p.country, p.subdivision, p.latitude, p.longitude, p.population, p.timezone,
           s.name AS parent, (SELECT count(*) FROM place_name m WHERE m.place_id = p.id) AS names
    FROM place_name n JOIN place p ON p.id = n.place_id LEFT JOIN place s ON s.id = p.subdivision
"""


@dataclass(frozen=True, kw_only=True)
class PlaceHit:
    """A place that a search found: its label (which ``find_region`` finds again) and the key that matched."""

    place: Place
    label: str
    matched: str

    def shown(self, language: str | None) -> str:
        """Return the label in a language (None: as it is stored); ``find_region`` finds each again."""
        if language is None:
            return self.label
        place = self.place
        kind = {PlaceKind.CITY: "place", PlaceKind.REGION: "group"}.get(place.kind, place.kind.value)
        part = place.id if place.kind is PlaceKind.SUBDIVISION else place.subdivision
        return region_shown(self.label, kind, place.country or None, part, language)


@dataclass(frozen=True, kw_only=True)
class PlaceMatch:
    """A place found by a key, with its label.

    ``parent`` is the name of the subdivision it lies in, ``names`` how many names it has (0: it is a small town).
    """

    place: Place
    key: str
    parent: str | None
    names: int

    @property
    def label(self) -> str:
        """How the place is shown: “Leeds, England, GB”, “California, US”, “United Kingdom”."""
        place = self.place
        if place.kind is PlaceKind.COUNTRY:
            return place.name
        parent = plain_name(self.parent or "")
        if place.kind is PlaceKind.SUBDIVISION or not parent or folded(parent) == folded(place.name):
            return f"{place.name}, {place.country}"
        return f"{place.name}, {parent}, {place.country}"

    @property
    def hit(self) -> PlaceHit:
        """What a search tells of it."""
        return PlaceHit(place=self.place, label=self.label, matched=self.key)

    @property
    def parent_label(self) -> str:
        """How the subdivision that it lies in is shown."""
        return f"{self.parent}, {self.place.country}" if self.parent else self.place.country

    @property
    def is_proper(self) -> bool:
        """Whether it was found by its own name (“York” finds “New York City” by another; “Mexico City” is Mexico's)."""
        own = folded(plain_name(self.place.name) if self.place.kind is not PlaceKind.CITY else self.place.name)
        return self.key in {own, own.removesuffix(" city")}

    @property
    def is_small(self) -> bool:
        """Whether it is a town of less than 15,000 inhabitants."""
        return self.names == 0

    @property
    def is_nested(self) -> bool:
        """Whether it is a subdivision within a subdivision, which no registry tells."""
        return self.place.kind is PlaceKind.SUBDIVISION and self.place.subdivision is not None

    @property
    def weight(self) -> float:
        """The people who may be meant; a city known in many languages counts for more than its people."""
        people = max(1, self.place.population)
        if self.place.kind is PlaceKind.COUNTRY:
            return max(people, _ANY_COUNTRY)
        fame = min(2.5, max(0.4, self.names / 10)) if self.place.kind is PlaceKind.CITY else 1.0
        return people * fame * (1.0 if self.is_proper else _OTHER_NAME)

    def lies_in(self, sets: Sequence[Collection[str]]) -> bool:
        """Tell whether it lies in (or is) one place of each set of ids."""
        own = {self.place.id, self.place.country, self.place.subdivision}
        return all(not own.isdisjoint(ids) for ids in sets)

    def weight_in(self, text: str) -> float:
        """Weigh it; accents typed as in its name count double (“San José” is less likely in California)."""
        name = self.place.name.casefold()
        return self.weight * (1.0 if name.isascii() or name not in text.casefold() else 2.0)


def without_small(candidates: list[PlaceMatch]) -> list[PlaceMatch]:
    """Leave out small towns where a country or a part of one is called so: Glarus is the canton."""
    if any(found.place.kind is not PlaceKind.CITY for found in candidates):
        return [found for found in candidates if not found.is_small]
    return candidates


def plain_name(name: str) -> str:
    """Return the name of a country or subdivision without what it says it is (“Berlin (state)” → “Berlin”)."""
    return name.partition(" (")[0]


def find_by_keys(session: Session, key: str) -> list[PlaceMatch]:
    """Return the places of a key."""
    rows = session.connection().execute(text(f"{_SELECT} WHERE n.key = :key"), {"key": key})
    found = [_found(row) for row in rows.mappings()]
    return found + _small(session, towns_called(key))


def find_qualifiers(session: Session, key: str) -> frozenset[str]:
    """Return the ids of the countries and subdivisions of a key or, word by word, of what its parts name."""
    rows = session.connection().execute(
        text("SELECT p.id FROM place_name n JOIN place p ON p.id = n.place_id WHERE n.key = :key AND p.kind <> 'city'"),
        {"key": key},
    )
    return frozenset(row[0] for row in rows)


def find_by_prefix(session: Session, prefix: str, *, within: Collection[str] | None, limit: int) -> list[PlaceMatch]:
    """Return the largest places with a name that begins so; ``within`` are ids of countries and subdivisions."""
    connection = session.connection()
    # In PostgreSQL the order of the collation is not the order of the characters: compare by bytes there.
    column = "n.key" if connection.dialect.name == "sqlite" else 'n.key COLLATE "C"'
    inside, values = _inside(within)
    rows = connection.execute(
        text(
            f"{_SELECT} WHERE {column} >= :low AND {column} < :high "
            "AND (p.kind <> 'subdivision' OR p.subdivision IS NULL)"
            f" {inside} ORDER BY p.population DESC, p.id LIMIT :many"
        ),
        {"low": prefix, "high": f"{prefix}\U0010ffff", "many": max(_ROWS, 4 * limit), **values},
    )
    found = [_found(row) for row in rows.mappings()]
    if len(prefix) < _BEGUN or len({entry.place.id for entry in found}) >= limit:
        return found
    small = _small(session, towns_that_begin(prefix, most=limit if within is None else _ROWS))
    return found + [entry for entry in small if within is None or entry.lies_in([within])]


def find_similar(session: Session, key: str, *, within: Collection[str] | None, limit: int) -> list[PlaceMatch]:
    """Return the places with the nearest spellings; of like ones the largest first. Takes a tenth of a second."""
    from rapidfuzz import fuzz, process  # only a typing error needs it

    connection = session.connection()
    inside, values = _inside(within)
    rows = connection.execute(
        text(
            "SELECT DISTINCT n.key FROM place_name n JOIN place p ON p.id = n.place_id "
            f"WHERE length(n.key) BETWEEN :short AND :long {inside}"
        ),
        {"short": max(3, len(key) - _LONGER), "long": len(key) + _LONGER, **values},
    )
    keys: list[str] = list(rows.scalars())
    near = process.extract(key, keys, scorer=fuzz.ratio, score_cutoff=_SIMILAR, limit=25)
    if not near:
        small = [name for name in town_keys(key[:_ALIKE]) if abs(len(name) - len(key)) <= _LONGER]
        near = process.extract(key, small, scorer=fuzz.ratio, score_cutoff=_SIMILAR, limit=25)
    scores = {match: score for match, score, _ in near if score > near[0][1] - _NEARLY_BEST}
    found = [entry for match in scores for entry in find_by_keys(session, match) if not entry.is_nested]
    if within:
        found = [entry for entry in found if entry.lies_in([within])]
    best = sorted(found, key=lambda entry: -(scores[entry.key] + 4 * log10(entry.weight)))
    unique = {entry.place.id: entry for entry in reversed(best)}
    return list(reversed(unique.values()))[:limit]


def _small(session: Session, towns: Sequence[SmallTown]) -> list[PlaceMatch]:
    """Return small towns as places found; of a country that the tables lack none."""
    if not towns:
        return []
    asked = {f"id{number}": place_id for number, place_id in enumerate(_above(towns))}
    marks = ", ".join(f":{name}" for name in asked)
    rows = session.connection().execute(text(f"SELECT id, name FROM place WHERE id IN ({marks})"), asked)
    names: dict[str, str] = {row[0]: row[1] for row in rows}
    return [
        PlaceMatch(place=_town(town), key=town.key, parent=names.get(town.part or ""), names=0)
        for town in towns
        if town.country in names
    ]


def _above(towns: Sequence[SmallTown]) -> list[str]:
    return sorted({place_id for town in towns for place_id in (town.country, town.part) if place_id})


def _town(town: SmallTown) -> Place:
    return Place(
        id=town.id,
        kind=PlaceKind.CITY,
        name=town.name,
        country=town.country,
        subdivision=town.part,
        latitude=town.latitude,
        longitude=town.longitude,
        population=town.population,
    )


def _inside(within: Collection[str] | None) -> tuple[str, dict[str, str]]:
    if within is None:
        return "", {}
    values = {f"id{number}": place_id for number, place_id in enumerate(sorted(within))}
    marks = ", ".join(f":{name}" for name in values)
    return f"AND (p.country IN ({marks}) OR p.subdivision IN ({marks}) OR p.id IN ({marks}))", values


def _found(row: RowMapping) -> PlaceMatch:
    place = Place(
        id=row["id"],
        kind=PlaceKind(row["kind"]),
        name=row["name"],
        country=row["country"],
        subdivision=row["subdivision"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        population=row["population"],
        timezone=row["timezone"],
    )
    return PlaceMatch(place=place, key=row["key"], parent=row["parent"], names=row["names"])
