"""What is missing in each language: phrases and names, beside the English ones.

A phrase that is missing is said in English to somebody who may not read it, and nobody here would notice. The
operator's own files count as they do when mails and pages are written: line by line, over the shipped ones.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from babel import Locale, UnknownLocaleError

from trialalerts.digests.cards.wording import FALLBACK, read_strings
from trialalerts.files import shipped
from trialalerts.settings import Settings
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.vocabulary.areas.curated_file import read_curated
from trialalerts.vocabulary.areas.naming.files import name_files, read_area_names
from trialalerts.vocabulary.areas.naming.shown import language_of
from trialalerts.vocabulary.areas.shipped import CURATED
from trialalerts.vocabulary.topics import read_topics

__all__ = ["Translations", "Untranslated", "check_translations"]

_CATALOGS = {"mails": "email", "pages": "web"}
_COUNTED = range(201)
"""What is counted here: a language's form for millions or for fractions is never asked for."""


@dataclass(frozen=True, kw_only=True)
class Untranslated:
    """One thing that a language lacks: ``where`` is mails, pages, areas or topics; ``what`` a phrase or a name."""

    language: str
    where: str
    what: str
    fault: str


@dataclass(frozen=True, kw_only=True)
class Translations:
    """The languages that were looked at, how much there is to say in each, and what is missing."""

    languages: tuple[str, ...]
    extent: Mapping[str, int]
    missing: tuple[Untranslated, ...]


def check_translations(settings: Settings) -> Translations:
    """Compare each language that mails or pages are written in with English.

    Raises:
        ConfigurationError: the operator's own file of areas, topics or names is wrong.
    """
    catalogs = [_Catalog(where, folder, _own(settings, folder)) for where, folder in _CATALOGS.items()]
    rooms: list[_Catalog | _Names] = [*catalogs, _area_names(settings), _topic_names(settings)]
    tags = sorted({*LANGUAGES, *(tag for each in catalogs for tag in each.own_tags())})
    missing = [lack for tag in tags for each in rooms for lack in each.lacks(tag)]
    extent = {each.where: each.extent for each in rooms}
    return Translations(languages=tuple(tags), extent=extent, missing=tuple(missing))


def _own(settings: Settings, folder: str) -> Path | None:
    return Path(settings.templates.folder) / folder if settings.templates.folder else None


class _Catalog:
    """The phrases of the mails, or those of the pages."""

    def __init__(self, where: str, folder: str, own: Path | None) -> None:
        self.where = where
        self._own = own
        self._folders = [shipped(f"templates/{folder}"), *([own] if own else [])]
        self._offered = read_strings(self._folders[0] / f"strings.{FALLBACK}.toml")
        self._english = self._offered | self._own_english()
        self._counted = {
            stem
            for key in self._english
            if (stem := key.removesuffix(".other")) != key and f"{stem}.one" in self._english
        }
        self.extent = len({self._stem(key) or key for key in self._english})

    def _own_english(self) -> dict[str, str]:
        """Return the operator's English; pages of their own may say more than ours, mails may not."""
        try:
            own = read_strings(self._own / f"strings.{FALLBACK}.toml") if self._own else {}
        except (OSError, ValueError):  # no file, or one that is named where English is looked at
            return {}
        return {key: said for key, said in own.items() if self.where == "pages" or key in self._offered}

    def own_tags(self) -> Iterator[str]:
        """Give the languages for which the operator has a file here."""
        for file in self._own.glob("strings.*.toml") if self._own else ():
            yield file.name.removeprefix("strings.").removesuffix(".toml")

    def lacks(self, tag: str) -> Iterator[Untranslated]:
        """Give what a language lacks; ``de-AT`` has what ``de`` has."""
        said: dict[str, str] = {}
        for file in (folder / f"strings.{name}.toml" for name in _names(tag) for folder in self._folders):
            try:
                said |= read_strings(file) if file.is_file() else {}
            except (OSError, ValueError) as error:
                yield self._lack(tag, str(file), f"cannot be read: {error}")
        for key in self._unsaid(tag, said):
            yield self._lack(tag, key, "missing")
        for key, phrase in said.items():
            if fault := self._fault(key, phrase):
                yield self._lack(tag, key, fault)

    def _lack(self, tag: str, what: str, fault: str) -> Untranslated:
        return Untranslated(language=tag, where=self.where, what=what, fault=fault)

    def _unsaid(self, tag: str, said: Mapping[str, str]) -> Iterator[str]:
        """Give the phrases and plural forms that are not there."""
        yield from (key for key in self._english if not self._stem(key) and key not in said)
        for stem in sorted(self._counted):
            whole = self.where == "pages" and stem in said  # there, one text may stand for all forms
            yield from (f"{stem}.{form}" for form in _forms(tag) if not whole and f"{stem}.{form}" not in said)

    def _stem(self, key: str) -> str | None:
        """Return of which counted phrase a key is a form; None: it is no form."""
        stem = key.rpartition(".")[0]
        return stem if stem in self._counted else None

    def _fault(self, key: str, phrase: str) -> str | None:
        """Return what is wrong with the words to fill in; a form of a counted phrase may leave the number out.

        The operator's English may leave words out, and then other languages may; no language may have more.
        """
        stem = self._stem(key) or (key if key in self._counted else None)
        english = self._english.get(key) or self._english.get(f"{stem}.other")
        if english is None:
            return "no mail says this" if self.where == "mails" else None
        offered = self._offered.get(key) or self._offered.get(f"{stem}.other") or english
        free = {"count"} if stem else set()
        try:
            found, needed, known = _filled(phrase), _filled(english) - free, _filled(offered) | free
        except ValueError as error:
            return f"cannot be filled in: {error}"
        if found <= known and needed & known <= found:
            return None
        return f"fills in {_braced(found)}; English: {_braced(_filled(offered))}"


@dataclass(frozen=True, kw_only=True)
class _Names:
    """The names of areas or topics: the English ones, and by id the languages that have one."""

    where: str
    english: Mapping[str, str]
    others: Mapping[str, frozenset[str]]

    @property
    def extent(self) -> int:
        return len(self.english)

    def lacks(self, tag: str) -> Iterator[Untranslated]:
        """Give the names that a language lacks."""
        language = language_of(tag)
        for id_, name in self.english.items() if language != FALLBACK else ():
            if language not in self.others.get(id_, ()):
                yield Untranslated(language=tag, where=self.where, what=f"{id_} ({name})", fault="no name")


def _area_names(settings: Settings) -> _Names:
    own, names = settings.vocabulary.disease_areas, settings.vocabulary.area_names
    others = read_area_names(name_files(Path(names) if names else None))
    areas = read_curated(Path(own) if own else shipped(CURATED))
    languages = {area: frozenset(said) for area, said in others.items()}
    return _Names(where="areas", english={area.id: area.name for area in areas}, others=languages)


def _topic_names(settings: Settings) -> _Names:
    own = settings.vocabulary.topics
    topics = read_topics(Path(own) if own else shipped("config/topics.toml"))
    languages = {topic.id: frozenset(topic.names) for topic in topics}
    return _Names(where="topics", english={topic.id: topic.name for topic in topics}, others=languages)


def _names(tag: str) -> list[str]:
    """Return the languages whose files make one, the most special last."""
    return list(dict.fromkeys((tag.partition("-")[0], tag)))


def _forms(tag: str) -> list[str]:
    """Return the plural forms that a language has for what is counted here."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return ["other"]
    return list(dict.fromkeys(locale.plural_form(count) for count in _COUNTED))


def _filled(phrase: str) -> set[str]:
    found = string.Formatter().parse(phrase)
    return {f"{name}{spec}{conversion or ''}" for _, name, spec, conversion in found if name is not None}


def _braced(words: set[str]) -> str:
    return ", ".join(f"{{{word}}}" for word in sorted(words)) or "nothing"
