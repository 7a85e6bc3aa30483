"""The estimate on a page before a preference is saved; where it fails, the page goes without."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.matching.estimate import Alternative, Estimate, Estimator
from trialalerts.sources.polling.state import watched_since
from trialalerts.subscribers.preferences import NewPreference, unsaved_preference
from trialalerts.subscribers.tables import Preference
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["Estimates", "PageEstimate"]

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class PageEstimate:
    """What a preference would bring; ``instead`` where that is nothing."""

    estimate: Estimate
    instead: tuple[Alternative, ...]


class Estimates:
    """Answers for what visitors are about to follow; ``sources`` are the names of those that are configured."""

    def __init__(self, db: Database, clock: Clock, *, sources: Collection[str] = ()) -> None:
        self._db = db
        self._clock = clock
        self._sources = sources

    def of(self, new: NewPreference, areas: AreaTree) -> PageEstimate | None:
        """Return what a preference would bring; None where it cannot be told just now: an estimate is a courtesy."""
        now = self._clock.now()
        preference = unsaved_preference(new, is_area=areas.__contains__, now=now)
        try:
            with self._db.read() as session:
                since, complete = watched_since(session, self._sources)
                estimator = Estimator(session, areas, now, watched_since=since, complete=complete)
                estimate = estimator.of(preference)
                instead = estimator.alternatives(preference) if estimate.is_empty else ()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the page goes without
            log.warning("web.no_estimate", error=type(error).__name__)
            return None
        return PageEstimate(estimate=estimate, instead=tuple(instead))

    def open_now(self, preferences: Sequence[Preference], areas: AreaTree) -> int | None:
        """Return how many trials take people that one of the preferences asks for; None where nobody can say.

        Of several preferences the same trial counts once for each: then only whether there is any is sure, and what
        is more than none is told as unknown.
        """
        try:
            with self._db.read() as session:
                since, complete = watched_since(session, self._sources)
                estimator = Estimator(session, areas, self._clock.now(), watched_since=since, complete=complete)
                found = [estimator.of(each).recruiting_now for each in preferences if each.item_id is None]
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the page goes without
            log.warning("web.no_estimate", error=type(error).__name__)
            return None
        if not complete or not found:
            return None
        return found[0] if len(found) == 1 else (None if any(found) else 0)
