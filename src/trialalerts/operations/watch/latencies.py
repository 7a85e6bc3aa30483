"""How long it takes from a change to the mail that tells it: counted into buckets, as Prometheus wants them.

The time runs from when the newest change that a digest tells was stored until a mail server took the mail. Counted are
a digest's mails in the order of their numbers, once each, some thousands a round: the table has no index by time. One
that still waits is remembered, and looked at again.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy
from pydantic import BaseModel
from sqlmodel import Session, col, select

from trialalerts.catalog.tables import Change
from trialalerts.database import Database
from trialalerts.database.bulk import in_chunks
from trialalerts.database.service_values import get_value, put_value
from trialalerts.delivery.outbox.notices.kinds import NUDGE
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.tables import Digest, Selection, SelectionKind
from trialalerts.subscribers.tables import Subscriber

__all__ = ["BOUNDS", "Latencies", "count_latencies", "read_latencies"]

BOUNDS = (60, 300, 900, 3_600, 14_400, 86_400, 172_800, 604_800, 1_209_600, 2_678_400)
"""The upper ends of the buckets, in seconds: from a minute to a month."""
_VALUE = "latencies"
_ROWS = 20_000
_MOST_WAITING = 5_000
"""When so many wait, no more are looked at until these have left."""


class Latencies(BaseModel):
    """What was counted so far: up to which delivery, and per rhythm how many in each bucket, with their sum.

    ``waiting`` are the deliveries up to there whose mail has not left. ``counts`` has one more
    place than :data:`BOUNDS`, for what took longer; ``sums`` are seconds.
    """

    upto: int = 0
    waiting: list[int] = []
    counts: dict[str, list[int]] = {}
    sums: dict[str, float] = {}

    def note(self, frequency: str, seconds: float) -> None:
        """Count one mail."""
        counts = self.counts.setdefault(frequency, [0] * (len(BOUNDS) + 1))
        counts[bisect.bisect_left(BOUNDS, seconds)] += 1
        self.sums[frequency] = self.sums.get(frequency, 0.0) + seconds


def read_latencies(session: Session) -> Latencies:
    """Return what was counted so far."""
    written = get_value(session, _VALUE)
    return Latencies.model_validate_json(written) if written else Latencies()


def count_latencies(db: Database) -> int:
    """Count the digests whose mail left since the last round; return how many."""
    with db.read() as session:
        found = read_latencies(session)
        before = found.model_copy(deep=True)
        rows = [*_waiting(session, found.waiting), *_next(session, found)]
        told = _told_changes(session, [row.parts for row in rows if row.parts])
        moments = _moments(session, set(told.values()))
    found.upto = max((row.number for row in rows), default=found.upto)
    found.waiting = [row.number for row in rows if row.waits]
    counted = 0
    for row in rows:
        changes = [told[selection] for _, selection in row.parts or () if selection in told]
        at = moments.get(max(changes, default=0))
        if row.sent_at is not None and at is not None and not row.waits:
            found.note(row.frequency, max(0.0, (row.sent_at - at).total_seconds()))
            counted += 1
    if found != before:
        with db.write() as session:
            put_value(session, _VALUE, orjson.dumps(found.model_dump()).decode())
    return counted


class _Row(NamedTuple):
    """A delivery, with the rhythm of its subscriber and what its digest tells (None: it is no digest's)."""

    number: int
    sent_at: datetime | None
    state: DeliveryState
    frequency: str
    parts: list[list[int]] | None

    @property
    def waits(self) -> bool:
        """Whether its mail may still leave."""
        return self.state in {DeliveryState.QUEUED, DeliveryState.SENDING} and bool(self.parts)


def _row(
    number: int | None, sent_at: datetime | None, state: DeliveryState, rhythm: str, parts: list[list[int]] | None
) -> _Row:
    return _Row(number or 0, sent_at, state, str(rhythm), parts)


def _next(session: Session, found: Latencies) -> list[_Row]:
    if len(found.waiting) >= _MOST_WAITING:
        return []
    asked = _ASKED.where(col(Delivery.id) > found.upto).order_by(col(Delivery.id)).limit(_ROWS)
    return [_row(*row) for row in session.connection().execute(asked)]


def _waiting(session: Session, numbers: Sequence[int]) -> list[_Row]:
    rows = []
    for some in in_chunks(numbers):
        asked = _ASKED.where(col(Delivery.id).in_(some))
        rows += [_row(*row) for row in session.connection().execute(asked)]
    return rows


_OF_DELIVERY = (col(Digest.subscriber_id) == col(Delivery.subscriber_id)) & (
    col(Digest.created_at) == col(Delivery.created_at)
)
_ASKED = (
    sqlalchemy.select(
        col(Delivery.id), col(Delivery.sent_at), col(Delivery.state), col(Subscriber.frequency), col(Digest.parts)
    )
    .join_from(Delivery, Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id))
    .outerjoin(Digest, _OF_DELIVERY & col(Delivery.kind).in_(("digest", NUDGE)))
)


def _told_changes(session: Session, parts: Sequence[list[list[int]]]) -> dict[int, int]:
    """Return the newest change of each selection that tells changes; what is open has none."""
    wanted = sorted({selection for each in parts for _, selection in each})
    found: dict[int, int] = {}
    for some in in_chunks(wanted):
        asked = select(Selection.id, Selection.numbers).where(
            col(Selection.id).in_(some), col(Selection.kind) == SelectionKind.CHANGES
        )
        found |= {number: max(numbers) for number, numbers in session.exec(asked) if number and numbers}
    return found


def _moments(session: Session, changes: set[int]) -> Mapping[int, datetime]:
    found: dict[Any, datetime] = {}
    for some in in_chunks(sorted(changes)):
        found |= dict(session.exec(select(Change.seq, Change.at).where(col(Change.seq).in_(some))).all())
    return found
