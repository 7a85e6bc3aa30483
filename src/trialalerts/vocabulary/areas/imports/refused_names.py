"""What an import refuses: names that contradict their area, gene symbols, cross-references between strangers.

An ontology calls much a synonym that is none: "chronic hepatitis" for hepatitis, the gene COL17A1 for the erosion of
the cornea that its mutations bring. In a text such a name tells of something else than the area.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise, product

from trialalerts.vocabulary.spelling import WordFolder, name_key

__all__ = ["NameJudge", "genes_named"]

_Key = tuple[str, ...]
_Axis = tuple[frozenset[str], ...]
_folder = WordFolder()


def _words(text: str) -> frozenset[str]:
    return frozenset(_folder[word] for word in text.split())


def _axis(text: str) -> _Axis:
    return tuple(_words(side) for side in text.split("/"))


_AXES = tuple(
    _axis(line)
    for line in (
        "acute/chronic/subacute/hyperacute",
        "adult elderly senile/childhood child juvenile pediatric adolescent infantile infant neonatal newborn",
        "infantile neonatal newborn infant/juvenile adolescent",
        "fetal foetal/maternal",
        "early/late",
        "primary essential idiopathic/secondary symptomatic/tertiary",
        "benign/malignant malign cancer carcinoma",
        "hereditary inherited familial congenital genetic/acquired sporadic",
        "dominant/recessive",
        "autosomal/linked",
        "deficiency insufficiency lack/excess overload",
        "male men boys/female women girls",
        "alpha/beta/gamma/delta",
        "left/right",
        "upper/lower",
        "anterior/posterior",
        "proximal/distal",
        "internal/external",
        "inner/outer",
        "central/peripheral",
        "medial/lateral",
        "dorsal/ventral",
        "superficial/deep",
        "unilateral/bilateral",
        "unipolar/bipolar",
        "focal localized local/generalized systemic diffuse disseminated",
        "complete total/incomplete partial",
        "simple uncomplicated/complicated complex",
        "major/minor",
        "mild moderate/severe",
        "open/closed",
        "open/closure",
        "wet exudative/dry",
        "obstructive/restrictive",
        "ischemic ischaemic/hemorrhagic haemorrhagic",
        "systolic/diastolic",
        "sensory/motor",
        "cortical/subcortical",
        "bacterial/viral/fungal/parasitic/helminthic",
        "myeloid myelogenous myelocytic/lymphoid lymphocytic lymphoblastic",
        "single solitary isolated/multiple",
        "visceral/cutaneous",
        "vivax/falciparum/malariae/ovale",
    )
)
"""Words of which a disease can have those on one side of a stroke only; each line is a question of its own."""


def _by_word() -> Mapping[str, Sequence[tuple[int, int]]]:
    sides: dict[str, list[tuple[int, int]]] = {}
    for axis, words_of_sides in enumerate(_AXES):
        for side, words in enumerate(words_of_sides):
            for word in words:
                sides.setdefault(word, []).append((axis, side))
    return sides


_SIDES = _by_word()
"""Which sides of which axes a word stands on: few words of names do, and most names are done with at once."""
_QUALIFIERS = frozenset(word for axis in _AXES for side in axis for word in side) - _words(
    "cancer carcinoma deficiency insufficiency lack excess overload"
)
_KINDS = _words("type group grade stage class form")
_ROMAN = dict(zip(("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"), map(str, range(1, 11)), strict=True))
_NUMBER = re.compile(r"\d+")
_PARTS = re.compile(r"[A-Za-z]+|\d+")
_OPPOSED = (("hyper", "hypo"), ("macro", "micro"), ("brady", "tachy"), ("poly", "oligo"))
_NON = "non"
_LONG = 5
_SAY_NOTHING = _words(
    "disease disorder syndrome condition illness type form the of and or in with without to by due not other a an for "
    "as on from at acute chronic benign malignant familial hereditary congenital primary secondary human"
)
_SYMBOL = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*")
_LETTERS = re.compile(r"[A-Z]")
_LETTERS_ALONE = re.compile(r"[A-Z]+")
_ABOUT_GENES = re.compile(r" (?:genes?|mutations?|proteins?|antigens?|alleles?|variants?)$")
_DEFINED = re.compile(
    r"\b(?:mutations?|variations?|deletions?) (?:in|of) (?:the )?([A-Z][A-Z0-9-]{2,})\b"
    r"|\b([A-Z][A-Z0-9-]{2,}) genes?\b|\bgenes including ([A-Z][A-Z0-9-]{2,}(?:,? (?:and )?[A-Z][A-Z0-9-]{2,})*)"
)
_GENES = frozenset(
    _LETTERS_ALONE.findall(
        "ABL ALK APC APOE ATM BRAF BRCA CALR CFTR DMD EGFR EWSR FGFR FLT FMR HBB HFE HLA HTT IDH JAK KIT KRAS LDLR "
        "MAPT MECP MEFV MET MYC NRAS NTRK PAH PRNP PTEN RAS RET SMN SNCA SOD TTR VHL"
    )
)
"""Genes and families of genes that are known by their letters alone."""
_NO_DISEASES = _words("analgesia anesthesia sedation immunity tolerance")
"""What an ontology calls a disease and everybody else something that is done or wished for."""


def genes_named(definition: str) -> set[str]:
    """Return the gene symbols in a definition: "mutation in the COL17A1 gene on chromosome 10q25"."""
    found = {symbol for symbols in _DEFINED.findall(definition) for text in symbols for symbol in _symbols(text)}
    return {symbol for symbol in found if symbol.lower() not in _ROMAN}


class NameJudge:
    """Tells which names an area cannot have. ``genes`` are symbols that the file itself calls genes."""

    def __init__(self, genes: Collection[str] = ()) -> None:
        self._genes = frozenset(genes) | _GENES
        self._folder = WordFolder()

    def contradicts(self, synonym: str, name: str) -> bool:
        """Tell whether ``synonym`` says something else than an area's own name, or only a part of it.

        "Juvenile arthritis" contradicts "Adult arthritis"; "acute hepatitis" is but a part of "Hepatitis".
        """
        said, own = self._key(synonym), self._key(name)
        return _clash(said, own) or _narrows(said, own)

    def is_gene(self, name: str, names: Iterable[str]) -> bool:
        """Tell whether a name is a gene symbol and no short form of one of the area's ``names``.

        ``SPG4`` is short for "spastic paraplegia 4"; ``HLA-B27`` and ``BRCA2`` are never short for a disease.
        """
        symbol = _ABOUT_GENES.sub("", name)
        if len(symbol) == 1 or not _SYMBOL.fullmatch(symbol):
            return False
        letters, numbers = "".join(_LETTERS.findall(symbol)).lower(), set(_NUMBER.findall(symbol))
        known = not self._genes.isdisjoint((symbol, letters.upper(), symbol.partition("-")[0]))
        if not numbers and not known:
            return False
        long_forms = (form for form in names if not _SYMBOL.fullmatch(_ABOUT_GENES.sub("", form)))
        return not any(_is_short_for(letters, numbers, form, known=known) for form in long_forms)

    def is_no_disease(self, name: str) -> bool:
        """Tell whether a name is a word of medicine that is no disease: "analgesia"."""
        key = self._key(name)
        return len(key) == 1 and key[0] in _NO_DISEASES

    def are_strangers(self, names: Iterable[str], others: Iterable[str]) -> bool:
        """Tell whether no name of the one side shares a telling word with one of the other."""
        return not self._telling(names) & self._telling(others)

    def _telling(self, names: Iterable[str]) -> set[str]:
        return {word for name in names for word in self._key(name)} - _SAY_NOTHING

    def _key(self, name: str) -> _Key:
        """Return the folded words, numbers in Arabic figures, "non-toxic" in one word."""
        words = [_ROMAN.get(word, word) for word in name_key(name, self._folder)]
        joined: list[str] = []
        for word in words:
            if joined and joined[-1] == _NON:
                joined[-1] += word
            else:
                joined.append(word)
        return tuple(joined)


def _symbols(text: str) -> list[str]:
    return [word.strip("-") for word in re.findall(r"[A-Z][A-Z0-9-]+", text)]


def _clash(one: _Key, other: _Key) -> bool:
    """Tell whether two folded names answer one question differently: acute or chronic, type 1 or 2."""
    return _are_apart(one, other) or _have_other_numbers(one, other) or _deny(one, other)


def _are_apart(one: _Key, other: _Key) -> bool:
    mine, theirs = _answers(one), _answers(other)
    return any(axis in theirs and sides.isdisjoint(theirs[axis]) for axis, sides in mine.items())


def _answers(key: _Key) -> Mapping[int, set[int]]:
    """Return the sides on which a name stands, by axis."""
    answers: dict[int, set[int]] = {}
    for word in key:
        for axis, side in _SIDES.get(word, ()):
            answers.setdefault(axis, set()).add(side)
    return answers


def _narrows(said: _Key, own: _Key) -> bool:
    """Tell whether a name is the area's own with qualifiers or a number added."""
    more = set(said) - set(own)
    return set(own) < set(said) and more <= _QUALIFIERS | _KINDS | _marks(said) and not more <= _KINDS


def _have_other_numbers(one: _Key, other: _Key) -> bool:
    """Tell whether the names are the same but for their numbers or letters: type 1 diabetes, type 2 diabetes."""
    mine, theirs = _marks(one), _marks(other)
    rest, others = set(one) - mine - _KINDS, set(other) - theirs - _KINDS
    return bool(mine and theirs) and not mine & theirs and bool(rest) and (rest <= others or others <= rest)


def _marks(key: _Key) -> set[str]:
    """Return the numbers of a folded name, and the letters behind "type"."""
    letters = {word for kind, word in pairwise(key) if kind in _KINDS and len(word) == 1}
    return letters | {word for word in key if _NUMBER.fullmatch(word)}


def _deny(one: _Key, other: _Key) -> bool:
    """Tell whether a word of the one denies or turns round a word of the other: non-Hodgkin, hypotension."""
    pairs = list(product(set(one) - set(other), set(other) - set(one)))
    return any(_NON + a == b or _NON + b == a or _are_opposed(a, b) for a, b in pairs)


def _are_opposed(one: str, other: str) -> bool:
    if len(one) <= _LONG or len(other) <= _LONG:
        return False
    return any(
        one.startswith(first) and other == second + one.removeprefix(first)
        for pair in _OPPOSED
        for first, second in (pair, pair[::-1])
    )


def _is_short_for(letters: str, numbers: set[str], name: str, *, known: bool) -> bool:
    """Tell whether a symbol is a short form of a name; one that is ``known`` as a gene needs better reasons."""
    words = [word.lower() for word in _PARTS.findall(name)]
    initials = "".join(word[0] for word in words if word.isalpha())
    if known and not numbers:
        return _run_through(letters, initials)
    has_numbers = bool(numbers) and numbers <= {_ROMAN.get(word, word) for word in words}
    has_letters = letters[0] in initials and _run_through(letters, "".join(word for word in words if word.isalpha()))
    return has_numbers and has_letters if known else has_numbers or has_letters


def _run_through(letters: str, text: str) -> bool:
    """Tell whether the letters stand in the text in their order."""
    rest = iter(text)
    return all(letter in rest for letter in letters)
