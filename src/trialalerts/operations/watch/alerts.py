"""Alerts: each standstill is told once when its patience is over, and once when it ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select

from trialalerts.database import Database
from trialalerts.database.events.noted import SOURCE_FAILING, SOURCE_RECOVERED, note_events
from trialalerts.operations.watch.standstills import Standstill
from trialalerts.operations.watch.tables import Alert

__all__ = ["OVER_FOR", "AlertRound", "note_standstills", "settle_told"]

_OF_SOURCES = {"source-silent", "source-gone"}
"""Other programs hear of these, too, where they want to."""
OVER_FOR = timedelta(minutes=10)
"""What is over for so long is over: one that comes and goes is one standstill, told once."""


@dataclass(frozen=True, kw_only=True)
class AlertRound:
    """What is to be told now: what stands still, and what is over; both may be empty."""

    begun: tuple[Alert, ...]
    over: tuple[Alert, ...]

    def __bool__(self) -> bool:
        return bool(self.begun or self.over)


def note_standstills(
    db: Database,
    found: Sequence[Standstill],
    patience: Callable[[str], timedelta],
    now: datetime,
    *,
    not_over: Collection[str] = (),
) -> AlertRound:
    """Note what stands still now, and return what is to be told of it.

    What ends before its patience does is told to nobody. Of the kinds that are ``not_over`` what was told goes on,
    found or not. Until :func:`settle_told` the same is returned again.
    """
    holds = {(each.kind, each.subject): each for each in found}
    with db.write() as session:
        known = {(row.kind, row.subject): row for row in session.exec(select(Alert))}
        for key, each in holds.items():
            known[key] = _renewed(session, known.get(key), each, now)
        for key in known.keys() - holds.keys():
            _note_over(session, known[key], None if key[0] in not_over else now)
        begun = [
            known[key] for key in holds if known[key].told_at is None and now - known[key].since >= patience(key[0])
        ]
        over = [
            row
            for key, row in known.items()
            if key not in holds and row.told_at is not None and row.over_at and now - row.over_at >= OVER_FOR
        ]
        return AlertRound(begun=_sorted(begun), over=_sorted(over))


def settle_told(db: Database, told: AlertRound, now: datetime) -> None:
    """Note that a round was told: it is not told again. Of sources other programs are told, too."""
    with db.write() as session:
        note_events(session, SOURCE_FAILING, _sources(told.begun), now=now)
        note_events(session, SOURCE_RECOVERED, _sources(told.over), now=now)
        for row in told.begun:
            if found := session.get(Alert, (row.kind, row.subject)):
                found.told_at = now
                session.add(found)
        for row in told.over:
            if found := session.get(Alert, (row.kind, row.subject)):
                session.delete(found)


def _sources(rows: Sequence[Alert]) -> list[str]:
    return [row.subject for row in rows if row.kind in _OF_SOURCES]


def _renewed(session: Session, row: Alert | None, each: Standstill, now: datetime) -> Alert:
    """Renew what is known of a standstill; it began when it was seen first, or before, whatever a wrong clock wrote."""
    if row is None:
        row = Alert(kind=each.kind, subject=each.subject, text=each.text, since=now)
    row.text, row.over_at, row.since = each.text, None, min(row.since, each.since)
    session.add(row)
    return row


def _note_over(session: Session, row: Alert, at: datetime | None) -> None:
    """Note that something was found no more; ``at`` is empty where it is not over for all that."""
    if row.told_at is None:
        session.delete(row)
    elif row.over_at is None or at is None:
        row.over_at = at
        session.add(row)


def _sorted(rows: list[Alert]) -> tuple[Alert, ...]:
    return tuple(sorted(rows, key=lambda row: (row.since, row.kind, row.subject)))
