"""Statuses that follow from dates, told on the day they turn: the registry need not be asked, nor answer.

A record notes the day of its next turn. Whoever comes first on that day, a poll or this step, writes the new status and
tells the change; the other finds it written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, select
from sqlmodel import Session, col

from trialalerts.catalog.changes.freshness import Freshness
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.records import SAID
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Item, ItemKind, Record
from trialalerts.catalog.trials.status import next_turn, status_on
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.logs import Logger
from trialalerts.sources.tables import SourceState

__all__ = ["turn_statuses"]

log = Logger()

_AT_ONCE = 200


def turn_statuses(db: Database, clock: Clock, *, freshness: Freshness) -> int:
    """Write the status of every record whose day has come; return how many changes are told of it.

    Args:
        db: the database.
        clock: tells the day, in UTC.
        freshness: how long after its own date an item is news.
    """
    told, last = 0, 0
    while True:
        now = clock.now()
        with db.read() as session:  # on nearly all days nothing is due, and nobody is to wait for that
            if not _due(session, now, last):
                break
        with db.write() as session:
            rows = _due(session, now, last)  # anew: a poll may have come first
            drafts = [draft for row in rows if (draft := _turned(row, now)) is not None]
            told += store_items(session, drafts, baseline=False, now=now, freshness=freshness).changes
        last = rows[-1].id if rows else last
    if told:
        log.info("trials.turned", changes=told)
    return told


def _due(session: Session, now: datetime, last: int) -> list[Row[Any]]:
    """Return records whose day has come; those of a source whose first sweep is under way wait for its end."""
    said = [getattr(Record, name) for name in SAID] + [getattr(Item, name).label(f"item_{name}") for name in SAID]
    own: list[Any] = [col(Record.id), col(Record.registry_name).label("registry"), col(Record.origin)]
    query = (
        select(*own, col(Record.external_id), col(Record.source), col(Record.version), *said)
        .join(Item, col(Item.id) == col(Record.item_id))
        .join(SourceState, col(SourceState.name) == col(Record.source))
        .where(col(Record.turns_on) <= now.date(), col(SourceState.baseline_done_at).is_not(None))
        .where(col(Record.id) > last)
        .order_by(col(Record.id))
        .limit(_AT_ONCE)
    )
    return list(session.connection().execute(query))


def _turned(row: Row[Any], now: datetime) -> ItemDraft | None:
    """Return the record as it is today. What it says stands with its item, where no other record speaks for that."""
    own = {name: getattr(row, name) for name in SAID}
    said = own if own["facts"] is not None else {name: getattr(row, f"item_{name}") for name in SAID}
    try:
        facts = TrialFacts.model_validate(said["facts"])
    except ValidationError:
        return None  # by another version of this program: the next reading of the record tells
    if facts.schedule is None:
        return None
    today = now.date()
    return ItemDraft(
        registry=row.registry,
        external_id=row.external_id,
        kind=ItemKind.TRIAL,
        url=said["url"],
        title=said["title"],
        facts=facts.model_copy(update={"status": status_on(facts.schedule, today)}),
        source=row.source,
        summary=said["summary"],
        published_at=said["published_at"],
        areas=said["areas"]["direct"],
        ancestors=said["areas"]["ancestors"],
        topics=said["topics"],
        version=row.version,
        turns_on=next_turn(facts.schedule, today),
        origin=row.origin,
    )
