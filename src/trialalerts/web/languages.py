"""The words of the web pages: one TOML file of texts for each language, and which language a visitor gets."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from trialalerts.errors import ConfigurationError
from trialalerts.vocabulary.days import known_tag

if TYPE_CHECKING:
    from babel import Locale

__all__ = ["Language", "Languages", "country_name", "language_name", "read_languages", "tags_by_wish", "zone_name"]

_FALLBACK = "en"
_MOST_CHOICES = 20


@dataclass(frozen=True, kw_only=True)
class Language:
    """One language: its code (``de``), its own name (``Deutsch``), its texts, and the reader's ``tag`` (``de-AT``)."""

    code: str
    name: str
    texts: Mapping[str, str]
    tag: str = ""

    @property
    def locale(self) -> str:
        """Whose dates and distances are written: ``de-AT`` where that is known of the reader."""
        return self.tag or self.code

    @property
    def direction(self) -> str:
        """Which way it is written: ``ltr`` or ``rtl``."""
        return _locale(self.code).text_direction

    def text(self, key: str, /, **values: object) -> str:
        """Return the text ``key`` (``subscribe.title``) with its ``{placeholders}`` filled; not yet escaped.

        Raises:
            KeyError: there is no such text, or a placeholder has no value.
        """
        return self.texts[key].format(**values)

    def count(self, key: str, count: int, /, **values: object) -> str:
        """Return the text ``key`` in the plural form for ``count``, which fills ``{count}``.

        A text of that name without forms (an operator's own) stands for all of them.
        """
        known = (key, f"{key}.{_locale(self.code).plural_form(count)}", f"{key}.other")
        text = next(self.texts[each] for each in known if each in self.texts)
        return text.format(count=self.number(count), **values)

    def number(self, value: int) -> str:
        """Return a whole number as it is written here."""
        from babel.numbers import format_decimal

        return format_decimal(value, locale=_locale(self.code))


@lru_cache(maxsize=100)
def _locale(code: str) -> Locale:
    """Return the rules of a language; English ones for a code that nobody knows."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(code, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_FALLBACK)


def language_name(code: str, language: Language) -> str:
    """Return how a language is called in another: “Englisch”; the code where nobody knows it."""
    return _locale(code).get_language_name(language.code) or code


def country_name(code: str, language: Language) -> str:
    """Return the name of a country; the code where nobody knows it."""
    return _locale(language.code).territories.get(code) or code


@lru_cache(maxsize=2_000)
def _city(zone: str, code: str) -> str:
    from babel.dates import get_timezone_location

    return get_timezone_location(zone, locale=_locale(code), return_city=True)


def zone_name(zone: str, language: Language) -> str:
    """Return how people call a time zone: by its city; the text itself where there is no such zone."""
    try:
        return "UTC" if zone == "UTC" else _city(zone, language.code)
    except (LookupError, ValueError):
        return zone


class Languages:
    """The languages that the pages speak."""

    def __init__(self, languages: Sequence[Language]) -> None:
        self._by_code = {language.code: language for language in languages}

    @property
    def all(self) -> list[Language]:
        """All languages, by code."""
        return [self._by_code[code] for code in sorted(self._by_code)]

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def get(self, code: str | None) -> Language | None:
        """Return the language of a tag such as ``de`` or ``de-AT``; None where the pages do not speak it."""
        return self._by_code.get((code or "").replace("_", "-").partition("-")[0].lower())

    def near(self, language: Language, tags: Iterable[str]) -> Language:
        """Return a language as it is spoken where the first of these tags that names it says."""
        known = (known_tag(tag) for tag in tags if self.get(tag) is language)
        return replace(language, tag=next(filter(None, known), ""))

    def choose(self, accepted: str, default: str) -> Language:
        """Return the best language for an ``Accept-Language`` header; ``default`` (else English) where none fits."""
        for code in tags_by_wish(accepted):
            if found := self.get(code):
                return found
        return self.get(default) or self._by_code[_FALLBACK]


def tags_by_wish(accepted: str) -> list[str]:
    """Return the tags of an ``Accept-Language`` header, the most wanted first; what makes no sense is left out."""
    wishes: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_MOST_CHOICES]:
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if 0 < quality <= 1:
            wishes.append((quality, tag.strip()))
    return [tag for _, tag in sorted(wishes, key=lambda wish: -wish[0])]


def read_languages(folders: Sequence[Path]) -> Languages:
    """Read every ``strings.<code>.toml`` of the folders; an earlier folder's text wins, English fills the gaps.

    Raises:
        ConfigurationError: a file is not TOML or holds something that is no text.
    """
    texts: dict[str, dict[str, str]] = {}
    for folder in reversed(folders):
        for file in sorted(folder.glob("strings.*.toml")):
            texts.setdefault(file.name.split(".")[1], {}).update(_read(file))
    english = texts.get(_FALLBACK, {})
    return Languages(
        [Language(code=code, name=own.get("language.name", code), texts=english | own) for code, own in texts.items()]
    )


def _read(file: Path) -> dict[str, str]:
    try:
        return _flat(tomllib.loads(file.read_text(encoding="utf-8")), file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{file}: the texts cannot be read: {error}") from None


def _flat(table: Mapping[str, object], file: Path, above: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, file, f"{above}{key}.")
        elif isinstance(value, str):
            flat[above + key] = value
        else:
            raise ConfigurationError(f"{file}: {above}{key}: found {value!r}, expected a text in quotes")
    return flat
