"""The countries: their codes, the names shown, and every spelling under which people and registries give them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trialalerts.vocabulary.names import folded

__all__ = ["REGISTRY_SPELLINGS", "Country", "read_countries"]

_LOCALES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "hu", "ro", "hr", "el", "tr", "ru",
    "uk", "ar", "he", "ja", "zh", "ko",
)  # fmt: skip
"""The languages in which a country is found; on a clash the language that stands first has the name."""

_SHOWN = {
    "CD": "DR Congo",
    "CG": "Congo",
    "GE": "Georgia (country)",  # the bare name is a state of the US too
    "HK": "Hong Kong",
    "MM": "Myanmar",
    "MO": "Macao",
    "PS": "Palestine",
}
"""Shown names where CLDR's English one is too diplomatic for a label."""

_OTHER_NAMES = {
    "AE": ("UAE", "Emirates"),
    "BA": ("Bosnia", "Bosnia-Herzegovina", "Bosnia and Herzegowina"),
    "BN": ("Brunei Darussalam",),
    "BQ": ("Bonaire",),
    "CC": ("Cocos Islands",),
    "CD": (
        "Congo, The Democratic Republic of the",
        "Democratic Republic of the Congo",
        "DRC",
        "Zaire",
        "Democratic Republic of Congo",
        "Congo, Dem. Rep.",
        "Congo Democratic Republic",
    ),
    "CG": ("Republic of the Congo", "Congo-Brazzaville", "Congo Republic"),
    "CI": ("Ivory Coast", "Cote d'Ivoire"),
    "CN": ("PR China", "P.R. China", "People's Republic of China", "Mainland China"),
    "CV": ("Cabo Verde",),
    "CZ": ("Czech Republic",),
    "FK": ("Falkland Islands (Malvinas)",),
    "FM": ("Micronesia, Federated States of",),
    "GB": ("UK", "Great Britain", "Britain", "U.K."),
    "GE": ("Georgia", "Republic of Georgia", "Georgia (país)"),
    "GM": ("The Gambia",),
    "HK": ("Hongkong", "Hong Kong SAR", "China, Hong Kong Special Administrative Region", "China, Hong Kong SAR"),
    "IE": ("Republic of Ireland", "Eire"),
    "IN": ("Bharat",),
    "IR": ("Iran, Islamic Republic of",),
    "KP": (
        "Korea, Democratic People's Republic of",
        "DPRK",
        "Korea, North",
        "Korea (North)",
        "Korea, Dem. People's Rep.",
    ),
    "KR": ("Korea, Republic of", "Republic of Korea", "Korea", "Korea, South", "Korea South"),
    "LA": ("Lao PDR", "Lao People's Democratic Republic"),
    "LI": ("Lichtenstein",),
    "LY": ("Libyan Arab Jamahiriya",),
    "MD": ("Moldova, Republic of", "Republic of Moldova"),
    "MK": (
        "Macedonia",
        "Macedonia, The Former Yugoslav Republic of",
        "FYROM",
        "The Former Yugoslav Republic of Macedonia",
        "Former Yugoslav Republic of Macedonia",
        "FYR Macedonia",
        "FYR of Macedonia",
    ),
    "MM": ("Burma",),
    "MO": ("Macau", "Macau SAR", "China, Macao Special Administrative Region"),
    "NL": ("Holland", "The Netherlands"),
    "PR": ("Porto Rico",),
    "PS": (
        "Palestinian Territory, occupied",
        "Palestinian Territories, Occupied",
        "State of Palestine",
        "Palestinian Territory",
        "Occupied Palestinian Territory",
        "Occupied Palestinian Territories",
        "Palestinian Authority",
        "West Bank",
        "Gaza Strip",
        "West Bank and Gaza",
        "West Bank and Gaza Strip",
        "Gaza Strip and West Bank",
    ),
    "RE": ("Reunion", "La Réunion"),
    "RU": ("Russian Federation",),
    "SA": ("KSA",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Turkey", "Turkey (Türkiye)", "Turkiye"),
    "TW": ("Taiwan, Province of China", "Chinese Taipei", "Taiwan, R.O.C."),
    "TZ": ("Tanzania, United Republic of",),
    "US": ("USA", "U.S.A.", "U.S.", "United States of America", "America"),
    "VA": (
        "Holy See (Vatican City State)",
        "Vatican",
        "Holy See",
        "The Holy See",
        "Vatican City State",
        "State of the Vatican City",
        "Santa Sede",
        "Saint-Siège",
        "Heiliger Stuhl",
    ),
    "VG": ("Virgin Islands (British)",),
    "VI": ("Virgin Islands (U.S.)",),
    "VN": ("Viet Nam",),
}
"""Names that neither CLDR nor ISO give, the older spellings of the registries among them."""

_IN_REGISTRIES_ONLY = {
    "GB": ("England", "Scotland", "Wales", "Northern Ireland", "Great Britain and Northern Ireland"),
    "CN": ("Chian", "Peoples Republic of China", "China, Mainland", "P.R.C.", "Tibet"),
    "DE": ("Federal Republic of Germany", "FRG"),
    "IR": ("Iran (Islamic Republic of)", "Persia"),
    "RS": ("Former Serbia and Montenegro", "Serbia and Montenegro"),
    "CW": ("Netherlands Antilles",),
    "KR": ("South Korea, Republic of",),
    "ES": ("Canary Islands",),
    "PT": ("Azores", "Madeira"),
    "TZ": ("Zanzibar",),
    "BY": ("Byelarus", "Belorussia", "Byelorussia"),
    "BF": ("Upper Volta",),
    "BJ": ("Dahomey",),
    "CY": ("Northern Cyprus",),
    "GE": ("Abkhazia",),
    "JE": ("Channel Islands",),
    "KH": ("Kampuchea",),
    "LK": ("Ceylon",),
    "MD": ("Transnistria",),
    "PS": ("Gaza",),
    "SA": ("Saudia Arabia",),
    "SO": ("Somaliland",),
    "TW": ("Republic of China",),
    "UA": ("Crimea",),
    "ZW": ("Rhodesia",),
}

REGISTRY_SPELLINGS = {folded(name): code for code, names in _IN_REGISTRIES_ONLY.items() for name in names}
"""Folded name → country, for names that a registry puts in a country field but a person means otherwise."""


@dataclass(frozen=True, kw_only=True)
class Country:
    """A country: ISO 3166-1 alpha-2 code, the name shown, the keys (see :func:`folded`) under which it is found."""

    code: str
    name: str
    keys: tuple[str, ...]


def read_countries() -> list[Country]:
    """Return the 249 countries of ISO 3166-1 and Kosovo (``XK``); no key stands for two of them."""
    import pycountry

    names: dict[str, list[str]] = {"XK": ["XKX", "Republic of Kosovo"]}
    for entry in pycountry.countries:
        common = (getattr(entry, "common_name", ""), getattr(entry, "official_name", ""))
        names[entry.alpha_2] = [entry.alpha_3, entry.name, *common, *_OTHER_NAMES.get(entry.alpha_2, ())]
    shown = _in_languages(names)
    owner: dict[str, str] = {}
    for code, name in _in_order(names, shown):
        owner.setdefault(folded(name), code)
    keys: dict[str, list[str]] = {code: [] for code in names}
    for key, code in owner.items():
        if key:
            keys[code].append(key)
    return [
        Country(code=code, name=_SHOWN.get(code) or shown["en"][code].replace("&", "and"), keys=tuple(keys[code]))
        for code in sorted(names)
    ]


def _in_languages(codes: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """Return language → country code → name."""
    from babel import Locale

    found = {}
    for language in _LOCALES:
        territories = Locale(language).territories
        found[language] = {code: territories[code] for code in codes if code in territories}
    return found


def _in_order(names: dict[str, list[str]], shown: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield (code, name), those that win a clash first: codes, English, ISO and registries, then other languages."""
    for code in names:
        yield code, code
    for code, name in shown["en"].items():
        yield code, _SHOWN.get(code, name)
        yield code, name
    for code, others in names.items():
        for name in others:
            yield code, name
    for language in _LOCALES:
        yield from shown[language].items()
