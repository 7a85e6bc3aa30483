"""The estimate on a page before a preference is saved; where it fails, the page goes without."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.logs import Logger
from trialalerts.matching.estimate import Alternative, Estimate, Estimator
from trialalerts.sources.polling.state import watched_since
from trialalerts.subscribers.preferences import NewPreference, unsaved_preference
from trialalerts.subscribers.tables import Preference
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["Estimates", "PageEstimate"]

log = Logger()


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

    def of(self, new: NewPreference, areas: AreaTree, *, reader: int = 0) -> PageEstimate | None:
        """Return what a preference would bring; None where it cannot be told just now: an estimate is a courtesy.

        ``reader`` is the subscriber who is about to have it; 0: somebody new.
        """
        now = self._clock.now()
        preference = unsaved_preference(new, is_area=areas.__contains__, now=now, subscriber_id=reader)
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

    def open_now(self, preferences: Sequence[Preference], areas: AreaTree) -> dict[int, int]:
        """Return how many trials take people for each stored preference, by its id.

        One of which nobody can say just now is left out, and so is the follower of one trial. While a source has not
        been read to its end nothing is known.
        """
        try:
            with self._db.read() as session:
                since, complete = watched_since(session, self._sources)
                estimator = Estimator(session, areas, self._clock.now(), watched_since=since, complete=complete)
                asked = [each for each in preferences if each.item_id is None] if complete else []
                return {each.id or 0: estimator.open_now(each) for each in asked}
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the page goes without
            log.warning("web.no_estimate", error=type(error).__name__)
            return {}
