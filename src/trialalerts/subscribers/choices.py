"""What a person may choose and how it is written: time zone, language, frequency, hour, days, label.

Each ``checked_…`` takes what was typed and gives back what is stored, or says what is wrong and which
valid choices are nearest. Checking what is already in its stored form changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from trialalerts.clock import zone_names
from trialalerts.errors import InvalidInput, did_you_mean, nearest

if TYPE_CHECKING:
    from trialalerts.subscribers.tables import Frequency, SubscriberState

__all__ = [
    "LANGUAGES",
    "WEEKDAYS",
    "checked_date",
    "checked_day",
    "checked_frequency",
    "checked_heartbeat",
    "checked_hour",
    "checked_label",
    "checked_locale",
    "checked_state",
    "checked_timezone",
    "checked_unit",
    "checked_weekday",
    "checked_yes",
    "match",
    "one_of",
]

LANGUAGES = ("en", "de", "fr", "es")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LANGUAGE_NAMES = {
    "english": "en",
    "german": "de",
    "deutsch": "de",
    "french": "fr",
    "français": "fr",
    "spanish": "es",
    "español": "es",
}
_LABEL_LENGTH = 80
_NOT_PLACES = {"Factory", "localtime", "posixrules"}


def checked_timezone(text: str) -> str:
    """Return the name of an IANA time zone; upper and lower case do not matter."""
    zones = _zones()
    typed = text.strip()
    if found := zones.get(typed.casefold().replace(" ", "_")):
        return found
    raise InvalidInput(
        f"“{typed}” is no time zone.{_near_zones(typed) or ' Name one of the IANA database, such as Europe/London.'}"
    )


def checked_locale(text: str) -> str:
    """Return a language we write (``en``, ``de``, ``fr``, ``es``), with its region where one is given (``de-AT``)."""
    from babel import Locale, UnknownLocaleError

    typed = text.strip()
    language, _, region = typed.replace("_", "-").partition("-")
    try:
        if language.lower() in LANGUAGES:
            locale = Locale(language.lower(), territory=region.upper() or None)
            return f"{locale.language}-{locale.territory}" if locale.territory else locale.language
    except UnknownLocaleError:
        raise InvalidInput(f"“{typed}” is no language we know.{did_you_mean([language.lower()])}") from None
    near = [_LANGUAGE_NAMES[name] for name in nearest(language, _LANGUAGE_NAMES, most=1)]
    raise InvalidInput(f"“{typed}” is no language we write.{did_you_mean(near or LANGUAGES)}")


def checked_frequency(text: str) -> Frequency:
    """Return how often: immediately, daily, weekly or monthly."""
    from trialalerts.subscribers.tables import Frequency  # here: a command's help needs no tables

    return Frequency(one_of(text, [member.value for member in Frequency], "frequency"))


def checked_heartbeat(text: str) -> str | None:
    """Return how often to tell that there is nothing new: monthly or quarterly; None for off."""
    found = one_of(text, ["monthly", "quarterly", "off"], "rhythm")
    return None if found == "off" else found


def checked_unit(text: str) -> str:
    """Return a unit of distance: km or miles."""
    return one_of(text, ["km", "miles"], "unit")


def checked_hour(text: str | int) -> int:
    """Return a local hour, 0–23, written ``8`` or ``08:00``."""
    found = re.fullmatch(r"(\d{1,2})(?::00)?", str(text).strip())
    if found and int(found[1]) <= 23:  # noqa: PLR2004 - the hours of a day
        return int(found[1])
    raise InvalidInput(f"“{text}” is no full hour of the day; write 0 to 23, such as 8.")


def checked_weekday(text: str | int) -> int:
    """Return the day of the week, 0 for Monday, written ``tuesday``, ``tue`` or as its number."""
    typed = str(text).strip().lower()
    if re.fullmatch(r"[0-6]", typed):
        return int(typed)
    short = [name for name in WEEKDAYS if len(typed) >= 2 and name.startswith(typed)]  # noqa: PLR2004 - "mo", "tu"
    return WEEKDAYS.index(short[0] if len(short) == 1 else one_of(typed, WEEKDAYS, "day of the week"))


def checked_day(text: str | int) -> int:
    """Return the day of the month, 1–28 (a day that every month has)."""
    typed = str(text).strip()
    if re.fullmatch(r"\d{1,2}", typed) and 1 <= int(typed) <= 28:  # noqa: PLR2004 - the shortest month
        return int(typed)
    raise InvalidInput(f"“{typed}” is no day that every month has; write 1 to 28.")


def checked_date(text: str | date) -> date:
    """Return a date, written ``2026-12-01``."""
    if isinstance(text, date):
        return text
    typed = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", typed):
            return date.fromisoformat(typed)
    except ValueError as error:
        raise InvalidInput(f"“{typed}” is no date: {error}.") from None
    raise InvalidInput(f"“{typed}” is no date; write year-month-day, such as 2026-12-01.")


def checked_state(text: str) -> SubscriberState:
    """Return a subscriber's state; erased is none that anybody can be given."""
    from trialalerts.subscribers.tables import SubscriberState

    known = [state.value for state in SubscriberState if state is not SubscriberState.ERASED]
    return SubscriberState(one_of(text, known, "state of a subscriber"))


def checked_yes(text: str) -> bool:
    """Return whether a cell says yes; an empty one says no."""
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}
    if (typed := text.strip().lower()) in words:
        return words[typed]
    raise InvalidInput(f"“{text.strip()}” is neither yes nor no.")


def checked_label(text: str | None) -> str | None:
    """Return a private label on one line, at most 80 characters; None where it is empty."""
    label = " ".join("".join(sign if sign.isprintable() else " " for sign in text or "").split())
    if len(label) > _LABEL_LENGTH:
        raise InvalidInput(f"A label has at most {_LABEL_LENGTH} characters, this one has {len(label)}.")
    return label or None


def one_of(text: str, known: Sequence[str], what: str) -> str:
    """Return the known word that is meant.

    Raises:
        InvalidInput: there is none; says that the text is no ``what``, and which words are nearest.
    """
    if (word := match(text, known)) is not None:
        return word
    typed = text.strip()
    raise InvalidInput(f"“{typed}” is no {what}.{did_you_mean(nearest(_folded(typed), known, most=3) or known)}")


def match(text: str, known: Sequence[str]) -> str | None:
    """Return the known word that a text is but for case, blanks and hyphens; None where there is none."""
    folded = _folded(text.strip())
    return next((word for word in known if word.lower() == folded), None)


def _folded(text: str) -> str:
    return re.sub(r"[\s-]+", "_", text.lower())


def _near_zones(text: str) -> str:
    """Look for a slip in the whole name, or for a city without its continent."""
    names = [name for name in _zones().values() if "/" in name]
    city = text.casefold().replace(" ", "_").rpartition("/")[2]
    cities = [name for name in names if name.casefold().rpartition("/")[2] == city]
    return did_you_mean(cities[:3] or nearest(text, names, most=3))


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(zone_names() - _NOT_PLACES)}
