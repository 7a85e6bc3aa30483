"""The announcement that a service changes hands, as its operator means it: checked, so that nobody is told too late."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from trialalerts.digests.announcements.handover import LEAST_NOTICE, Handover, handover_of, handovers_of
from trialalerts.digests.announcements.queueing import NewAnnouncement, known_announcement
from trialalerts.digests.cards.text import one_line, web_address
from trialalerts.errors import InvalidInput
from trialalerts.settings import Settings

__all__ = ["drafted_handover"]

_LONGEST = 200


def drafted_handover(
    session: Session,
    settings: Settings,
    receiver: str,
    *,
    day: date,
    website: str = "",
    contact: str = "",
    notice_days: int = LEAST_NOTICE,
    now: datetime,
) -> NewAnnouncement:
    """Return what is to be told of a change of hands.

    Args:
        session: reads what was announced before.
        settings: say who hands over.
        receiver: who takes over, as people know them.
        day: nobody is handed over before it.
        website: of the receiver.
        contact: an address for questions; empty: the service's own.
        notice_days: nobody is handed over sooner after they were told.
        now: aware.

    Raises:
        InvalidInput: it is too soon, makes no sense, or contradicts what people were told.
    """
    name = one_line(receiver, _LONGEST)
    if not name:
        raise InvalidInput("Say who takes over, by the name that people know: --to “Example Society”")
    if website and web_address(website) is None:
        raise InvalidInput(f"--site {website}: expected an address such as https://example.org")
    if notice_days < LEAST_NOTICE:
        raise InvalidInput(f"--notice {notice_days}: expected {LEAST_NOTICE} days or more")
    first = now.astimezone(ZoneInfo(settings.service.timezone)).date() + timedelta(days=notice_days)
    if day < first:
        raise InvalidInput(f"--on {day}: people are told {notice_days} days before; the first day is {first}")
    handover = Handover(
        giver=settings.service.name,
        receiver=name,
        website=website,
        contact=contact or settings.service.contact,
        day=day,
        notice_days=notice_days,
    )
    _require_no_other(session, handover)
    return NewAnnouncement(
        name=f"handover to {name}", title=f"{name} takes over", not_before=now, handover=_kept(session, handover)
    )


def _require_no_other(session: Session, handover: Handover) -> None:
    for row, other in handovers_of(session):
        if other.receiver != handover.receiver:
            raise InvalidInput(
                f"It was announced that {other.receiver} takes over; call that off first: "
                f"trialalerts announcements cancel {row.id}"
            )


def _kept(session: Session, handover: Handover) -> Handover:
    """Return it, unless those who were told of it already were told of a later day, or of more days."""
    known = known_announcement(session, f"handover to {handover.receiver}")
    before = handover_of(known) if known is not None else None
    if before is None:
        return handover
    if handover.day < before.day or handover.notice_days < before.notice_days:
        raise InvalidInput(
            f"People were told of {before.day} and {before.notice_days} days; it can only become later than that"
        )
    return handover
