"""Rules for mails: deliveries, what servers said, digests and their selections."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true
from sqlmodel import Session, col

from trialalerts.database import table_of
from trialalerts.delivery.outbox.notices.announcing import told_counts
from trialalerts.delivery.outbox.notices.kinds import ANNOUNCEMENT, HANDOFF, NUDGE
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient, Handoff
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, FeedbackEvent, RequestedMail, Suppression
from trialalerts.digests.announcements.handover import handovers_of
from trialalerts.digests.tables import Digest, Selection
from trialalerts.operations.retention.rule import RetentionRule, blanking, deleting, first_since
from trialalerts.settings import Settings

__all__ = [
    "old_announcement_recipients",
    "old_announcements",
    "old_deliveries",
    "old_digests",
    "old_events",
    "old_handoff_mails",
    "old_handoffs",
    "old_replies",
    "old_requests",
    "old_words",
    "unused_selections",
]

_AT_ONCE = 1_000
_A_ROUND = timedelta(days=2)
"""Digests share selections only within the round that composed them, which is over long before."""
_A_WEEK, _A_MONTH = timedelta(days=7), timedelta(days=30)
_IN_FLIGHT = (DeliveryState.QUEUED, DeliveryState.SENDING)
_D = table_of(Delivery).c


def old_deliveries(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What became of each mail; never one still to be sent, nor what shows who was told of a change of hands."""
    return RetentionRule(
        what="deliveries",
        key=_D.id,
        due=and_(_settled_before(session, now - settings.retention.deliveries), _no_proof(session)),
        forget=deleting(Delivery),
    )


def old_handoff_mails(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """That somebody wrote to the nurse: gone once what may come back of it has come; only the count stays."""
    del settings
    due = and_(_settled_before(session, now - _A_WEEK), _D.kind == HANDOFF)
    return RetentionRule(what="mails to the nurse", key=_D.id, due=due, forget=deleting(Delivery))


def old_handoffs(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What somebody wrote to the nurse and no mail brings any more, or none has brought for a month."""
    del session, settings
    rows = table_of(Handoff).c
    due = rows.created_at < now - _A_MONTH
    return RetentionRule(what="messages to the nurse", key=rows.id, due=due, forget=deleting(Handoff))


def old_replies(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What a server said of a delivery; our own words stay: by them one is found again when a suppression is lifted."""
    said = and_(
        _D.last_error.is_not(None),
        _D.last_error != "bounced",
        not_(_D.last_error.startswith("suppressed (", autoescape=True)),
    )
    due = and_(_settled_before(session, now - settings.retention.replies), said)
    return RetentionRule(what="replies to deliveries", key=_D.id, due=due, forget=blanking(Delivery, last_error=None))


def old_events(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What a provider told; the event itself goes after thirty days anyway."""
    del session
    events = table_of(FeedbackEvent).c
    due = and_(events.received_at < now - settings.retention.replies, events.raw != "")
    return RetentionRule(
        what="reports of bounces and complaints", key=events.id, due=due, forget=blanking(FeedbackEvent, raw="")
    )


def old_words(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """A server's words beside a suppression; its code and the rule that decided stay."""
    del session
    rows = table_of(Suppression).c
    due = and_(rows.since < now - settings.retention.replies, rows.words.is_not(None))
    return RetentionRule(
        what="words beside suppressions", key=rows.address_hash, due=due, forget=blanking(Suppression, words=None)
    )


def old_digests(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What was told to whom, unless the mail has still to leave; the cursor sees to it that nothing is told twice."""
    digests = table_of(Digest).c
    cutoff = now - settings.retention.digests
    older = digests.id < first_since(session, digests.id, digests.created_at, cutoff)
    due = and_(older, digests.created_at < cutoff, digests.id.not_in(_undelivered(session, cutoff)))
    return RetentionRule(what="digests", key=digests.id, due=due, forget=deleting(Digest))


def old_announcement_recipients(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Who was told an announcement; started anew after that, it is new to everybody."""
    rows = table_of(AnnouncementRecipient).c
    return RetentionRule(
        what="recipients of announcements",
        key=rows.id,
        due=rows.announcement_id.in_(_over(session, now - settings.retention.digests)),
        forget=deleting(AnnouncementRecipient),
    )


def old_announcements(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """What was announced, once the rule above has let all its recipients go."""
    rows, told = table_of(Announcement).c, table_of(AnnouncementRecipient).c
    due = and_(
        rows.id.in_(_over(session, now - settings.retention.digests)),
        ~select(told.id).where(told.announcement_id == rows.id).exists(),
    )
    return RetentionRule(what="announcements", key=rows.id, due=due, forget=deleting(Announcement))


def _over(session: Session, cutoff: datetime) -> list[int]:
    """Return the announcements, hardly ever many, that began before and have no mail to send any more."""
    rows = select(Announcement).where(
        col(Announcement.started_at) < cutoff,
        col(Announcement.not_before) < cutoff,
        col(Announcement.complete).is_(True),
    )
    found = session.execute(rows).scalars().all()
    waits = {state.value for state in _IN_FLIGHT}
    return [each.id for each in found if each.id is not None and waits.isdisjoint(told_counts(session, each))]


def old_requests(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Whose mailbox was asked to confirm, by its keyed hash: counted for a day."""
    del session, settings
    rows = table_of(RequestedMail).c
    due = rows.due_at < now - timedelta(days=1)
    return RetentionRule(
        what="hashes of mailboxes asked to confirm", key=rows.id, due=due, forget=deleting(RequestedMail)
    )


def unused_selections(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Selections that only digests of the rule above refer to, or none at all."""
    rows = table_of(Selection).c
    least = _least_used(session, now - settings.retention.digests)
    return RetentionRule(what="selections", key=rows.id, due=rows.id < least, forget=deleting(Selection))


def _settled_before(session: Session, cutoff: datetime) -> ColumnElement[bool]:
    """The last thing that happened to a delivery is longer ago, and nothing more is to happen."""
    return and_(
        _D.id < first_since(session, _D.id, _D.created_at, cutoff),
        _D.created_at < cutoff,
        _D.state.not_in(_IN_FLIGHT),
        or_(_D.sent_at.is_(None), _D.sent_at < cutoff),
        or_(_D.feedback_at.is_(None), _D.feedback_at < cutoff),
    )


def _no_proof(session: Session) -> ColumnElement[bool]:
    """Tell of a mail that nobody is handed over because of it."""
    told = [_D.key.startswith(f"{ANNOUNCEMENT}/{row.id}/") for row, _ in handovers_of(session)]
    return or_(_D.key.is_(None), not_(or_(*told))) if told else true()


def _undelivered(session: Session, cutoff: datetime) -> list[int]:
    """Return the old digests whose mail has still to leave: hardly ever any."""
    asked = select(_D.data).where(_D.state.in_(_IN_FLIGHT), _D.kind.in_(("digest", NUDGE)), _D.created_at < cutoff)
    found = session.connection().execute(asked).scalars()
    return [number for data in found if isinstance(number := data.get("digest_id"), int)]


def _least_used(session: Session, cutoff: datetime) -> int:
    """Return the least number of a selection that a digest which stays refers to; 0 where none does.

    Numbers grow, so the digests that were composed first after ``cutoff`` tell it, and old ones that are undelivered.
    None is less than the first that is stored: once that is found in use no more is read.
    """
    digests = table_of(Digest).c
    first = session.connection().execute(select(func.min(table_of(Selection).c.id))).scalar() or 0
    begin = first_since(session, digests.id, digests.created_at, cutoff)
    end = first_since(session, digests.id, digests.created_at, cutoff + _A_ROUND)
    held = select(digests.parts).where(digests.id.in_(_undelivered(session, cutoff)))
    least = [_least(session.connection().execute(held).scalars())]
    last = begin - 1
    while True:
        page = select(digests.id, digests.parts).where(digests.id > last)
        rows = session.connection().execute(page.order_by(digests.id).limit(_AT_ONCE)).all()
        least.append(_least(parts for _, parts in rows))
        found = min((number for number in least if number), default=0)
        # At least one page that refers to any, however quiet the weeks after were.
        if not rows or (found and (rows[-1][0] >= end or found <= first)):
            return found
        last = rows[-1][0]


def _least(digests: Iterable[list[list[int]]]) -> int:
    return min((selection for _, selection in chain.from_iterable(digests)), default=0)
