"""Queueing an announcement: the people whom it is for, page by page, each page with its mails in one transaction.

Whoever is killed in between leaves a whole number of pages; the next round, or the same command again, goes on behind
the last one. Of several at once each waits for the other's page, and sees then that it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from trialalerts.catalog.articles.addressed import AddressedTo
from trialalerts.catalog.outlines import Outline, outline_of
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.catalog.trials.lookup import current_item
from trialalerts.clock import Clock
from trialalerts.database import Database, table_of
from trialalerts.database.bulk import in_chunks, in_list, is_sqlite, list_value
from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.announcing import CANCELLED, queue_recipients
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient, AnnouncementState
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.announcements.handover import Handover, handover_of, handovers_of, people_served
from trialalerts.digests.announcements.once import told_by_digests
from trialalerts.errors import InvalidInput
from trialalerts.logs import Logger
from trialalerts.matching.around.addressees import Addressees, addressees
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.topics import load_topics

__all__ = [
    "NewAnnouncement",
    "announced_item",
    "as_new",
    "known_announcement",
    "people_addressed",
    "queue_announcement",
    "queue_page",
    "queue_unfinished",
    "start_announcement",
]

log = Logger()

PAGE = 5_000
"""So many subscribers are queued in one transaction."""
_AFTER_DIGEST = timedelta(hours=1)
"""So long after somebody's hour the announcement leaves alone, where no digest took it along."""


@dataclass(frozen=True, kw_only=True)
class NewAnnouncement:
    """What is to be announced, as :class:`~trialalerts.delivery.outbox.notices.tables.Announcement` holds it."""

    name: str
    title: str
    item_id: int | None = None
    texts: tuple[Mapping[str, Any], ...] = ()
    addressed: tuple[AddressedTo, ...] = ()
    with_digest: bool = False
    not_before: datetime
    handover: Handover | None = None


def known_announcement(session: Session, name: str) -> Announcement | None:
    """Return the announcement of this name, where it was started before."""
    return session.exec(select(Announcement).where(Announcement.name == name)).first()


def announced_item(session: Session, item_id: int) -> Item | None:
    """Return the article of an announcement as it is stored now; None where it is gone."""
    item = current_item(session, item_id)
    return item if item is not None and item.kind is ItemKind.ARTICLE else None


def people_addressed(
    session: Session,
    new: NewAnnouncement,
    today: date,
    *,
    areas: AreaTree | None = None,
    after: int = 0,
    mixed: bool = False,
) -> Iterator[Addressees]:
    """Yield for whom an announcement is now, and was not told it yet, with the wishes that say so.

    Args:
        session: reads.
        new: what is announced.
        today: the day on which ages count.
        areas: the tree of areas, where it was read before.
        after: only subscribers with a higher id.
        mixed: people of all rhythms and countries together, which is quicker.

    Raises:
        InvalidInput: its article is gone.
    """
    if new.handover is not None:
        yield from _everybody(session, new, after)
        return
    meant: list[Outline | AddressedTo] = [*new.addressed]
    if new.item_id is not None:
        item = announced_item(session, new.item_id)
        if item is None:
            raise InvalidInput(f"The article {new.item_id} is no longer stored, so nobody can be told of it.")
        meant.insert(0, _outline(item))
    told = _told(session, new.name)
    if new.item_id is not None:
        told |= told_by_digests(session, new.item_id)
    found = addressees(
        session,
        meant or [AddressedTo()],
        areas or load_areas(session),
        today,
        topics=[*load_topics(session)],
        after=after,
        announced=True,
        mixed=mixed,
    )
    for each in found:
        if not told:
            yield each
        elif left := [who for who in each.people if who not in told]:
            yield each._replace(people=left)


def _everybody(session: Session, new: NewAnnouncement, after: int) -> Iterator[Addressees]:
    """Yield all who are to be told of a change of hands; who came by one is told with their import."""
    if new.handover is None or new.handover.arrived:
        return
    told = _told(session, new.name)
    for each in people_served(session, after=after):
        if left := [who for who in each.people if who not in told]:
            yield Addressees(left, each.language, each.frequency, "", "", None)


def start_announcement(session: Session, new: NewAnnouncement, *, now: datetime) -> Announcement:
    """Store that an announcement is to be queued, or to be queued for those who have come to follow since.

    One that was called off begins anew, with the words that it has now.

    Raises:
        InvalidInput: it is paused.
    """
    known = known_announcement(session, new.name)
    if known is not None and known.state is AnnouncementState.PAUSED:
        raise InvalidInput(f"The announcement {known.name} is paused; resume it, or call it off, first.")
    announcement = known or Announcement(
        name=new.name, title=new.title, state=AnnouncementState.RUNNING, not_before=now, created_at=now, started_at=now
    )
    announcement.title, announcement.item_id = new.title, new.item_id
    announcement.texts = [dict(each) for each in new.texts]
    announcement.addressed = [each.model_dump(mode="json") for each in new.addressed]
    announcement.with_digest, announcement.not_before = new.with_digest, new.not_before
    announcement.handover = new.handover.model_dump_json() if new.handover is not None else None
    announcement.state, announcement.started_at = AnnouncementState.RUNNING, now
    announcement.after_id, announcement.complete = 0, False
    session.add(announcement)
    session.flush()
    return announcement


def queue_announcement(
    db: Database, settings: Settings, clock: Clock, number: int, *, stop: Callable[[], bool] = lambda: False
) -> int:
    """Queue the mails of an announcement (its id) that was started; return how many were queued.

    ``stop`` is asked between two pages; what is left then is queued by the next call.
    """
    with db.read() as session:
        announcement = session.get(Announcement, number)
        if announcement is None or announcement.complete:
            return 0
        today, after = clock.now().date(), announcement.after_id
        found = people_addressed(session, as_new(announcement), today, after=after, mixed=True)
        people, started_at = sorted(set().union(*(each.people for each in found))), announcement.started_at
    domain, queued = mail_domain(settings.mail.sender), 0
    for page in in_chunks(people, PAGE):
        if stop():
            return queued
        with db.write() as session:
            row = _locked(session, number, started_at)
            queued += 0 if row is None else _queue_page(session, row, page, clock.now(), domain)
    with db.write() as session:
        if (row := _locked(session, number, started_at)) is not None:
            row.complete = True
    return queued


def queue_unfinished(
    db: Database, settings: Settings, clock: Clock, *, stop: Callable[[], bool] = lambda: False
) -> int:
    """Queue what is left of announcements whose queueing was cut off, and tell of a change of hands who came since.

    Returns:
        How many mails that were.
    """
    _begin_again(db)
    with db.read() as session:
        asked = select(Announcement.id).where(col(Announcement.complete).is_(False))
        numbers = [number for number in session.exec(asked.order_by(col(Announcement.id))) if number is not None]
    queued = 0
    for number in numbers:
        try:
            queued += queue_announcement(db, settings, clock, number, stop=stop)
        except InvalidInput as error:
            log.warning("announcement.unfinished", announcement=number, error=type(error).__name__)
    if queued:
        log.info("announcement.queued", mails=queued)
    return queued


def _begin_again(db: Database) -> None:
    """Let those be told of a change of hands who signed up after it was announced."""
    with db.read() as session:
        told = [row for row, _ in handovers_of(session) if row.complete and row.state is AnnouncementState.RUNNING]
        more = [row.id for row in told if next(people_served(session, untold_by=row.id), None) is not None]
    for number in more:
        with db.write() as session:
            asked = select(Announcement).where(Announcement.id == number, col(Announcement.complete))
            row = session.exec(asked.with_for_update()).first()
            if row is not None and row.state is AnnouncementState.RUNNING:
                row.complete, row.after_id = False, 0


def queue_page(session: Session, announcement: Announcement, page: Collection[int], now: datetime, domain: str) -> int:
    """Queue an announcement for these people, in the caller's transaction, which has the announcement locked.

    Returns:
        How many mails were queued: who was told it before is left out.
    """
    due = _due(session, announcement, page, now)
    return queue_recipients(session, announcement, due, now=now, domain=domain)


def _queue_page(session: Session, announcement: Announcement, page: Collection[int], now: datetime, domain: str) -> int:
    done = announcement.after_id
    left = [who for who in page if who > done]
    if not left:
        return 0  # somebody else has queued this page
    queued = queue_page(session, announcement, left, now, domain)
    announcement.after_id = left[-1]
    session.flush()
    return queued


def _due(session: Session, announcement: Announcement, people: Collection[int], now: datetime) -> dict[int, datetime]:
    """Return when each mail may leave: with a digest, soon after the hour at which that one is due."""
    first = max(announcement.not_before, now)
    if not announcement.with_digest:
        return dict.fromkeys(people, first)
    who = table_of(Subscriber).c
    sqlite = is_sqlite(session)
    asked = select(who.id, who.next_due_at).where(in_list(who.id, "people", sqlite=sqlite))
    rows = session.connection().execute(asked, {"people": list_value(people, sqlite=sqlite)})
    hours = {number: due for number, due in rows if due is not None}
    return {number: max(first, hours.get(number, first) + _AFTER_DIGEST) for number in people}


def _locked(session: Session, number: int, started_at: datetime) -> Announcement | None:
    """Lock an announcement whose queueing began then; None where it was called off, or started anew, since."""
    row = session.exec(select(Announcement).where(Announcement.id == number).with_for_update()).first()
    return None if row is None or row.complete or row.started_at != started_at else row


def _told(session: Session, name: str) -> frozenset[int]:
    """Return who is not to be told again: all who were, but those whose mail was called off before it left."""
    known = known_announcement(session, name)
    if known is None:
        return frozenset()
    told, mails = table_of(AnnouncementRecipient).c, table_of(Delivery).c
    people = set(
        session.connection().execute(select(told.subscriber_id).where(told.announcement_id == known.id)).scalars()
    )
    called_off = select(mails.subscriber_id).where(
        mails.kind == "announcement",
        mails.state == DeliveryState.SUPPRESSED,
        mails.last_error == CANCELLED,
        mails.key.like(f"announcement/{known.id}/%"),
    )
    return frozenset(people - set(session.connection().execute(called_off).scalars()))


def _outline(item: Item) -> Outline:
    return outline_of(kind=item.kind, status=item.status, facts=item.facts, areas=item.areas, topics=item.topics)


def as_new(announcement: Announcement) -> NewAnnouncement:
    """Return what was announced, as it was drafted."""
    return NewAnnouncement(
        name=announcement.name,
        title=announcement.title,
        item_id=announcement.item_id,
        texts=tuple(announcement.texts),
        with_digest=announcement.with_digest,
        addressed=tuple(AddressedTo.model_validate(each) for each in announcement.addressed),
        not_before=announcement.not_before,
        handover=handover_of(announcement),
    )
