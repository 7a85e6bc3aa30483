"""Owns the estimate that a page shows before a preference is saved: how much it would bring, and what would bring more.

The open trials and the last weeks' changes are read once and kept for some minutes, since every visitor asks of the
same ones. An estimate is a courtesy: where it cannot be had (in time), the page goes without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Literal

import structlog

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.errors import TrialAlertsError
from trialalerts.matching.estimate import Estimate, Estimator
from trialalerts.subscribers.preferences import NewPreference, unsaved_preference
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas import AreaTree
from trialalerts.vocabulary.regions import MAX_RADIUS_KM

__all__ = ["Estimates", "Instead", "Outlook"]

log = structlog.get_logger()

_REFRESH = timedelta(minutes=10)
_PATIENCE_SECONDS = 5.0
_WIDER = 3
_MOST_INSTEAD = 3


@dataclass(frozen=True, kw_only=True)
class Instead:
    """What would bring something: a larger ``radius`` (``value`` in km) or the ``area`` above (``value`` its id)."""

    kind: Literal["radius", "area"]
    value: str
    name: str
    recruiting_now: int


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What a preference would bring; ``instead`` where that is nothing."""

    estimate: Estimate
    instead: tuple[Instead, ...]

    @property
    def news_a_week(self) -> int:
        """The changes that would have been told, on average a week, rounded; 0 for less than one."""
        return round(self.estimate.changes_a_week) if self.estimate.changes_a_week >= 1 else 0


class Estimates:
    """Answers for what visitors are about to follow."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._lock = Lock()
        self._read_at: datetime | None = None
        self._estimator: Estimator | None = None

    def of(self, new: NewPreference, areas: AreaTree) -> Outlook | None:
        """Return what a preference would bring; None where it cannot be told just now."""
        now = self._clock.now()
        preference = unsaved_preference(new, is_area=areas.__contains__, now=now)
        if not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            return None
        try:
            estimator = self._current(areas, now)
            estimate = estimator.of(preference)
            instead = islice(_instead(estimator, preference, areas), _MOST_INSTEAD) if estimate.is_empty else ()
            return Outlook(estimate=estimate, instead=tuple(instead))
        except TrialAlertsError as error:
            log.warning("web.no_estimate", error=type(error).__name__)
            return None
        finally:
            self._lock.release()

    def _current(self, areas: AreaTree, now: datetime) -> Estimator:
        if self._estimator is None or self._read_at is None or not self._read_at <= now < self._read_at + _REFRESH:
            with self._db.read() as session:
                self._estimator = Estimator(session, areas, now)
            self._read_at = now
        return self._estimator


def _instead(estimator: Estimator, preference: Preference, areas: AreaTree) -> Iterator[Instead]:
    """Yield what lies nearest to a preference that brings nothing, and brings something."""
    for kind, value, name, changes in _wider(preference, areas):
        other = estimator.of(Preference(**{**preference.model_dump(), **changes}))
        if not other.is_empty:
            yield Instead(kind=kind, value=value, name=name, recruiting_now=other.recruiting_now)


def _wider(
    preference: Preference, areas: AreaTree
) -> Iterator[tuple[Literal["radius", "area"], str, str, dict[str, object]]]:
    radius = preference.radius_km or 0.0
    if preference.region_kind is RegionKind.PLACE and radius < MAX_RADIUS_KM:
        wider = min(radius * _WIDER, MAX_RADIUS_KM)
        yield "radius", f"{wider:.0f}", "", {"radius_km": wider}
    for parent in areas.parents(preference.area_id):
        if parent not in preference.excluded_areas:
            yield "area", parent, areas.name(parent), {"area_id": parent}
