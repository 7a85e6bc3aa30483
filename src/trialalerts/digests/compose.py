"""Owns composing: for each subscriber who is due one digest of what is new, with cursor and mail in one transaction.

A transaction holds a page of subscribers. What it writes (digests, deliveries, cursors, next due times) stands or
falls together, so that after a crash every subscriber was either served whole or not at all.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database, current_number
from trialalerts.database.counter import CHANGES
from trialalerts.delivery.message import mail_domain
from trialalerts.digests.asking import Answers, Asker
from trialalerts.digests.due import DuePage, due_rows, lowest_cursors, new_preferences_due, rows_of
from trialalerts.digests.storing import Overtaken, Storage
from trialalerts.digests.taking import Pages
from trialalerts.errors import InvalidInput
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.window import changes_between, open_now
from trialalerts.settings import Settings
from trialalerts.subscribers.people import end_pauses
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber, SubscriberState
from trialalerts.vocabulary.areas import load_areas

__all__ = ["ComposeCount", "Composer", "compose_due", "compose_for"]

log = structlog.get_logger()

BATCH = 5_000
"""So many subscribers are served in one transaction."""
_SELDOM = (100_000, 20, 100)
"""When the garbage collector looks, while pages pass by (see :func:`gc.set_threshold`)."""


@dataclass(kw_only=True)
class ComposeCount:
    """What one round of composing did."""

    subscribers: int = 0
    digests: int = 0
    woken: int = 0
    failed: list[int] = field(default_factory=list)


def compose_due(
    db: Database, settings: Settings, clock: Clock, *, stop: Callable[[], bool] = lambda: False
) -> ComposeCount:
    """Serve everybody who is due; between pages ``stop`` may end the round (the rest stays due)."""
    now = clock.now()
    count = ComposeCount()
    with db.write() as session:
        count.woken = end_pauses(session, now)
    with db.read() as session:
        composer = Composer.prepare(session, settings, now)
    if composer is not None:
        with _windows_at_rest():
            composer.serve(db, count, stop)
    return count


@contextmanager
def _windows_at_rest() -> Iterator[None]:
    """Keep the garbage collector from looking through the windows and the pages, again and again.

    That took two thirds of the time. Nothing is kept from being freed: what is no longer used goes at once, only
    circles wait, until there are many or the round ends.
    """
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def compose_for(db: Database, settings: Settings, clock: Clock, subscriber_id: int) -> bool:
    """Serve one subscriber now, whenever they are due; return whether a digest was composed.

    Raises:
        InvalidInput: they are not active, so that nothing may be sent to them.
    """
    with db.write() as session:
        subscriber = session.get(Subscriber, subscriber_id, with_for_update=True)
        if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
            state = "gone" if subscriber is None else subscriber.state.value
            raise InvalidInput(f"This subscriber is {state}: only an active one can be sent a digest.")
        composer = Composer.for_one(session, settings, clock.now(), subscriber.cursor)
        return composer.storage.store(session, composer.asked(session, subscriber).served) > 0


class Composer:
    """Serves pages of subscribers from one reading of what changed (up to the number ``upto``) and of what is open."""

    def __init__(self, asker: Asker, storage: Storage, *, upto: int, now: datetime) -> None:
        self.asker = asker
        self.storage = storage
        self._upto = upto
        self._now = now

    @classmethod
    def prepare(cls, session: Session, settings: Settings, now: datetime) -> Composer | None:
        """Read the windows that those who are due need; None where nobody is due."""
        upto = current_number(session, CHANGES)
        lowest, newcomers = lowest_cursors(session, now, upto)
        newcomers = newcomers or new_preferences_due(session, now)
        if lowest is None and not newcomers:
            return None
        return cls._of(session, settings, now, after=upto if lowest is None else lowest, upto=upto, newcomers=newcomers)

    @classmethod
    def for_one(cls, session: Session, settings: Settings, now: datetime, cursor: int) -> Composer:
        """Read the windows that one subscriber needs, whatever is new to them."""
        upto = current_number(session, CHANGES)
        after = upto if cursor == NEVER_SERVED else cursor
        return cls._of(session, settings, now, after=after, upto=upto, newcomers=True)

    @classmethod
    def _of(
        cls, session: Session, settings: Settings, now: datetime, *, after: int, upto: int, newcomers: bool
    ) -> Composer:
        areas = load_areas(session)
        asker = Asker(
            changes=WindowIndex(changes_between(session, after, upto), areas),
            still_open=WindowIndex(open_now(session), areas) if newcomers else None,
            after=after,
            today=now.date(),
        )
        storage = Storage(asker, upto=upto, now=now, domain=mail_domain(settings.mail.sender))
        return cls(asker, storage, upto=upto, now=now)

    def asked(self, session: Session, subscriber: Subscriber) -> Answers:
        """Return what one subscriber would be told, due or not."""
        return self.asker.ask(rows_of(session, subscriber))

    def serve(self, db: Database, count: ComposeCount, stop: Callable[[], bool]) -> None:
        """Serve page after page, as long as there are any and nobody says stop.

        Any number of composers may work side by side, on either database: each page is read and matched while nothing
        is locked, and only what it brings is written in a transaction.
        """
        pages = Pages(now=self._now, last_change=self._upto, size=BATCH)
        with db.write() as session:
            page = pages.take(session)
        while page and not stop():
            page = self._serve(db, page, count, pages)

    def _serve(self, db: Database, page: DuePage, count: ComposeCount, pages: Pages) -> DuePage | None:
        """Serve a page and take the next one in the same transaction."""
        with db.read() as session:
            rows = due_rows(session, self._upto, page)
        answers = self.asker.ask(rows)
        try:
            with db.write() as session:
                digests = self.storage.store(session, answers.served)
                following = pages.take(session)
        except Overtaken:
            with db.write() as session:
                answers = self.asker.ask(due_rows(session, self._upto, page, held=True))
                digests = self.storage.store(session, answers.served)
                following = pages.take(session)
        count.subscribers += len(answers.served)
        count.digests += digests
        count.failed += [who for who in answers.failed if who not in count.failed]
        return following
