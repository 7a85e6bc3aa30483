"""What the operator reads: the mail about standstills, and the summary of a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Change, Item
from trialalerts.clock import Clock
from trialalerts.database import Database, table_of
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.tables import Digest
from trialalerts.operations.retention.rule import first_since
from trialalerts.operations.watch.alerts import AlertRound
from trialalerts.operations.watch.standstills import Standstill
from trialalerts.operations.watch.tables import Alert
from trialalerts.operations.watch.ways import OperatorMessage
from trialalerts.operations.watch.words import words_for
from trialalerts.plurals import counted
from trialalerts.settings import Settings
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber, SubscriberState

__all__ = ["alert_message", "daily_summary"]

_A_DAY = timedelta(days=1)


def alert_message(settings: Settings, told: AlertRound) -> OperatorMessage:
    """Return one mail about all that stands still now and all that is over."""
    lines = []
    if told.begun:
        lines += ["This stands still:", "", *_told(told.begun, over=False)]
    if told.over:
        lines += ["This is over:", "", *_told(told.over, over=True)]
    lines += ["All of it, and what mends it: trialalerts doctor"]
    begun, over = len(told.begun), len(told.over)
    said = [f"{counted(begun, 'thing')} {'stands' if begun == 1 else 'stand'} still"] if begun else []
    said += [f"{over} over" if said else f"{counted(over, 'thing')} over"] if over else []
    return OperatorMessage(subject=f"[{settings.service.name}] {', '.join(said)}", text="\n".join(lines) + "\n")


def _told(rows: Iterable[Alert], *, over: bool) -> Iterator[str]:
    for row in rows:
        since = f"since {row.since:%Y-%m-%d %H:%M} UTC"
        until = f" until {row.over_at:%Y-%m-%d %H:%M} UTC" if row.over_at else ""
        yield f"- {words_for(row.kind).about(row.subject) if over else row.text} ({since}{until})"
        if not over:
            yield f"  {words_for(row.kind).command}"
        yield ""


def daily_summary(settings: Settings, db: Database, clock: Clock, standstills: Iterable[Standstill]) -> OperatorMessage:
    """Return what came in, what will go out today and what failed, in about ten lines."""
    now = clock.now()
    with db.read() as session:
        lines = [
            f"The last 24 hours, as of {now.astimezone(ZoneInfo(settings.service.timezone)):%Y-%m-%d %H:%M %Z}",
            "",
            *_came_in(session, now),
            *_went_out(session, now),
            *_people(session, now),
            _sources(session, [source.name for source in settings.sources]),
        ]
    still = [each.text for each in standstills]
    lines += [f"Stands still: {'; '.join(still)}" if still else "Nothing stands still."]
    return OperatorMessage(subject=f"[{settings.service.name}] the day in ten lines", text="\n".join(lines) + "\n")


def _came_in(session: Session, now: datetime) -> Iterator[str]:
    item, change = table_of(Item).c, table_of(Change).c
    since = first_since(session, item.id, item.first_seen_at, now - _A_DAY)
    kinds = select(col(Item.kind), func.count()).where(col(Item.id) >= since).group_by(col(Item.kind))
    found = {str(kind): number for kind, number in session.exec(kinds)}
    upto = first_since(session, change.seq, change.at, now - _A_DAY)
    changes = session.exec(select(func.count()).select_from(Change).where(col(Change.seq) >= upto)).one()
    yield (
        f"Came in: {counted(found.get('trial', 0), 'trial')} and {counted(found.get('article', 0), 'article')}, "
        f"{counted(changes, 'change')} worth telling"
    )


def _went_out(session: Session, now: datetime) -> Iterator[str]:
    digests = session.exec(select(func.count()).select_from(Digest).where(col(Digest.created_at) > now - _A_DAY)).one()
    counts = counters.since(session, counters.hour_of(now - _A_DAY))
    yield f"Went out: {counted(digests, 'digest')} composed, {counted(counts[HourlyCounts.SENT], 'mail')} sent"
    due = select(func.count()).select_from(Subscriber).where(
        col(Subscriber.state) == SubscriberState.ACTIVE, col(Subscriber.next_due_at) <= now + _A_DAY
    )  # fmt: skip
    waiting = select(func.count()).select_from(Delivery).where(col(Delivery.state) == DeliveryState.QUEUED)
    yield (
        f"Goes out: {counted(session.exec(due).one(), 'person', 'people')} due within 24 hours, "
        f"{counted(session.exec(waiting).one(), 'mail')} queued"
    )
    failed = select(func.count()).select_from(Delivery).where(
        col(Delivery.state) == DeliveryState.FAILED, col(Delivery.created_at) > now - _A_DAY
    )  # fmt: skip
    yield (
        f"Failed: {counted(session.exec(failed).one(), 'mail')}; {counts[HourlyCounts.BOUNCED]:,} bounced, "
        f"{counts[HourlyCounts.COMPLAINED]:,} complained"
    )


def _people(session: Session, now: datetime) -> Iterator[str]:
    recent = col(Consent.at) > now - _A_DAY
    acts = select(col(Consent.action), func.count()).where(recent).group_by(col(Consent.action))
    found = {str(action): number for action, number in session.exec(acts)}
    active = select(func.count()).select_from(Subscriber).where(col(Subscriber.state) == SubscriberState.ACTIVE)
    yield (
        f"People: {session.exec(active).one():,} active; {found.get(ConsentAction.CONFIRMED.value, 0):,} confirmed, "
        f"{found.get(ConsentAction.UNSUBSCRIBED.value, 0):,} left"
    )


def _sources(session: Session, names: list[str]) -> str:
    states = session.exec(select(SourceState).where(col(SourceState.name).in_(names))).all()
    failing = sorted(state.name for state in states if state.error_count)
    said = f"; failing: {', '.join(failing)}" if failing else ""
    return f"Sources: {counted(len(names), 'source')}, {len(states) - len(failing):,} well{said}"
