"""Owns the estimate: how much a preference would bring, told before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Change
from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher
from trialalerts.matching.window import changes_between, open_now
from trialalerts.subscribers.tables import Preference
from trialalerts.vocabulary.areas import AreaTree

__all__ = ["Estimate", "estimate"]

_LOOK_BACK = timedelta(days=28)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """``recruiting_now`` trials that match today; ``changes_a_week`` over the ``weeks`` of stored history looked at."""

    recruiting_now: int
    changes: int
    weeks: float

    @property
    def changes_a_week(self) -> float:
        """The changes that would have been told, on average a week."""
        return self.changes / self.weeks


def estimate(session: Session, preference: Preference, areas: AreaTree, now: datetime) -> Estimate:
    """Return what the preference would bring; it need not be stored."""
    began = now - _LOOK_BACK
    before = session.exec(select(func.max(Change.seq)).where(col(Change.at) < began)).one() or 0
    oldest = session.exec(select(func.min(Change.at)).where(col(Change.at) >= began)).one()
    window = Matcher(WindowIndex(changes_between(session, before, current_number(session, CHANGES)), areas), now.date())
    today = Matcher(WindowIndex(open_now(session), areas), now.date())
    matched = window.match([preference])
    # Where the history is younger than four weeks it is measured from its own beginning, by no less than a week.
    days = max((now - oldest).total_seconds() / 86_400 if oldest and not before else _LOOK_BACK.days, 7.0)
    return Estimate(
        recruiting_now=len(today.match([preference])),
        changes=sum(len(match.candidates) for match in matched),
        weeks=days / 7,
    )
