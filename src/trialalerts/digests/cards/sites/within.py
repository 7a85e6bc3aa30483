"""Countries and regions as they stand in a sentence: in Germany, in the Midlands, in der Schweiz, au Canada."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from trialalerts.digests.cards.wording import Wording

__all__ = ["known_within", "within"]

_FILE = Path(__file__).with_name("within.txt")
_PLAIN = {"en": "in {}", "de": "in {}", "es": "en {}"}
_BEHIND = {
    "en": "AD AF AL AM AO AR AT AU AZ BA BE BG BO BY CF CH CI CN CO CZ DE DO DZ EC EE EG ER ES ET FI FR GE GF GM GN GP "
    "GQ GR GW HR HU ID IE IL IN IQ IR IS IT JM JO KP KR LT LV LY MD MK MN MQ MR MY NA NC NO NZ PF PG PL RO RS RU SA SE "
    "SI SK SL SO SY SZ TH TN TR TZ UA UG UY UZ ZA ZM",
    "au": "BD BF BI BJ BN BR BT BW BZ CA CD CG CL CM CR CV DK GA GB GH GL GT GY HN JP KE KG KH KW KZ LA LB LI LK LR LS "
    "LU MA ME ML MW MX MZ NE NG NI NP PA PE PK PT PY QA RW SD SN SR SS SV TD TG TJ TL TM VE VN VU XK YE ZW",
    "aux": "AE BM BS FJ KM MH MV NL PH PW SB SC US",
    "à": "AW BH CU CW CY DJ GG GI GU HT JE MC MG MT MU OM PR RE SG SM TT TW YT",
}
"""Which word a country has before it in French: a matter of its gender, which no table of Unicode's tells."""
_FRENCH = {code: f"{word} {{}}" for word, codes in _BEHIND.items() for code in codes.split()}
_WITH_ARTICLE = {
    "en": dict.fromkeys(
        (
            "AE",
            "BS",
            "CD",
            "CF",
            "CG",
            "DO",
            "GB",
            "GM",
            "KM",
            "KY",
            "MH",
            "MV",
            "NL",
            "PH",
            "SB",
            "SC",
            "TC",
            "US",
            "VI",
        ),
        "in the {}",
    ),
    "de": {
        "CD": "in der Demokratischen Republik Kongo",
        "CF": "in der Zentralafrikanischen Republik",
        "CH": "in der Schweiz",
        "CI": "in der Elfenbeinküste",
        "DO": "in der Dominikanischen Republik",
        "GB": "im Vereinigten Königreich",
        "IR": "im Iran",
        "IQ": "im Irak",
        "LB": "im Libanon",
        "MD": "in der Republik Moldau",
        "MN": "in der Mongolei",
        "NL": "in den Niederlanden",
        "PH": "auf den Philippinen",
        "SD": "im Sudan",
        "SK": "in der Slowakei",
        "TR": "in der Türkei",
        "UA": "in der Ukraine",
        "US": "in den Vereinigten Staaten",
        "AE": "in den Vereinigten Arabischen Emiraten",
        "YE": "im Jemen",
    },
    "es": {"AE": "en los {}", "NL": "en los {}", "PH": "en {}"},
    "fr": _FRENCH,
}


def within(words: Wording, code: str | None, name: str) -> str:
    """Return that something is in a country, or in a region of this name.

    In French, where nobody wrote down which word goes before it, its name in brackets.
    """
    said = words.country(code, name) or name
    return known_within(words, code, name) or _PLAIN.get(words.language, "({})").format(said)


def known_within(words: Wording, code: str | None, name: str) -> str | None:
    """Return that something is in a country or a region; None where that cannot be said in this language."""
    said = words.country(code, name) or name
    form = _WITH_ARTICLE.get(words.language, {}).get(code or "") or _regions().get((words.language, said))
    return (form or _PLAIN[words.language]).format(said) if form or words.language in _PLAIN else None


@cache
def _regions() -> Mapping[tuple[str, str], str]:
    """Return the phrases of the hand-written table by language and name."""
    return dict(_read(_FILE.read_text(encoding="utf-8")))


def _read(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        language, before, names = (part.strip() for part in line.split("|"))
        if before == "=":
            name, _, phrase = names.partition(" > ")
            yield (language, name), phrase
            continue
        space = "" if before.endswith("’") else " "
        for name in names.split("; "):
            yield (language, name), f"{before}{space}{name}"
