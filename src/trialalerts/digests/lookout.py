"""The lookout: when the sources were looked at last, and which of them could not be of late."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import column, select, table
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database.types import UtcDateTime
from trialalerts.digests.cards.headings import Lookout
from trialalerts.settings import Settings, SourceSettings

__all__ = ["Watch"]

_PATIENCE = timedelta(days=1)
"""A source that was not reached for so long beyond its own rhythm is told to readers."""
_READ_AGAIN = timedelta(minutes=1)
_SOURCES = table("source", column("name"), column("last_success_at", UtcDateTime))
"""Two columns of the sources' own table: digests know nothing else of sources."""
_NAMES = {"clinicaltrials_gov": "ClinicalTrials.gov"}


class Watch:
    """Says when sources were looked at; asks the database once a minute at most. Threads may share one."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._sources = {source.name: source for source in settings.sources}
        self._clock = clock
        self._known: tuple[datetime, Lookout] | None = None

    def lookout(self, session: Session) -> Lookout:
        """Return when the configured sources were looked at, as far as each was ever reached."""
        known, now = self._known, self._clock.now()
        if known is None or not known[0] <= now < known[0] + _READ_AGAIN:
            known = self._known = (now, self._read(session))
        return known[1]

    def _read(self, session: Session) -> Lookout:
        rows = session.connection().execute(select(_SOURCES.c.name, _SOURCES.c.last_success_at))
        reached = {name: at for name, at in rows if name in self._sources and at is not None}
        now = self._clock.now()
        late = [
            (_name(self._sources[name]), at)
            for name, at in sorted(reached.items())
            if now - at > 2 * self._sources[name].every + _PATIENCE
        ]
        return Lookout(max(reached.values(), default=None), tuple(late))


def _name(source: SourceSettings) -> str:
    """Return a source as its readers know it."""
    return source.title or _NAMES.get(source.kind, source.name)
