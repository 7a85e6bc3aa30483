"""Slips of the pen: which area a name means that nobody has, and when it is better to say nothing.

A suggestion is near in spelling, word by word, and there is one only where it is clear which: somebody who mistypes
breast cancer must not read mesothelioma, nor of any disease that is rarer or more frightening than the one meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from trialalerts.vocabulary.areas.naming.entries import AreaNode, Name
from trialalerts.vocabulary.tables import AreaOrigin

__all__ = ["SlipIndex"]

_CANCER = "D009369"
_LETTERS_A_SLIP = 4
"""So many letters may have one slip: none in "ms", one in "astma", two in "hashimotto tyroid"."""
_LONG = 8
"""A name of fewer letters that only MeSH has is too rare to be meant by a slip."""
_MOST = 200
_TWO = 2


class _Near(NamedTuple):
    slips: int
    name: Name


class SlipIndex:
    """The names among which a misspelt one is looked for; ``left_out`` are words that people leave out behind one.

    Args:
        names: all names; where two are written the same, the earlier counts.
        left_out: folded words such as "disease".
        fillers: folded words that tell nothing: "of", "de".
        above: the ids above an area.
    """

    def __init__(
        self,
        names: Iterable[Name],
        *,
        left_out: Collection[str],
        fillers: Collection[str],
        above: Callable[[str], Collection[str]],
    ) -> None:
        self._above = above
        self._fillers = fillers
        found: dict[str, Name] = {}
        for name in names:
            found.setdefault(self._in_order(name.key.split()), name)
        for name in list(found.values()):
            rest, _, last = name.key.rpartition(" ")
            if rest and last in left_out:
                found.setdefault(self._in_order(rest.split()), name)
        self._keys = list(found)
        self._names = list(found.values())

    def meant(self, words: Sequence[str]) -> tuple[Name, int] | None:
        """Return the name that a misspelt one means, and how many slips it has; None where it is not clear."""
        return self._clear(list(self._near(words)))

    def begun(self, words: Sequence[str]) -> tuple[Name, int] | None:
        """Return the same for a name of which the last word is half typed and misspelt: "multiple sclro"."""
        typed = [word for word in words if word not in self._fillers]
        if len(typed) < _TWO or len(typed[-1]) < _LETTERS_A_SLIP:
            return None
        return self._clear(list(self._begun(typed[:-1], typed[-1])))

    @staticmethod
    def _clear(near: Sequence[_Near]) -> tuple[Name, int] | None:
        """Return the nearest name with its slips; None where several areas are as near."""
        if not near:
            return None
        fewest = min(each.slips for each in near)
        nearest = [each.name for each in near if each.slips == fewest]
        curated = [name for name in nearest if name.node.origin is AreaOrigin.CURATED]
        meant = curated or nearest
        return (meant[0], fewest) if len({name.node.id for name in meant}) == 1 else None

    def _begun(self, whole: Sequence[str], half: str) -> Iterator[_Near]:
        for place in self._with_word.get(whole[0], ()):
            rest = list((Counter(self._keys[place].split()) - Counter(whole)).elements())
            name = self._names[place]
            if len(rest) != 1 or len(self._keys[place].split()) != len(whole) + 1 or rest[0][0] != half[0]:
                continue
            most = 1 if self._is_frightening(name.node) else len(half) // _LETTERS_A_SLIP
            slips = _slips_to_beginning(half, rest[0], most)
            if slips <= most:
                yield _Near(slips, name)

    @cached_property
    def _with_word(self) -> Mapping[str, Sequence[int]]:
        places: dict[str, list[int]] = {}
        for place, key in enumerate(self._keys):
            for word in set(key.split()):
                places.setdefault(word, []).append(place)
        return places

    def _near(self, words: Sequence[str]) -> Iterable[_Near]:
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract  # only a misspelt name needs it

        typed = self._in_order(words)
        most = (len(typed) + len(typed) // _LETTERS_A_SLIP) // _LETTERS_A_SLIP
        if not most:
            return
        for key, slips, place in extract(typed, self._keys, scorer=OSA.distance, score_cutoff=most, limit=_MOST):
            node = self._names[place].node
            if node.origin is not AreaOrigin.CURATED and len(key) < _LONG:
                continue
            if _is_slip(typed, key, frightening=self._is_frightening(node)):
                yield _Near(int(slips), self._names[place])

    def _is_frightening(self, node: AreaNode) -> bool:
        return node.id == _CANCER or _CANCER in self._above(node.id)

    def _in_order(self, words: Sequence[str]) -> str:
        return " ".join(sorted(word for word in words if word not in self._fillers) or sorted(words))


def _slips_to_beginning(half: str, word: str, most: int) -> int:
    """Return the fewest slips between what is typed and a beginning of a word."""
    from rapidfuzz.distance import OSA

    lengths = range(len(half) - most, len(half) + most + 1)
    return min(int(OSA.distance(half, word[:length])) for length in lengths)


def _is_slip(typed: str, name: str, *, frightening: bool) -> bool:
    """Tell whether each word is near in spelling to one of the name's, or all together where a blank is amiss."""
    from rapidfuzz.distance import OSA

    words, own = typed.split(), name.split()
    if len(words) != len(own):
        together, whole = "".join(words), "".join(own)
        return (together[0], together[-1]) == (whole[0], whole[-1]) and OSA.distance(together, whole) <= 1
    return all(_is_near(word, one, frightening=frightening) for word, one in _paired(words, own))


def _paired(words: Sequence[str], own: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pair those words of both names that are not the same."""
    from rapidfuzz.distance import OSA

    amiss = Counter(words) - Counter(own)
    rest = list((Counter(own) - Counter(words)).elements())
    for word in amiss.elements():
        nearest = min(rest, key=partial(OSA.distance, word))
        rest.remove(nearest)
        yield word, nearest


def _is_near(word: str, own: str, *, frightening: bool) -> bool:
    from rapidfuzz.distance import OSA

    slips = OSA.distance(word, own)
    most = max(len(word), len(own)) // _LETTERS_A_SLIP
    if slips > (min(most, 1) if frightening else most):
        return False
    return word[0] == own[0] or (slips <= 1 and len(word) >= _LONG)
