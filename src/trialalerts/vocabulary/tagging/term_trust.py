"""What to believe of the MeSH terms on a record, and what to add to them.

Registries find supplementary terms (``C562694``) by acronyms alone: "IgE" in an asthma trial became idiopathic
generalised epilepsy, "PARK4" of a melanoma trial Parkinson's disease. Of the descriptors (``D001249``) one is found by
a word alone: "secondary" made metastases of a swelling of the eye "secondary to retinal vein occlusion".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.spelling import WordFolder, split_words

__all__ = ["trusted_ancestors", "trusted_record", "trusted_terms", "with_named"]

_Term = Mapping[str, str]
_SUPPLEMENTARY = "C"
_SHARE = 3
"""One in so many of a name's own words must stand in the record: "esophageal adenocarcinoma" is said in many ways."""
_METASTASES = "D009362"
_OF_CANCER = re.compile(
    r"metasta|cancer|carcinom|tumou?r|neoplas|malignan|oncolog|sarcom|melanom|lymphom|leuka?em|myelom|gliom|blastom|adenoma",
    re.IGNORECASE,
)
_folder = WordFolder()
_WORDS = """
disease syndrome disorder sequence type form with without and or of the in to due by for on autosomal dominant
recessive linked x familial hereditary congenital idiopathic generalized primary secondary susceptibility
chronic acute early late onset infantile juvenile adult benign severe deficiency
"""
_TELL_NOTHING = frozenset(_folder[word] for word in _WORDS.split())


def trusted_terms(terms: Sequence[tuple[str, str]], texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return the terms, as pairs of id and name, without those that the record does not say.

    Those are supplementary ones whose names it does not say, and metastases where it speaks of no cancer.

    Args:
        terms: the condition terms of one record.
        texts: its own words: conditions, keywords, title.
    """
    if not any(id_.startswith(_SUPPLEMENTARY) or id_ == _METASTASES for id_, _ in terms):
        return list(terms)
    texts = list(texts)
    if not any(map(_OF_CANCER.search, texts)):
        terms = [term for term in terms if term[0] != _METASTASES]
    words = {word for text in texts for word in split_words(text)}
    keys = {_folder[word] for word in words}
    return [(id_, name) for id_, name in terms if not id_.startswith(_SUPPLEMENTARY) or _is_said(name, words, keys)]


def trusted_ancestors(ancestors: Iterable[str], terms: Iterable[str], areas: AreaTree) -> frozenset[str]:
    """Return those of a record's ancestors that stand above its remaining ``terms`` in our own tree.

    A record lists the ancestors of all its terms together. Once one is dropped, nobody can tell from the record
    which were its: without our tree an asthma trial would stay below "Brain diseases". A term that the tree does
    not know yet loses its ancestors, for it is better to tell too little than what is wrong.
    """
    above: Collection[str] = {ancestor for term in terms for ancestor in areas.ancestors(term)}
    return frozenset(ancestor for ancestor in ancestors if ancestor in above)


def trusted_record(
    terms: Sequence[_Term], ancestors: Sequence[_Term], texts: Iterable[str], areas: AreaTree
) -> tuple[list[_Term], list[_Term]]:
    """Return a record's terms and ancestors (``{"id": …, "name": …}``) without what is not to be trusted.

    Ancestors on a record without terms are ancestors of nothing.
    """
    if not terms:
        return [], []
    trusted = {id_ for id_, _ in trusted_terms([(term["id"], term["name"]) for term in terms], texts)}
    if len(trusted) == len(terms):
        return list(terms), list(ancestors)
    above = trusted_ancestors([term["id"] for term in ancestors], trusted, areas)
    return [term for term in terms if term["id"] in trusted], [term for term in ancestors if term["id"] in above]


def with_named(terms: Sequence[str], named: Collection[str], ancestors: Iterable[str], areas: AreaTree) -> list[str]:
    """Return what a record is about: its trusted terms, and what its conditions name beside and below them.

    The terms come first, each once, in their order; what is added follows by id, so that the order of the conditions
    makes no difference. Nothing is taken away: a narrower area that a condition names stands beside the broader term
    of the registry. Nothing is added that is a term already or stands above one: by our own tree, or by the record's
    ``ancestors``, or above something else that is added; who follows it is told all the same.

    Args:
        terms: the ids of the record's trusted terms.
        named: the ids of the areas that its conditions name exactly.
        ancestors: the ids that the record itself lists above its terms.
        areas: our tree; it need not know every id.
    """
    own = dict.fromkeys(terms)
    further = set(named).difference(own, ancestors)
    above = {ancestor for area in (*own, *further) for ancestor in areas.ancestors(area)}
    return [*own, *sorted(further - above)]


def _is_said(name: str, words: Collection[str], keys: Collection[str]) -> bool:
    own = {word for word in split_words(name) if word.isalpha() and _folder[word] not in _TELL_NOTHING}
    if not own:
        return True  # nothing can be told from such a name
    said = sum(word in words if _is_mixed(word) else _folder[word] in keys for word in own)
    return said * _SHARE >= len(own)


def _is_mixed(word: str) -> bool:
    """Return whether capitals amid a word tell it from an everyday one: SeSAME syndrome is not about sesame."""
    return not word.isupper() and any(letter.isupper() for letter in word[1:])
