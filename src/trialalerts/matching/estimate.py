"""Owns the estimate: how much a preference would bring, told before it is saved, and what else would bring more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Change
from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import wanted
from trialalerts.matching.window import changes_between, open_now
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas import AreaTree

__all__ = ["Estimate", "Estimator", "Suggestion"]

_LOOK_BACK = timedelta(days=28)
_WIDER = 3
_LARGEST_RADIUS_KM = 1_000.0
_MANY_A_WEEK = 40


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """``recruiting_now`` trials that match today; ``changes`` that would have been told in the last ``weeks``."""

    recruiting_now: int
    changes: int
    weeks: float

    @property
    def changes_a_week(self) -> float:
        """The changes that would have been told, on average a week."""
        return self.changes / self.weeks

    @property
    def is_empty(self) -> bool:
        """Whether it would bring nothing at all."""
        return not self.recruiting_now and not self.changes

    @property
    def is_broad(self) -> bool:
        """Whether it would bring more than anybody reads."""
        return self.changes_a_week > _MANY_A_WEEK


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Another preference that would bring something: what is different in it, and its estimate."""

    what: str
    estimate: Estimate


class Estimator:
    """Answers for any number of preferences from one reading of the open trials and the last four weeks."""

    def __init__(self, session: Session, areas: AreaTree, now: datetime) -> None:
        self._areas = areas
        began = now - _LOOK_BACK
        before = session.exec(select(func.max(Change.seq)).where(col(Change.at) < began)).one() or 0
        oldest = session.exec(select(func.min(Change.at)).where(col(Change.at) >= began)).one()
        upto = current_number(session, CHANGES)
        self._changes = WindowIndex(changes_between(session, before, upto), areas)
        self._open = WindowIndex(open_now(session), areas)
        self._today = now.date()
        # Where the history is younger than four weeks it is measured from its own beginning, by no less than a week.
        days = (now - oldest).total_seconds() / 86_400 if oldest and not before else float(_LOOK_BACK.days)
        self._weeks = max(days, 7.0) / 7

    def of(self, preference: Preference) -> Estimate:
        """Return what the preference would bring; it need not be stored."""
        return Estimate(
            recruiting_now=wanted(self._open, preference, self._today).bit_count(),
            changes=wanted(self._changes, preference, self._today).bit_count(),
            weeks=self._weeks,
        )

    def instead_of(self, preference: Preference) -> list[Suggestion]:
        """Return what lies nearest to a preference that brings nothing, and brings something."""
        found = []
        if preference.region_kind is RegionKind.PLACE and (preference.radius_km or 0) < _LARGEST_RADIUS_KM:
            wider = min((preference.radius_km or 0) * _WIDER, _LARGEST_RADIUS_KM)
            found.append((f"a radius of {wider:.0f} km", _changed(preference, radius_km=wider)))
        found += [
            (f"the area “{self._areas.name(parent)}”", _changed(preference, area_id=parent))
            for parent in self._areas.parents(preference.area_id)
        ]
        suggestions = [Suggestion(what=what, estimate=self.of(other)) for what, other in found]
        return [suggestion for suggestion in suggestions if not suggestion.estimate.is_empty]


def _changed(preference: Preference, **values: object) -> Preference:
    return Preference(**{**preference.model_dump(), **values})
