"""Polling: reads the sources that are due, stores page by page, and keeps where each one stands.

A page and the cursor behind it are one transaction. A source that fails is put off, with growing
pauses; the others go on. One source is polled by one process at a time (see ``leases``).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.clock import Clock
from trialalerts.database.engine import Database, plain_error
from trialalerts.database.leases import LeaseLost
from trialalerts.errors import (
    ConfigurationError,
    DatabaseBehind,
    DatabaseUnavailable,
    DatabaseUnusable,
    NotFound,
    SourceError,
    TrialAlertsError,
    did_you_mean,
    nearest,
)
from trialalerts.logs import Logger
from trialalerts.net.client import HttpRefused, Interrupted
from trialalerts.redaction import without_secrets
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.base import Batch, Position, Source
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds import open_source, settled
from trialalerts.sources.polling.state import (
    adopt_interval,
    begin,
    fail,
    has_new_interval,
    interrupt,
    lease_of,
    next_poll,
    polled_by,
    url_key,
)
from trialalerts.sources.polling.writer import BatchCount, BatchWriter
from trialalerts.sources.stumbles import describe_error
from trialalerts.sources.tables import SourceState

__all__ = ["PollCount", "chosen_sources", "freshness_of", "poll_due", "poll_source"]

log = Logger()

_NOT_THE_SOURCES_FAULT = (ConfigurationError, DatabaseBehind, DatabaseUnavailable, DatabaseUnusable)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCount:
    """What one poll of one source brought.

    Attributes:
        source: its name.
        new: items that were not stored before.
        updated: items that were stored otherwise.
        unchanged: items that were stored just so.
        changes: changes that are announced.
        skipped: records of no interest (a status that is not asked for).
        problems: fields or records that could not be read.
        held: entries that are neither told nor stored until the operator lets the source go on.
        complete: whether the source was read to its end.
        error: why not, in one line; None where it was, and where the program was told to stop.
        polled_by: the other process that polls it just now, so that nothing was asked; None where there was none.
    """

    source: str
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    changes: int = 0
    skipped: int = 0
    problems: int = 0
    held: int = 0
    complete: bool = False
    error: str | None = None
    polled_by: str | None = None

    def plus(self, batch: BatchCount) -> PollCount:
        """Return this count with a batch added."""
        return replace(
            self,
            new=self.new + batch.new,
            updated=self.updated + batch.updated,
            unchanged=self.unchanged + batch.unchanged,
            changes=self.changes + batch.changes,
            skipped=self.skipped + batch.skipped,
            problems=self.problems + batch.problems,
            held=self.held + batch.held,
        )


def poll_due(
    db: Database,
    settings: Settings,
    clock: Clock,
    *,
    names: Sequence[str] | None = None,
    force: bool = False,
    stop: Callable[[], bool] = lambda: False,
    sure_at: datetime | None = None,
) -> list[PollCount]:
    """Poll the sources that are due, one after another.

    Args:
        db: the database.
        settings: the configuration; its sources are polled in their order.
        clock: tells what is due.
        names: only these sources.
        force: also those that are not due yet.
        stop: asked between and during polls; True ends them soon.
        sure_at: while the clock is in doubt: the last moment when it was not. No status turns beyond it.

    Raises:
        NotFound: no source has one of the names.
        DatabaseUnavailable, DatabaseUnusable, DatabaseBehind: the database does not work.
    """
    chosen = chosen_sources(settings, names)
    with db.read() as session:
        states = {state.name: state for state in session.exec(select(SourceState))}
    counts: list[PollCount] = []
    for source in chosen:
        if stop():
            break
        if has_new_interval(states.get(source.name), source):
            adopt_interval(db, source)
        if force or _is_due(states.get(source.name), source, clock.now()):
            counts.append(poll_source(db, settings, source, clock, only_due=not force, stop=stop, sure_at=sure_at))
    return counts


def _is_due(state: SourceState | None, source: SourceSettings, now: datetime) -> bool:
    due = next_poll(state, source)
    return due is None or (due <= now and state is not None and state.gone != url_key(source))


def chosen_sources(settings: Settings, names: Sequence[str] | None) -> list[SourceSettings]:
    """Return the configured sources of these names, with the keys of their kinds; all of them for None.

    Raises:
        NotFound: no source has one of the names.
        ConfigurationError: a key of one of them is wrong.
    """
    if names is None:
        return [settled(source) for source in settings.sources]
    by_name = {source.name: source for source in settings.sources}
    for name in names:
        if name not in by_name:
            raise NotFound(f"There is no source called “{name}”.{did_you_mean(nearest(name, by_name, likeness=50))}")
    return [settled(by_name[name]) for name in dict.fromkeys(names)]


def freshness_of(settings: Settings) -> Freshness:
    """Return how long after its own date an item is news, by the configuration."""
    within = settings.digests
    return Freshness(trial=within.new_trial_within, article=within.new_article_within)


def poll_source(
    db: Database,
    settings: Settings,
    source_settings: SourceSettings,
    clock: Clock,
    *,
    source: Source | None = None,
    only_due: bool = False,
    stop: Callable[[], bool] = lambda: False,
    sure_at: datetime | None = None,
) -> PollCount:
    """Poll one source now, from where it stands to its end; not while another process does.

    What goes wrong with the source is recorded with it and told in the count, not raised.

    Args:
        db: the database.
        settings: the configuration.
        source_settings: the source's part of it.
        clock: tells the time.
        source: takes the place of what ``source_settings`` describes.
        only_due: leave it alone where another process polled it a moment ago.
        stop: asked between batches and while waiting; True ends the poll, which goes on there the next time.
        sure_at: as for :func:`poll_due`.

    Raises:
        ConfigurationError: a key of the source is wrong.
        DatabaseUnavailable, DatabaseUnusable, DatabaseBehind: the database does not work.
    """
    if source is None:
        source_settings = settled(source_settings)
    poll = _Poll(db, settings, source_settings, clock, stop, sure_at)
    position = poll.begin(only_due=only_due)
    if position is not None:
        try:
            with poll.lease.kept_up():
                poll.run(position, source)
        except LeaseLost:
            poll.lose()
    return poll.count


class _Poll:
    def __init__(
        self,
        db: Database,
        settings: Settings,
        source: SourceSettings,
        clock: Clock,
        stop: Callable[[], bool],
        sure_at: datetime | None,
    ) -> None:
        self.count = PollCount(source=source.name)
        self.lease = lease_of(db, source.name, clock)
        self._db = db
        self._settings = settings
        self._source = source
        self._clock = clock
        self._told_to_stop = stop
        self._sure_at = sure_at

    def begin(self, *, only_due: bool) -> Position | None:
        """Take the lease; None where somebody else is at work."""
        position = begin(self._db, self._source, self.lease, self._clock.now(), only_due=only_due)
        if position is None:
            with self._db.read() as session:
                by = polled_by(session.get(SourceState, self._source.name), self._clock.now())
            self.count = replace(self.count, polled_by=by)
        return position

    def run(self, position: Position, source: Source | None) -> None:
        """Read the source; note what goes wrong with it.

        Raises:
            LeaseLost: another process took the source over.
        """
        try:
            self._read(position, source)
        except Interrupted:
            self._interrupt()
        except (*_NOT_THE_SOURCES_FAULT, LeaseLost):
            raise
        except SourceError as error:
            is_gone = isinstance(error, HttpRefused) and error.is_gone
            self._fail(str(error), type(error).__name__, error.retry_after, is_gone=is_gone)
        except TrialAlertsError as error:
            self._fail(str(error), type(error).__name__)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw in one source must not stop the others
            _raise_if_database(error, self._db)
            self._fail(f"The program itself failed ({describe_error(error)}); please report it.", type(error).__name__)

    def _read(self, position: Position, source: Source | None) -> None:
        began = self._clock.now()
        pace = self._source.at_most
        with SourceContext(
            self._db, self._settings, self._clock, stop=self._stop, at_most=pace, sure_at=self._sure_at
        ) as context:
            keeper = BatchWriter(self._db, self._source, context, self.lease, freshness_of(self._settings))
            batches = (source or open_source(self._source)).batches(position, context)
            try:
                while not self.count.complete and self._keep_next(batches, keeper):
                    if self._stop() and not self.count.complete:
                        raise Interrupted("The program was told to stop.")
            finally:
                if isinstance(batches, Generator):
                    batches.close()  # now, not when somebody forgets it: it may have asked for its next page
        if not self.count.complete:
            raise SourceError(f"Source {self._source.name} gave nothing that ends its sweep.")
        self._log_polled(began)

    def _stop(self) -> bool:
        return self.lease.lost or self._told_to_stop()

    def _keep_next(self, batches: Iterator[Batch], keeper: BatchWriter) -> bool:
        """Store the next batch; return whether there was one. It is let go of at once: it may be large."""
        with _few_collections():
            batch = next(batches, None)
            if batch is None:
                return False
            self.count = replace(self.count.plus(keeper.keep(batch)), complete=batch.ends_sweep)
            del batch
        return True

    def lose(self) -> None:
        """Say that somebody else goes on with the source."""
        log.warning("source.lease_lost", source=self._source.name, **self._numbers())

    def _interrupt(self) -> None:
        interrupt(self._db, self._source.name, self.lease, self._clock.now())
        log.info("source.broken_off", source=self._source.name, **self._numbers())

    def _fail(self, error: str, kind: str, retry_after: float | None = None, *, is_gone: bool = False) -> None:
        error = without_secrets(" ".join(error.split()), self._source.url)
        again = fail(self._db, self._source, self.lease, self._clock.now(), error, retry_after, is_gone=is_gone)
        self.count = replace(self.count, complete=False, error=error)
        log.warning(
            "source.failed",
            source=self._source.name,
            kind=kind,
            error=self.count.error,
            again_at=again.isoformat(),
            **self._numbers(),
        )

    def _log_polled(self, began: datetime) -> None:
        seconds = (self._clock.now() - began).total_seconds()
        log.info("source.polled", source=self._source.name, seconds=round(seconds, 1), **self._numbers())

    def _numbers(self) -> dict[str, int]:
        names = ("new", "updated", "unchanged", "changes", "skipped", "problems", "held")
        return {name: getattr(self.count, name) for name in names}


@contextmanager
def _few_collections() -> Iterator[None]:
    """Keep the garbage collector from looking through a page again and again while its objects are made.

    A page is a million small objects without circles; to look for some in it takes a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _raise_if_database(error: Exception, db: Database) -> None:
    """Raise what a look-up outside a transaction of our own met with, if the database itself is to blame."""
    if isinstance(error, DBAPIError) and isinstance(plain := plain_error(error, db.engine.url), _NOT_THE_SOURCES_FAULT):
        raise plain from error
