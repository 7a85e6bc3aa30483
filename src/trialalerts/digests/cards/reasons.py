"""What somebody follows, named as they would: the heading of a group, and what is under it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from trialalerts.digests.cards.sites.within import known_within
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Reason
from trialalerts.matching.reasons import Scope
from trialalerts.subscribers.tables import ONE_TRIAL, RegionKind
from trialalerts.vocabulary.areas.naming.shown import AreaName
from trialalerts.vocabulary.areas.tree import ANY_AREA
from trialalerts.vocabulary.places.everyday.table import everyday_stored
from trialalerts.vocabulary.places.shown import region_shown
from trialalerts.vocabulary.topics import TopicName

__all__ = [
    "area_said",
    "condition_of",
    "followed",
    "foreign_names",
    "is_in",
    "place_said",
    "wish_details",
    "wish_heading",
]

_NAME = 100
_TOWN = 60
_TYPED_FOR = re.compile(r"^(?:for|für|pour|para)\s+", re.IGNORECASE)
_VOWELS = frozenset("aeiouyhàâäéèêëîïôöùûüœæ")


def area_said(words: Wording, reason: Reason) -> str:
    """Return the name of the area followed as the reader knows it."""
    return one_line(reason.names.within(words.language) if reason.names else reason.area_name, _NAME)


def condition_of(words: Wording, reasons: Sequence[Reason]) -> str | None:
    """Return the condition by which the reader gets a trial: the trial's own where that is narrower than the area.

    None, too, where it has no name in the reader's language.
    """
    first = next(iter(reasons), None)
    if first is None or first.area_id in {ANY_AREA, ONE_TRIAL} or first.wish.item_id is not None:
        return None
    names = first.through_names if first.through_name else first.names
    if names is not None and _is_foreign(words, names):
        return None  # the record's own words are marked as English
    through = first.through_names.within(words.language) if first.through_names else first.through_name
    return one_line(through, _NAME) or area_said(words, first) or None


def foreign_names(words: Wording, reason: Reason) -> tuple[str, ...]:
    """Return those names of what is followed that stand in English in a mail of another language."""
    names: list[AreaName | TopicName] = [*([reason.names] if reason.names else []), *reason.topics]
    return tuple(one_line(each.english, _NAME) for each in names if _is_foreign(words, each))


def _is_foreign(words: Wording, names: AreaName | TopicName) -> bool:
    return names.language(words.language) != words.language


def followed(words: Wording, reason: Reason) -> str:
    """Return what is followed: the area, with the topics asked for; the topics alone where it is any area."""
    if reason.area_id == ONE_TRIAL:
        return words.say("reason.this_trial")
    if not reason.topics and reason.area_id != ANY_AREA:
        return area_said(words, reason)
    return _followed(words, reason.area_id, area_said(words, reason), reason.topics)


@lru_cache(maxsize=10_000)
def _followed(words: Wording, area_id: str, area_name: str, topics: tuple[TopicName, ...]) -> str:
    named = words.listed([topic.said(words.language) for topic in topics])
    if area_id == ANY_AREA:
        return named or words.say("reason.any_area")
    return words.say("reason.of_topics", area=area_name, topics=named)


def place_said(words: Wording, wish: Scope) -> str:
    """Return the name of the place of a wish, without what it lies in."""
    shown = region_shown(wish.place, wish.kind.value, wish.country, wish.subdivision, words.language)
    return one_line(shown, _TOWN).partition(",")[0]


@lru_cache(maxsize=10_000)
def wish_heading(words: Wording, area: str, wish: Scope) -> str:
    """Return the heading of what one wish brought: ``Asthma near Leeds``."""
    if wish.item_id is not None:
        return words.say("group.trial")
    area = area[:1].upper() + area[1:]
    place = place_said(words, wish)
    if is_in(wish):
        country = wish.country if wish.kind is RegionKind.COUNTRY else None
        inside = known_within(words, country, place)
        return words.say(f"group.{'in' if inside else 'where'}", area=area, place=inside or place)
    if not place or (wish.kind is RegionKind.ANYWHERE and place.lower() == "anywhere"):
        return area
    key = "near_vowel" if place[0].lower() in _VOWELS else "near"
    return words.say(f"group.{key}", area=area, place=place)


def is_in(wish: Scope) -> bool:
    """Tell whether a wish is about a country or region, not about a place and what lies around it."""
    regions = {RegionKind.GROUP, RegionKind.COUNTRY, RegionKind.SUBDIVISION}
    return wish.kind in regions or everyday_stored(wish.place, wish.country) is not None


@lru_cache(maxsize=10_000)
def wish_details(words: Wording, label: str | None, wish: Scope, today: date, unit: str | None) -> tuple[str, ...]:
    """Return for whom a wish is, and how far around: ``for Anna, 7``, ``within 50 km``."""
    found = []
    if label and (name := _TYPED_FOR.sub("", one_line(label, _TOWN))):
        key = "group.for_aged" if wish.born_on else "group.for"
        found.append(words.say(key, name=name, age=words.number(_age(wish.born_on, today)) if wish.born_on else ""))
    if wish.kind is RegionKind.PLACE and wish.radius_km and not is_in(wish):
        found.append(words.say("group.within", distance=words.distance(wish.radius_km, unit)))
    if wish.kind is RegionKind.ANYWHERE and wish.place and wish.place.lower() != "anywhere":
        found.append(words.say("group.any_distance"))
    return tuple(found)


def _age(born: date, today: date) -> int:
    return max(0, today.year - born.year - ((today.month, today.day) < (born.month, born.day)))
