"""Rules for what happened long ago: versions of closed trials, who changed what, what other programs were told."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlmodel import Session

from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.catalog.trials.status import CLOSED_STATUSES
from trialalerts.database import table_of
from trialalerts.database.audit import AuditEntry
from trialalerts.database.events.noted import NotedEvent
from trialalerts.digests.tables import Digest
from trialalerts.hooks.status import forget_calls
from trialalerts.hooks.tables import CallState, HookCall
from trialalerts.operations.desk.logins import LOGIN_KEPT
from trialalerts.operations.desk.tables import EditorLogin
from trialalerts.operations.retention.rule import RetentionRule, deleting, first_since
from trialalerts.settings import Settings
from trialalerts.sources.tables import SourceDay
from trialalerts.subscribers.tables import NEVER_SERVED, Preference, Subscriber, SubscriberState

__all__ = ["closed_trials", "old_audit", "old_calls", "old_logins", "old_source_days", "untold_events"]

_C = table_of(Change).c
_COUNTED = timedelta(days=120)
_MAY_BE_SERVED = (
    SubscriberState.PENDING,
    SubscriberState.ACTIVE,
    SubscriberState.PAUSED,
    SubscriberState.BOUNCED,
)


def closed_trials(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What once changed in a trial that has been closed since; what it is now and its last change stay.

    None that a digest tells which is still kept, and none that somebody (who paused, say) has still to be told.
    """
    cutoff = now - settings.retention.closed_trials
    items, last, later = table_of(Item).c, table_of(Change).alias("last"), table_of(Change).alias("later")
    closed = select(items.id).where(
        items.id == _C.item_id, items.kind == ItemKind.TRIAL, items.status.in_(sorted(CLOSED_STATUSES))
    )
    of_item = select(func.max(last.c.seq)).where(last.c.item_id == _C.item_id).scalar_subquery()
    lately = select(later.c.seq).where(later.c.item_id == _C.item_id, later.c.at >= cutoff)
    due = and_(
        _C.seq <= _told_to_all(session),
        _C.seq < first_since(session, _C.seq, _C.at, cutoff),
        closed.exists(),
        _C.seq < of_item,
        ~lately.exists(),
    )
    return RetentionRule(what="old versions of closed trials", key=_C.seq, due=due, forget=deleting(Change))


def old_source_days(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """On which days a source was read: what a sign of life counts, a quarter back at most."""
    del session, settings
    rows = table_of(SourceDay).c
    due = rows.day < (now - _COUNTED).date()
    return RetentionRule(what="days on which sources were read", key=rows.day, due=due, forget=deleting(SourceDay))


def old_logins(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """The ways of editors into their desk, once their sessions are over: some may have asked and nobody since."""
    del session, settings
    rows = table_of(EditorLogin).c
    due = rows.asked_at <= now - LOGIN_KEPT
    return RetentionRule(what="links of editors to their desk", key=rows.key, due=due, forget=deleting(EditorLogin))


def old_audit(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Who changed what: the only place where a line of that trail is ever deleted."""
    del session
    rows = table_of(AuditEntry).c
    return RetentionRule(
        what="lines of the audit trail",
        key=rows.id,
        due=rows.at < now - settings.retention.audit,
        forget=deleting(AuditEntry),
    )


def old_calls(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What other programs were told, and what was given up; never what is still to be told."""
    del session
    rows = table_of(HookCall).c
    due = and_(rows.created_at < now - settings.retention.webhook_calls, rows.state != CallState.QUEUED)
    return RetentionRule(what="calls of webhooks", key=rows.id, due=due, forget=forget_calls)


def untold_events(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Events that nobody took to tell them: no daemon calls webhooks."""
    del session
    rows = table_of(NotedEvent).c
    due = rows.at < now - settings.retention.webhook_calls
    return RetentionRule(what="events that no program was told", key=rows.key, due=due, forget=deleting(NotedEvent))


def _told_to_all(session: Session) -> int:
    """Return up to which change everybody who may be served was told, and no digest that is kept needs any."""
    people, digests = table_of(Subscriber).c, table_of(Digest).c
    run = session.connection().execute
    may_be = people.state.in_(_MAY_BE_SERVED)
    least = [
        run(select(func.min(people.cursor)).where(may_be, people.cursor != NEVER_SERVED)).scalar(),
        run(select(func.min(people.confirmed_seq)).where(may_be, people.cursor == NEVER_SERVED)).scalar(),
        run(select(func.min(table_of(Preference).c.paused_seq))).scalar(),
        run(select(func.min(digests.from_seq)).where(digests.from_seq >= 0)).scalar(),
        run(select(func.max(_C.seq))).scalar() or 0,
    ]
    return min(number for number in least if number is not None)
