"""Owns the tagging of text: which disease areas a title and a text speak of.

A dictionary of folded word sequences (see the module ``spelling``) finds the longest name at each place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trialalerts.vocabulary.areas import AreaTree
from trialalerts.vocabulary.spelling import BREAKS, Folder, split_words
from trialalerts.vocabulary.tag_dictionary import ALONE, Key, Lengths, TagDictionary
from trialalerts.vocabulary.tag_words import CUES, FILLERS, JOINS

__all__ = ["Tag", "Tagger"]

_MODIFIER = 3
"""The most words before "and" that share the noun behind it: "small cell lung and breast cancer"."""
_LABEL = 2
"""The most letters of what shares the words before "and": "hepatitis B and C", "type 1 and 2"."""
_SENTENCE = 4
"""The fewest words in capitals that are somebody shouting rather than an acronym or two."""
_REACH = 8
"""The most words between a cue such as "without" and what it denies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tag:
    """An area that a text speaks of; ``found`` are the words that say so where it is said first."""

    area_id: str
    in_title: bool
    found: str


@dataclass(frozen=True, slots=True)
class _Hit:
    """A name found from word ``start`` up to before word ``end``; an acronym may stand for several areas."""

    start: int
    end: int
    areas: tuple[str, ...]
    found: str
    certain: bool = True


@dataclass(slots=True)
class _Mentions:
    """What is known of one area in one text while it is read."""

    in_title: bool
    position: int
    found: str
    count: int = 0

    def salience(self) -> tuple[bool, int, int]:
        """Sort the title's areas first, then those named more often, then those named earlier."""
        return (not self.in_title, -self.count, self.position)


class Tagger:
    """Finds disease areas in text. Building one reads all names once; it may be shared by threads."""

    def __init__(self, areas: AreaTree) -> None:
        self._folder = Folder()
        self._dictionary = TagDictionary(areas.nodes, self._folder)

    def tag(self, *, title: str, text: str) -> list[Tag]:
        """Return the areas that title and text speak of, the most important first.

        An area that is only denied ("without diabetes") is left out. An acronym counts where its long form
        stands in the title or the text, or where it cannot be mistaken.
        """
        in_title, in_text = self._hits(title), self._hits(text)
        spelt_out = {area for hit in (*in_title, *in_text) if hit.certain for area in hit.areas}
        mentions: dict[str, _Mentions] = {}
        for hits, is_title in ((in_title, True), (in_text, False)):
            for hit in hits:
                area = _meant(hit, spelt_out)
                if area is not None:
                    known = mentions.setdefault(area, _Mentions(is_title, hit.start, hit.found))
                    known.count += 1
        ranked = sorted(mentions.items(), key=lambda mention: mention[1].salience())
        return [Tag(area_id=area, in_title=known.in_title, found=known.found) for area, known in ranked]

    def _hits(self, text: str) -> list[_Hit]:
        words = split_words(text)
        keys = list(map(self._folder.__getitem__, words))
        hits = self._named(words, keys)
        hits.extend(self._abbreviated(words, hits))
        if not hits:
            return hits
        hits.extend([shared for hit in hits for shared in self._shared(words, keys, hit)])
        hits.sort(key=lambda hit: hit.start)
        return _affirmed(keys, hits)

    def _named(self, words: Sequence[str], keys: Sequence[str]) -> list[_Hit]:
        names, beginnings = self._dictionary.names, self._dictionary.name_lengths
        hits: list[_Hit] = []
        end = 0
        for start in _places(keys, beginnings):
            if start >= end:
                for key in _possible(keys, start, beginnings):
                    if key in names:
                        end = start + len(key)
                        hits.append(_Hit(start, end, (names[key],), _shown(words[start:end])))
                        break
        return hits

    def _abbreviated(self, words: Sequence[str], named: Sequence[_Hit]) -> Iterator[_Hit]:
        acronyms, beginnings = self._dictionary.acronyms, self._dictionary.acronym_lengths
        if beginnings.keys().isdisjoint(words):
            return
        taken = {place for hit in named for place in range(hit.start, hit.end)}
        shouted = _is_shouted(words)
        for start in _places(words, beginnings):
            for key in _possible(words, start, beginnings):
                end = start + len(key)
                if key in acronyms and taken.isdisjoint(range(start, end)):
                    certain = not shouted and self._dictionary.is_unmistakable(key)
                    yield _Hit(start, end, acronyms[key], "".join(key), certain)
                    taken.update(range(start, end))
                    break

    def _shared(self, words: Sequence[str], keys: Sequence[str], hit: _Hit) -> Iterator[_Hit]:
        """Yield what shares words with a name beside it: "breast and ovarian cancer", "hepatitis B and C"."""
        if hit.end - hit.start > 1:
            yield from self._sharing_end(words, keys, hit)
            yield from self._sharing_beginning(words, keys, hit)

    def _sharing_end(self, words: Sequence[str], keys: Sequence[str], hit: _Hit) -> Iterator[_Hit]:
        end = _before_joins(keys, hit.start)
        while end is not None:
            found = self._with_end_of(words, keys, hit, end)
            if found is None:
                return
            yield found
            end = _before_joins(keys, found.start)

    def _with_end_of(self, words: Sequence[str], keys: Sequence[str], hit: _Hit, end: int) -> _Hit | None:
        for start in range(max(0, end - _MODIFIER), end):
            own = tuple(keys[start:end])
            if any(word in BREAKS or word in JOINS for word in own):
                continue
            for tail in range(hit.start + 1, hit.end):
                area = self._dictionary.names.get((*own, *keys[tail : hit.end]))
                if area is not None:
                    return _Hit(start, end, (area,), _shown((*words[start:end], *words[tail : hit.end])))
        return None

    def _sharing_beginning(self, words: Sequence[str], keys: Sequence[str], hit: _Hit) -> Iterator[_Hit]:
        place = _after_joins(keys, hit.end)
        while place is not None and len(words[place]) <= _LABEL:
            for stop in range(hit.end - 1, hit.start, -1):
                area = self._dictionary.names.get((*keys[hit.start : stop], keys[place]))
                if area is not None:
                    yield _Hit(place, place + 1, (area,), _shown((*words[hit.start : stop], words[place])))
                    break
            place = _after_joins(keys, place + 1)


def _places(words: Sequence[str], beginnings: Lengths) -> list[int]:
    """Return where something may begin. The tagger spends most of its time here: one pass, no call for each word."""
    return [
        place
        for place, (word, following) in enumerate(zip(words, [*words[1:], ALONE], strict=False))
        if word in beginnings and (ALONE in beginnings[word] or following in beginnings[word])
    ]


def _possible(words: Sequence[str], start: int, beginnings: Lengths) -> Iterator[Key]:
    """Yield the sequences of words at ``start`` that may be in the dictionary, longest first."""
    seconds = beginnings[words[start]]
    if start + 1 < len(words):
        for length in seconds.get(words[start + 1], ()):
            yield tuple(words[start : start + length])
    if ALONE in seconds:
        yield (words[start],)


def _is_shouted(words: Sequence[str]) -> bool:
    """Return whether a text is all in capitals: THEN ANY WORD LOOKS LIKE AN ACRONYM."""
    letters = [word for word in words if word[0].isalpha()]
    return len(letters) >= _SENTENCE and not any(word[-1].islower() for word in letters)


def _meant(hit: _Hit, spelt_out: set[str]) -> str | None:
    if hit.certain:
        return hit.areas[0]
    return next((area for area in hit.areas if area in spelt_out), None)


def _affirmed(keys: Sequence[str], hits: Sequence[_Hit]) -> list[_Hit]:
    """Return the hits that are not denied; a denial goes on through a list: "without asthma, diabetes or cancer"."""
    denied_ends: set[int] = set()
    affirmed: list[_Hit] = []
    for hit in hits:
        if _is_denied(keys, hit.start, denied_ends):
            denied_ends.add(hit.end)
        else:
            affirmed.append(hit)
    return affirmed


def _is_denied(keys: Sequence[str], start: int, denied_ends: set[int]) -> bool:
    joined = False
    for place in range(start - 1, max(-1, start - 1 - _REACH), -1):
        word = keys[place]
        if word in CUES or (joined and place + 1 in denied_ends):
            return True
        joined = joined or word in JOINS
        if word not in FILLERS and word not in JOINS:
            return False
    return False


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
