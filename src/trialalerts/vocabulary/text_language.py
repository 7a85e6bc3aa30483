"""The language of a text, told by its small words; and the folding of German words with their compounds."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from trialalerts.vocabulary.spelling import WordFolder, fold_word, split_words

__all__ = ["GermanFolder", "text_language"]

ENGLISH = "en"
_SMALL = {
    ENGLISH: "the of and in with for to is are was were by from that this who have has at or as not we be on an it",
    "de": "der das einem und ist mit für bei von dem eine einer eines nicht auch wird werden zu zur zum wie sind nach "
    "als über oder durch im auf wenn sich neue neuen haben können ein einen aus",
    "fr": "le la les des et est dans pour avec une sur par du aux qui que sont chez cette ce nouveau nouvelle ou au en "
    "pas plus leur leurs",
    "es": "el los las y es en con para por una del que se su sus al como más nuevo nueva estudio un este esta lo",
}
_WORDS: dict[str, list[str]] = {}
for _language, _words in _SMALL.items():
    for _word in set(_words.split()):
        _WORDS.setdefault(_word, []).append(_language)
_MOST_LOOKED_AT = 200
_HEAD = 5
"""A disease of fewer letters begins too many other words."""
_TAILS = tuple(
    fold_word(word)
    for word in (
        "patient", "kranke", "erkrank", "therapie", "behandl", "forsch", "studie", "zentr", "risik", "vorsorge",
        "früherkennung", "screening", "medikament", "diagnos", "betroffene", "symptom", "mittel", "register", "verlauf",
        "nachsorge", "ambulanz", "station", "selbsthilfe", "test", "arznei", "experte", "ärzt", "arzt", "klinik",
    )
)  # fmt: skip
"""What a German disease is put together with and stays the same: Brustkrebspatientinnen, Asthmatherapie."""
_ENDINGS = frozenset({"", "s", "e", "n", "en", "er", "es", "ern"})
_JOINTS = ("", "s", "n", "en", "e", "es")


def text_language(title: str, text: str, declared: str | None = None, *, clear: int = 2) -> str | None:
    """Return the language of a text, of those we know; what it is declared as where its words do not tell.

    ``clear`` small words of a language, and more than of English, tell that a text is in it.

    >>> text_language("Neue Studie zu Brustkrebs", "Die Studie ist für Frauen mit Metastasen.")
    'de'
    """
    words = [word.lower() for word in (*split_words(title), *split_words(text[:5000]))[:_MOST_LOOKED_AT]]
    counts = dict.fromkeys(_SMALL, 0)
    for word in words:
        for language in _WORDS.get(word, ()):
            counts[language] += 1
    best = max(counts, key=lambda language: counts[language])
    if counts[best] >= clear and counts[best] > counts[ENGLISH]:
        return best
    if counts[ENGLISH]:
        return ENGLISH
    code = (declared or "").replace("_", "-").partition("-")[0].lower()
    return code if code in _SMALL else None


class GermanFolder(WordFolder):
    """Folds German words; one put together with a disease, or bent, is folded like the disease.

    ``names`` are the folded one-word names. A noun has a capital: "stillen" in small letters is no "Stillen".
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = frozenset(name for name in names if len(name) >= _HEAD)

    def __missing__(self, word: str) -> str:
        key = super().__missing__(word)
        if key not in self._names and word[:1].isupper():
            key = self[word] = self._disease_in(key) or key
        return key

    def _disease_in(self, key: str) -> str | None:
        for end in range(len(key) - 1, _HEAD - 1, -1):
            if key[:end] in self._names and _is_tail(key[end:]):
                return key[:end]
        return None


@lru_cache(maxsize=10_000)
def _is_tail(rest: str) -> bool:
    return rest in _ENDINGS or any(rest.startswith(joint + tail) for joint in _JOINTS for tail in _TAILS)
