"""The estimate: how much a preference would bring, told before it is saved, and what else would bring more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Change, Item
from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import wanted
from trialalerts.matching.window import changes_between, open_now
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["Estimate", "Estimator", "Suggestion"]

_LOOK_BACK = timedelta(days=28)
_SHORTEST_HISTORY_DAYS = 14.0
"""Of less nobody can say how much news a week brings: unknown is not none."""
_WIDER = 3
_LARGEST_RADIUS_KM = 1_000.0
_MANY_A_WEEK = 40


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """``recruiting_now`` trials that match today; ``changes`` that would have been told in the last ``weeks``.

    ``weeks`` is None where what happened is known of too short a time. ``complete`` is False while a source has not
    been read to its end: there may be more open trials then.
    """

    recruiting_now: int
    changes: int
    weeks: float | None
    complete: bool = True

    @property
    def changes_a_week(self) -> float | None:
        """The changes that would have been told, on average a week; None where nobody can say yet."""
        return None if self.weeks is None else self.changes / self.weeks

    @property
    def is_empty(self) -> bool:
        """Whether it would bring nothing at all."""
        return not self.recruiting_now and not self.changes

    @property
    def is_broad(self) -> bool:
        """Whether it would bring more than anybody reads."""
        return (self.changes_a_week or 0.0) > _MANY_A_WEEK


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Another preference that would bring something: what is different in it, and its estimate."""

    what: str
    estimate: Estimate


class Estimator:
    """Answers for any number of preferences from one reading of the open trials and the last four weeks.

    Args:
        session: reads.
        areas: the vocabulary.
        now: aware.
        watched_since: when the last source had its baseline, where that is known.
        complete: whether each source was read to its end once.
    """

    def __init__(
        self,
        session: Session,
        areas: AreaTree,
        now: datetime,
        *,
        watched_since: datetime | None = None,
        complete: bool = True,
    ) -> None:
        self._areas = areas
        self._complete = complete
        began = now - _LOOK_BACK
        before = session.exec(select(func.max(Change.seq)).where(col(Change.at) < began)).one() or 0
        upto = current_number(session, CHANGES)
        changes = changes_between(session, before, upto, baselines_after=upto)  # what a baseline brings is no news
        self._changes = WindowIndex(changes, areas)
        self._open = WindowIndex(open_now(session), areas)
        self._today = now.date()
        self._weeks = _weeks(_began(session, watched_since), now)

    def of(self, preference: Preference) -> Estimate:
        """Return what the preference would bring; it need not be stored."""
        return Estimate(
            recruiting_now=wanted(self._open, preference, self._today).bit_count(),
            changes=wanted(self._changes, preference, self._today).bit_count(),
            weeks=self._weeks,
            complete=self._complete,
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


def _began(session: Session, watched_since: datetime | None) -> datetime | None:
    """Return since when what happens is known: the first item or change, or the last source's baseline if later."""
    first_item = session.exec(select(Item.first_seen_at).order_by(col(Item.id)).limit(1)).first()
    first_change = session.exec(select(Change.at).order_by(col(Change.seq)).limit(1)).first()
    known = [moment for moment in (first_item, first_change) if moment is not None]
    return max(min(known), watched_since or min(known)) if known else None


def _weeks(began: datetime | None, now: datetime) -> float | None:
    """Return the weeks that are looked back; None where the history is too short."""
    days = 0.0 if began is None else (now - began) / timedelta(days=1)
    return min(days, _LOOK_BACK / timedelta(days=1)) / 7 if days >= _SHORTEST_HISTORY_DAYS else None


def _changed(preference: Preference, **values: object) -> Preference:
    return Preference(**{**preference.model_dump(), **values})
