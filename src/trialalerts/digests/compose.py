"""Owns composing: for each subscriber who is due one digest of what is new, with cursor and mail in one transaction.

A transaction holds a batch of subscribers. What it writes (digests, deliveries, cursors, next due times) stands or
falls together, so that after a crash every subscriber was either served whole or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col, func, select

from trialalerts.clock import Clock
from trialalerts.database import Database, current_number, table_of
from trialalerts.database.counter import CHANGES
from trialalerts.delivery.message import mail_domain
from trialalerts.delivery.outbox import enqueue_new
from trialalerts.digests.due import due_subscribers, lowest_cursor, newcomers_due
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.errors import InvalidInput
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import Match, Matcher
from trialalerts.matching.window import RECRUITING_NOW, changes_between, open_now
from trialalerts.settings import Settings
from trialalerts.subscribers.people import end_pauses
from trialalerts.subscribers.schedule import next_due
from trialalerts.subscribers.tables import NEVER_SERVED, Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.areas import load_areas

__all__ = ["ComposeCount", "Composer", "compose_due", "compose_for", "preferences_of"]

log = structlog.get_logger()

BATCH = 500
_EXPLAINED = 100
"""So many entries of a digest are stored with their reasons; of the rest, which no mail shows, item and change."""


@dataclass(kw_only=True)
class ComposeCount:
    """What one round of composing did."""

    subscribers: int = 0
    digests: int = 0
    entries: int = 0
    woken: int = 0
    failed: list[int] = field(default_factory=list)


def compose_due(
    db: Database, settings: Settings, clock: Clock, *, stop: Callable[[], bool] = lambda: False
) -> ComposeCount:
    """Serve everybody who is due; between batches ``stop`` may end the round (the rest stays due)."""
    now = clock.now()
    count = ComposeCount()
    with db.write() as session:
        count.woken = end_pauses(session, now)
    with db.read() as session:
        composer = Composer.prepare(session, settings, now)
    while composer is not None and not stop():
        with db.write() as session:
            if not composer.serve_batch(session, count):
                break
    return count


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
        count = ComposeCount()
        composer = Composer.for_cursor(session, settings, clock.now(), subscriber.cursor)
        composer.serve(session, [subscriber], count)
    return count.digests > 0


class Composer:
    """Serves batches of subscribers from one window: the changes above ``after`` up to the last one, ``upto``."""

    def __init__(
        self, *, regular: Matcher, first: Matcher | None, after: int, upto: int, settings: Settings, now: datetime
    ) -> None:
        self._regular = regular
        self._first = first
        self._after = after
        self._upto = upto
        self._settings = settings
        self._now = now
        self._passed_over: set[int] = set()

    @classmethod
    def prepare(cls, session: Session, settings: Settings, now: datetime) -> Composer | None:
        """Read the window that those who are due need; None where nobody is due."""
        upto = current_number(session, CHANGES)
        lowest = lowest_cursor(session, now, upto)
        newcomers = newcomers_due(session, now, upto)
        if lowest is None and not newcomers:
            return None
        return cls._of(session, settings, now, after=upto if lowest is None else lowest, upto=upto, newcomers=newcomers)

    @classmethod
    def for_cursor(cls, session: Session, settings: Settings, now: datetime, cursor: int) -> Composer:
        """Read the window that one subscriber needs."""
        upto = current_number(session, CHANGES)
        newcomer = cursor == NEVER_SERVED
        return cls._of(session, settings, now, after=upto if newcomer else cursor, upto=upto, newcomers=newcomer)

    @classmethod
    def _of(
        cls, session: Session, settings: Settings, now: datetime, *, after: int, upto: int, newcomers: bool
    ) -> Composer:
        areas = load_areas(session)
        regular = WindowIndex(changes_between(session, after, upto), areas)
        first = WindowIndex(open_now(session), areas) if newcomers else None
        return cls(
            regular=Matcher(regular, now.date()),
            first=Matcher(first, now.date()) if first else None,
            after=after,
            upto=upto,
            settings=settings,
            now=now,
        )

    def entries(self, subscriber: Subscriber, preferences: Sequence[Preference]) -> list[dict[str, Any]]:
        """Return the entries of the subscriber's digest as they are stored, best first; none where nothing is new."""
        first = self._first if subscriber.cursor == NEVER_SERVED else None
        matcher = first or self._regular
        found = matcher.match(preferences, after=-1 if first else subscriber.cursor)
        return [entry_row(matcher, match, explained=n < _EXPLAINED) for n, match in enumerate(found)]

    def serve_batch(self, session: Session, count: ComposeCount) -> int:
        """Serve the next batch in the session's transaction; return how many were taken up."""
        due = due_subscribers(session, self._now, self._upto, BATCH + len(self._passed_over))
        self._passed_over |= {subscriber.id or 0 for subscriber in due if not self._covers(subscriber)}
        due = [subscriber for subscriber in due if subscriber.id not in self._passed_over]
        self.serve(session, due, count)
        return len(due)

    def _covers(self, subscriber: Subscriber) -> bool:
        """Tell whether the window holds all that is new to the subscriber.

        It may not: somebody may have confirmed, or come back with an older cursor, after it was read.
        The next round has a window for them.
        """
        return self._first is not None if subscriber.cursor == NEVER_SERVED else subscriber.cursor >= self._after

    def serve(self, session: Session, due: Sequence[Subscriber], count: ComposeCount) -> None:
        """Write digests, mails, cursors and due times of these subscribers."""
        preferences = preferences_of(session, due)
        written = [self._digest(subscriber, preferences[subscriber.id or 0], count) for subscriber in due]
        digests = [digest for digest in written if digest is not None]
        self._store(session, digests)
        self._advance(session, [subscriber for subscriber in due if subscriber.id not in self._passed_over])
        count.subscribers += len(due)
        count.digests += len(digests)
        count.entries += sum(len(digest["entries"]) for digest in digests)

    def _digest(
        self, subscriber: Subscriber, preferences: Sequence[Preference], count: ComposeCount
    ) -> dict[str, Any] | None:
        """Return the row of the subscriber's digest; None where nothing is new.

        A fault in one subscriber's matching harms only that one: it is recorded, they stay due, the rest goes on.
        """
        try:
            entries = self.entries(subscriber, preferences)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the digests of all others
            log.error("digest.failed", subscriber=subscriber.id, error=type(error).__name__)
            self._passed_over.add(subscriber.id or 0)
            count.failed.append(subscriber.id or 0)
            return None
        if not entries:
            return None
        return {
            "subscriber_id": subscriber.id,
            "kind": DigestKind.FIRST if subscriber.cursor == NEVER_SERVED else DigestKind.REGULAR,
            "from_seq": subscriber.cursor,
            "to_seq": max(self._upto, subscriber.cursor),
            "created_at": self._now,
            "entries": entries,
        }

    def _store(self, session: Session, digests: list[dict[str, Any]]) -> None:
        """Write the digests and queue a mail for each."""
        if not digests:
            return
        connection = session.connection()
        made = connection.execute(
            insert(table_of(Digest)).returning(table_of(Digest).c.id, sort_by_parameter_order=True),
            _numbered(session, digests),
        )
        # Named after the window, not after the digest's id: SQLite gives a deleted row's id to another.
        mails = [
            (f"digest/{digest['subscriber_id']}/{digest['from_seq']}", digest["subscriber_id"], {"digest_id": made_id})
            for made_id, digest in zip(made.scalars(), digests, strict=True)
        ]
        enqueue_new(session, mails, kind="digest", now=self._now, domain=mail_domain(self._settings.mail.sender))

    def _advance(self, session: Session, served: Sequence[Subscriber]) -> None:
        """Move cursors and due times on; the cursor by compare-and-set, so that no window is ever served twice."""
        table = table_of(Subscriber)
        advance = (
            update(table)
            .where(table.c.id == bindparam("who"), table.c.cursor == bindparam("was"))
            .values(cursor=bindparam("now_at"), next_due_at=bindparam("due"))
        )
        moves = [
            {
                "who": subscriber.id,
                "was": subscriber.cursor,
                "now_at": max(self._upto, subscriber.cursor),
                "due": next_due(
                    subscriber.frequency,
                    subscriber.hour,
                    subscriber.weekday,
                    subscriber.day,
                    subscriber.timezone,
                    self._now,
                ),
            }
            for subscriber in served
        ]
        if moves and session.connection().execute(advance, moves).rowcount != len(moves):
            raise RuntimeError("a subscriber of this batch was served by another composer at the same time")


def entry_row(matcher: Matcher, match: Match, *, explained: bool = True) -> dict[str, Any]:
    """Return the JSON of the :class:`Entry` of one match; what happened stands in the order in which it happened.

    It is written out by hand, in the shape of :meth:`Entry.as_json`: this runs for every item of every digest.
    What a change was before and after stands in its own row, which never changes.
    """
    told: list[dict[str, Any]] = [
        {"kind": candidate.kind} if candidate.kind == RECRUITING_NOW else {"kind": candidate.kind, "seq": candidate.seq}
        for candidate in sorted(match.candidates, key=_by_number)
    ]
    row: dict[str, Any] = {"item_id": match.subject.item_id, "kind": match.subject.kind.value, "told": told}
    if explained:
        row["reasons"] = [reason.as_json() for reason in matcher.reasons(match)]
    if match.tier:
        row["tier"] = int(match.tier)
    return row


_by_number = attrgetter("seq")


def _numbered(session: Session, digests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each first digest a ``from_seq`` of its own below zero: who leaves and comes back gets another one."""
    newcomers = {digest["subscriber_id"]: digest for digest in digests if digest["kind"] is DigestKind.FIRST}
    if newcomers:
        lowest = (
            select(Digest.subscriber_id, func.min(Digest.from_seq))
            .where(col(Digest.subscriber_id).in_(newcomers), col(Digest.from_seq) < 0)
            .group_by(col(Digest.subscriber_id))
        )
        for subscriber_id, from_seq in session.exec(lowest):
            newcomers[subscriber_id]["from_seq"] = from_seq - 1
    return digests


def preferences_of(session: Session, due: Sequence[Subscriber]) -> dict[int, list[Preference]]:
    """Return the confirmed preferences of these subscribers by subscriber id."""
    found: dict[int, list[Preference]] = defaultdict(list)
    if due:
        ids = [subscriber.id for subscriber in due]
        asked = select(Preference).where(
            col(Preference.subscriber_id).in_(ids), col(Preference.confirmed_at).is_not(None)
        )
        for preference in session.exec(asked.order_by(col(Preference.id))):
            found[preference.subscriber_id].append(preference)
    return found
