"""The mails of an announcement: queued page by page, once to each person; paused, resumed, called off."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, String, cast, func, literal, select, update
from sqlalchemy.engine import Connection
from sqlmodel import Session, col

from trialalerts.database import table_of
from trialalerts.database.bulk import copy_many, in_list, is_sqlite, list_value, write_many
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient, AnnouncementState
from trialalerts.delivery.outbox.queueing import KeyedMail, queue_keyed
from trialalerts.delivery.outbox.request_keys import renewed_key
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.errors import InvalidInput, NotFound

__all__ = [
    "CANCELLED",
    "IN_DIGESTS",
    "NOT_YET",
    "PAUSED",
    "cancel_announcement",
    "count_recipients",
    "find_announcement",
    "known_recipients",
    "list_announcements",
    "pause_announcement",
    "people_reached",
    "progress_of",
    "queue_recipients",
    "reached_at",
    "reached_before",
    "resume_announcement",
    "told_counts",
]

CANCELLED = "announcement cancelled"
"""What stands on a mail that did not leave because its announcement was called off."""
PAUSED = "announcement paused"
NOT_YET = "announcement not yet due"
IN_DIGESTS = "in digests"
"""How many are told in a digest, among the counts of mails by their states."""

_D = table_of(Delivery).c
_REACHED = (DeliveryState.SENT, DeliveryState.DELIVERED)
_LEFT = (*_REACHED, DeliveryState.SENDING)
_R = table_of(AnnouncementRecipient).c
_ADD_SQLITE = "INSERT INTO announcement_recipient (announcement_id, subscriber_id) VALUES {rows}"


def find_announcement(session: Session, text: str) -> Announcement:
    """Return an announcement by its number or its name.

    Raises:
        NotFound: there is none.
    """
    typed = text.strip()
    found: Announcement | None = session.execute(
        select(Announcement).where(col(Announcement.name) == typed)
    ).scalar_one_or_none()
    if found is None and typed.isdecimal() and len(typed) < 19:  # noqa: PLR2004 - what a key can be
        found = session.get(Announcement, int(typed))
    if found is None:
        raise NotFound(f"There is no announcement “{typed}”; see: trialalerts announcements list")
    return found


def list_announcements(session: Session) -> Sequence[Announcement]:
    """Return all announcements, newest first."""
    return session.execute(select(Announcement).order_by(col(Announcement.id).desc())).scalars().all()


def queue_recipients(
    session: Session, announcement: Announcement, due: Mapping[int, datetime], *, now: datetime, domain: str
) -> int:
    """Queue the mails of a page of subscribers, each when it is due; return how many.

    Who was told before is left out, but for those whose mail did not leave because the announcement was called off.
    The caller has locked the announcement: two at once would queue the same page.
    """
    known = known_recipients(session, announcement, due)
    again = _queue_again(session, announcement, known, due, now) if known else 0
    new = sorted(due.keys() - known)
    if not new:
        return again
    connection = session.connection()
    _add(connection, announcement.id or 0, new)
    data = f'{{"announcement":{announcement.id}}}'
    begin = _begin_of_keys(announcement)
    mails = [KeyedMail(f"{begin}{who}", who, data, due[who]) for who in new]
    queue_keyed(connection, mails, kind=ANNOUNCEMENT, now=now, domain=domain)
    return again + len(new)


def known_recipients(
    session: Session, announcement: Announcement, people: Sequence[int] | Mapping[int, Any]
) -> set[int]:
    """Return those of these people (subscribers by their ids) who were told an announcement, or are about to be."""
    sqlite = is_sqlite(session)
    asked = select(_R.subscriber_id).where(
        _R.announcement_id == announcement.id, in_list(_R.subscriber_id, "people", sqlite=sqlite)
    )
    found = session.connection().execute(asked, {"people": list_value(people, sqlite=sqlite)})
    return set(found.scalars())


def people_reached(
    session: Session, announcements: Collection[int], people: Collection[int]
) -> Iterator[tuple[int, int]]:
    """Yield which of these people were told which of these announcements, both by their ids: its mail has left, or is
    just leaving, or a digest took it along.
    """
    sqlite = is_sqlite(session)
    values = {"people": list_value(sorted(people), sqlite=sqlite)}
    run = session.connection().execute
    along = select(_R.subscriber_id, _R.announcement_id).where(
        in_list(_R.subscriber_id, "people", sqlite=sqlite), _R.digest_id.is_not(None)
    )
    yield from ((who, number) for who, number in run(along, values) if number in announcements)
    mails = select(_D.subscriber_id, _D.data).where(
        in_list(_D.subscriber_id, "people", sqlite=sqlite), _D.kind == ANNOUNCEMENT, _D.state.in_(_LEFT)
    )
    for who, data in run(mails, values):
        if (number := int(data.get("announcement", 0))) in announcements:
            yield who, number


def count_recipients(session: Session, announcement: Announcement) -> int:
    """Return how many people were told an announcement, or are about to be."""
    asked = select(func.count()).where(_R.announcement_id == announcement.id)
    number: int = session.connection().execute(asked).scalar_one()
    return number


def pause_announcement(session: Session, announcement: Announcement) -> None:
    """Let no more mails of it leave until :func:`resume_announcement`.

    Raises:
        InvalidInput: it is paused already, or was called off.
    """
    _require(announcement, AnnouncementState.RUNNING)
    announcement.state = AnnouncementState.PAUSED
    session.flush()


def resume_announcement(session: Session, announcement: Announcement, *, now: datetime) -> int:
    """Let its mails leave again; return how many wait.

    Raises:
        InvalidInput: it is not paused.
    """
    _require(announcement, AnnouncementState.PAUSED)
    announcement.state = AnnouncementState.RUNNING
    session.flush()
    waiting = _waiting(announcement) & (_D.last_error == PAUSED)
    _update(session, waiting, {"not_before": max(now, announcement.not_before), "last_error": None})
    left = select(func.count()).select_from(table_of(Delivery)).where(_waiting(announcement))
    number: int = session.connection().execute(left).scalar_one()
    return number


def cancel_announcement(session: Session, announcement: Announcement) -> int:
    """Call it off for good: what has not left does not leave; return how many mails that were.

    Raises:
        InvalidInput: it was called off already.
    """
    _require(announcement, AnnouncementState.RUNNING, AnnouncementState.PAUSED)
    announcement.state, announcement.complete = AnnouncementState.CANCELLED, True
    session.flush()
    return _update(session, _waiting(announcement), {"state": DeliveryState.SUPPRESSED, "last_error": CANCELLED})


def told_counts(session: Session, announcement: Announcement) -> dict[str, int]:
    """Return how many mails of an announcement are in which state, and how many people are told in a digest."""
    asked = select(_D.state, func.count()).where(_D.key.in_(_keys(announcement))).group_by(_D.state)
    counts = {state.value: number for state, number in session.connection().execute(asked)}
    digests = select(func.count()).where(_R.announcement_id == announcement.id, _R.digest_id.is_not(None))
    in_digests = session.connection().execute(digests).scalar_one()
    return {**dict(sorted(counts.items())), **({IN_DIGESTS: in_digests} if in_digests else {})}


def progress_of(announcement: Announcement, counts: Mapping[str, int]) -> str:
    """Return how far an announcement is, by its :func:`told_counts`: done, where nothing is left to be sent."""
    if not announcement.complete:
        return "queueing"
    waits = counts.keys() & {DeliveryState.QUEUED.value, DeliveryState.SENDING.value}
    return "done" if announcement.state is AnnouncementState.RUNNING and not waits else announcement.state.value


def reached_at(session: Session, announcement: Announcement, subscriber_id: int) -> datetime | None:
    """Return when an announcement's own mail to a subscriber left and did not come back; None where it has not."""
    asked = select(_D.sent_at).where(_D.key == f"{_begin_of_keys(announcement)}{subscriber_id}", _D.state.in_(_REACHED))
    moment: datetime | None = session.connection().execute(asked).scalar()
    return moment


def reached_before(session: Session, announcement: Announcement, moment: datetime) -> set[int]:
    """Return the subscribers whose mail of an announcement left by then, and did not come back."""
    reached = _D.key.in_(_keys(announcement)) & _D.state.in_(_REACHED) & (_D.sent_at <= moment)
    return set(session.connection().execute(select(_D.subscriber_id).where(reached)).scalars())


def _require(announcement: Announcement, *states: AnnouncementState) -> None:
    if announcement.state not in states:
        raise InvalidInput(f"The announcement {announcement.name} is {announcement.state.value} already.")


def _queue_again(
    session: Session, announcement: Announcement, known: set[int], due: Mapping[int, datetime], now: datetime
) -> int:
    """Queue what did not leave because the announcement was called off, and is started anew."""
    sqlite = is_sqlite(session)
    begin = _begin_of_keys(announcement)
    keys = {f"{begin}{who}": due[who] for who in known}
    called_off = (_D.state == DeliveryState.SUPPRESSED) & (_D.last_error == CANCELLED)
    mine = in_list(_D.key, "keys", sqlite=sqlite, text=True)
    anew = {"state": DeliveryState.QUEUED, "not_before": max(now, announcement.not_before), "attempts": 0}
    statement = (
        update(table_of(Delivery))
        .where(called_off, mine)
        .values({**anew, "last_error": None, "request_key": renewed_key(session)})
    )
    done: CursorResult[Any] = session.connection().execute(statement, {"keys": list_value(keys, sqlite=sqlite)})
    return done.rowcount


def _add(connection: Connection, number: int, people: Sequence[int]) -> None:
    if connection.dialect.name == "sqlite":
        write_many(connection, _ADD_SQLITE, "(?, ?)", [(number, who) for who in people])
    else:
        lines = [f"{number}\t{who}\n" for who in people]
        copy_many(connection, "announcement_recipient", "announcement_id, subscriber_id", lines)


def _update(session: Session, condition: ColumnElement[bool], values: Mapping[str, Any]) -> int:
    statement = update(table_of(Delivery)).where(condition).values(dict(values))
    done: CursorResult[Any] = session.connection().execute(statement)
    return done.rowcount


def _waiting(announcement: Announcement) -> ColumnElement[bool]:
    return _D.key.in_(_keys(announcement)) & _D.state.in_((DeliveryState.QUEUED, DeliveryState.HELD))


def _keys(announcement: Announcement) -> Select[Any]:
    """Return what selects the keys of all its mails: by them they are found along an index."""
    begin = literal(_begin_of_keys(announcement))
    return select(begin + cast(_R.subscriber_id, String)).where(_R.announcement_id == announcement.id)


def _begin_of_keys(announcement: Announcement) -> str:
    """Return what the keys of all its mails begin with: the subscriber's id comes behind."""
    return f"{ANNOUNCEMENT}/{announcement.id}/"
