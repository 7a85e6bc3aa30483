"""How a region is told in the reader's language: its town, subdivision and country as people there call them.

Countries are CLDR's (Babel), subdivisions ISO's in the translations of pycountry, or as the hand-written
``shown.txt`` has them, where those lack a name or have a wrong one; towns that are called otherwise in another
language and everyday regions have tables of our own.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from trialalerts.vocabulary.areas.naming.shown import language_of
from trialalerts.vocabulary.places.everyday.table import everyday_stored
from trialalerts.vocabulary.places.towns.names import town_shown

__all__ = ["choice_shown", "country_shown", "region_shown", "subdivision_shown"]

_ENGLISH = "en"
_FILE = Path(__file__).with_name("shown.txt")
_LANGUAGES = ("de", "fr", "es")
_LIKE_A_STATE = {("GE", "es"): "Georgia (país)"}
_REGION = {"de": "Region", "fr": "région", "es": "región"}


def region_shown(label: str, kind: str, country: str | None, subdivision: str | None, language: str) -> str:
    """Return the label of a stored region in a language: "Leeds, England, GB" as "Leeds, England, Royaume-Uni".

    Args:
        label: as it is stored, with the country's code at its end but for countries.
        kind: anywhere, country, subdivision, group or place.
        country: ISO 3166-1.
        subdivision: ISO 3166-2.
        language: of the reader.
    """
    if everyday := everyday_stored(label, country):
        told = (everyday.said(language_of(language)), country_shown(country, language) if country else None)
        return ", ".join(filter(None, told))
    if country is None:
        return label
    if kind == "country":
        if language_of(language) == _ENGLISH:
            return label
        return _LIKE_A_STATE.get((country, language_of(language))) or country_shown(country, language) or label
    name, *within = label.split(", ")
    if not within or within[-1] != country:
        return label
    if kind in {"place", "anywhere"}:
        name = town_shown(name, country, language_of(language))
    if kind == "subdivision":
        plain, named, _ = name.partition(" (")
        name = _called(subdivision, plain if language_of(language) != _ENGLISH else name, language)
        if named and language_of(language) != _ENGLISH:  # a town has the bare name
            name = f"{name} ({_REGION.get(language_of(language), 'region')})"
    elif len(within) > 1:
        within[-2] = _called(subdivision, within[-2], language)
    return ", ".join((name, *within[:-1], country_shown(country, language) or country))


def choice_shown(label: str, language: str) -> str:
    """Return a place to choose from in a language, with its country by name; typed like that it is found again.

    >>> choice_shown("Springfield, Ohio, US", "de")
    'Springfield, Ohio, Vereinigte Staaten'
    """
    code = label.rpartition(", ")[2]
    return region_shown(label, "place", code, None, language) if len(code) == 2 and code.isupper() else label  # noqa: PLR2004 - a country's code


def country_shown(code: str, language: str) -> str | None:
    """Return a country's name in a language; None where CLDR has none."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language_of(language)).territories.get(code)
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_ENGLISH).territories.get(code)


def subdivision_shown(code: str, language: str) -> str | None:
    """Return the name of a subdivision (ISO 3166-2) in a language; None where nobody translated it."""
    return _by_hand().get((code, language_of(language))) or _translated(code, language_of(language))


@cache
def _by_hand() -> Mapping[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, *names = (field.strip() for field in line.split("|"))
            found |= {(code, language): name for language, name in zip(_LANGUAGES, names, strict=True) if name}
    return found


def _called(code: str | None, name: str, language: str) -> str:
    return (subdivision_shown(code, language) if code else None) or name


@lru_cache(maxsize=8)
def _country_names(language: str) -> frozenset[str]:
    from babel import Locale

    return frozenset(Locale.parse(language).territories.values())


@lru_cache(maxsize=8)
def _words(language: str) -> gettext.NullTranslations:
    import pycountry

    return gettext.translation("iso3166-2", pycountry.LOCALES_DIR, languages=[language], fallback=True)


@lru_cache(maxsize=10_000)
def _translated(code: str, language: str) -> str | None:
    import pycountry
    from babel.languages import get_official_languages

    entry = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]  # has no types
    if entry is None or language == _ENGLISH:
        return None
    if language in get_official_languages(code[:2]) and "[" not in entry.name:
        return _turned(str(entry.name))  # ISO's own is that of the country
    said = _words(language).gettext(entry.name)
    if said in _country_names(language):  # the state of Georgia is no “Georgien”
        return None
    return _turned(said.replace("'", "’")) if said != entry.name and "[" not in said else None


def _turned(name: str) -> str:
    """Return a name as it is read: “Région wallonne” for “wallonne, Région”."""
    plain, _, kind = name.partition(", ")
    return f"{kind} {plain}" if kind else name
