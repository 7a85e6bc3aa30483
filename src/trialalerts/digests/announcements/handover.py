"""A change of hands: what is told of it before and after, to whom, and how long before.

It is an announcement like any other, but that it goes to everybody who is served, and to those too who want none: it is
what the law asks, and nobody is handed over who was not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlmodel import Session, col

from trialalerts.database import table_of
from trialalerts.delivery.outbox.notices.announcing import reached_at
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient, AnnouncementState
from trialalerts.subscribers.tables import Subscriber, SubscriberState, id_of

__all__ = ["LEAST_NOTICE", "Handover", "ServedPeople", "handover_day", "handover_of", "handovers_of", "people_served"]

LEAST_NOTICE = 30
"""Days: nobody is handed over sooner after they were told."""
_SERVED = (SubscriberState.ACTIVE, SubscriberState.PAUSED)
_S, _R = table_of(Subscriber).c, table_of(AnnouncementRecipient).c


class Handover(BaseModel):
    """Who hands over to whom, and when at the earliest; ``arrived``: it is told by whom people came to.

    Nobody is handed over before the ``day``, nor before ``notice_days`` have passed since they were told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    giver: str
    receiver: str
    website: str = ""
    contact: str = ""
    day: date
    notice_days: int = Field(default=LEAST_NOTICE, ge=LEAST_NOTICE)
    arrived: bool = False

    @property
    def notice(self) -> timedelta:
        """How long before somebody is handed over they are told."""
        return timedelta(days=self.notice_days)


class ServedPeople(BaseModel):
    """People who get mails, and what is the same for all of them."""

    people: list[int]
    language: str
    frequency: str
    state: str


def handover_of(announcement: Announcement) -> Handover | None:
    """Return what an announcement tells of a change of hands; None for all others."""
    return None if announcement.handover is None else Handover.model_validate_json(announcement.handover)


def handovers_of(session: Session) -> list[tuple[Announcement, Handover]]:
    """Return the changes of hands that were announced here and not called off, newest first; hardly ever any."""
    asked = select(Announcement).where(
        col(Announcement.handover).is_not(None), col(Announcement.state) != AnnouncementState.CANCELLED
    )
    rows = session.execute(asked.order_by(col(Announcement.id).desc())).scalars()
    found = ((row, handover_of(row)) for row in rows)
    return [(row, told) for row, told in found if told is not None and not told.arrived]


def people_served(session: Session, *, after: int = 0, untold_by: int | None = None) -> Iterator[ServedPeople]:
    """Yield everybody who gets mails, those who pause too.

    Args:
        session: reads.
        after: only subscribers with a higher id.
        untold_by: only those to whom the announcement of this id is not told yet.
    """
    asked = select(_S.id, _S.locale, _S.frequency, _S.state).where(_S.state.in_(_SERVED), _S.id > after)
    if untold_by is not None:
        told = select(_R.id).where(_R.announcement_id == untold_by, _R.subscriber_id == _S.id)
        asked = asked.where(~told.exists())
    alike: dict[tuple[str, str, str], list[int]] = {}
    for number, locale, frequency, state in session.connection().execute(asked.order_by(_S.id)):
        alike.setdefault((locale[:2], frequency.value, state.value), []).append(number)
    for (language, frequency, state), people in alike.items():
        yield ServedPeople(people=people, language=language, frequency=frequency, state=state)


def handover_day(
    session: Session, announcement: Announcement, handover: Handover, subscriber: Subscriber, now: datetime
) -> date:
    """Return before which day somebody is not handed over, as they are told it: by when they were, or are now."""
    told = reached_at(session, announcement, id_of(subscriber)) if announcement.id and subscriber.id else None
    earliest = ((told or now) + handover.notice).astimezone(ZoneInfo(subscriber.timezone)).date()
    return max(handover.day, earliest)
