"""Days as registries write them: ISO 8601, the day first, or with the month in words."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Literal

from trialalerts.catalog.facts import PartialDate

__all__ = ["DayOrder", "day_in", "partial_date"]

DayOrder = Literal["ymd", "dmy", "mdy"]
"""How a registry writes a day in digits where it is not ISO 8601: ``dmy`` is 15/01/2026, ``mdy`` 01/15/2026."""

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ]\d{2}:\d{2}\S*)?)?)?")
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
_IN_DIGITS = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?: \d{1,2}:\d{2}\S*)?")
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (?:(\d{1,2})(?:st|nd|rd|th)?,? )?(\d{4})")
_MONTH_SECOND = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ -]([A-Za-z]{3,9})\.?[ -](\d{4})")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_Kind = Literal["actual", "estimated"]
_Parts = tuple[int, int | None, int | None]


@lru_cache(maxsize=16_384)
def partial_date(text: str, kind: _Kind | None = None, *, order: DayOrder = "ymd") -> PartialDate | None:
    """Read a date as exact as it is written; None where it is none, or lies in no calendar.

    >>> partial_date("2026-01").precision, partial_date("15/09/2022", order="dmy").value
    ('month', '2022-09-15')
    >>> partial_date("09/15/2022", order="mdy").value
    '2022-09-15'
    >>> partial_date("April 1, 2020").value, partial_date("31/02/2020", order="dmy")
    ('2020-04-01', None)

    Args:
        text: as the registry has it.
        kind: whether it has happened or is planned, where somebody says so.
        order: how days in digits are meant where they are not ISO 8601.
    """
    value = _written(text.strip(), order)
    if value is None:
        return None
    precision: Literal["year", "month", "day"] = ("year", "month", "day")[value.count("-")]
    return PartialDate(value=value, precision=precision, kind=kind)


def day_in(found: PartialDate) -> date | None:
    """Return the day of a date that is exact to it, else None."""
    return date.fromisoformat(found.value) if found.precision == "day" else None


def _written(text: str, order: DayOrder) -> str | None:
    """Return a date in ISO 8601, as far as it is known."""
    parts = _parts(text, order)
    if parts is None:
        return None
    year, month, day = parts
    try:
        whole = date(year, month or 1, day or 1).isoformat()
    except ValueError:
        return None
    return whole if day else whole[:7] if month else whole[:4]


def _parts(text: str, order: DayOrder) -> _Parts | None:
    if found := _ISO.fullmatch(text):
        return int(found[1]), _number(found[2]), _number(found[3])
    if found := _PACKED.fullmatch(text) or _YEAR_FIRST.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3])
    if order != "ymd" and (found := _IN_DIGITS.fullmatch(text)):
        first, second = int(found[1]), int(found[2])
        return (int(found[3]), second, first) if order == "dmy" else (int(found[3]), first, second)
    if found := _MONTH_SECOND.fullmatch(text):
        return _named(found[2], found[3], found[1])
    if found := _MONTH_FIRST.fullmatch(text):
        return _named(found[1], found[3], found[2])
    return None


def _named(month: str, year: str, day: str | None) -> _Parts | None:
    starting = (number for number, name in enumerate(_MONTHS, 1) if name.startswith(month.lower()))
    number = next(starting, None)
    return None if number is None else (int(year), number, _number(day))


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
