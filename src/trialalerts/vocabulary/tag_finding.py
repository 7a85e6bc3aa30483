"""Owns the finding of names in one text: the longest at each place, what shares words with it, and acronyms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

from trialalerts.vocabulary.spelling import BREAKS, Folder, fold_word, is_acronym, split_words
from trialalerts.vocabulary.tag_dictionary import ALONE, NOTHING, Key, Lengths, TagDictionary
from trialalerts.vocabulary.tag_variants import ORGANS
from trialalerts.vocabulary.tag_words import HAVERS, HAVING, JOINS

__all__ = ["Hit", "Reading", "read_text"]

_MODIFIER = 3
"""The most words before "and" that share the noun behind it: "small cell lung and breast cancer"."""
_LABEL = 2
"""The most letters of what shares the words before "and": "hepatitis B and C", "type 1 and 2"."""
_SENTENCE = 4
"""The fewest words in capitals that are somebody shouting rather than an acronym or two."""
_BRACKETED = 4
"""The most words of an acronym in brackets: "T2DM" is three."""
_INTERRUPTED = 4
"""The most words of a name before the acronym that interrupts it."""
_BEFORE = 3
"""The most words before a name that may lend letters to its acronym: "hereditary breast cancer (HBC)"."""


class Hit(NamedTuple):
    """A name found from word ``start`` up to before word ``end``."""

    start: int
    end: int
    area: str
    found: str


class Reading(NamedTuple):
    """A text in words, the same folded, and what was found in it, in its order; the first ``title`` words are title."""

    words: Sequence[str]
    keys: Sequence[str]
    title: int
    hits: Sequence[Hit]


def read_text(title: str, text: str, dictionary: TagDictionary, folder: Folder) -> Reading:
    """Find all names in a title and a text."""
    words = split_words(title)
    length = len(words)
    if text:
        words = [*words, "\n", *split_words(text)]
    keys = list(map(folder.__getitem__, words))
    named = list(_named(words, keys, dictionary))
    brackets = _brackets(words)
    if brackets:
        named = _with_interrupted(words, keys, named, brackets, dictionary)
    hits = [hit for hit in named if hit.area != NOTHING]
    shared = [other for hit in hits for other in _shared(words, keys, hit, dictionary)]
    shouted = (_is_shouted(title), _is_shouted(text))
    hits += _abbreviated(words, [*named, *shared], brackets, dictionary, lambda place: shouted[place >= length])
    if shared:
        hits = _longest(hits, shared)
    hits.sort(key=_start)
    return Reading(words, keys, length, hits)


def _start(hit: Hit) -> int:
    return hit.start


def _longest(hits: Sequence[Hit], shared: Sequence[Hit]) -> list[Hit]:
    """Let what was completed by other words win over what stands at its place alone."""
    return [*shared, *(hit for hit in hits if not any(_within(hit, other) for other in shared))]


def _within(hit: Hit, other: Hit) -> bool:
    return other.start <= hit.start and hit.end <= other.end


def _named(words: Sequence[str], keys: Sequence[str], dictionary: TagDictionary) -> Iterator[Hit]:
    names, beginnings = dictionary.names, dictionary.name_lengths
    end = 0
    for start in _places(keys, beginnings):
        if start >= end:
            for key in _possible(keys, start, beginnings):
                if key in names:
                    end = start + len(key)
                    yield Hit(start, end, names[key], _shown(words[start:end]))
                    break


def _with_interrupted(
    words: Sequence[str],
    keys: Sequence[str],
    named: list[Hit],
    brackets: Mapping[int, Key],
    dictionary: TagDictionary,
) -> list[Hit]:
    """Add the names that their own acronym interrupts: "von Hippel-Lindau (VHL) disease"."""
    added: list[Hit] = []
    for opening, acronym in brackets.items():
        behind = opening + len(acronym) + 2
        if behind >= len(words):
            continue
        for start in range(max(0, opening - _INTERRUPTED), opening):
            area = dictionary.names.get((*keys[start:opening], keys[behind]))
            if area:
                shown = _shown((*words[start:opening], words[behind]))
                # It ends before its acronym, which is then read as explained by it.
                added.append(Hit(start, opening, area, shown))
                break
    if not added:
        return named
    return sorted((*added, *(hit for hit in named if not any(_within(hit, other) for other in added))), key=_start)


def _places(words: Sequence[str], beginnings: Lengths) -> list[int]:
    """Return where something may begin. The tagger spends most of its time here: one pass, no call for each word."""
    seconds = list(map(beginnings.get, words))
    followings = [*words[1:], ALONE]
    return [
        place
        for place in compress(range(len(words)), seconds)
        if followings[place] in (known := seconds[place] or {}) or ALONE in known
    ]


def _possible(words: Sequence[str], start: int, beginnings: Lengths) -> Iterator[Key]:
    """Yield the sequences of words at ``start`` that may be in the dictionary, longest first."""
    seconds = beginnings[words[start]]
    if start + 1 < len(words):
        for length in seconds.get(words[start + 1], ()):
            yield tuple(words[start : start + length])
    if ALONE in seconds:
        yield (words[start],)


def _shared(words: Sequence[str], keys: Sequence[str], hit: Hit, dictionary: TagDictionary) -> Iterator[Hit]:
    """Yield what shares words with a name beside it: "breast and ovarian cancer", "hepatitis B and C"."""
    yield from _labelled(words, keys, hit, dictionary)
    if hit.end - hit.start > 1:
        yield from _seated(words, keys, hit, dictionary)
        yield from _sharing_end(words, keys, hit, dictionary)
        yield from _sharing_beginning(words, keys, hit, dictionary)


def _labelled(words: Sequence[str], keys: Sequence[str], hit: Hit, dictionary: TagDictionary) -> Iterator[Hit]:
    """Understand "type 1 or 2 diabetes": labels before a name that share the word before the first of them."""
    labels: list[int] = []
    place = hit.start - 1
    while place > 0 and (keys[place] in JOINS or _is_label(keys[place])):
        if keys[place] not in JOINS:
            labels.append(place)
        place -= 1
    if len(labels) > 1 and place >= 0:
        for label in labels:
            area = dictionary.names.get((keys[place], keys[label], *keys[hit.start : hit.end]))
            if area:
                shown = (words[place], words[label], *words[hit.start : hit.end])
                yield Hit(label, hit.end if label == labels[0] else label + 1, area, _shown(shown))


def _seated(words: Sequence[str], keys: Sequence[str], hit: Hit, dictionary: TagDictionary) -> Iterator[Hit]:
    """Understand "cerebral air embolism": an air embolism, and a cerebral embolism too."""
    for place in range(hit.start - 1, max(-1, hit.start - _MODIFIER), -1):
        if keys[place] in ORGANS:
            for tail in range(hit.start + 1, hit.end):
                area = dictionary.names.get((keys[place], *keys[tail : hit.end]))
                if area and area != hit.area:
                    yield Hit(place, place + 1, area, _shown((words[place], *words[tail : hit.end])))
                    return
        elif keys[place] in BREAKS or keys[place] in JOINS:
            return


def _is_label(key: str) -> bool:
    return key.isdigit() or (len(key) == 1 and key.isalpha())


def _sharing_end(words: Sequence[str], keys: Sequence[str], hit: Hit, dictionary: TagDictionary) -> Iterator[Hit]:
    end = _before_joins(keys, hit.start)
    while end is not None:
        found = _with_end_of(words, keys, hit, end, dictionary)
        if found is None:
            return
        yield found
        end = _before_joins(keys, found.start)


def _with_end_of(
    words: Sequence[str], keys: Sequence[str], hit: Hit, end: int, dictionary: TagDictionary
) -> Hit | None:
    for start in range(max(0, end - _MODIFIER), end):
        own = tuple(keys[start:end])
        if any(word in BREAKS or word in JOINS for word in own):
            continue
        for tail in range(hit.start + 1, hit.end):
            area = dictionary.names.get((*own, *keys[tail : hit.end]))
            if area:
                return Hit(start, end, area, _shown((*words[start:end], *words[tail : hit.end])))
    return None


def _sharing_beginning(words: Sequence[str], keys: Sequence[str], hit: Hit, dictionary: TagDictionary) -> Iterator[Hit]:
    place = _after_joins(keys, hit.end)
    # "hepatitis B and C" needs a label; "cancer of the breast and ovary" tells by its "of".
    while place is not None and (len(words[place]) <= _LABEL or "of" in keys[hit.start : hit.end]):
        found = False
        for stop in range(hit.end - 1, hit.start, -1):
            area = dictionary.names.get((*keys[hit.start : stop], keys[place]))
            if area:
                yield Hit(place, place + 1, area, _shown((*words[hit.start : stop], words[place])))
                found = True
                break
        place = _after_joins(keys, place + 1) if found else None


def _abbreviated(
    words: Sequence[str],
    named: Sequence[Hit],
    brackets: Mapping[int, Key],
    dictionary: TagDictionary,
    is_shouted: Callable[[int], bool],
) -> Iterator[Hit]:
    """Yield the acronyms: those that the text explains, and those that cannot be mistaken."""
    defined = _defined(words, named, brackets)
    known = dictionary.acronym_lengths
    places = set(compress(range(len(words)), map(known.__contains__, words)))
    if defined:
        firsts = {key[0] for key in defined}
        places.update(compress(range(len(words)), map(firsts.__contains__, words)))
    if not places:
        return
    spelt_out = {hit.area for hit in named}
    taken = {place for hit in named for place in range(hit.start, hit.end)}
    end = 0
    for start in sorted(places):
        if start < end or start in taken:
            continue
        for key in _acronyms_at(words, start, defined, known):
            area = (
                defined[key]
                if key in defined
                else _meant(key, dictionary, spelt_out, plain=not is_shouted(start), had=_is_had(words, start))
            )
            if area and taken.isdisjoint(range(start, start + len(key))):
                end = start + len(key)
                yield Hit(start, end, area, "".join(key))
                break


def _acronyms_at(words: Sequence[str], start: int, defined: Mapping[Key, str], known: Lengths) -> Iterator[Key]:
    for length in range(_BRACKETED, 0, -1):
        key = tuple(words[start : start + length])
        if key in defined:
            yield key
    if words[start] in known:
        yield from (key for key in _possible(words, start, known) if key not in defined)


def _meant(key: Key, dictionary: TagDictionary, spelt_out: set[str], *, plain: bool, had: bool) -> str | None:
    areas = dictionary.acronyms.get(key)
    if not areas:
        return None
    if plain and (dictionary.is_unmistakable(key) or (had and len(areas) == 1)):
        return areas[0]
    return next((area for area in areas if area in spelt_out), None)


def _is_had(words: Sequence[str], place: int) -> bool:
    """Return whether somebody has what stands at ``place``: "people with MS"."""
    return place > 1 and words[place - 1].lower() in HAVING and fold_word(words[place - 2]) in HAVERS


def _defined(words: Sequence[str], named: Sequence[Hit], brackets: Mapping[int, Key]) -> dict[Key, str]:
    """Return the acronyms that the text explains itself, and the area of each: none where it explains them otherwise.

    Both "multiple sclerosis (MS)" and "MS (multiple sclerosis)" explain.
    """
    defined: dict[Key, str] = {}
    if "(" not in words:
        return defined
    ends = {hit.end: hit for hit in named}
    for place, key in brackets.items():
        hit = ends.get(place)
        if hit is not None and _spells(key, words[max(0, hit.start - _BEFORE) : hit.end]):
            defined.setdefault(key, hit.area)
        elif hit is None and _is_initials(key, words[max(0, place - len("".join(key))) : place]):
            defined.setdefault(key, NOTHING)
    for hit in named:
        before = _before_bracket(words, hit)
        if before is not None and _spells(before, words[hit.start : hit.end]):
            defined.setdefault(before, hit.area)
    return defined


def _brackets(words: Sequence[str]) -> dict[int, Key]:
    """Return the acronyms that stand in brackets, by the place of the opening one."""
    if "(" not in words:
        return {}
    found = {place: _bracketed(words, place + 1) for place, word in enumerate(words) if word == "("}
    return {place: key for place, key in found.items() if key is not None}


def _bracketed(words: Sequence[str], start: int) -> Key | None:
    """Return the acronym that stands alone behind a bracket."""
    for end in range(start, min(start + _BRACKETED + 1, len(words))):
        if words[end] in BREAKS or words[end] == ",":
            key = tuple(words[start:end])
            return key if key and is_acronym("".join(key)) else None
    return None


def _before_bracket(words: Sequence[str], hit: Hit) -> Key | None:
    """Return the acronym before the brackets that hold nothing but ``hit``."""
    start = hit.start - 1
    if start < 1 or words[start] != "(" or hit.end >= len(words) or words[hit.end] != ")":
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
    return "".join(word[0] for word in words).lower() == "".join(key).lower()


def _is_shouted(text: str) -> bool:
    """Return whether a text is all in capitals: THEN ANY WORD LOOKS LIKE AN ACRONYM."""
    return text.isupper() and text.count(" ") >= _SENTENCE - 1


def _before_joins(keys: Sequence[str], place: int) -> int | None:
    """Return where the words before "and", "or" or a comma end, if one of these stands right before ``place``."""
    end = place
    while end > 0 and keys[end - 1] in JOINS:
        end -= 1
    return end if 0 < end < place else None


def _after_joins(keys: Sequence[str], place: int) -> int | None:
    start = place
    while start < len(keys) and keys[start] in JOINS:
        start += 1
    return start if place < start < len(keys) else None


def _shown(words: Sequence[str]) -> str:
    return " ".join(words).replace(" ,", ",")
