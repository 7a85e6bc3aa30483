"""The sign of life: when nothing was told for a month or a quarter, what was looked at meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Date, column, text
from sqlmodel import Session, col, func, select

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.types import UtcDateTime
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.notices.kinds import HEARTBEAT
from trialalerts.digests.tables import Digest
from trialalerts.matching.estimate import Estimator
from trialalerts.settings import Settings
from trialalerts.subscribers.schedule import local_moment
from trialalerts.subscribers.tables import NEVER_SERVED, Preference, Subscriber, SubscriberState, id_of
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["Watched", "queue_heartbeats", "watched"]

_MONTHS = {"monthly": 1, "quarterly": 3}
_SHORTEST = timedelta(days=28)
_BROKEN_AFTER = timedelta(days=2)
_AT_ONCE = 2_000
# The rows belong to the sources, a room that must not be imported here: they are read by name.
_DAYS = text("SELECT source, day FROM source_day WHERE day >= :since AND day <= :until").columns(
    column("source"), column("day", Date)
)
_READ = text("SELECT name, last_success_at FROM source").columns(column("name"), column("last_success_at", UtcDateTime))


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What was looked at: on ``looked`` of ``days`` days since ``since`` all sources; ``broken`` ones since when."""

    since: date
    until: date
    looked: int
    days: int
    broken: tuple[tuple[str, datetime | None], ...]


def queue_heartbeats(db: Database, settings: Settings, clock: Clock) -> int:
    """Queue a sign of life for everybody who wants one and was told nothing for so long; return how many."""
    now = clock.now()
    with db.write() as session:
        rows = select(Subscriber).where(
            col(Subscriber.heartbeat).is_not(None),
            col(Subscriber.heartbeat_at) <= now - _SHORTEST,
            col(Subscriber.state) == SubscriberState.ACTIVE,
        )
        people = session.exec(rows.order_by(col(Subscriber.heartbeat_at)).limit(_AT_ONCE)).all()
        domain = mail_domain(settings.mail.sender)
        if not people:
            return 0
        estimator = Estimator(session, load_areas(session), now)
        return sum(_queue(session, each, domain, now, estimator) for each in people)


def _queue(session: Session, subscriber: Subscriber, domain: str, now: datetime, estimator: Estimator) -> bool:
    since = subscriber.heartbeat_at
    if since is None or subscriber.cursor == NEVER_SERVED or _next(subscriber, since) > now:
        return False
    told = select(func.max(Digest.created_at)).where(
        col(Digest.subscriber_id) == subscriber.id, col(Digest.created_at) > since
    )
    if (last := session.exec(told).one()) is not None:
        subscriber.heartbeat_at = last  # the quiet is counted from what was told last
        if _next(subscriber, last) > now:
            return False
        since = last
    subscriber.heartbeat_at = now
    if _waits(session, subscriber, estimator):
        return False  # the next digest brings it: that there is nothing new would not be true
    return enqueue(
        session,
        key=f"{HEARTBEAT}/{subscriber.key}/{now.date().isoformat()}",
        kind=HEARTBEAT,
        subscriber_id=id_of(subscriber),
        data={"since": int(since.timestamp()), "until": int(now.timestamp())},
        now=now,
        domain=domain,
    )


def _waits(session: Session, subscriber: Subscriber, estimator: Estimator) -> bool:
    """Tell whether there is news that whoever hears only once a week or a month has not been told yet."""
    wishes = select(Preference).where(
        col(Preference.subscriber_id) == subscriber.id, col(Preference.confirmed_at).is_not(None)
    )
    return any(estimator.changed_since(wish, subscriber.cursor) for wish in session.exec(wishes))


def _next(subscriber: Subscriber, since: datetime) -> datetime:
    """Return when a sign of life is due after a moment: a month or a quarter later, at the subscriber's hour."""
    began = since.astimezone(ZoneInfo(subscriber.timezone)).date()
    months = began.year * 12 + began.month - 1 + _MONTHS.get(subscriber.heartbeat or "", 1)
    on = date(months // 12, months % 12 + 1, min(began.day, 28))
    return local_moment(on, subscriber.hour, subscriber.timezone)


def watched(session: Session, sources: Mapping[str, timedelta], since: datetime, until: datetime) -> Watched:
    """Return what was looked at between two moments, as far back as it is written down.

    ``sources`` gives, by the name, how often each is read. A day counts on which all were read that are read daily.
    """
    rows: Sequence[tuple[str, date]] = [
        (row.source, row.day)
        for row in session.connection().execute(_DAYS, {"since": since.date(), "until": until.date()})
        if row.source in sources
    ]
    begin = max(since.date(), min((day for _, day in rows), default=until.date()))
    by_day: dict[date, set[str]] = {}
    for source, day in rows:
        by_day.setdefault(day, set()).add(source)
    daily = {name for name, every in sources.items() if every <= timedelta(days=1)}
    looked = sum(daily <= names for names in by_day.values())
    read = {row.name: row.last_success_at for row in session.connection().execute(_READ)}
    broken = [
        (name, read.get(name))
        for name, every in sources.items()
        if (last := read.get(name)) is None or until - last > max(_BROKEN_AFTER, 2 * every)
    ]
    days = (until.date() - begin).days + 1
    return Watched(since=begin, until=until.date(), looked=looked, days=days, broken=tuple(broken))
