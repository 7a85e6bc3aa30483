"""The subdivisions of ISO 3166-2: their names and the towns that tell which GeoNames area each of them is.

The data is ISO's list (pycountry) and the hand-written ``subdivisions.txt`` beside this file. Towns connect
it with GeoNames, whose own codes for the first level have nothing to do with ISO's in most countries: the
area that holds Munich is Bavaria.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from trialalerts.vocabulary.names import folded

__all__ = ["Subdivision", "match_areas", "read_subdivisions", "short_name"]

_FILE = Path(__file__).with_name("subdivisions.txt")
_UMBRELLAS = frozenset({"GB-EAW", "GB-GBN", "GB-UKM"})
"""Groups of other subdivisions: kept by code, not found by name."""
_SHORT_CODES = frozenset({"US", "CA", "AU"})
"""Where people write the code alone (“Springfield, MO”)."""
_NOT_BY_NAME = frozenset({"MD", "MN", "PH", "VE", "VN"})
"""Where a town of the same name lies in another subdivision, or ISO's list is older than GeoNames'."""
_GENERIC = re.compile(
    r"\b(autonomous|canton|capital|city|community|county|department|district|federal|governorate|ken|krai|kraj|kray|"
    r"laen|lan|megye|metropolitan|municipality|novads|oblast|okrug|of|prefecture|principality|province|region|"
    r"republic|sheng|shi|state|territory|the|voivodeship|zizhiqu|zupanija)\b"
)


@dataclass(frozen=True, kw_only=True)
class Subdivision:
    """A subdivision: ISO code, the name shown, its keys, the top-level one it lies in (None: it is one).

    ``towns`` lie in it; ``is_told`` where they are written down, not guessed from its name.
    """

    code: str
    name: str
    keys: tuple[str, ...]
    top: str | None
    towns: tuple[str, ...]
    is_told: bool

    @property
    def country(self) -> str:
        """Its country."""
        return self.code[:2]


def short_name(key: str) -> str:
    """Return a key without the words that say what a subdivision is (“canton of geneva” → “geneva”)."""
    return " ".join(_GENERIC.sub(" ", key).split())


def read_subdivisions(countries: Mapping[str, str]) -> list[Subdivision]:
    """Return ISO's subdivisions; ``countries`` are key → code: a subdivision that is a country too is not found by it.

    Raises:
        ValueError: ``subdivisions.txt`` names a code that ISO does not have.
    """
    import pycountry

    entries = {entry.code: entry for entry in pycountry.subdivisions}
    written = _written()
    if unknown := written.keys() - entries.keys():
        raise ValueError(f"{_FILE.name}: ISO 3166-2 has no {', '.join(sorted(unknown))}")
    all_names = {code: (*written.get(code, ((), ()))[0], *_official(entry.name)) for code, entry in entries.items()}
    taken = {
        (code[:2], folded(name)) for code, names in all_names.items() for name in names if not _is_part(code, entries)
    }
    found = []
    for code, entry in entries.items():
        names, towns = written.get(code, ((), ()))
        official = _official(entry.name)
        found.append(
            Subdivision(
                code=code,
                name=names[0] if names else official[0],
                keys=_keys(code, all_names[code], countries, taken),
                top=_top(code, entries),
                is_told=bool(towns),
                towns=towns or (official if not names else (*names[:1], *official)),
            )
        )
    return found


def match_areas(subdivisions: list[Subdivision], towns: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Return (country, GeoNames area) → top-level subdivision; ``towns`` are (country, key of a town) → GeoNames area.

    A town that ``subdivisions.txt`` names decides; else a town of the subdivision's own name does,
    where it leaves no doubt.
    """
    certain: dict[tuple[str, str], str] = {}
    guessed: dict[tuple[str, str], set[str]] = {}
    for entry in subdivisions:
        for town in entry.towns:
            area = towns.get((entry.country, folded(town)))
            if area is None:
                continue
            if entry.is_told:
                certain[entry.country, area] = entry.top or entry.code
            elif entry.country not in _NOT_BY_NAME:
                guessed.setdefault((entry.country, area), set()).add(entry.top or entry.code)
    by_name = {area: codes.pop() for area, codes in guessed.items() if len(codes) == 1}
    return by_name | _same_codes(subdivisions, towns) | certain


def _same_codes(subdivisions: list[Subdivision], towns: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Where GeoNames uses letters they are ISO's (US, GB, CH, BE …)."""
    tops = {entry.code for entry in subdivisions if entry.top is None}
    areas = {(country, area) for (country, _), area in towns.items() if area.isalpha()}
    return {(country, area): f"{country}-{area}" for country, area in areas if f"{country}-{area}" in tops}


@cache
def _written() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return code → (names, towns) of the hand-written file."""
    found = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, names, towns = (field.strip() for field in line.split("|"))
            found[code] = (_fields(names, ";"), _fields(towns, ","))
    return found


def _fields(text: str, separator: str) -> tuple[str, ...]:
    return tuple(field.strip() for field in text.split(separator) if field.strip())


def _official(name: str) -> tuple[str, ...]:
    """Return ISO's spellings apart: “Catalunya [Cataluña]”, “Madrid, Comunidad de”, “Stockholms län [SE-01]”."""
    found: list[str] = []
    for part in re.split(r"[\[\]]", re.sub(r"\s*\([^)]*\)", "", name)):
        if part.strip() and not re.fullmatch(r"[A-Z]{2}-\w+", part):
            plain, _, kind = part.strip().partition(", ")
            found += [f"{kind} {plain}", plain] if kind else [plain]
    return tuple(reversed(found)) if ", " in name else tuple(found)


def _keys(
    code: str, names: tuple[str, ...], countries: Mapping[str, str], taken: set[tuple[str, str]]
) -> tuple[str, ...]:
    """Return the keys of a subdivision; a shortened name only where no other one of the country is called so."""
    found = [folded(code)]
    if code in _UMBRELLAS:
        return tuple(found)
    country = code[:2]
    if country in _SHORT_CODES and code[3:].isalpha():
        found.append(folded(code[3:]))
    whole = [folded(name) for name in names]
    short = [key for key in map(short_name, whole) if (country, key) not in taken]
    for key in (*whole, *short):
        if key and key not in found and not _is_country(key, country, countries):
            found.append(key)
    return tuple(found)


def _is_part(code: str, entries: Mapping[str, object]) -> bool:
    return _top(code, entries) is not None


def _is_country(key: str, country: str, countries: Mapping[str, str]) -> bool:
    """Tell whether a key belongs to the country itself or to a country that ISO lists as its subdivision (US-PR)."""
    other = countries.get(key)
    return other is not None and (other == country or f"{country}-{other}" in _DOUBLES)


_DOUBLES = frozenset({
    "US-AS", "US-GU", "US-MP", "US-PR", "US-UM", "US-VI", "FR-BL", "FR-GF", "FR-GP", "FR-MF", "FR-MQ", "FR-NC",
    "FR-PF", "FR-PM", "FR-RE", "FR-TF", "FR-WF", "FR-YT", "NL-AW", "NL-BQ", "NL-CW", "NL-SX", "CN-HK", "CN-MO",
    "CN-TW", "FI-AX", "NO-SJ",
})  # fmt: skip


def _top(code: str, entries: Mapping[str, object]) -> str | None:
    top: str | None = None
    parent = _parent(entries[code])
    while parent in entries:
        top, parent = parent, _parent(entries[parent])
    return top


def _parent(entry: object) -> str:
    return getattr(entry, "parent_code", None) or ""
