"""Queueing calls: of changes by a cursor for each webhook, of noted events as they are taken out, and once more.

Both are one transaction with the calls that they bring: cut off anywhere, nothing is lost, and nothing is queued twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from trialalerts.catalog.tables import Change
from trialalerts.clock import Clock
from trialalerts.database import Database, current_number, table_of
from trialalerts.database.counter import CHANGES
from trialalerts.database.events.noted import NotedEvent, listened_to, take_events
from trialalerts.digests.publishing import Publishing
from trialalerts.errors import InvalidInput
from trialalerts.hooks.events import EVENTS
from trialalerts.hooks.matched import concerned, public_changes
from trialalerts.hooks.outbox import NewCall, insert_calls, queue_again
from trialalerts.hooks.registering import find_webhook, list_webhooks
from trialalerts.hooks.status import end_given_up
from trialalerts.hooks.tables import Hook
from trialalerts.hooks.telling import call_of_event, calls_of_changes

__all__ = ["ReplayCount", "queue_calls", "replay_calls"]

_W = table_of(Hook)
_CHANGES = 2_000
_EVENTS = 500


@dataclass(frozen=True, kw_only=True)
class ReplayCount:
    """What is told once more: calls that were made or given up (``again``), and changes that had none (``added``)."""

    again: int
    added: int


def queue_calls(db: Database, publishing: Publishing, clock: Clock, *, stop: Callable[[], bool]) -> int:
    """Queue what happened and was not queued yet; return how many calls that came to."""
    queued = 0
    while not stop():
        with db.read() as session:
            noted = session.connection().execute(select(col(NotedEvent.key)).limit(1)).first() is not None
            found = _next_changes(session, publishing)
        if not noted and found is None:
            break
        with db.write() as session:
            queued += _queue_noted(session, clock.now()) if noted else 0
            queued += _queue_found(session, found, clock.now()) if found else 0
    return queued


def replay_calls(db: Database, publishing: Publishing, name: str, since: datetime, now: datetime) -> ReplayCount:
    """Queue for a webhook all that concerns it since a moment, told before or not; a call keeps its id.

    Events that are no changes are told again only where there was a call.

    Raises:
        NotFound: there is no such webhook.
        InvalidInput: it is disabled.
    """
    with db.read() as session:
        webhook = find_webhook(session, name)
        if webhook.disabled_at is not None:
            raise InvalidInput(f"{name} is disabled; first: trialalerts webhooks resume {name}")
        first = session.connection().execute(select(func.min(Change.seq)).where(col(Change.at) >= since)).scalar()
        missing: list[NewCall] = []
        after = webhook.cursor if first is None else first - 1
        while after < webhook.cursor:
            upto = min(after + _CHANGES, webhook.cursor)
            missing += _calls(session, [webhook], after, upto, publishing)[name]
            after = upto
    with db.write() as session:
        webhook_id = webhook.id or 0
        again = queue_again(session, webhook_id, since, now)
        added = insert_calls(session, [(webhook_id, each) for each in missing], now=now)
        session.connection().execute(
            update(_W).where(_W.c.id == webhook_id).values(retry_at=None)  # whoever asks wants it tried at once
        )
        end_given_up(session)
    return ReplayCount(again=again, added=added)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the webhooks whose cursor stands there are to be told of the next changes, up to a number."""

    webhooks: Sequence[Hook]
    calls: dict[str, list[NewCall]]
    upto: int


def _next_changes(session: Session, publishing: Publishing) -> _Found | None:
    last = current_number(session, CHANGES)
    behind = [each for each in list_webhooks(session) if each.disabled_at is None and each.cursor < last]
    if not behind:
        return None
    after = min(each.cursor for each in behind)
    webhooks = [each for each in behind if each.cursor == after]
    # No further than where another one stands, so that all go on together from there.
    ahead = [each.cursor for each in behind if each.cursor > after]
    upto = min([after + _CHANGES, last, *ahead])
    return _Found(webhooks=webhooks, calls=_calls(session, webhooks, after, upto, publishing), upto=upto)


def _calls(
    session: Session, webhooks: Sequence[Hook], after: int, upto: int, publishing: Publishing
) -> dict[str, list[NewCall]]:
    """Return for each webhook the calls that tell it the changes after a number, up to another."""
    heard = listened_to(session)
    listening = [each for each in webhooks if any(EVENTS[name].limited for name in heard.get(each.name, ()))]
    if not listening:
        return {each.name: [] for each in webhooks}
    numbers = concerned(session, public_changes(session, after, upto), listening)
    calls = calls_of_changes(session, {number for some in numbers.values() for number in some}, publishing)
    return {
        each.name: [
            calls[number]
            for number in numbers.get(each.name, ())
            if number in calls and calls[number].event in heard[each.name]
        ]
        for each in webhooks
    }


def _queue_found(session: Session, found: _Found, now: datetime) -> int:
    """Queue what was found for those whose cursor still stands there: another process may have been quicker."""
    calls: list[tuple[int, NewCall]] = []
    for webhook in found.webhooks:
        moved = update(_W).where(_W.c.id == webhook.id, _W.c.cursor == webhook.cursor).values(cursor=found.upto)
        if session.connection().execute(moved).rowcount:
            calls += [(webhook.id or 0, each) for each in found.calls[webhook.name]]
    return insert_calls(session, calls, now=now)


def _queue_noted(session: Session, now: datetime) -> int:
    webhooks = {each.name: each.id or 0 for each in list_webhooks(session) if each.disabled_at is None}
    heard = listened_to(session)
    calls = [
        (webhook_id, call_of_event(event))
        for event in take_events(session, most=_EVENTS)
        for name, webhook_id in webhooks.items()
        if event.event in heard.get(name, ())
    ]
    return insert_calls(session, calls, now=now)
