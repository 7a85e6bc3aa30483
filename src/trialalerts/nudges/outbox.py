"""The outbox of the nudges: deliveries that wait for a way instead of a mail, and what became of each.

A digest's delivery is one row from its first day to its last, whichever way it takes: where no nudge can tell of it,
the row becomes a mail. So nothing is lost between the two, and nothing is told by both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, text, update
from sqlmodel import Session

from trialalerts.database import table_of
from trialalerts.database.bulk import insert_into
from trialalerts.delivery.outbox.lifecycle import Claimed, given_up
from trialalerts.delivery.outbox.notices.kinds import NUDGE, NUDGE_CONFIRMATION, NUDGES
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.nudges.tables import NudgeWay
from trialalerts.subscribers.tables import NudgeChoice

__all__ = [
    "FAILED",
    "GONE",
    "count_failed_try",
    "due_nudges",
    "due_ways",
    "ensure_way",
    "failing_people",
    "give_up_nudges",
    "hand_over_to_mail",
    "note_nudged",
    "nudges_wait",
    "put_off_nudge",
    "redirect_strays",
    "settle_nudge",
    "tries_until",
]

FAILED, GONE = "failed", "gone"
"""Why a mail tells instead: nothing got through there, or the way is not offered any more."""
_BY = "nudge "
_D, _C, _W = table_of(Delivery), table_of(NudgeChoice), table_of(NudgeWay)
_WAITING = text(f"delivery.state = 'queued' AND delivery.kind IN {NUDGES}")
"""Written out, since a partial index is used only where its own words stand in the query."""
_CHOSEN = _C.c.subscriber_id == _D.c.subscriber_id
_WAY = case((_D.c.kind == NUDGE_CONFIRMATION, _C.c.asked_way), (_C.c.confirmed_at.is_not(None), _C.c.way))
"""By which way a delivery goes; NULL where its reader chose none."""
_A_FEW = 500


def nudges_wait(session: Session, now: datetime) -> bool:
    """Tell whether anything is to be told now, by whatever way: hardly a look where nobody chose one."""
    asked = select(_D.c.id).where(_WAITING, _D.c.not_before <= now).limit(1)
    return session.connection().execute(asked).first() is not None


def due_ways(session: Session, offered: Collection[str], now: datetime) -> list[str]:
    """Return the ways that nobody is at work with, that do not rest, and by which something is to be told now."""
    asked = select(_WAY).join_from(_D, _C, _CHOSEN).where(_WAITING, _D.c.not_before <= now).distinct()
    due = set(session.connection().execute(asked).scalars()) & set(offered)
    busy = or_(_W.c.retry_at > now, _W.c.leased_until > now)
    busy_ones = set(session.connection().execute(select(_W.c.name).where(busy)).scalars()) if due else set()
    return sorted(due - busy_ones)


def due_nudges(session: Session, way: str, now: datetime, *, most: int) -> list[Claimed]:
    """Return what is to be told by a way now, those that wait longest first; the try that follows is counted."""
    names = ("id", "kind", "subscriber_id", "data", "message_id", "attempts", "not_before")
    asked = (
        select(*(_D.c[name] for name in names))
        .join_from(_D, _C, _CHOSEN)
        .where(_WAITING, _D.c.not_before <= now, _WAY.in_((way,)))
    )
    rows = session.connection().execute(asked.order_by(_D.c.not_before, _D.c.id).limit(most))
    return [
        Claimed(
            id=row.id,
            kind=row.kind,
            subscriber_id=row.subscriber_id,
            data=row.data,
            message_id=row.message_id,
            attempts=row.attempts + 1,
            not_before=row.not_before,
            leased_until=now,
            leased_by="",
        )
        for row in rows
    ]


def ensure_way(session: Session, name: str) -> None:
    """See to it that the way has its row."""
    new = insert_into(session, NudgeWay).values(name=name, failures=0)
    session.connection().execute(new.on_conflict_do_nothing(index_elements=["name"]))


def note_nudged(session: Session, row: Claimed, way: str, now: datetime) -> bool:
    """Note that a nudge was taken, whoever has the turn by now; return whether that was still to be noted.

    Even where it was held back, or became a mail, in the same moment: it has been told.
    """
    values = {"state": DeliveryState.SENT, "sent_at": now, "transport": f"{_BY}{way}", "last_error": None}
    waits = _D.c.state.in_((DeliveryState.QUEUED, DeliveryState.HELD))
    noted = update(_D).where(_D.c.id == row.id, waits).values(**values, attempts=row.attempts)
    return session.connection().execute(noted).rowcount == 1


def put_off_nudge(session: Session, row: Claimed, until: datetime, error: str, *, counted: bool) -> None:
    """Let a nudge wait; ``counted`` tells whether the try counts."""
    attempts = row.attempts if counted else row.attempts - 1
    _change(session, _D.c.id == row.id, not_before=until, attempts=attempts, last_error=error)


def settle_nudge(session: Session, row: Claimed, state: DeliveryState, error: str) -> None:
    """Note that something is not told, for good or until the operator says so."""
    _change(session, _D.c.id == row.id, state=state, last_error=error)


def count_failed_try(session: Session, way: str, until: datetime, now: datetime) -> None:
    """Count a try of everything that is due by a way that takes nothing, and let all of it wait."""
    due = select(_D.c.id).join_from(_D, _C, _CHOSEN).where(_WAITING, _D.c.not_before <= now, _WAY.in_((way,)))
    _change(session, _D.c.id.in_(due), attempts=_D.c.attempts + 1, not_before=until)


def tries_until(give_up_after: timedelta) -> int:
    """Return after how many tries a nudge is given up."""
    return next(number for number in range(1, 10_000) if given_up(number, give_up_after))


def hand_over_to_mail(session: Session, rows: Mapping[int, Mapping[str, Any]], why: str | None, now: datetime) -> int:
    """Let mails tell what these deliveries (by their number, with their data) were to tell; return how many.

    ``why`` is told to the reader, in a mail without content; None: the mail is as their settings have it.
    """
    number = 0
    for delivery_id, data in rows.items():
        told = {**data, "nudge": why} if why else {**data}
        values = {"kind": "digest", "data": told, "attempts": 0, "not_before": now, "last_error": None}
        number += _change(session, (_D.c.id == delivery_id) & (_D.c.kind == NUDGE), **values)
    return number


def give_up_nudges(session: Session, way: str, tries: int, now: datetime) -> int:
    """Let mails tell what was tried by a way so often; return how many.

    Where nothing got through before, one try is enough. Of a question there nothing more is heard.
    """
    once = and_(_D.c.kind == NUDGE, _C.c.failed_at.is_not(None), _D.c.attempts > 0)
    spent = (_WAITING, _WAY.in_((way,)), or_(_D.c.attempts >= tries, once))
    asked = select(_D.c.id, _D.c.kind, _D.c.data, _D.c.subscriber_id).join_from(_D, _C, _CHOSEN).where(*spent)
    rows = session.connection().execute(asked).all()
    questions = [number for number, kind, _, _ in rows if kind == NUDGE_CONFIRMATION]
    _change(session, _D.c.id.in_(questions), state=DeliveryState.FAILED)
    told = {number: data for number, kind, data, _ in rows if kind == NUDGE}
    unreached = _C.c.subscriber_id.in_([who for _, kind, _, who in rows if kind == NUDGE])
    session.connection().execute(update(_C).where(unreached, _C.c.failed_at.is_(None)).values(failed_at=now))
    return hand_over_to_mail(session, told, FAILED, now)


def redirect_strays(session: Session, offered: Collection[str], now: datetime) -> int:
    """Let mails tell what no way can: its reader chose none any more, or one that is not offered; return how many.

    What asked for a yes there is told to nobody.
    """
    asked = (
        select(_D.c.id, _D.c.kind, _D.c.data, _WAY)
        .join_from(_D, _C, _CHOSEN, isouter=True)
        .where(_WAITING, _D.c.not_before <= now, or_(_WAY.is_(None), _WAY.not_in(sorted(offered))))
        .limit(_A_FEW)
    )
    strays = session.connection().execute(asked).all()
    over = [number for number, kind, _, _ in strays if kind == NUDGE_CONFIRMATION]
    _change(session, _D.c.id.in_(over), state=DeliveryState.SUPPRESSED, last_error="asked for no more")
    digests = [(number, data, way) for number, kind, data, way in strays if kind == NUDGE]
    moved = hand_over_to_mail(session, {number: data for number, data, way in digests if way is None}, None, now)
    return moved + hand_over_to_mail(session, {number: data for number, data, way in digests if way}, GONE, now)


def failing_people(session: Session, way: str) -> tuple[int, int]:
    """Return how many people wait for news by a way after a try that failed, and how many for a first message there."""
    failed = (_WAITING, _WAY.in_((way,)), _D.c.attempts > 0)
    people = func.count(_D.c.subscriber_id.distinct()).label("people")
    asked = select(_D.c.kind, people).join_from(_D, _C, _CHOSEN).where(*failed).group_by(_D.c.kind)
    found: dict[str, int] = {row.kind: row.people for row in session.connection().execute(asked)}
    return found.get(NUDGE, 0), found.get(NUDGE_CONFIRMATION, 0)


def _change(session: Session, condition: ColumnElement[bool], **values: Any) -> int:
    """Change deliveries that still wait for a nudge."""
    waits = and_(_D.c.state == DeliveryState.QUEUED, _D.c.kind.in_(NUDGES))
    return session.connection().execute(update(_D).where(condition, waits).values(values)).rowcount
