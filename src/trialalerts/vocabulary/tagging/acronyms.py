"""Acronyms: those that a text explains itself, and those that cannot be mistaken where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress

from trialalerts.vocabulary.spelling import BREAKS, WordFolder, fold_word, is_acronym
from trialalerts.vocabulary.tagging.dictionary import (
    NOTHING,
    Hit,
    Key,
    Lengths,
    TagDictionary,
    WordTokens,
    possible_keys,
)
from trialalerts.vocabulary.tagging.senses import means_something_else
from trialalerts.vocabulary.tagging.words import HAVERS, HAVING

__all__ = ["acronyms_in", "bracketed_acronyms", "explained_acronyms", "is_shouted", "spelt_behind"]

_SENTENCE = 4
"""The fewest words in capitals that are somebody shouting rather than an acronym or two."""
_BRACKETED = 4
"""The most words of an acronym in brackets: "T2DM" is three."""
_BEFORE = 3
"""The most words before a name that may lend letters to its acronym: "hereditary breast cancer (HBC)"."""
_LONG_FORM = 8
"""The most words in brackets that explain the acronym before them."""
_SMALL = frozenset({"of", "the", "and", "in", "with", "to", "for", "by"})

_folder = WordFolder()


def _words(text: str) -> frozenset[str]:
    return frozenset(_folder[word] for word in text.split())


def _exact(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KNOWN_IN_TITLES = _exact(
    "ADHD AML ALS APL AFib BCC BPH CKD CLL CML CMT CMV COPD CJD CRC CVID DLBCL DMD DVT EBV EoE FMF FOP FTD FXS "
    "GBM GBS GERD GORD GVHD GvHD HAE HBV HCC HCM HCV HHT HLH HPV HSV IBD IBS ILD IPF ITP JIA LCH MCI MDD MDS MND "
    "MPN MSA NAFLD NASH NF1 NF2 NHL NMO NSCLC OCD OSA PAH PBC PCOS PKU PNH PTSD PWS PsA RCC RLS RSV SCLC SLE SMA "
    "SSc STI STIs T1D T1DM T2D T2DM TB TBI TIA TIAs TNBC TSC UTI UTIs VTE VHL XLH cHL gMG"
)
"""Acronyms whose disease is meant in a title that says no more. Of the rest the title must tell: "PSC patients"."""
_TOLD_BEHIND = _words(
    "patient people person family child adult woman man survivor sufferer carer caregiver trial study treatment "
    "therapy therapeutics care drug medicine medication vaccine remission relapse flare diagnosis symptom risk "
    "prevention progression prognosis management guideline screening onset research community clinic specialist "
    "biomarker gene cure"
)
_TOLD_BEFORE = _words(
    "progressive relapsing remitting refractory relapsed advanced metastatic severe early active newly diagnosed "
    "chronic acute pediatric juvenile treat treating treatment cure curing living live prevent preventing manage "
    "managing against diagnosing diagnosis familial sporadic resistant onset"
)
_TOLD_BEFORE_SMALL = _words("in with of for against")
"""Told only where one of the others stands on the left of these: "treatment of PSC"."""


def bracketed_acronyms(words: Sequence[str]) -> dict[int, Key | None]:
    """Return the places of all opening brackets, each with the acronym that stands alone in it, if any."""
    return {place: _bracketed(words, place + 1) for place in _openings(words)}


def explained_acronyms(
    words: Sequence[str], named: Sequence[Hit], brackets: Mapping[int, Key | None]
) -> dict[Key, str]:
    """Return the acronyms that the text explains itself, and the area of each: none where it explains them otherwise.

    ``brackets`` are those of :func:`bracketed_acronyms`.

    Both "multiple sclerosis (MS)" and "MS (multiple sclerosis)" explain.
    """
    defined: dict[Key, str] = {}
    if not brackets:
        return defined
    ends = {hit.end: hit for hit in named}
    for place, key in brackets.items():
        if key is not None:
            area = _explained_before(words, place, key, ends.get(place))
            if area is not None:
                defined.setdefault(key, area)
    for hit in named:
        before = _before_bracket(words, hit) if hit.start - 1 in brackets else None
        if before is not None and _spells(before, words[hit.start : hit.end]):
            defined.setdefault(before, hit.area)
    for place in brackets:
        if place and is_acronym(short := words[place - 1].removesuffix("s")):
            long_form = _up_to_bracket(words, place + 1)
            if _is_initials((short,), long_form):
                defined.setdefault((short,), NOTHING)
    return defined


def _explained_before(words: Sequence[str], place: int, key: Key, hit: Hit | None) -> str | None:
    """Return the area that the words before a bracket give the acronym in it; ``hit`` is a name that ends there."""
    if hit is not None:
        return hit.area if _spells(key, words[max(0, hit.start - _BEFORE) : hit.end]) else None
    return NOTHING if _is_initials(key, words[max(0, place - len("".join(key))) : place]) else None


def spelt_behind(words: Sequence[str], starts: Mapping[int, str]) -> dict[Key, str]:
    """Return the acronyms whose long form follows without brackets: "ALS: advanced life support".

    ``starts`` gives the areas of the names in the text by the place where they begin.
    """
    defined: dict[Key, str] = {}
    for place, word in enumerate(words):
        if word.isupper() and len(word) > 1 and is_acronym(word):
            behind = place + 2 if place + 1 < len(words) and words[place + 1] in {":", ","} else place + 1
            if _is_initials((word,), words[behind : behind + len(word)]):
                defined[(word,)] = starts.get(behind, NOTHING)
    return defined


def acronyms_in(
    words: Sequence[str],
    tokens: WordTokens,
    named: Sequence[Hit],
    defined: Mapping[Key, str],
    dictionary: TagDictionary,
    *,
    title: int,
    shouted: tuple[bool, bool],
) -> Iterator[Hit]:
    """Yield the acronyms: those that the text explains, and those that cannot be mistaken.

    The first ``title`` words are title; ``shouted`` says of title and text whether they are all in capitals.
    """
    known, keys = dictionary.acronym_lengths, tokens.keys
    places = set(compress(range(len(words)), tokens.acronyms))
    if firsts := {key[0] for key, area in defined.items() if area}:
        firsts |= {f"{first}s" for first in firsts}
        places.update(compress(range(len(words)), map(firsts.__contains__, words)))
    if not places:
        return
    spelt_out = {hit.area for hit in named}
    taken = {place for hit in named for place in range(hit.start, hit.end)}
    end = 0
    for start in sorted(places):
        if start < end or start in taken:
            continue
        in_title = start < title
        for key, length in _acronyms_at(words, start, defined, known):
            if key in defined:
                area: str | None = defined[key]
            elif means_something_else(words, keys, start, start + length):
                area = None
            else:
                told = _is_had(words, start) or (in_title and _is_told(keys, start, key))
                area = _meant(key, dictionary, spelt_out, plain=not shouted[not in_title], told=told)
            if area and taken.isdisjoint(range(start, start + length)):
                end = start + length
                if in_title:
                    spelt_out.add(area)
                yield Hit(start, end, area, "".join(words[start:end]))
                break


def is_shouted(text: str) -> bool:
    """Return whether a text is all in capitals: THEN ANY WORD LOOKS LIKE AN ACRONYM."""
    return text.isupper() and text.count(" ") >= _SENTENCE - 1


def _acronyms_at(
    words: Sequence[str], start: int, defined: Mapping[Key, str], known: Lengths
) -> Iterator[tuple[Key, int]]:
    for length in range(_BRACKETED if defined else 0, 0, -1):
        key = tuple(words[start : start + length])
        if key in defined:
            yield key, length
    singular = (words[start][:-1],)
    if words[start].endswith("s") and singular in defined:
        yield singular, 1
    if words[start] in known:
        yield from ((key, len(key)) for key in possible_keys(words, start, known) if key not in defined)


def _meant(key: Key, dictionary: TagDictionary, spelt_out: set[str], *, plain: bool, told: bool) -> str | None:
    areas = dictionary.acronyms.get(key)
    if not areas:
        return None
    if plain and (dictionary.is_unmistakable(key) or (told and len(areas) == 1)):
        return areas[0]
    return next((area for area in areas if area in spelt_out), None)


def _is_had(words: Sequence[str], place: int) -> bool:
    """Return whether somebody has what stands at ``place``: "people with MS"."""
    return place > 1 and words[place - 1].lower() in HAVING and fold_word(words[place - 2]) in HAVERS


def _is_told(keys: Sequence[str], start: int, key: Key) -> bool:
    """Return whether a title tells that an acronym is a disease."""
    if "".join(key) in _KNOWN_IN_TITLES:
        return True
    behind = start + len(key)
    before = keys[start - 1] if start else ""
    if before in _TOLD_BEFORE_SMALL and start > 1:
        before = keys[start - 2]
    return before in _TOLD_BEFORE or (behind < len(keys) and keys[behind] in _TOLD_BEHIND)


def _openings(words: Sequence[str]) -> Iterator[int]:
    """Yield the places of the opening brackets."""
    place = -1
    for _ in range(words.count("(")):
        place = words.index("(", place + 1)
        yield place


def _bracketed(words: Sequence[str], start: int) -> Key | None:
    """Return the acronym that stands alone behind a bracket."""
    for end in range(start, min(start + _BRACKETED + 1, len(words))):
        if words[end] in BREAKS or words[end] == ",":
            key = tuple(words[start:end])
            return key if key and is_acronym("".join(key)) else None
    return None


def _up_to_bracket(words: Sequence[str], start: int) -> Sequence[str]:
    """Return the words up to the closing bracket, without the small ones; none where it is far."""
    for end in range(start, min(start + _LONG_FORM + 1, len(words))):
        if words[end] in BREAKS:
            return [word for word in words[start:end] if word.lower() not in _SMALL and word != ","]
    return ()


def _before_bracket(words: Sequence[str], hit: Hit) -> Key | None:
    """Return the acronym before the brackets that hold nothing but ``hit``, of which the opening one is known."""
    start = hit.start - 1
    if start < 1 or hit.end >= len(words) or words[hit.end] != ")":
        return None
    return (words[start - 1],) if is_acronym(words[start - 1]) else None


def _spells(key: Key, long_form: Sequence[str]) -> bool:
    """Return whether the letters of an acronym stand in this order in the long form, the first beginning a word."""
    short = "".join(key).lower()
    for place, word in enumerate(long_form):
        if word[0].lower() == short[0]:
            letters = iter("".join(long_form[place:]).lower())
            if all(letter in letters for letter in short):
                return True
    return False


def _is_initials(key: Key, words: Sequence[str]) -> bool:
    return bool(words) and "".join(word[0] for word in words).lower() == "".join(key).lower()
