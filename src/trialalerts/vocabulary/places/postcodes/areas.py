"""Which subdivisions a postcode may lie in, by its first letters or digits.

The rules are written by hand in ``areas.txt``, for the countries in which registries name many sites
without a state, or with one that the coordinates contradict. They need no imported postcodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

__all__ = ["postcode_areas"]

_FILE = Path(__file__).with_name("areas.txt")
_ANY_LENGTH = 0
_CODES = re.compile(r"[^\W_]+(?:[-–][^\W_]+)?")
_COUNTRY = re.compile(r"^[A-Z]{1,2}[-\s](?=\d)")
_BRITISH = re.compile(r"([A-Z]{1,2})\d[A-Z\d]?(?:\s*\d[A-Z]{2})?")
_IRREGULAR_LENGTHS = {"TW": (3, 5, 6), "US": (5, 9), "AR": (8, 5), "CA": (6, 3), "BR": (8, 5), "GB": ()}
"""Further lengths in which a country's codes are written; elsewhere a code of another length is a slip."""
_Areas = Mapping[str, frozenset[str]]


def postcode_areas(country: str, text: str) -> frozenset[str]:
    """Return the subdivisions (ISO 3166-2) in which a postcode may lie; empty where its beginning does not tell.

    A territory with a country code of its own comes as that code (``RE`` for 97400 in ``FR``). Where several
    codes are written, those of any of them.

    >>> sorted(postcode_areas("JP", "135-8550"))
    ['JP-13']
    """
    if country == "GB":
        return _british(text)
    found: frozenset[str] = frozenset()
    for code in _written_codes(country, text):
        found |= _told_by(country, code)
    return found


def _british(text: str) -> frozenset[str]:
    found = _BRITISH.fullmatch(text.strip().upper())
    return _rules().get(("GB", _ANY_LENGTH), {}).get(found[1], frozenset()) if found else frozenset()


def _written_codes(country: str, text: str) -> list[str]:
    """Return the codes of a right length that a text holds, the whole of it first (“D-61462”, “91179 - 06003”)."""
    text = _COUNTRY.sub("", text.strip().upper())
    whole = "".join(letter for letter in text if letter.isalnum())
    if _has_length(country, whole):
        return [whole]
    parts = ["".join(letter for letter in part if letter.isalnum()) for part in _CODES.findall(text)]
    return [part for part in parts if _has_length(country, part)]


def _has_length(country: str, code: str) -> bool:
    return len(code) in (_IRREGULAR_LENGTHS.get(country) or _lengths().get(country, ()))


def _told_by(country: str, code: str) -> frozenset[str]:
    lengths = _lengths()[country]
    rules = _rules()[country, len(code) if len(code) in lengths else lengths[0]]
    for count in range(len(code), 0, -1):
        if (found := rules.get(code[:count])) is not None:
            return found
    return frozenset()


@cache
def _lengths() -> Mapping[str, tuple[int, ...]]:
    """Return the lengths of codes for which there are rules, by country."""
    found: dict[str, tuple[int, ...]] = {}
    for country, length in _rules():
        found[country] = (*found.get(country, ()), length)
    return found


@cache
def _rules() -> Mapping[tuple[str, int], _Areas]:
    """Return (country, length of a code) → beginning → subdivisions."""
    found: dict[tuple[str, int], dict[str, frozenset[str]]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, area, beginnings = (field.strip() for field in line.split("|"))
            country, length = kind.split()
            rules = found.setdefault((country, int(length)), {})
            for beginning in _expanded(beginnings):
                own = area.replace("*", beginning)
                rules[beginning] = rules.get(beginning, frozenset()) | {own}
    return found


def _expanded(beginnings: str) -> Iterator[str]:
    """Yield “098-101” as 098, 099, 100, 101, and “A-C” as A, B, C."""
    for part in beginnings.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit():
            yield from (str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1))
        else:
            yield from (chr(letter) for letter in range(ord(first), ord(last) + 1)) if last else (first,)
