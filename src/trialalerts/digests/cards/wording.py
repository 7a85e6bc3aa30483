"""The words of the mails: the strings of each language, plural forms, dates, numbers, distances and lists.

A locale such as ``de-AT`` takes its strings from ``strings.de-AT.toml``, then ``strings.de.toml``, then English;
in each, the operator's own file goes before the shipped one, line by line. Plain ``en`` writes dates as most of
the world does and distances in kilometres; ``en-US`` writes them as Americans do and in miles.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from trialalerts.catalog.facts import PartialDate
from trialalerts.files import shipped
from trialalerts.logs import Logger
from trialalerts.vocabulary.days import WORLD_ENGLISH, known_tag, written_day, written_day_of_year
from trialalerts.vocabulary.places.distance import KM_PER_MILE
from trialalerts.vocabulary.places.towns.names import town_shown

__all__ = ["FALLBACK", "Wording", "Wordings", "read_strings"]

log = Logger()

_Length = Literal["short", "long", "narrow"]

FALLBACK = "en"
_SHORT_FIRST: tuple[_Length, ...] = ("short", "long", "narrow")
_LONG_FIRST: tuple[_Length, ...] = ("long", "short", "narrow")
_UNITS = {"km": "length-kilometer", "miles": "length-mile"}
_NEAR = {"length-kilometer": 5, "length-mile": 3}
"""Sites are known by their town's centre: nearer than this, a number would claim more than is known."""


class Wording:
    """One locale's words. Everything it returns is plain text: not escaped, never HTML."""

    def __init__(self, language: str, tag: str, strings: Mapping[str, str], unit: str | None = None) -> None:
        self.language = language
        self.tag = tag
        self.locale = Locale.parse(WORLD_ENGLISH if tag == FALLBACK else tag.replace("-", "_"))
        self.direction = self.locale.text_direction
        self._strings = strings
        in_miles = unit == "miles" if unit else tag == "en-US"
        self._distance_unit = "length-mile" if in_miles else "length-kilometer"
        self.key = f"{tag}|{self._distance_unit}"
        # Few days and numbers come up again and again, and Babel takes its time over each.
        self._plural_form = lru_cache(maxsize=4096)(self.locale.plural_form)
        self._day = lru_cache(maxsize=4096)(self._written_day)
        self.unit = lru_cache(maxsize=4096)(self._written_unit)
        self.partial = lru_cache(maxsize=4096)(self._written_partial)

    def say(self, key: str, /, **values: object) -> str:
        """Return the phrase ``key`` (``footer.why``) with its ``{words}`` filled in."""
        phrase = self._strings[key]
        return phrase.format_map(values) if values else phrase

    def knows(self, key: str) -> bool:
        """Tell whether there is such a phrase."""
        return key in self._strings

    def count(self, key: str, count: int, /, **values: object) -> str:
        """Return the phrase ``key`` in the plural form for ``count``, which fills ``{count}``."""
        form = f"{key}.{self._plural_form(count)}"
        phrase = self._strings.get(form) or self._strings[f"{key}.other"]
        return phrase.format_map({"count": self.number(count)} | values)

    def number(self, value: int) -> str:
        """Return a whole number as it is written here."""
        return str(value) if -1000 < value < 1000 else format_decimal(value, locale=self.locale)  # noqa: PLR2004 - no group below

    def listed(self, words: Sequence[str]) -> str:
        """Return ``a, b and c``."""
        return words[0] if len(words) == 1 else format_list(words, locale=self.locale)

    def day(self, day: date | datetime, timezone: str = "UTC") -> str:
        """Return a day in full; a moment is taken as the day it falls on in ``timezone``."""
        return self._day(day.astimezone(ZoneInfo(timezone)).date() if isinstance(day, datetime) else day)

    def short_day(self, day: date) -> str:
        """Return a day of this year or the last: ``21 November``."""
        return written_day_of_year(day, self.locale)

    def month(self, value: PartialDate) -> str:
        """Return the month of a date; the year alone where no more is known."""
        if value.precision == "year":
            return self.partial(value)
        return self.partial(PartialDate(value=value.value[:7], precision="month"))

    def _written_day(self, day: date) -> str:
        return written_day(day, self.locale)

    def _written_partial(self, value: PartialDate) -> str:
        """Return a date as exact as it is known; what is no date is returned as it was written."""
        try:
            if value.precision == "day":
                return self.day(date.fromisoformat(value.value))
            if value.precision == "month":
                return format_skeleton("yMMMM", date.fromisoformat(f"{value.value}-01"), locale=self.locale)
        except ValueError:
            pass
        return value.value

    def distance(self, kilometres: float, unit: str | None = None) -> str:
        """Return a rounded distance in ``km`` or ``miles``, else in the unit used here; a short one as "less than"."""
        unit = _UNITS.get(unit or "", self._distance_unit)
        length = kilometres / KM_PER_MILE if unit == "length-mile" else kilometres
        if length < _NEAR[unit]:
            return self.say("place.less_than", distance=self.unit(unit, _NEAR[unit]))
        return self.unit(unit, round(length))

    def _written_unit(self, unit: str, value: int) -> str:
        """Return a number with its unit: ``length-kilometer``, ``duration-year``, … as CLDR calls them."""
        lengths = _SHORT_FIRST if unit == "length-kilometer" else _LONG_FIRST
        for length in lengths:
            written = format_unit(value, unit, length, locale=self.locale)
            if unit not in written:  # where CLDR has no words of this length, Babel shows the unit's name
                return written
        return format_unit(value, unit, "long", locale=FALLBACK)

    def country(self, code: str | None, name: str | None) -> str | None:
        """Return a country's name here; ``name``, as the registry spells it, where the code says nothing."""
        return self.locale.territories.get(code or "") or name

    def town(self, name: str, country: str | None) -> str:
        """Return a town's name here, as a registry spells it in the country (ISO 3166-1): “Milano” as “Milan”."""
        return town_shown(name, country, self.language)


class Wordings:
    """The words of every locale that somebody asks for, read once.

    Raises:
        FileNotFoundError: the installation is damaged.
    """

    def __init__(self, own_folder: Path | None = None, *, default: str = FALLBACK) -> None:
        self._own_folder = own_folder
        self._default = default
        self._by_locale: dict[tuple[str, str | None], Wording] = {}

    def of(self, locale: str, unit: str | None = None) -> Wording:
        """Return the words for a locale: those of its language, else of the service's, else English.

        ``unit`` (``km``, ``miles``) is the one of distances; None: the one of the locale.
        """
        key = locale, unit
        if key not in self._by_locale:
            self._by_locale[key] = self._choose(locale, unit)
        return self._by_locale[key]

    def _choose(self, locale: str, unit: str | None) -> Wording:
        for wanted in (locale, self._default):
            tag = known_tag(wanted)
            language = tag.partition("-")[0] if tag else ""
            if tag and any(self._files(name) for name in {tag, language}):
                return Wording(language, tag, self._strings(tag, language), unit)
        return Wording(FALLBACK, FALLBACK, self._strings(FALLBACK), unit)

    def _strings(self, *tags: str) -> dict[str, str]:
        """Merge the files, the most special last; a phrase that uses unknown words is left out and logged."""
        merged: dict[str, str] = {}
        for tag in dict.fromkeys((FALLBACK, *reversed(tags))):
            merged |= _shipped_strings(tag)
            for file in self._own_file(tag):
                merged |= _usable(file, _shipped_strings(FALLBACK))
        return merged

    def _files(self, tag: str) -> list[Path]:
        """Return the files of a tag that are there, the shipped one first."""
        file = shipped("templates/email") / f"strings.{tag}.toml"
        return [*([file] if file.is_file() else []), *self._own_file(tag)]

    def _own_file(self, tag: str) -> list[Path]:
        file = self._own_folder / f"strings.{tag}.toml" if self._own_folder else None
        return [file] if file and file.is_file() else []


@lru_cache(maxsize=50)
def _shipped_strings(tag: str) -> Mapping[str, str]:
    """Return the shipped phrases of a tag, read once in a process; none where no file is for it alone."""
    file = shipped("templates/email") / f"strings.{tag}.toml"
    if tag == FALLBACK:
        return read_strings(file)
    return _usable(file, _shipped_strings(FALLBACK)) if file.is_file() else {}


def _usable(file: Path, english: Mapping[str, str]) -> dict[str, str]:
    try:
        strings = read_strings(file)
    except (OSError, ValueError) as error:
        log.warning("template.broken", template=str(file), error=str(error))
        return {}
    return {key: phrase for key, phrase in strings.items() if _fits(file, key, phrase, english)}


def _fits(file: Path, key: str, phrase: str, english: Mapping[str, str]) -> bool:
    """Tell whether a phrase uses only words that can be filled in, so that no mail ever fails for it."""
    stem = key.rpartition(".")[0]
    offered = english.get(key) or english.get(f"{stem}.other")
    if offered is None:
        log.warning("template.unknown_phrase", template=str(file), phrase=key)
        return False
    allowed = _words(offered) | ({"count"} if f"{stem}.other" in english else set())
    try:
        unknown = _words(phrase) - allowed
    except ValueError:
        unknown = {phrase}
    if unknown:
        log.warning("template.broken", template=str(file), phrase=key, unknown=sorted(unknown), known=sorted(allowed))
    return not unknown


def _words(phrase: str) -> set[str]:
    """Return the words to fill in; one with a format (``{count:d}``) counts with it, and so is none that is offered."""
    found = string.Formatter().parse(phrase)
    return {f"{name}{spec}{conversion or ''}" for _, name, spec, conversion in found if name is not None}


def read_strings(file: Path) -> dict[str, str]:
    """Return the phrases of a strings file by their dotted keys; plural forms as ``subject.regular.one``.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not UTF-8 or not TOML, or holds something that is no text.
    """
    return dict(_flat(tomllib.loads(file.read_text(encoding="utf-8"))))


def _flat(table: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, str):
            yield above + key, value
        else:
            raise ValueError(f"{above}{key}: found {value!r}, expected a text in quotes")  # noqa: TRY004 - of the file, as TOML's own
