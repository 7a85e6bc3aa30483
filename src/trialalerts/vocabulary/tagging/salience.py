"""How much a text is about an area: a score from 0 to 1, and the reason in words.

Every mention takes away a part of the doubt, more in a title, at the beginning and at the end, less where the
disease is an example or an outcome; a denied one nothing. What the areas of a text are to each other is
weighed last: a broad one beside a narrow one, a word in the text of an article whose title names others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.tagging.finding import FoundNames, Hit
from trialalerts.vocabulary.tagging.roles import Role, roles_in
from trialalerts.vocabulary.tagging.words import WEAK

__all__ = ["SALIENT", "Weighed", "weigh"]

SALIENT = 0.3
"""From this score on a text is about an area."""

_TITLE, _SHORT, _LONG = 0.8, 0.7, 0.2
"""What one mention weighs in a title, in a text of up to 20 words, and in one of 160 words or more."""
_SHORT_WORDS, _LONG_WORDS = 20, 160
_EDGE, _BEGINNING, _END, _EDGED_WORDS = 1.4, 0.2, 0.8, 60
"""How much more it weighs in the first and last fifth of a text that is longer than 60 words."""
_ROLES: Mapping[Role, float] = {
    Role.DENIED: 0.0,
    Role.FAINT: 0.0,
    Role.ASIDE: 0.15,
    Role.PAST: 0.3,
    Role.EXAMPLE: 0.5,
    Role.OUTCOME: 0.8,
    Role.NAMED: 1.0,
    Role.SUBJECT: 1.3,
}
_UNSAID = (Role.DENIED, Role.FAINT)
"""Roles that say nothing of what a text is about."""
_MOST = 0.95
_WEAK, _BROAD, _IMPLIED, _BESIDE_TITLE, _BELOW_TITLE = 0.4, 0.6, 0.6, 0.45, 1.3


@dataclass(slots=True)
class Weighed:
    """What a text says of one area: ``doubt`` is what is left after all mentions, ``factor`` what lies beside them."""

    first: Hit
    in_title: bool
    count: int = 0
    doubt: float = 1.0
    best: Role = Role.DENIED
    factor: float = 1.0
    why: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        """How much the text is about the area, from 0 to 1."""
        return round(min(1.0, (1.0 - self.doubt) * self.factor), 3)

    @property
    def reason(self) -> str:
        """Why the score is what it is, for people."""
        if self.best in _UNSAID:
            return self.best.value
        where = "in the title" if self.in_title else "in the text"
        times = "" if self.count == 1 else f", {self.count} times"
        return "; ".join((f"{where}, {self.best.value}{times}", *self.why))

    def times(self, factor: float, why: str) -> None:
        """Take something into account."""
        self.factor *= factor
        self.why.append(why)


def weigh(reading: FoundNames, areas: AreaTree, language: str = "en") -> dict[str, Weighed]:
    """Weigh the areas of a text in ``language``, denied ones among them."""
    weighed = _mentioned(reading, language)
    if len(weighed) > 1:
        for known in weighed.values():
            if tuple(reading.keys[known.first.start : known.first.end]) in WEAK:
                known.times(_WEAK, "says little beside others")
        _compare(weighed, areas)
    return weighed


def _mentioned(reading: FoundNames, language: str) -> dict[str, Weighed]:
    weighed: dict[str, Weighed] = {}
    length = max(1, len(reading.words) - reading.title)
    middle = _middle(length)
    edge = middle * _EDGE if length > _EDGED_WORDS else middle
    for hit, role in zip(reading.hits, roles_in(reading, language), strict=True):
        in_title = hit.start < reading.title
        known = weighed.get(hit.area)
        if known is None or (known.best in _UNSAID and role not in _UNSAID):
            known = weighed[hit.area] = Weighed(hit, in_title)
        if role is Role.FAINT and known.best is Role.DENIED:
            known.best = role
        if role not in _UNSAID:
            part = (hit.start - reading.title) / length
            place = _TITLE if in_title else middle if _BEGINNING < part < _END else edge
            known.count += 1
            weight = _ROLES[role]
            known.doubt *= 1.0 - min(_MOST, place * weight)
            if weight > _ROLES[known.best]:
                known.best = role
    return weighed


def _middle(length: int) -> float:
    """Return what a mention amid a text of so many words weighs."""
    over = (length - _SHORT_WORDS) / (_LONG_WORDS - _SHORT_WORDS)
    return _SHORT - (_SHORT - _LONG) * max(0.0, min(1.0, over))


def _compare(weighed: Mapping[str, Weighed], areas: AreaTree) -> None:
    """Weigh the areas of a text against each other."""
    said = {area for area, known in weighed.items() if known.count}
    titled = {area for area in said if weighed[area].in_title and weighed[area].best not in (Role.ASIDE, Role.PAST)}
    above = {area: areas.ancestors(area) for area in said}
    implied = said & {id_ for ids in above.values() for id_ in ids}
    for area in said:
        known = weighed[area]
        if area in implied:
            known.times(_IMPLIED, "a narrower area is named")
        elif len(above[area]) <= 1 and areas.children(area):
            known.times(_BROAD, "broad")
        if titled and not known.in_title:
            if above[area].isdisjoint(titled):
                known.times(_BESIDE_TITLE, "the title names others")
            else:
                known.times(_BELOW_TITLE, "narrower than what the title names")
