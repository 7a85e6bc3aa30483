"""The estimate that a page shows before a preference is saved: how much it would bring, and what would bring more.

The open trials and the last weeks' changes are read once and kept for some minutes, since every visitor asks of the
same ones. An estimate is a courtesy: where it cannot be had (in time), the page goes without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock, Thread
from typing import Literal

import structlog
from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Change, Item
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.matching.estimate import Estimate, Estimator
from trialalerts.sources.polling.state import watched_since
from trialalerts.subscribers.preferences import NewPreference, unsaved_preference
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.regions import MAX_RADIUS_KM

__all__ = ["Estimates", "Instead", "Outlook"]

log = structlog.get_logger()

_REFRESH = timedelta(minutes=10)
_TOO_OLD = timedelta(hours=1)
_LOOK_BACK = timedelta(days=28)
_MOST_READ = 30_000
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
    def news_a_week(self) -> int | None:
        """The changes that would have been told, on average a week, rounded; 0 for less than one, None if unknown."""
        known = self.estimate.changes_a_week
        return known if known is None else round(known) if known >= 1 else 0


class Estimates:
    """Answers for what visitors are about to follow; ``sources`` are the names of those that are configured.

    What is read comes from a thread of its own: a large registry takes longer than anybody waits for a page.
    """

    def __init__(self, db: Database, clock: Clock, *, sources: Collection[str] = (), most: int = _MOST_READ) -> None:
        self._most = most
        self._sources = sources
        self._db = db
        self._clock = clock
        self._lock = Lock()
        self._estimator: Estimator | None = None
        self._read_at: datetime | None = None
        self._reading: Thread | None = None

    def of(self, new: NewPreference, areas: AreaTree) -> Outlook | None:
        """Return what a preference would bring; None where it cannot be told just now."""
        now = self._clock.now()
        preference = unsaved_preference(new, is_area=areas.__contains__, now=now)
        estimator = self._current(areas, now)
        if estimator is None:
            return None
        with self._lock:  # it remembers what it is asked
            estimate = estimator.of(preference)
            instead = islice(_instead(estimator, preference, areas), _MOST_INSTEAD) if estimate.is_empty else ()
            return Outlook(estimate=estimate, instead=tuple(instead))

    def _current(self, areas: AreaTree, now: datetime) -> Estimator | None:
        """Return what was read; read anew beside it when it is old, and wait a little where there is nothing better."""
        with self._lock:
            age = None if self._read_at is None else now - self._read_at
            if age is None or not timedelta() <= age < _REFRESH:
                self._read_beside(areas, now)
            reading = self._reading
        if reading is not None and (age is None or not timedelta() <= age < _TOO_OLD):
            reading.join(_PATIENCE_SECONDS)
        with self._lock:
            fresh = self._read_at is not None and timedelta() <= now - self._read_at < _TOO_OLD
            return self._estimator if fresh else None

    def _read_beside(self, areas: AreaTree, now: datetime) -> None:
        if self._reading is None or not self._reading.is_alive():
            self._reading = Thread(target=self._read, args=(areas, now), name="estimates", daemon=True)
            self._reading.start()

    def _read(self, areas: AreaTree, now: datetime) -> None:
        try:
            with self._db.read() as session:
                estimator = self._estimate(session, areas, now) if self._fits(session, now) else None
        except Exception as error:  # noqa: BLE001 - a courtesy: whatever goes wrong, the page goes without
            log.warning("web.no_estimate", error=type(error).__name__)
            return
        with self._lock:
            self._estimator, self._read_at = estimator, now

    def _estimate(self, session: Session, areas: AreaTree, now: datetime) -> Estimator:
        since, complete = watched_since(session, self._sources)
        return Estimator(session, areas, now, watched_since=since, complete=complete)

    def _fits(self, session: Session, now: datetime) -> bool:
        """Tell whether what an estimate reads fits beside the pages: some 11 MB for a thousand trials or changes."""
        open_trials = session.exec(select(func.count()).select_from(Item).where(col(Item.is_open))).one()
        changes = session.exec(select(func.count()).select_from(Change).where(col(Change.at) >= now - _LOOK_BACK)).one()
        if open_trials + changes > self._most:
            log.warning("web.no_estimate", open_trials=open_trials, changes=changes, most=self._most)
            return False
        return True


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
