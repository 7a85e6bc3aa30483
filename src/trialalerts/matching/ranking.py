"""The order in which things are told: the static weight of a candidate, and the tiers of a preference."""

from __future__ import annotations

from enum import IntEnum

from trialalerts.catalog.tables import ChangeKind
from trialalerts.matching.window import RECRUITING_NOW, Candidate

__all__ = ["Tier", "static_order"]


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
    ChangeKind.SITE_CLOSED: 1,
    ChangeKind.PAUSED: 1,
    ChangeKind.CLOSED: 1,
    ChangeKind.WITHDRAWN: 1,
}


def static_order(candidate: Candidate) -> tuple[int, float, int, int]:
    """Return the sort key within a tier: weight of what happened, then the newest first, then a fixed order."""
    return -_WEIGHTS[candidate.kind], -candidate.at.timestamp(), -candidate.seq, candidate.subject.item_id
