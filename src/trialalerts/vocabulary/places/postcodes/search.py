"""Postcodes: how they are spelt, their import from GeoNames, and the finding of those that people type.

A postcode is kept as coarse as a district of a town: of a British one the first half, with coordinates to about
a kilometre. Where somebody lives is nobody's business; how far a hospital is can be told from there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from trialalerts.database.bulk import in_chunks
from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownRegion
from trialalerts.progress import NO_PROGRESS, ProgressMeter, tracked
from trialalerts.vocabulary.names import folded
from trialalerts.vocabulary.places.lookup import find_qualifiers
from trialalerts.vocabulary.places.postcodes.codes import SHORTENED, town_code
from trialalerts.vocabulary.places.postcodes.download import DOWNLOADS
from trialalerts.vocabulary.places.postcodes.files import PostcodeLine, read_postcodes
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tables import Postcode

__all__ = [
    "PostcodeCount", "UnknownPostcode", "find_postcode", "import_postcodes", "postcode_label", "search_postcodes",
    "town_code",
]  # fmt: skip

_DECIMALS = 2
_MOST_WORDS = 3
_CHOICES = 6
_BATCH = 5_000
_HALF_TURN, _TURN = 180.0, 360.0


class UnknownPostcode(UnknownRegion):
    """A text looks like a postcode of a country of which none are imported."""

    def __init__(self, text: str, country: str | None) -> None:
        super().__init__(text)
        code = country or "GB"
        which, others = (f" of {country}", "") if country else ("", " (or another country)")
        message = (
            f"“{text}” looks like a postcode, and no postcodes{which} are imported: name a town, or fetch them with "
            f"trialalerts regions import --country {code}; or download {code}.zip{others} from {DOWNLOADS} and run: "
            f"trialalerts regions import {code}.zip"
        )
        self.args = (message,)


@dataclass(frozen=True, kw_only=True)
class PostcodeCount:
    """What an import stored: ``skipped`` lines name no known country, no point on earth or no code with a digit.

    ``elsewhere`` are lines of other countries than the one that was asked for.
    """

    stored: Mapping[str, int]
    skipped: int
    elsewhere: int = 0


def postcode_label(postcode: Postcode) -> str:
    """Return how a postcode is shown: “LS1, Leeds, GB”."""
    return ", ".join(part for part in (postcode.written, postcode.name, postcode.country) if part)


def import_postcodes(
    session: Session, path: Path, progress: ProgressMeter = NO_PROGRESS, *, only: str | None = None
) -> PostcodeCount:
    """Read a GeoNames file of postcodes; what it holds of a country replaces what was there of it.

    Of the lines that it reads one country at a time is in memory. With ``only`` (ISO 3166-1) the others are left out.

    Raises:
        InvalidInput: the file cannot be read or is none of postcodes, or a country comes in two places.
    """
    locator = SiteLocator(session)
    stored: dict[str, int] = {}
    skipped = elsewhere = 0
    with closing(read_postcodes(path)) as every_line:
        counted_lines = tracked(every_line, progress, "lines read")
        for country, lines in groupby(counted_lines, key=attrgetter("country")):
            if country in stored:
                raise InvalidInput(f"{path}: the lines of {country} stand in two places; sort the file by country")
            if only is not None and country != only:
                elsewhere += sum(1 for _ in lines)
                continue
            if locator.country(country) != country:
                skipped += sum(1 for _ in lines)
                continue
            rows, left_out = _gathered(country, lines, locator)
            _replace(session, country, rows)
            stored[country] = len(rows)
            skipped += left_out
    if not sum(stored.values()):
        which = f" of {only}" if only else ""
        raise InvalidInput(f"{path}: there is no postcode{which} in this file; expected one of {DOWNLOADS}")
    return PostcodeCount(stored=stored, skipped=skipped, elsewhere=elsewhere)


def find_postcode(session: Session, text: str) -> Postcode | None:
    """Return the postcode that a text names (“LS1 4AP, GB”, “10115 Berlin”); None where it names none.

    Raises:
        AmbiguousRegion: several countries have it.
        UnknownPostcode: it looks like one of a country of which none are imported.
    """
    if not any(letter.isdigit() for letter in text):
        return None
    country: str | None = None
    looks_like = False
    for code, rest in _readings(text):
        looks_like = True
        named = [find_qualifiers(session, folded(part)) for part in rest]
        countries = {id_ for ids in named[-1:] for id_ in ids if len(id_) == len("GB")}
        country = country or next(iter(sorted(countries)), None)
        found = [
            entry
            for entry in _with_code(session, code)
            if all(_fits(entry, part, ids) for part, ids in zip(rest, named, strict=True))
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousRegion(text.strip(), [postcode_label(entry) for entry in found[:_CHOICES]])
    if looks_like and not _any_of(session, country):
        raise UnknownPostcode(text.strip(), country)
    return None


def search_postcodes(session: Session, text: str, *, limit: int) -> list[Postcode]:
    """Return the postcodes that begin so; what they lie in may follow (“ls1, gb”)."""
    code, *rest = [part.strip() for part in text.split(",") if folded(part)] or [""]
    keys = {town_code(country, code) for country in ("", *SHORTENED)} - {""}
    named = [find_qualifiers(session, folded(part)) for part in rest]
    found: dict[tuple[str, str], Postcode] = {}
    for key in sorted(keys, key=len, reverse=True):
        begins = col(Postcode.code).startswith(key, autoescape=True)
        query = select(Postcode).where(begins).order_by(col(Postcode.code), col(Postcode.country)).limit(20 * limit)
        for entry in session.exec(query):
            whole = town_code(entry.country, code)
            fits = all(_fits(entry, part, ids) for part, ids in zip(rest, named, strict=True))
            if whole and entry.code.startswith(whole) and fits:
                found.setdefault((entry.code, entry.country), entry)
    return list(found.values())[:limit]


def _with_code(session: Session, text: str) -> list[Postcode]:
    keys = {town_code(country, text) for country in ("", *SHORTENED)}
    keys |= {key[2:] for key in keys if key[:2].isalpha() and key[2:].isdigit()}  # DE-10115
    query = select(Postcode).where(col(Postcode.code).in_(sorted(keys - {""}))).order_by(col(Postcode.country))
    return [entry for entry in session.exec(query) if town_code(entry.country, text) == entry.code]


def _fits(entry: Postcode, part: str, ids: Iterable[str]) -> bool:
    return folded(part) == folded(entry.name) or not {entry.country, entry.subdivision}.isdisjoint(ids)


def _readings(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the ways to part a text into a code, which holds a digit, and what it lies in."""
    first, *rest = [part.strip() for part in text.split(",") if folded(part)] or [""]
    words = first.split()
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        code = " ".join(words[:count])
        if _is_code(code):
            yield code, [part for part in (" ".join(words[count:]), *rest) if part]


def _is_code(text: str) -> bool:
    letters = [letter for letter in text if letter.isalnum()]
    longest = max((len(run) for run in re.findall(r"[^\W\d]+", text)), default=0)
    return len(letters) <= 10 and longest <= 4 and any(letter.isdigit() for letter in letters)  # noqa: PLR2004 - PL 00-001


def _any_of(session: Session, country: str | None) -> bool:
    query = select(Postcode.code).limit(1)
    if country:
        query = query.where(col(Postcode.country) == country)
    return session.exec(query).first() is not None


def _replace(session: Session, country: str, rows: list[dict[str, Any]]) -> None:
    connection = session.connection()
    connection.execute(delete(Postcode).where(col(Postcode.country) == country))
    for some in in_chunks(rows, _BATCH):
        connection.execute(insert(Postcode), some)


@dataclass(slots=True)
class _Gathered:
    """The lines of one code: where they lie on average, and what they are called."""

    written: str
    number: int = 0
    latitude: float = 0.0
    longitude: float = 0.0
    first_longitude: float = 0.0
    names: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, line: PostcodeLine) -> None:
        longitude = line.longitude
        if not self.number:
            self.first_longitude = longitude
        elif abs(longitude - self.first_longitude) > _HALF_TURN:  # on the other side of the date line
            longitude += _TURN if longitude < 0 else -_TURN
        self.number += 1
        self.latitude += line.latitude
        self.longitude += longitude
        self.names[line.name, line.area] += 1

    @property
    def point(self) -> tuple[float, float]:
        longitude = (self.longitude / self.number + _HALF_TURN) % _TURN - _HALF_TURN
        return round(self.latitude / self.number, _DECIMALS), round(longitude, _DECIMALS)


def _gathered(country: str, lines: Iterable[PostcodeLine], locator: SiteLocator) -> tuple[list[dict[str, Any]], int]:
    """Return the rows of a country, and how many lines hold none."""
    found: dict[str, _Gathered] = {}
    left_out = 0
    for line in lines:
        code = town_code(country, line.code)
        if not line.is_on_earth or not any(letter.isdigit() for letter in code):
            left_out += 1
            continue
        if code not in found:
            whole = town_code("", line.code) == code
            found[code] = _Gathered(written=line.code if whole else code)
        found[code].add(line)
    return [_row(country, code, gathered, locator) for code, gathered in found.items()], left_out


def _row(country: str, code: str, gathered: _Gathered, locator: SiteLocator) -> dict[str, Any]:
    (name, area), _ = gathered.names.most_common(1)[0]
    latitude, longitude = gathered.point
    subdivision = locator.subdivision(country, area) if area else None
    return {
        "code": code,
        "country": country,
        "written": gathered.written,
        "name": name,
        "subdivision": subdivision or locator.subdivision_of_city(country, name),
        "latitude": latitude,
        "longitude": longitude,
    }
