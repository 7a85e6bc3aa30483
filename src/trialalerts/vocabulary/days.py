"""Days as readers write them: which locale is theirs, and its dates.

Mails and pages ask here, so that both write a day alike. Babel's plain ``en`` is American; ours is the world's, and
American only for readers who live by a time zone of the USA. French writes the first of a month as an ordinal.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel import Locale

__all__ = ["WORLD_ENGLISH", "known_tag", "reader_locale", "written_day", "written_day_of_year"]

WORLD_ENGLISH = "en_001"
_ENGLISH, _AMERICAN = "en", "en-US"


def reader_locale(locale: str, timezone: str) -> str:
    """Return the locale that a reader's dates and distances are written in.

    >>> reader_locale("en", "America/New_York"), reader_locale("en", "Europe/London"), reader_locale("de", "US/Eastern")
    ('en-US', 'en', 'de')
    """
    return _AMERICAN if locale == _ENGLISH and _in_the_usa(timezone) else locale


@lru_cache(maxsize=1_000)
def _in_the_usa(timezone: str) -> bool:
    from babel.core import get_global

    zone = get_global("zone_aliases").get(timezone, timezone)
    return get_global("zone_territories").get(zone) == "US"


def written_day(day: date, locale: Locale | str) -> str:
    """Return a day in full: ``28 December 2026``."""
    from babel.dates import format_date

    return _first(day, format_date(day, "long", _rules(locale)), locale)


def written_day_of_year(day: date, locale: Locale | str) -> str:
    """Return a day of this year or the last: ``28 December``."""
    from babel.dates import format_skeleton

    return _first(day, format_skeleton("MMMMd", day, locale=_rules(locale)), locale)


@lru_cache(maxsize=1_000)
def known_tag(locale: str) -> str | None:
    """Return ``de-AT`` for any spelling of it; the language alone where the rest is unknown; None for nonsense."""
    from babel import Locale, UnknownLocaleError

    parts = locale.replace("_", "-").split("-")
    for tag in ("-".join(parts), parts[0]):
        try:
            return str(Locale.parse(tag, sep="-")).replace("_", "-")
        except (UnknownLocaleError, ValueError):
            continue
    return None


def _rules(locale: Locale | str) -> Locale | str:
    """Return whose rules hold; the world's English for a locale that nobody knows."""
    if not isinstance(locale, str):
        return locale
    tag = known_tag(locale) or _ENGLISH
    return WORLD_ENGLISH if tag == _ENGLISH else tag.replace("-", "_")


def _first(day: date, written: str, locale: Locale | str) -> str:
    french = str(locale).replace("-", "_").partition("_")[0].lower() == "fr"
    return f"1er{written[1:]}" if french and day.day == 1 and written.startswith("1 ") else written
