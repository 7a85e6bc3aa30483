"""Composing: for each subscriber who is due one digest of what is new, with cursor and mail in one transaction.

A transaction holds a page of subscribers. What it writes (digests, deliveries, cursors, next due times) stands or
falls together, so that after a crash every subscriber was either served whole or not at all.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from trialalerts.catalog.changes.baselines import AwaitedSource, settle_baselines
from trialalerts.catalog.outline_rows import complete_outlines
from trialalerts.clock import Clock
from trialalerts.database import Database, current_number
from trialalerts.database.bulk import is_sqlite
from trialalerts.database.counter import CHANGES
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.digests.announcements.once import AnnouncedArticles
from trialalerts.digests.announcements.riding import riding_announcements
from trialalerts.digests.claims import PageClaims
from trialalerts.digests.due import DuePage, DueRow, due_rows, introductions_due, lowest_cursors, rows_of
from trialalerts.digests.due_subscribers import PageMatcher, PageMatches
from trialalerts.digests.further.correcting import Corrections, told_since
from trialalerts.digests.further.silence import SilentTrials
from trialalerts.digests.overdue import waited_for
from trialalerts.digests.storing import ConcurrentUpdate, Storage
from trialalerts.errors import InvalidInput
from trialalerts.logs import Logger
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Matcher, query_of
from trialalerts.matching.shown import Queries, introduction
from trialalerts.matching.window import changes_between
from trialalerts.settings import Settings
from trialalerts.subscribers.account.resting import end_rests
from trialalerts.subscribers.follows.silence import silenced_by
from trialalerts.subscribers.people import end_pauses
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["ComposeCount", "Composer", "compose_due", "compose_for", "why_not_served"]

log = Logger()

BATCH = 5_000
"""So many subscribers are served in one transaction."""
_ANY_TIME = timedelta(days=40_000)
_SELDOM = (100_000, 20, 100)
"""When the garbage collector looks, while pages pass by (see :func:`gc.set_threshold`)."""


@dataclass(frozen=True, kw_only=True)
class _Spans:
    """After which change the windows begin, for who was served before and for newcomers, and with which they end."""

    after: int
    began: int
    upto: int


@dataclass(kw_only=True)
class ComposeCount:
    """What one round of composing did."""

    subscribers: int = 0
    digests: int = 0
    woken: int = 0
    failed: list[int] = field(default_factory=list)


def compose_due(
    db: Database, settings: Settings, clock: Clock, *, stop: Callable[[], bool] = lambda: False, steady: bool = True
) -> ComposeCount:
    """Serve everybody who is due; between pages ``stop`` may end the round (the rest stays due).

    Where the clock is in doubt (not ``steady``), no pause ends and no wait for a baseline.
    """
    now = clock.now()
    count = ComposeCount()
    with db.write() as session:
        count.woken = end_pauses(session, now) + end_rests(session, now) if steady else 0
        patience = settings.digests.wait_for_baseline if steady else _ANY_TIME
        waits = settle_baselines(session, [source.name for source in settings.sources], patience, now)
    complete_outlines(db, stop)
    with db.read() as session:
        _at_one_moment(session)
        composer = Composer.prepare(session, settings, now, introducing=not waits)
    if composer is not None:
        composer.looks_back = steady
        with _windows_at_rest():
            composer.serve(db, count, stop)
    return count


def _at_one_moment(session: Session) -> None:
    """Let all that is read be of one moment: else what opens meanwhile is among what is open, and a change to come."""
    if not is_sqlite(session):
        session.connection().exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


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
        InvalidInput: they are not active, so that nothing may be sent to them; or they are to get their first digest,
            and that waits for a source.
    """
    with db.write() as session:
        subscriber = session.get(Subscriber, subscriber_id, with_for_update=True)
        if subscriber is None or subscriber.state is not SubscriberState.ACTIVE:
            state = "gone" if subscriber is None else subscriber.state.value
            raise InvalidInput(f"This subscriber is {state}: only an active one can be sent a digest.")
        waits = waited_for(session, settings, clock.now())
        if waits and subscriber.cursor == NEVER_SERVED:
            raise InvalidInput(_words(waits, clock.now()))
        composer = Composer.for_one(session, settings, clock.now(), subscriber, introducing=not waits)
        return composer.storage.store(session, composer.matches(session, subscriber).served) > 0


def why_not_served(session: Session, settings: Settings, now: datetime, subscriber: Subscriber) -> str | None:
    """Return why a subscriber gets no digest now, whatever there is to tell; None: nothing holds them up."""
    if subscriber.state is not SubscriberState.ACTIVE:
        return f"This subscriber is {subscriber.state.value}: only an active one is sent digests."
    waits = waited_for(session, settings, now) if subscriber.cursor == NEVER_SERVED else ()
    return _words(waits, now) or None


def _words(waits: Sequence[AwaitedSource], now: datetime) -> str:
    return " ".join(each.words(now) for each in waits)


class Composer:
    """Serves pages of subscribers from one reading of what changed (up to the number ``upto``) and of what is open.

    Without ``introducing`` first digests, and what is open for a preference that is new, wait.
    """

    def __init__(
        self,
        page_matcher: PageMatcher,
        storage: Storage,
        articles: AnnouncedArticles,
        *,
        upto: int,
        now: datetime,
        introducing: bool = True,
    ) -> None:
        self.matcher = page_matcher.matcher
        self.storage = storage
        self._page_matcher = page_matcher
        self._articles = articles
        self._upto = upto
        self._now = now
        self._introducing = introducing
        self._corrections = Corrections(self.matcher.changes.index)
        self._silent = SilentTrials(now)
        self.looks_back = True
        """Whether it is said how silent trials stand: not while the clock is in doubt."""

    @classmethod
    def prepare(
        cls, session: Session, settings: Settings, now: datetime, *, introducing: bool = True
    ) -> Composer | None:
        """Read the windows that those who are due need; None where nobody is due."""
        upto = current_number(session, CHANGES)
        lowest, began = lowest_cursors(session, now, upto, introducing=introducing)
        queries = introductions_due(session, now, newcomers=began is not None) if introducing else []
        if lowest is None and began is None and queries == []:
            return None
        spans = _Spans(after=upto if lowest is None else lowest, began=upto if began is None else began, upto=upto)
        return cls._of(session, settings, now, spans, queries, introducing=introducing)

    @classmethod
    def for_one(
        cls, session: Session, settings: Settings, now: datetime, subscriber: Subscriber, *, introducing: bool = True
    ) -> Composer:
        """Read the windows that one subscriber needs, whatever is new to them."""
        upto = current_number(session, CHANGES)
        after = upto if subscriber.cursor == NEVER_SERVED else subscriber.cursor
        began = upto if subscriber.confirmed_seq is None else subscriber.confirmed_seq
        rows = [row for row in rows_of(session, subscriber) if row.preference_id is not None]
        after = min([after, *(row.paused_seq for row in rows if row.paused_seq is not None)])
        spans = _Spans(after=after, began=began if subscriber.cursor == NEVER_SERVED else upto, upto=upto)
        queries = [query_of(row) for row in rows]
        return cls._of(session, settings, now, spans, queries, introducing=introducing)

    @classmethod
    def _of(
        cls, session: Session, settings: Settings, now: datetime, spans: _Spans, queries: Queries, *, introducing: bool
    ) -> Composer:
        areas, upto = load_areas(session), spans.upto
        changes = changes_between(session, min(spans.after, spans.began), upto, baselines_after=spans.after)
        since = now - settings.digests.recent_articles
        shown = introduction(session, queries, areas, articles_since=since, now=now)
        windows = WindowIndex(changes, areas), WindowIndex(shown, areas)
        matcher = Matcher(changes=windows[0], shown=windows[1], today=now.date(), queries=queries)
        articles = AnnouncedArticles(session, windows)
        page_matcher = PageMatcher(
            matcher, after=spans.after, began=spans.began, upto=upto, introducing=introducing, articles=articles
        )
        domain, riding = mail_domain(settings.mail.sender), riding_announcements(session, now)
        storage = Storage(matcher, upto=upto, now=now, domain=domain, riding=riding, articles=articles)
        return cls(page_matcher, storage, articles, upto=upto, now=now, introducing=introducing)

    def matches(self, session: Session, subscriber: Subscriber) -> PageMatches:
        """Return what one subscriber would be told, due or not."""
        return self.matches_of(session, rows_of(session, subscriber))

    def matches_of(self, session: Session, rows: Sequence[DueRow]) -> PageMatches:
        """Return what the people of these rows would be told."""
        rested: dict[int, int] = {}
        for row in rows:
            if row.paused_seq is not None:
                rested[row.subscriber_id] = min(row.paused_seq, rested.get(row.subscriber_id, row.paused_seq))
        people = {row.subscriber_id for row in rows}
        announced = self._articles.told(session, people)
        matches = self._page_matcher.match(rows, told_since(session, rested), silenced_by(session, people), announced)
        self._corrections.add(session, matches.served, rows)
        if self.looks_back:
            self._silent.add(session, matches.served, rows)
        return matches

    def serve(self, db: Database, count: ComposeCount, stop: Callable[[], bool]) -> None:
        """Serve page after page, as long as there are any and nobody says stop.

        Any number of composers may work side by side, on either database: each page is read and matched while nothing
        is locked, and only what it brings is written in a transaction.
        """
        claims = PageClaims(now=self._now, last_change=self._upto, size=BATCH, introducing=self._introducing)
        with db.write() as session:
            page = claims.claim(session)
        while page and not stop():
            page = self._serve(db, page, count, claims)

    def _serve(self, db: Database, page: DuePage, count: ComposeCount, claims: PageClaims) -> DuePage | None:
        """Serve a page and take the next one in the same transaction."""
        with db.read() as session:
            rows = due_rows(session, self._upto, page, introducing=self._introducing)
            matches = self.matches_of(session, rows)
        try:
            with db.write() as session:
                digests = self.storage.store(session, matches.served)
                following = claims.claim(session)
        except ConcurrentUpdate:
            with db.write() as session:
                rows = due_rows(session, self._upto, page, held=True, introducing=self._introducing)
                matches = self.matches_of(session, rows)
                digests = self.storage.store(session, matches.served)
                following = claims.claim(session)
        count.subscribers += len(matches.served)
        count.digests += digests
        count.failed += [who for who in matches.failed if who not in count.failed]
        return following
