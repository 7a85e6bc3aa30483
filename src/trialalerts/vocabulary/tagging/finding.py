"""The finding of names in one text: the longest at each place, what shares words with it, and acronyms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, count
from typing import NamedTuple

from trialalerts.vocabulary.spelling import BREAKS, split_words
from trialalerts.vocabulary.tagging.acronyms import (
    acronyms_in,
    bracketed_acronyms,
    explained_acronyms,
    is_shouted,
    spelt_behind,
)
from trialalerts.vocabulary.tagging.dictionary import ALONE, NOTHING, Hit, Key, TagDictionary, WordTokens
from trialalerts.vocabulary.tagging.proper_names import is_bare_surname, is_proper_name
from trialalerts.vocabulary.tagging.senses import means_something_else
from trialalerts.vocabulary.tagging.variants import ORGANS, STATES
from trialalerts.vocabulary.tagging.words import JOINS

__all__ = ["FoundNames", "Hit", "read_text"]

_MODIFIER = 3
"""The most words before "and" that share the noun behind it: "small cell lung and breast cancer"."""
_LABEL = 2
"""The most letters of what shares the words before "and": "hepatitis B and C", "type 1 and 2"."""
_INTERRUPTED = 4
"""The most words of a name before the acronym that interrupts it."""


class FoundNames(NamedTuple):
    """A text in words, the same folded, and what was found in it, in its order; the first ``title`` words are title."""

    words: Sequence[str]
    keys: Sequence[str]
    title: int
    hits: Sequence[Hit]


def read_text(title: str, text: str, dictionary: TagDictionary) -> FoundNames:
    """Find all names in a title and a text."""
    words = split_words(title)
    length = len(words)
    if text:
        words = [*words, "\n", *split_words(text)]
    tokens = dictionary.read(words)
    keys = tokens.keys
    named = [hit for hit in _named(words, tokens, dictionary) if not _is_no_disease(words, keys, hit)]
    brackets = bracketed_acronyms(words)
    if brackets:
        named = _with_interrupted(words, keys, named, brackets, dictionary)
    defined = explained_acronyms(words, named, brackets)
    if not is_shouted(title):
        defined |= spelt_behind(words[:length], {hit.start: hit.area for hit in named})
    if defined:
        named = [
            hit
            for hit in named
            if defined.get((words[hit.start].removesuffix("s"),), hit.area) == hit.area or hit.end > hit.start + 1
        ]
    hits = [hit for hit in named if hit.area != NOTHING]
    shared = [other for hit in hits for other in _shared(words, keys, hit, dictionary)]
    shouted = (is_shouted(title), is_shouted(text))
    hits += acronyms_in(words, tokens, [*named, *shared], defined, dictionary, title=length, shouted=shouted)
    if shared:
        hits = _longest(hits, shared)
    hits.sort(key=_start)
    return FoundNames(words, keys, length, hits)


def _is_no_disease(words: Sequence[str], keys: Sequence[str], hit: Hit) -> bool:
    """Return whether a name means something else here; what is no disease anyway stays, to explain acronyms."""
    if hit.area == NOTHING:
        return False
    return (
        means_something_else(words, keys, hit.start, hit.end)
        or is_proper_name(words, keys, hit.start, hit.end)
        or (hit.end == hit.start + 1 and is_bare_surname(words, keys, hit.start))
    )


def _start(hit: Hit) -> int:
    return hit.start


def _longest(hits: Sequence[Hit], shared: Sequence[Hit]) -> list[Hit]:
    """Let what was completed by other words win over what stands at its place alone."""
    return [*shared, *(hit for hit in hits if not any(_within(hit, other) for other in shared))]


def _within(hit: Hit, other: Hit) -> bool:
    return other.start <= hit.start and hit.end <= other.end


def _named(words: Sequence[str], tokens: WordTokens, dictionary: TagDictionary) -> Iterator[Hit]:
    """Yield the longest name at each place, and the names that begin in one and reach beyond it."""
    names, keys = dictionary.names, tokens.keys
    last: Hit | None = None
    end = 0
    for start, lengths in _places(tokens):
        for length in lengths:
            if start + length <= end:
                break  # they come longest first
            area = names.get(tuple(keys[start : start + length]))
            if area is None or start + length > len(keys):
                continue
            if last is not None and start < end and NOTHING in (area, last.area):
                break
            if last is not None and (start >= end or keys[end - 1] not in STATES):
                yield last  # of "type 2 diabetic nephropathy" only the nephropathy is named
            end = start + length
            last = Hit(start, end, area, _shown(words[start:end]))
            break
    if last is not None:
        yield last


def _with_interrupted(
    words: Sequence[str],
    keys: Sequence[str],
    named: list[Hit],
    brackets: Mapping[int, Key | None],
    dictionary: TagDictionary,
) -> list[Hit]:
    """Add the names that their own acronym interrupts: "von Hippel-Lindau (VHL) disease"."""
    added: list[Hit] = []
    for opening, acronym in brackets.items():
        behind = opening + len(acronym or ()) + 2
        if acronym is None or behind >= len(words):
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


def _places(tokens: WordTokens) -> list[tuple[int, tuple[int, ...]]]:
    """Return where a name may begin, and how long it may be. The tagger spends much of its time here: one pass."""
    followings = (*tokens.keys[1:], ALONE)
    return [
        (place, known.get(following) or known[ALONE])
        for place, known, following in compress(zip(count(), tokens.names, followings, strict=False), tokens.names)
        if following in known or ALONE in known
    ]


def _shared(words: Sequence[str], keys: Sequence[str], hit: Hit, dictionary: TagDictionary) -> Iterator[Hit]:
    """Yield what shares words with a name beside it: "breast and ovarian cancer", "hepatitis B and C"."""
    before = keys[hit.start - 1] if hit.start else ""
    is_joined = before in JOINS
    if is_joined or _is_label(before):
        yield from _labelled(words, keys, hit, dictionary)
    if hit.end - hit.start > 1:
        if before not in BREAKS and not is_joined:
            yield from _seated(words, keys, hit, dictionary)
        if is_joined:
            yield from _sharing_end(words, keys, hit, dictionary)
        if hit.end < len(keys) and keys[hit.end] in JOINS:
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
