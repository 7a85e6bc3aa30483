"""The order of what somebody is told: one match for each item, the closest to what is followed first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from trialalerts.catalog.tables import ChangeKind, ItemKind
from trialalerts.matching.reasons import PreferenceView, nearest_site
from trialalerts.matching.window import RECRUITING_NOW, Candidate, Subject
from trialalerts.subscribers.tables import ONE_TRIAL, RegionKind

__all__ = ["Match", "Tier", "rank", "static_order"]

_RERANKED = 50
"""So many items of a tier are put in the order of their distance; further down nobody compares."""


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
    ChangeKind.CONTACT_CHANGED: 1,
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
    around = any(preference is not None and preference.region_kind is RegionKind.PLACE for preference, _ in asked)
    return _near_first(list(matches.values())) if around else list(matches.values())


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


def _near_first(matches: Sequence[Match]) -> list[Match]:
    """Put the first items of each tier of trials in the order of their distance; the sort is stable."""
    ordered: list[Match] = []
    for tier in Tier:
        of_tier = [match for match in matches if match.tier is tier]
        head, tail = of_tier[:_RERANKED], of_tier[_RERANKED:]
        if tier < Tier.ARTICLE_IN_TITLE:
            head.sort(key=_distance)
        ordered += head + tail
    return ordered


def _distance(match: Match) -> float:
    around = [p for p in match.preferences if p.region_kind is RegionKind.PLACE]
    sites = [nearest_site(match.subject, match.candidates, preference)[1] for preference in around]
    return min((distance for distance in sites if distance is not None), default=float("inf"))
