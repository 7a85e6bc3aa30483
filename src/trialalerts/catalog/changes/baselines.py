"""Baselines: what a source's first sweep brought, until everybody who follows it can be told once.

A baseline announces no change. The trials that it brings are kept back while it goes on: nobody is shown half of a
source. When it ends (or its patience does) each of them that is open becomes one change, told as “recruiting now”. So
the numbers of changes alone tell who has seen what: whoever was introduced before has a lower number, whoever comes
later finds them among what is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy
from sqlalchemy import Connection, column, delete, func, insert, select, table
from sqlmodel import Session, col

from trialalerts.catalog.tables import BaselineItem, Change, ChangeKind, Item
from trialalerts.database import table_of
from trialalerts.database.counter import CHANGES, take_numbers
from trialalerts.database.findings import end_findings, note_finding, open_findings
from trialalerts.database.types import UtcDateTime

__all__ = ["AWAITED", "AwaitedSource", "announce_baseline", "awaited_sources", "keep_back", "settle_baselines"]

AWAITED = "baseline-awaited"
"""The kind of the finding that a source has not been read to its end yet."""

# The sources' own table stands in a room above this one, which must not be imported here: it is read by name.
_SOURCE = table(
    "source",
    column("name", sqlalchemy.String),
    column("baseline_done_at", UtcDateTime()),
    column("first_attempt_at", UtcDateTime()),
    column("patience_ended_at", UtcDateTime()),
)
_OPENING = (ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.REOPENED)


@dataclass(frozen=True, kw_only=True, slots=True)
class AwaitedSource:
    """A configured source that has no baseline yet.

    ``since`` is its first attempt, None where nobody has asked it yet. ``until`` is when first digests no longer wait
    for it; None: as long as nobody asks it.
    """

    name: str
    since: datetime | None
    until: datetime | None

    def holds(self, now: datetime) -> bool:
        """Tell whether first digests wait for it."""
        return self.until is None or now < self.until

    def words(self, now: datetime) -> str:
        """Return one sentence for the operator."""
        if self.since is None:
            return (
                f"First digests wait for source {self.name}, which nobody has polled yet; start a daemon that polls "
                f"(trialalerts run) or run: trialalerts sources poll {self.name}"
            )
        since = f"not read to its end since {self.since:%Y-%m-%d %H:%M} UTC"
        if self.until is not None and self.holds(now):
            return (
                f"First digests wait for source {self.name}, {since}; they wait until {self.until:%Y-%m-%d %H:%M} UTC "
                f"at the longest. See: trialalerts sources list"
            )
        return (
            f"First digests no longer wait for source {self.name}, {since}: what is open there is told as it comes. "
            f"Run: trialalerts sources check {self.name}"
        )


def awaited_sources(session: Session, names: Sequence[str], patience: timedelta) -> list[AwaitedSource]:
    """Return those of the configured sources that have no baseline; none with a patience of zero.

    First digests are held while one of them ``holds``.
    """
    if not patience:
        return []
    rows = session.connection().execute(select(_SOURCE)).all()
    known = {row.name: (row.baseline_done_at, row.first_attempt_at) for row in rows}
    found = []
    for name in names:
        done, since = known.get(name, (None, None))
        if done is None:
            found.append(AwaitedSource(name=name, since=since, until=since + patience if since else None))
    return found


def settle_baselines(session: Session, names: Sequence[str], patience: timedelta, now: datetime) -> list[AwaitedSource]:
    """Show what has been kept back for too long, note for the operator what is waited for; return who holds.

    Kept back is released where its source is no longer configured, where the source's patience is over, and after
    that whenever something was kept back for as long again.
    """
    awaited = awaited_sources(session, names, patience)
    late = {each.name for each in awaited if not each.holds(now)}
    for source, oldest in _kept_back(session):
        over = source in late and _end_patience(session, source, now)
        if source not in names or over or oldest + patience <= now:
            announce_baseline(session, source, now)
    for each in awaited:
        note_finding(session, AWAITED, each.name, each.words(now), now=now)
    open_before = {finding.subject for finding in open_findings(session, AWAITED)}
    if over_now := open_before - {each.name for each in awaited}:
        end_findings(session, AWAITED, over_now)
    return [each for each in awaited if each.holds(now)]


def keep_back(connection: Connection, item_ids: Iterable[int], source: str) -> None:
    """Keep trials back that a baseline has just brought."""
    rows = [{"item_id": item_id, "source": source} for item_id in item_ids]
    if rows:
        connection.execute(insert(BaselineItem), rows)


def announce_baseline(session: Session, source: str, now: datetime) -> int:
    """Let everybody hear of the trials of a source that were kept back and are open; return how many these are.

    Call it last in a transaction: it takes numbers of changes. What another source has announced as open meanwhile
    is not told again.
    """
    connection = session.connection()
    kept, change, item = table_of(BaselineItem).c, table_of(Change).c, table_of(Item).c
    told = select(change.seq).where(change.item_id == item.id, change.kind.in_(_OPENING)).exists()
    query = select(item.id, item.status).join_from(Item, BaselineItem, item.id == kept.item_id)
    rows = connection.execute(query.where(kept.source == source, item.is_open, ~told).order_by(item.id)).all()
    if rows:
        numbers = take_numbers(session, CHANGES, len(rows))
        connection.execute(
            insert(Change),
            [
                {
                    "seq": seq,
                    "item_id": row.id,
                    "kind": ChangeKind.REGISTERED,
                    "before": {},
                    "after": {"status": row.status, "baseline": source},
                    "at": now,
                }
                for seq, row in zip(numbers, rows, strict=True)
            ],
        )
    connection.execute(delete(BaselineItem).where(col(BaselineItem.source) == source))
    return len(rows)


def _kept_back(session: Session) -> list[tuple[str, datetime]]:
    """Return the sources of what is kept back, each with the moment at which the first of it was read."""
    kept, item = table_of(BaselineItem).c, table_of(Item).c
    query = select(kept.source, func.min(item.first_seen_at)).join_from(BaselineItem, Item, item.id == kept.item_id)
    return [(source, oldest) for source, oldest in session.connection().execute(query.group_by(kept.source))]


def _end_patience(session: Session, source: str, now: datetime) -> bool:
    """Note that a source's patience is over; tell whether that is new."""
    ended = sqlalchemy.update(_SOURCE).where(_SOURCE.c.name == source, _SOURCE.c.patience_ended_at.is_(None))
    return session.connection().execute(ended.values(patience_ended_at=now)).rowcount == 1
