"""Countries as they stand in a sentence: in Germany, in the United Kingdom, in der Schweiz."""

from __future__ import annotations

from trialalerts.digests.cards.wording import Wording

__all__ = ["within"]

_PLAIN = {"fr": "{}", "es": "en {}"}
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
}


def within(words: Wording, code: str | None, name: str) -> str:
    """Return that something is in a country; in French its name alone, which takes an article and a case of its own."""
    said = words.country(code, name) or name
    form = _WITH_ARTICLE.get(words.language, {}).get(code or "") or _PLAIN.get(words.language, "in {}")
    return form.format(said)
