"""The order of what somebody is told: one match for each item, by what asked for it, the new and near first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from trialalerts.catalog.tables import ChangeKind, ItemKind
from trialalerts.matching.reasons import PreferenceView, nearest_site
from trialalerts.matching.window import RECRUITING_NOW, Candidate, Subject
from trialalerts.subscribers.tables import ONE_TRIAL

__all__ = ["Match", "MatchGroup", "Tier", "grouped", "is_new", "rank", "static_order"]

_RERANKED = 50
"""So many items of a kind are put in the order of their distance; further down nobody compares."""
_NEW = frozenset(
    {
        ChangeKind.REGISTERED.value,
        ChangeKind.OPENED.value,
        ChangeKind.REOPENED.value,
        ChangeKind.SITE_OPENED.value,
        ChangeKind.PUBLISHED.value,
        RECRUITING_NOW,
    }
)
_TO_OPEN, _TOLD_LAST = 2, 7
_TOLD_IN_ORDER: dict[str, int] = {
    RECRUITING_NOW: 0,
    ChangeKind.REGISTERED: 0,
    ChangeKind.OPENED: 0,
    ChangeKind.REOPENED: 0,
    ChangeKind.SITE_OPENED: 1,
    ChangeKind.SITE_CLOSED: 3,
    ChangeKind.ELIGIBILITY_CHANGED: 4,
    ChangeKind.CONTACT_CHANGED: 4,
    ChangeKind.PAUSED: 5,
    ChangeKind.CLOSED: 5,
    ChangeKind.WITHDRAWN: 5,
    ChangeKind.RESULTS_POSTED: 6,
    ChangeKind.RESULTS_MISSING: 6,
}


class Tier(IntEnum):
    """How close an item is to what is followed; lower is told first."""

    AREA_RECRUITING = 0
    AREA = 1
    ANCESTOR_RECRUITING = 2
    ANCESTOR = 3
    ARTICLE_IN_TITLE = 4
    ARTICLE_IN_TEXT = 5
    ARTICLE_ANCESTOR = 6


_WEIGHTS: dict[str, int] = {
    ChangeKind.OPENED: 5,
    ChangeKind.REOPENED: 5,
    RECRUITING_NOW: 5,
    ChangeKind.REGISTERED: 4,
    ChangeKind.PUBLISHED: 4,
    ChangeKind.SITE_OPENED: 3,
    ChangeKind.ELIGIBILITY_CHANGED: 2,
    ChangeKind.RESULTS_POSTED: 2,
    ChangeKind.RETRACTED: 2,
    ChangeKind.CORRECTED: 2,
    ChangeKind.CONCERN: 2,
    ChangeKind.CONTACT_CHANGED: 1,
    ChangeKind.RESULTS_MISSING: 1,
    ChangeKind.SITE_CLOSED: 1,
    ChangeKind.PAUSED: 1,
    ChangeKind.CLOSED: 1,
    ChangeKind.WITHDRAWN: 1,
}


def static_order(candidate: Candidate) -> tuple[int, float, int, int]:
    """Return the sort key within a tier: weight of what happened, then the newest first, then a fixed order."""
    return -_WEIGHTS[candidate.kind], -candidate.at.timestamp(), -candidate.seq, candidate.subject.item_id


@dataclass(kw_only=True, slots=True)
class Match:
    """One item that is to be told, with what happened to it (best first) and the preferences that ask for it."""

    subject: Subject
    tier: Tier
    candidates: list[Candidate] = field(default_factory=list)
    preferences: list[PreferenceView] = field(default_factory=list)


def rank(asked: Iterable[tuple[PreferenceView | None, Candidate]]) -> list[Match]:
    """Return what one person's preferences ask for, best first.

    A change that several preferences ask for is told once and names them all, in the order in which they come; several
    changes of one item are one match. The tier of a match is the best that one of its preferences gives it. None stands
    for a preference that is gone: what it asked for stays.
    """
    asked = list(asked)
    best: dict[int, tuple[Tier, Candidate]] = {}
    for preference, candidate in asked:
        tier = tier_of(candidate.subject, preference.area_id if preference else None)
        known = best.get(id(candidate))
        if known is None or tier < known[0]:
            best[id(candidate)] = (tier, candidate)
    matches: dict[int, Match] = {}
    for tier, candidate in sorted(best.values(), key=lambda found: (found[0], static_order(found[1]))):
        item_id = candidate.subject.item_id
        if item_id not in matches:
            matches[item_id] = Match(subject=candidate.subject, tier=tier)
        matches[item_id].candidates.append(candidate)
    for preference, candidate in asked:
        asking = matches[candidate.subject.item_id].preferences
        if preference is not None and not any(preference is known for known in asking):
            asking.append(preference)
    return list(matches.values())


def tier_of(subject: Subject, area_id: str | None) -> Tier:
    """Return how close an item is to somebody who follows the area; None where nobody can say any more."""
    direct = area_id in subject.direct or area_id == ONE_TRIAL
    if subject.kind is ItemKind.TRIAL:
        if direct:
            return Tier.AREA_RECRUITING if subject.recruiting else Tier.AREA
        return Tier.ANCESTOR_RECRUITING if subject.recruiting else Tier.ANCESTOR
    if direct:
        return Tier.ARTICLE_IN_TITLE if area_id in subject.in_title else Tier.ARTICLE_IN_TEXT
    return Tier.ARTICLE_ANCESTOR


class MatchGroup(NamedTuple):
    """What one preference brought, in the order in which it is told; articles are a group of their own, the last.

    ``preference_id`` is None for articles, and 0 where the preference is gone. Each item is in one group only.
    """

    preference_id: int | None
    matches: list[Match]

    @property
    def new(self) -> int:
        """How many of the items are new, or are so at a site; the others changed."""
        return sum(is_new({candidate.kind for candidate in match.candidates}) for match in self.matches)


def is_new(kinds: AbstractSet[str]) -> bool:
    """Tell whether something of this is new to who follows it: a trial, or a site that opened."""
    return not _NEW.isdisjoint(kinds)


def grouped(matches: Iterable[Match], asked: Iterable[int]) -> list[MatchGroup]:
    """Return matches by the first preference that asks for each, in the order of ``asked`` (the preferences' ids).

    In a group: what opened, a new site, what is to open, a site that closed, who can join, what paused or closed,
    results; of the same, the nearest first.
    """
    groups: dict[int | None, list[Match]] = {number: [] for number in (*asked, 0, None)}
    for match in matches:
        trial = match.subject.kind is ItemKind.TRIAL
        first = next((preference.id for preference in match.preferences), 0) if trial else None
        groups[first].append(match)
    return [MatchGroup(number, _in_order(found)) for number, found in groups.items() if found]


def _in_order(matches: Sequence[Match]) -> list[Match]:
    """Return what is told first; the sort is stable, so that what is alike stays as it was ranked."""
    alike: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        alike[_news_order(match)].append(match)
    ordered: list[Match] = []
    for _, some in sorted(alike.items()):
        head, tail = some[:_RERANKED], some[_RERANKED:]
        ordered += sorted(head, key=_distance) if len(head) > 1 else head
        ordered += tail
    return ordered


def _news_order(match: Match) -> int:
    places = [_TOLD_IN_ORDER.get(candidate.kind, _TOLD_LAST) for candidate in match.candidates]
    first = min(places, default=_TOLD_LAST)
    return first if first or match.subject.recruiting else _TO_OPEN


def _distance(match: Match) -> float:
    around = [p for p in match.preferences if p.latitude is not None]
    sites = [nearest_site(match.subject, match.candidates, preference)[1] for preference in around]
    return min((distance for distance in sites if distance is not None), default=float("inf"))
