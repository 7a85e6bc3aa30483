"""The reading of dates as feeds and people write them: e-mail's, ISO's, slashes, words in several languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import NamedTuple

__all__ = ["When", "at_a_time", "on_a_day", "read_when"]

_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?(?:\s*(?P<half>[ap])\.?m\.?)?"
_ZONE = r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2}|[+-]\d{2}|[A-Za-z]{2,5})?(?:\s*\([^()]*\))?"
_CLOCK = re.compile(rf"(?<![\d:]){_TIME}{_ZONE}\s*$", re.IGNORECASE)
_ISO = re.compile(
    rf"(?P<year>\d{{4}})(?P<sep>[-/.])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}})(?:[T\s]+{_TIME})?{_ZONE}"
)
_BASIC = re.compile(
    rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}})(?:T(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})?)?{_ZONE}"
)
_DOTTED = re.compile(rf"(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.\s?(?P<year>\d{{4}})(?:,?\s+{_TIME})?{_ZONE}")
_WORDS = re.compile(r"[^\W\d_]+\.?|\d+")
_EARLIEST, _LATEST = 1900, 2200
_TWO_DIGITS, _CENTURY_TURNS = 100, 70
_LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "hu", "ro")
_HOURS = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2,
    "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "AST": -4,
    "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9,
    "AKDT": -8, "HST": -10,
}  # fmt: skip


class When(NamedTuple):
    """A date as it was written: the moment in UTC, and the ``day`` where no time of day was given.

    A day is the same day in every time zone; its moment only puts it in order. Midnight sharp is how many programs
    write a day.
    """

    at: datetime
    day: date | None = None


def on_a_day(day: date) -> When:
    """Return a day without a time."""
    return When(datetime(day.year, day.month, day.day, tzinfo=UTC), day)


def at_a_time(moment: datetime) -> When:
    """Return a moment; a naive one is taken for UTC, one at midnight sharp for its day."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    is_midnight = not (moment.hour or moment.minute or moment.second or moment.microsecond)
    return When(aware.astimezone(UTC), moment.date() if is_midnight else None)


def read_when(text: str) -> When | None:
    """Return the moment or the day that a text names; None where it names none exact to the day.

    Without a zone it is taken for UTC. Day and month in figures are read only where their order is
    certain: year first, or with dots, day first.
    """
    text = " ".join(text.split())[:100]
    for pattern in (_ISO, _BASIC, _DOTTED):
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            return _moment(int(parts["year"]), int(parts["month"]), int(parts["day"]), parts)
    return _in_words(text)


def _in_words(text: str) -> When | None:
    """Read ``Do, 07 Okt 2021 10:19:29 +0000``, ``Dec 4, 2021 9:00 AM``, ``Sat Dec  4 09:00:00 2021``."""
    year_last = re.fullmatch(r"(.*\d:\d{2}(?::\d{2})?)( [A-Z]{3,4})? (\d{4})", text)
    if year_last:  # as C's asctime and Unix's date write it
        text = f"{year_last[3]} {year_last[1]}{year_last[2] or ''}"
    clock = _CLOCK.search(text)
    day_words = _WORDS.findall(text[: clock.start()] if clock else text)
    month = next(_months_in(day_words), None)
    numbers = [word for word in day_words if word.isdigit()]
    if month is None or len(numbers) != 2:  # noqa: PLR2004 - a day and a year
        return None
    first, second = numbers
    year, day = (first, second) if len(first) > len(second) and len(first) > 2 else (second, first)  # noqa: PLR2004 - "21"
    return _moment(_full_year(int(year)), month, int(day), clock.groupdict() if clock else {})


def _months_in(words: list[str]) -> Iterator[int]:
    for word in words:
        month = _month_names().get(word.rstrip(".").lower())
        if month is not None:
            yield month


def _full_year(year: int) -> int:
    if year >= _TWO_DIGITS:
        return year
    return year + (2000 if year < _CENTURY_TURNS else 1900)


def _moment(year: int, month: int, day: int, parts: dict[str, str | None]) -> When | None:
    hour = int(parts.get("hour") or 0)
    if parts.get("half"):
        hour = hour % 12 + (12 if parts["half"] in {"p", "P"} else 0)
    zone = _zone(parts.get("zone") or "UTC")
    if zone is None or not _EARLIEST <= year <= _LATEST:
        return None
    second = min(int(parts.get("second") or 0), 59)  # a leap second is the end of its minute
    if hour > 24:  # noqa: PLR2004 - 24:00 is midnight, at the end of the day
        return None
    try:
        began = datetime(year, month, day, 0, int(parts.get("minute") or 0), second, tzinfo=zone)
    except ValueError:
        return None
    return at_a_time(began) if hour == 0 else When((began + timedelta(hours=hour)).astimezone(UTC))


def _zone(text: str) -> timezone | None:
    if text[0] in "+-":
        digits = text[1:].replace(":", "").ljust(4, "0")
        away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-away if text[0] == "-" else away) if away < timedelta(hours=24) else None
    hours = _HOURS.get(text.upper())
    return None if hours is None else timezone(timedelta(hours=hours))


@cache
def _month_names() -> dict[str, int]:
    from babel.dates import get_month_names  # loads the locales; ISO dates do without

    names: dict[str, int] = {"sept": 9}
    for locale in _LOCALES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, locale).items():
                    names.setdefault(name.rstrip(".").lower(), number)
    return names
