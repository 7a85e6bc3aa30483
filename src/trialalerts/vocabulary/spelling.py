"""The spelling of disease names: what makes two ways of writing one name the same.

A text is split into words, and each word is folded to a key in which case, accents, plural,
British or American spelling and Roman numerals make no difference. A key is no English word
("disease" becomes "diseas"); it is only ever compared with other keys.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["BREAKS", "WordFolder", "fold_word", "is_acronym", "name_key", "name_orders", "split_words"]

BREAKS = frozenset(".;:!?()[]\n")
"""The words of :func:`split_words` that end a phrase: no name reaches across one. A comma may stand in a name."""

_PIECES = re.compile(r"[^\W\d_]+(?:['’ʼ`´][sS]\b)?|\d+|[.,;:!?()\[\]]|\n(?=\s*(?:[-*•·\n]|\d+[.)]))")
_ASCII_PIECES = re.compile(r"[A-Za-z]+(?:['`][sS]\b)?|[0-9]+|[.,;:!?()\[\]]|\n(?=\s*(?:[-*\n]|[0-9]+[.)]))")
"""The same for plain text, in two thirds of the time."""
_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "κ": "kappa", "λ": "lambda", "μ": "mu"}
_POSSESSIVE = re.compile(r"['’ʼ`´]s$")
_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[ao]e"), "e"),  # leukaemia, oesophagus, diarrhoea
    (re.compile(r"(?<=[^aeou])our(?=$|s$|al|ed|ing|less)"), "or"),  # tumour, behavioural
    (re.compile(r"i[sz](?=at|e|ing)"), "is"),  # generalized, localisation
    (re.compile(r"yz(?=e|ing)"), "ys"),  # paralyzed
    (re.compile(r"sulph"), "sulf"),
    (re.compile(r"leuco"), "leuko"),
    (re.compile(r"(?<=[bt])re(?=$|s$)"), "er"),  # fibre, centres
)
_ENDINGS: tuple[tuple[str, str], ...] = (
    ("stases", "stasis"),
    ("oses", "osis"),
    ("eses", "esis"),
    ("yses", "ysis"),
    ("itides", "itis"),
    ("omata", "oma"),
    ("ies", "y"),
)
_WHOLE = {
    "aids": "aids",  # no plural of "aid"
    "hives": "hives",
    "meigs": "meigs",  # Meigs syndrome is not Meige syndrome
    "series": "series",
    "species": "species",
    "crises": "crisis",
    "toes": "toe",
    "emboli": "embolus",
    "thrombi": "thrombus",
    "nevi": "nevus",
    "naevus": "nevus",
    "naevi": "nevus",
    "children": "child",
    "women": "woman",
    "men": "man",
    "feet": "foot",
    "teeth": "tooth",
    "ageing": "aging",
    "mould": "mold",
    "grey": "gray",
    "disk": "disc",
    "disks": "disc",
    "i": "1",
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "vi": "6",
    "vii": "7",
    "viii": "8",
}
_ACRONYM = re.compile(r"[A-Za-z0-9]*[A-Z][A-Za-z0-9-]*")
_LONGEST_ACRONYM = 8
_SHORT = 3
_STEM = 5
_MEMORY = 200_000


def split_words(text: str) -> list[str]:
    """Split a text into words, runs of digits, commas and the marks in :data:`BREAKS`.

    Hyphens, slashes and quotes only separate; a possessive stays one word ("Crohn's"). A line
    break is a break where the next line is a list item or empty.
    """
    if text.isascii():
        return _ASCII_PIECES.findall(text)
    return _PIECES.findall(unicodedata.normalize("NFC", text))


def fold_word(word: str) -> str:
    """Return the key of one word of :func:`split_words`."""
    word = _POSSESSIVE.sub("", _plain_letters(word))
    if word in _WHOLE:
        return _WHOLE[word]
    if len(word) <= _SHORT:
        return word
    for pattern, common in _SPELLINGS:
        word = pattern.sub(common, word)
    return _singular(word)


class WordFolder(dict[str, str]):
    """A memory of folded words: ``folder[word]`` folds a word the first time and looks it up afterwards.

    It forgets everything when it grows past 200,000 words, so that a long run stays small.
    """

    def __missing__(self, word: str) -> str:
        if len(self) >= _MEMORY:
            self.clear()
        key = self[word] = fold_word(word)
        return key


def name_key(name: str, folder: WordFolder) -> tuple[str, ...]:
    """Return the keys of a name's words in their order, punctuation left out."""
    return tuple(folder[word] for word in split_words(name) if word != "," and word not in BREAKS)


def name_orders(name: str) -> Iterable[str]:
    """Yield a name as it stands, and turned round if it is inverted: "Leukemia, Acute" is also "Acute Leukemia"."""
    yield name
    if ", " in name:
        yield " ".join(reversed(name.split(", ")))


def is_acronym(term: str) -> bool:
    """Return whether a name is an acronym such as ``COPD`` or ``T2DM``: short, in one piece, mostly capitals."""
    if len(term) > _LONGEST_ACRONYM or term.islower() or not _ACRONYM.fullmatch(term):
        return False
    capitals = sum(map(str.isupper, term))
    small = sum(map(str.islower, term))
    return capitals > max(1, small)


def _plain_letters(word: str) -> str:
    word = word.lower()
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word.translate(_UNDECOMPOSED))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return _GREEK.get(plain, plain)


def _singular(word: str) -> str:
    for plural, singular in _ENDINGS:
        if word.endswith(plural) and len(word) > len(plural) + 1:
            return word[: -len(plural)] + singular
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word.endswith("e") and len(word) >= _STEM:
        word = word[:-1]
    return word
