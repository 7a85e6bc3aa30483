"""The mails that ask for a confirmation: how many an address may get, so that nobody can be bombed with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlmodel import Session, select

from trialalerts.database import table_of
from trialalerts.database.bulk import in_list, is_sqlite, list_value
from trialalerts.delivery.mail.message import message_ids_for
from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION
from trialalerts.delivery.outbox.request_limits import (
    AT_MOST_EVERY,
    MOST_A_DAY,
    RequestLimits,
    mails_asked_for,
    next_number,
    take_place,
)
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.subscribers.tables import Subscriber, id_of

__all__ = ["request_confirmation", "request_confirmations"]

_A_DAY = timedelta(days=1)


def request_confirmation(
    session: Session,
    subscriber: Subscriber,
    preference_ids: Collection[int],
    *,
    now: datetime,
    domain: str,
    limits: RequestLimits | None = None,
) -> bool:
    """Queue a mail that asks the subscriber to confirm these preferences; return whether one will come.

    An address gets one in ten minutes and five a day. What is asked for while a mail still waits goes into
    that mail; new preferences asked for just after one went wait for the end of the ten minutes, and the
    same ones asked for again are answered by the mail that went. Where a stranger may have asked, ``limits`` say how
    many there are in all: beyond them a mail waits for its turn.
    """
    earlier = mails_asked_for(session, id_of(subscriber), CONFIRMATION)
    waiting = next((each for each in earlier if each.state is DeliveryState.QUEUED), None)
    if waiting is not None:
        waiting.data = {"preference_ids": sorted({*waiting.data["preference_ids"], *preference_ids})}
        session.flush()
        return True
    recent = [each for each in earlier if each.not_before > now - _A_DAY]
    last = max((each.not_before for each in recent), default=now - AT_MOST_EVERY)
    due = max(now, last + AT_MOST_EVERY)
    asked = {number for each in recent if each.not_before == last for number in each.data.get("preference_ids", ())}
    if len(recent) >= MOST_A_DAY or (due > now and asked.issuperset(preference_ids)):
        return False
    turn = take_place(session, subscriber.address, limits, due=due, now=now) if limits else due
    if turn is None:
        return False
    return enqueue(
        session,
        key=f"{CONFIRMATION}/{subscriber.key}/{next_number(earlier)}",
        kind=CONFIRMATION,
        subscriber_id=id_of(subscriber),
        data={"preference_ids": sorted(preference_ids)},
        now=now,
        not_before=turn,
        domain=domain,
    )


def request_confirmations(
    session: Session, wanted: Sequence[tuple[Subscriber, Collection[int]]], *, now: datetime, domain: str
) -> int:
    """Queue such mails to many, as an import does; return how many will come. Who was never asked is the quick case."""
    if not wanted:
        return 0
    asked_before = _asked_before(session, [id_of(each) for each, _ in wanted])
    new = [(each, ids) for each, ids in wanted if each.id not in asked_before]
    names = message_ids_for([id_of(each) for each, _ in new], domain)
    rows = [
        {
            "key": f"{CONFIRMATION}/{each.key}/1",
            "kind": CONFIRMATION,
            "subscriber_id": each.id,
            "data": {"preference_ids": sorted(ids)},
            "message_id": name,
            "state": DeliveryState.QUEUED,
            "attempts": 0,
            "not_before": now,
            "created_at": now,
        }
        for (each, ids), name in zip(new, names, strict=True)
    ]
    if rows:
        session.connection().execute(insert(table_of(Delivery)), rows)
    others = [(each, ids) for each, ids in wanted if each.id in asked_before]
    return len(rows) + sum(request_confirmation(session, each, ids, now=now, domain=domain) for each, ids in others)


def _asked_before(session: Session, subscriber_ids: Sequence[int]) -> set[int]:
    sqlite = is_sqlite(session)
    delivery = table_of(Delivery).c
    asked = select(delivery.subscriber_id).where(
        in_list(delivery.subscriber_id, "ids", sqlite=sqlite), delivery.kind == CONFIRMATION
    )
    return set(session.connection().execute(asked, {"ids": list_value(subscriber_ids, sqlite=sqlite)}).scalars())
