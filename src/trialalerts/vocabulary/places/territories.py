"""Territories that are countries of their own in ISO 3166-1, and parts of another country in what people write.

Registries write “Puerto Rico” as a country or as a state of the United States. Either way the site gets the
territory's own code, and is found by those who follow the territory and by those who follow the country it belongs to.
Where that is disputed, what the registry wrote decides: a site in “Taiwan, China” is found under both names, one
in “Taiwan” under its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from trialalerts.vocabulary.names import folded

__all__ = ["TERRITORY_NAMES", "belongs_to", "countries_of", "is_disputed", "subdivisions_of", "wholes"]

_PARTS: Mapping[str, str] = {
    "AU": "CC CX HM NF",
    "CN": "HK MO",
    "DK": "FO GL",
    "FI": "AX",
    "FR": "BL GF GP MF MQ NC PF PM RE TF WF YT",
    "GB": "GG IM JE",
    "NL": "AW BQ CW SX",
    "NO": "SJ",
    "NZ": "CK NU TK",
    "US": "AS GU MP PR UM VI",
}
_WHOLE = {part: whole for whole, parts in _PARTS.items() for part in parts.split()}
_DISPUTED = {"TW": "CN", "XK": "RS", "PS": "IL"}
_WRITTEN_UNDER = {
    "TW": frozenset({"china", "pr china", "peoples republic of china", "china mainland", "mainland china"}),
    "XK": frozenset({"serbia", "republic of serbia", "serbia and montenegro", "former serbia and montenegro"}),
    "PS": frozenset({"israel", "state of israel"}),
}
"""Disputed territory → the folded names of the country under which registries write it too."""

_OVERSEAS = {"GP": "FR-971", "MQ": "FR-972", "GF": "FR-973", "RE": "FR-974", "YT": "FR-976"}
_BONAIRE = ("NL-BQ1", "NL-BQ2", "NL-BQ3")

_NAMES = {
    "AS": ("American Samoa",),
    "GF": ("Guyane", "French Guiana", "Guyane française"),
    "GG": ("Guernsey", "Alderney", "Sark", "Bailiwick of Guernsey"),
    "GP": ("Guadeloupe",),
    "HK": (
        "Hong Kong",
        "Hong Kong SAR",
        "HKSAR",
        "Hong Kong Special Administrative Region",
        "Kowloon",
        "New Territories",
    ),
    "JE": ("Jersey", "Bailiwick of Jersey", "Channel Islands"),
    "MO": ("Macao", "Macau", "Macao SAR", "Macau SAR"),
    "MP": ("Northern Mariana Islands", "Saipan"),
    "MQ": ("Martinique",),
    "PR": ("Puerto Rico", "Commonwealth of Puerto Rico"),
    "PS": ("Gaza", "Gaza Strip", "West Bank", "Palestine", "Palestinian Territories", "Palestinian Territory"),
    "RE": ("Réunion", "La Réunion", "Reunion Island", "Île de la Réunion", "Réunion Island"),
    "TW": ("Taiwan", "Taiwan Province", "Taiwan Province of China", "Taiwan Sheng"),
    "VI": ("Virgin Islands", "US Virgin Islands", "U.S. Virgin Islands"),
    "XK": ("Kosovo", "Kosovo and Metohija", "Kosovo i Metohija"),
    "YT": ("Mayotte",),
}
TERRITORY_NAMES: Mapping[str, str] = {folded(name): code for code, names in _NAMES.items() for name in names}
"""Folded name → territory, as registries write it as a state; ISO's own names are found as countries are."""


def belongs_to(territory: str, country: str) -> bool:
    """Tell whether registries write a territory (ISO 3166-1 alpha-2) as a part of a country, rightly or not."""
    return (_WHOLE.get(territory) or _DISPUTED.get(territory)) == country


def is_disputed(territory: str) -> bool:
    """Tell whether it depends on how a registry writes it under which countries a territory is found."""
    return territory in _DISPUTED


def countries_of(country: str, written: str | None) -> tuple[str, ...]:
    """Return the countries under which a site is found: its own, and the one that its territory belongs to.

    ``written`` is the country as the registry spells it; it decides where that is disputed.
    """
    return _countries_of(country, written if country in _DISPUTED else None)


@lru_cache(maxsize=1024)
def _countries_of(country: str, written: str | None) -> tuple[str, ...]:
    if whole := _WHOLE.get(country):
        return country, whole
    if written and folded(written) in _WRITTEN_UNDER[country]:
        return country, _DISPUTED[country]
    return (country,)


def subdivisions_of(country: str, subdivision: str | None) -> tuple[str, ...]:
    """Return the ISO 3166-2 codes under which a site is found: its own, and that of its territory (``US-PR``)."""
    own = (subdivision,) if subdivision else ()
    if country == "BQ":
        return own + _BONAIRE
    whole = _WHOLE.get(country) or _DISPUTED.get(country)
    return (*own, _OVERSEAS.get(country) or f"{whole}-{country}") if whole else own


def wholes() -> Mapping[str, str]:
    """Return territory → the country that registries may write instead, the disputed ones included."""
    return _WHOLE | _DISPUTED
