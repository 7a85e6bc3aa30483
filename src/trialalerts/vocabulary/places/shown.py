"""How a region is told in the reader's language: its country and subdivision as people there call them.

Countries are CLDR's (Babel), subdivisions ISO's in the translations of pycountry. A town keeps the name it has.
"""

from __future__ import annotations

import gettext
from functools import lru_cache

from trialalerts.vocabulary.areas.naming.shown import language_of

__all__ = ["country_shown", "region_shown", "subdivision_shown"]

_ENGLISH = "en"


def region_shown(label: str, kind: str, country: str | None, subdivision: str | None, language: str) -> str:
    """Return the label of a stored region in a language: "Leeds, England, GB" as "Leeds, England, Royaume-Uni".

    Args:
        label: as it is stored, with the country's code at its end but for countries.
        kind: anywhere, country, subdivision or place.
        country: ISO 3166-1.
        subdivision: ISO 3166-2.
        language: of the reader.
    """
    if country is None:
        return label
    if kind == "country":
        return country_shown(country, language) or label
    name, *within = label.split(", ")
    if not within or within[-1] != country:
        return label
    if kind == "subdivision":
        name = _called(subdivision, name, language)
    elif len(within) > 1:
        within[-2] = _called(subdivision, within[-2], language)
    return ", ".join((name, *within[:-1], country_shown(country, language) or country))


def country_shown(code: str, language: str) -> str | None:
    """Return a country's name in a language; None where CLDR has none."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language_of(language)).territories.get(code)
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_ENGLISH).territories.get(code)


def subdivision_shown(code: str, language: str) -> str | None:
    """Return the name of a subdivision (ISO 3166-2) in a language; None where nobody translated it."""
    return _translated(code, language_of(language))


def _called(code: str | None, name: str, language: str) -> str:
    return (subdivision_shown(code, language) if code else None) or name


@lru_cache(maxsize=10_000)
def _translated(code: str, language: str) -> str | None:
    import pycountry
    from babel.languages import get_official_languages

    entry = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]  # has no types
    if entry is None or language == _ENGLISH:
        return None
    if language in get_official_languages(code[:2]) and "[" not in entry.name:
        return str(entry.name)  # ISO's own is that of the country
    words = gettext.translation("iso3166-2", pycountry.LOCALES_DIR, languages=[language], fallback=True)
    said = words.gettext(entry.name)
    return said.replace("'", "’") if said != entry.name and "[" not in said else None
