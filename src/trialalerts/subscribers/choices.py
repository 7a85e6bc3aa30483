"""What a person may choose and how it is written: time zone, language, frequency, hour, days, filters.

Each ``checked_…`` takes what was typed and gives back what is stored, or says what is wrong and which
valid choices are nearest. Checking what is already in its stored form changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import available_timezones

from trialalerts.errors import InvalidInput, did_you_mean
from trialalerts.subscribers.tables import Frequency, SubscriberState

__all__ = [
    "AUDIENCES",
    "CHANGE_KINDS",
    "ITEM_KINDS",
    "LANGUAGES",
    "PHASES",
    "SEXES",
    "WEEKDAYS",
    "birthday",
    "born_about",
    "checked_audience",
    "checked_date",
    "checked_day",
    "checked_frequency",
    "checked_hour",
    "checked_label",
    "checked_locale",
    "checked_sex",
    "checked_state",
    "checked_timezone",
    "checked_weekday",
    "checked_words",
    "checked_yes",
]

LANGUAGES = ("en", "de", "fr", "es")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SEXES = ("female", "male")
AUDIENCES = ("patients", "professionals")
PHASES = ("EARLY_PHASE1", "PHASE1", "PHASE2", "PHASE3", "PHASE4", "NA")
# The catalog's own words: this room stands below the catalog; a test holds the lists to it.
ITEM_KINDS = ("trial", "article")
CHANGE_KINDS = (
    "registered",
    "opened",
    "paused",
    "closed",
    "reopened",
    "site_opened",
    "site_closed",
    "eligibility_changed",
    "results_posted",
    "withdrawn",
    "published",
    "retracted",
    "corrected",
)
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
    near = [_LANGUAGE_NAMES[name] for name in _nearest(language, _LANGUAGE_NAMES)[:1]]
    raise InvalidInput(f"“{typed}” is no language we write.{did_you_mean(near or LANGUAGES)}")


def checked_frequency(text: str) -> Frequency:
    """Return how often: immediately, daily, weekly or monthly."""
    return Frequency(_one_of(text, [member.value for member in Frequency], "frequency"))


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
    return WEEKDAYS.index(short[0] if len(short) == 1 else _one_of(typed, WEEKDAYS, "day of the week"))


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


def birthday(text: str | date) -> date:
    """Return a birthday, exact (``1984-05-12``) or as near as it is told: the middle of ``1984-05`` or of ``1984``."""
    if isinstance(text, date):
        return text
    typed = text.strip()
    if found := re.fullmatch(r"(\d{4})(?:-(\d{2}))?", typed):
        typed = f"{found[1]}-{found[2]}-15" if found[2] else f"{found[1]}-07-01"
    return checked_date(typed)


def born_about(age: int, today: date) -> date:
    """Return the likeliest birthday of somebody who is ``age`` years old: half a year has passed since the last."""
    days = round((age + 0.5) * 365.2425)
    return today - timedelta(days=days)


def checked_sex(text: str | None) -> str | None:
    """Return ``female``, ``male``, or None where nothing (or ``all``) is given."""
    if text is None or text.strip().lower() in {"", "all", "any"}:
        return None
    return _one_of(text, SEXES, "sex that trials ask for")


def checked_audience(text: str | None) -> str | None:
    """Return for whom articles are to be written: ``patients``, ``professionals``, or None for any."""
    if text is None or text.strip().lower() in {"", "all", "any"}:
        return None
    return _one_of(text, (*AUDIENCES, "any"), "audience")


def checked_words(texts: Iterable[str], kind: Literal["phase", "kind of item", "kind of change"]) -> list[str]:
    """Return the chosen words once each, in the order in which we list them; phases may be written ``2``."""
    known = {"phase": PHASES, "kind of item": ITEM_KINDS, "kind of change": CHANGE_KINDS}[kind]
    chosen = {_one_of(_phase(text) if kind == "phase" else text, known, kind) for text in texts if text.strip()}
    return [word for word in known if word in chosen]


def checked_state(text: str) -> SubscriberState:
    """Return a subscriber's state; erased is none that anybody can be given."""
    known = [state.value for state in SubscriberState if state is not SubscriberState.ERASED]
    return SubscriberState(_one_of(text, known, "state of a subscriber"))


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


def _one_of(text: str, known: Sequence[str], what: str) -> str:
    typed = text.strip()
    folded = re.sub(r"[\s-]+", "_", typed.lower())
    for word in known:
        if word.lower() == folded:
            return word
    raise InvalidInput(f"“{typed}” is no {what}.{did_you_mean(_nearest(folded, known) or known)}")


def _phase(text: str) -> str:
    typed = re.sub(r"[\s_-]+", "", text.lower()).removeprefix("phase")
    names = {"early1": "EARLY_PHASE1", "0": "EARLY_PHASE1", "earlyphase1": "EARLY_PHASE1", "n/a": "NA"}
    return names.get(typed, f"PHASE{typed}" if re.fullmatch("[1-4]", typed) else text)


def _nearest(text: str, known: Iterable[str]) -> list[str]:
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import extract
    from rapidfuzz.utils import default_process

    return [
        word
        for word, _, _ in extract(text, list(known), scorer=ratio, processor=default_process, limit=3, score_cutoff=60)
    ]


def _near_zones(text: str) -> str:
    """Look for a slip in the whole name, or for a city without its continent."""
    names = [name for name in _zones().values() if "/" in name]
    city = text.casefold().replace(" ", "_").rpartition("/")[2]
    cities = [name for name in names if name.casefold().rpartition("/")[2] == city]
    return did_you_mean(cities[:3] or _nearest(text, names))


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones() - _NOT_PLACES)}
