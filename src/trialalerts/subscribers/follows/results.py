"""Results that are missing: told to those who follow a trial, once, when they should be there and are not.

It follows from the date, so that no edit of the record tells it: looked for once a day, among the trials that are
followed. What the registry says must be of these days; nobody is told of a trial that had long ended when they began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy
from pydantic import ValidationError
from sqlalchemy import Row, column, func, select, table
from sqlmodel import Session, col

from trialalerts.catalog.changes.comparison import Difference
from trialalerts.catalog.changes.publishing import Happened, publish
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, Item, ItemKind
from trialalerts.catalog.trials.awaited import RESULTS_HELD_BY, RESULTS_WITHIN_MONTHS, ended_on, results_due
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.service_values import get_value, put_value
from trialalerts.database.types import UtcDateTime
from trialalerts.logs import Logger
from trialalerts.subscribers.tables import Preference

__all__ = ["tell_missing_results"]

log = Logger()

_LOOKED_ON = "missing results looked for on"
_LATELY = timedelta(days=7)
"""A registry that was not read for longer may have the results by now."""
_OLDEST = timedelta(days=365)
"""Results that were due before are no news: it was so when the program learnt to look for them."""
_AT_ONCE = 500
_RESULTS = (ChangeKind.RESULTS_POSTED, ChangeKind.RESULTS_MISSING)
# The sources' own table is in a room beside this one, which must not be imported here: it is read by name.
_SOURCE = table("source", column("name", sqlalchemy.String), column("last_success_at", UtcDateTime()))


@dataclass(frozen=True, kw_only=True)
class _Missing:
    """A trial whose results are missing: since when they were due, and how many months ago it ended."""

    item_id: int
    ended: date
    months: int

    def happened(self) -> Happened:
        after = {"ended": self.ended.isoformat(), "months": self.months}
        return Happened(self.item_id, Difference(kind=ChangeKind.RESULTS_MISSING, after=after))


def tell_missing_results(db: Database, clock: Clock) -> int:
    """Tell of each followed trial, once, that it ended twelve months ago and its registry shows no results.

    Only on the first call of a day is anything looked for. Call it while the clock is out of doubt.

    Returns:
        how many changes were published.
    """
    now = clock.now()
    today = now.date().isoformat()
    told, last = 0, 0
    with db.read() as session:
        if get_value(session, _LOOKED_ON) == today:
            return 0
    while True:
        with db.read() as session:  # on most days nothing is missing, and nobody is to wait for that
            rows = _followed(session, last)
            found = _missing(session, rows, now)
        if found:
            with db.write() as session:
                left = _not_told(session, found)
                publish(session, [each.happened() for each in left], now)
                told += len(left)
        if len(rows) < _AT_ONCE:
            break
        last = rows[-1].id
    with db.write() as session:
        put_value(session, _LOOKED_ON, today)
    if told:
        log.info("results.missing", changes=told)
    return told


def _followed(session: Session, last: int) -> Sequence[Row[Any]]:
    """Return the next followed items, by number, each with the moment since which somebody follows it."""
    columns: list[Any] = [col(Preference.item_id).label("id"), func.min(col(Preference.confirmed_at)).label("since")]
    asked = (
        select(*columns)
        .where(col(Preference.item_id) > last, col(Preference.confirmed_at).is_not(None))
        .group_by(col(Preference.item_id))
        .order_by(col(Preference.item_id))
        .limit(_AT_ONCE)
    )
    return session.connection().execute(asked).all()


def _missing(session: Session, rows: Iterable[Row[Any]], now: datetime) -> list[_Missing]:
    """Return those of the followed trials whose results are missing and that were not told of."""
    since = {row.id: row.since for row in rows}
    columns: list[Any] = [col(Item.id), col(Item.registry_name).label("registry"), col(Item.facts)]
    asked = (
        select(*columns, _SOURCE.c.last_success_at)
        .join(_SOURCE, _SOURCE.c.name == col(Item.source))
        .where(
            col(Item.id).in_(since),
            col(Item.kind) == ItemKind.TRIAL,
            col(Item.registry_name).in_(RESULTS_HELD_BY),
            col(Item.status).in_(("COMPLETED", "TERMINATED")),
            _SOURCE.c.last_success_at >= now - _LATELY,
        )
    )
    found = []
    items: Sequence[Any] = session.connection().execute(asked).all()
    for row in items:
        missing = _missing_of(row, since[row.id], now.date())
        if missing is not None:
            found.append(missing)
    return _not_told(session, found)


def _missing_of(row: Any, since: datetime, today: date) -> _Missing | None:
    try:
        facts = TrialFacts.model_validate(row.facts)
    except ValidationError:
        return None  # stored by another version of this program: the next reading of the record tells
    due, ended = results_due(row.registry, facts), ended_on(facts)
    if due is None or ended is None or not today - _OLDEST <= due <= today:
        return None
    if row.last_success_at.date() < due:
        return None  # nobody has looked since
    updated = facts.last_update_posted
    if due <= since.date() and (updated is None or updated <= since.date()):
        return None  # it was so when they began
    months = (today.year - ended.year) * 12 + today.month - ended.month - (today.day < ended.day)
    return _Missing(item_id=row.id, ended=ended, months=max(months, RESULTS_WITHIN_MONTHS))


def _not_told(session: Session, found: Sequence[_Missing]) -> list[_Missing]:
    """Return those of which neither results nor their lack were told: told once it is, whatever the clock does."""
    ids = [each.item_id for each in found]
    asked = select(col(Change.item_id)).where(col(Change.item_id).in_(ids), col(Change.kind).in_(_RESULTS))
    told = set(session.connection().execute(asked).scalars()) if ids else set()
    return [each for each in found if each.item_id not in told]
