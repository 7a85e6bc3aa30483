"""Announcements that go along with a digest: taken out of the outbox when one is written for their reader."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from trialalerts.database import table_of
from trialalerts.database.bulk import in_chunks, in_list, is_sqlite, list_value
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient, AnnouncementState
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.subscribers.tables import Subscriber

__all__ = ["riding_announcements", "take_along"]

_WAITS_AT_MOST = timedelta(days=60)
"""Longer than from one digest to the next, whatever somebody's rhythm."""


def riding_announcements(session: Session, now: datetime) -> frozenset[int]:
    """Return the announcements that wait for digests, by their ids: hardly ever any."""
    asked = select(col(Announcement.id)).where(
        col(Announcement.with_digest).is_(True),
        col(Announcement.state) == AnnouncementState.RUNNING,
        col(Announcement.started_at) > now - _WAITS_AT_MOST,
    )
    return frozenset(number for number in session.connection().execute(asked).scalars() if number is not None)


def take_along(
    session: Session, riding: Collection[int], digests: Mapping[int, int], news: Mapping[int, Collection[int]]
) -> int:
    """Let digests (by their readers) tell what waits for these; return how many announcements they took.

    The mail of its own goes in the same transaction; one that is on its way already is left to itself. ``news`` are, by
    the reader, announcements of articles that the digest tells as news: they need no mail either, whenever it is due.
    """
    mails, told, people = table_of(Delivery), table_of(AnnouncementRecipient), table_of(Subscriber).c
    connection, sqlite = session.connection(), is_sqlite(session)
    waiting = (
        select(mails.c.id, mails.c.subscriber_id, mails.c.data, people.announcements)
        .join(people.id.table, people.id == mails.c.subscriber_id)
        .where(
            in_list(mails.c.subscriber_id, "readers", sqlite=sqlite),
            mails.c.kind == ANNOUNCEMENT,
            mails.c.state == DeliveryState.QUEUED,
        )
    )
    found = connection.execute(waiting, {"readers": list_value(digests, sqlite=sqlite)})
    told_to_all = set(
        connection.execute(select(col(Announcement.id)).where(col(Announcement.handover).is_not(None))).scalars()
    )
    rows = [(row[0], row[1], int(row[2].get("announcement", 0)), row[3]) for row in found]
    rides = {number: (reader, which) for number, reader, which, wants in rows if wants or which in told_to_all}
    taken = 0
    goes = (number for number, (who, which) in rides.items() if which in riding or which in news.get(who, ()))
    for some in in_chunks(list(goes)):
        gone = delete(mails).where(mails.c.id.in_(some), mails.c.state == DeliveryState.QUEUED)
        for number in connection.execute(gone.returning(mails.c.id)).scalars().all():
            reader, which = rides[number]
            mine = (told.c.announcement_id == which) & (told.c.subscriber_id == reader)
            connection.execute(update(told).where(mine).values(digest_id=digests[reader]))
            taken += 1
    return taken
