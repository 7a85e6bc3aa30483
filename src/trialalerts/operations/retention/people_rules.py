"""Rules for people: sign-ups nobody confirmed, and those who left."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlmodel import Session, col

from trialalerts.database import table_of
from trialalerts.delivery.outbox.notices.kinds import CONFIRMATION
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, SoftBounces
from trialalerts.operations.retention.rule import RetentionRule, deleting
from trialalerts.settings import Settings
from trialalerts.subscribers.erasure import erase, note_former
from trialalerts.subscribers.tables import (
    AddressChange,
    Consent,
    ConsentAction,
    NudgeChoice,
    Preference,
    Subscriber,
    SubscriberState,
)

__all__ = [
    "asked_addresses",
    "asked_nudges",
    "bounced_people",
    "people_who_came_back_in_vain",
    "people_who_left",
    "unconfirmed_people",
    "unconfirmed_preferences",
]

_HOW = "retention"
_ASKED_FOR = timedelta(days=7)
_P = table_of(Subscriber).c
_LEFT = (SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED)


def unconfirmed_people(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Whoever signed up and never confirmed, with all that is stored of them."""
    del session
    due = and_(_unconfirmed_since(now - settings.retention.unconfirmed), _P.confirmed_at.is_(None))
    return RetentionRule(what="sign-ups that nobody confirmed", key=_P.id, due=due, forget=deleting(Subscriber))


def people_who_came_back_in_vain(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Whoever was served once, signed up anew and never confirmed that: they are as those who left."""
    del session
    due = and_(_unconfirmed_since(now - settings.retention.unconfirmed), _P.confirmed_at.is_not(None))
    return _erasing("people who came back and did not confirm", due, settings, now)


def unconfirmed_preferences(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Further wishes of known people that were never confirmed."""
    del session
    cutoff = now - settings.retention.unconfirmed
    wishes = table_of(Preference).c
    due = and_(
        wishes.confirmed_at.is_(None),
        wishes.created_at < cutoff,
        select(_P.id).where(_P.id == wishes.subscriber_id, _P.state != SubscriberState.PENDING).exists(),
        ~_agreed_since(wishes.subscriber_id, cutoff, [ConsentAction.SIGNED_UP]),
        ~_asked_since(wishes.subscriber_id, cutoff),
    )
    return RetentionRule(what="preferences that nobody confirmed", key=wishes.id, due=due, forget=deleting(Preference))


def people_who_left(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Whoever unsubscribed or complained: their keyed hash and a nameless record of consent stay."""
    del session
    due = and_(_P.state.in_(_LEFT), _quiet_since(now - settings.retention.left))
    return _erasing("people who left", due, settings, now)


def bounced_people(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Whoever's mail came back for good; those who are parked are tried again, and stay."""
    del session
    due = and_(_P.state == SubscriberState.BOUNCED, _quiet_since(now - settings.retention.bounced), ~_is_parked())
    return _erasing("people whose mail came back", due, settings, now)


def asked_addresses(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Addresses that somebody wanted instead: the link to them is over, and mails to either are settled."""
    del session, settings
    rows = table_of(AddressChange).c
    due = rows.asked_at < now - _ASKED_FOR
    return RetentionRule(
        what="addresses that were asked for", key=rows.subscriber_id, due=due, forget=deleting(AddressChange)
    )


def asked_nudges(session: Session, settings: Settings, now: datetime) -> RetentionRule:
    """Where somebody wanted to be told and never said yes; where they are told already stays."""
    del session, settings
    rows = table_of(NudgeChoice).c
    due = and_(rows.asked_way.is_not(None), rows.asked_at < now - _ASKED_FOR)

    def forget(session: Session, these: ColumnElement[bool]) -> int:
        run = session.connection().execute
        gone = run(delete(NudgeChoice).where(these, rows.confirmed_at.is_(None))).rowcount
        return gone + run(update(NudgeChoice).where(these).values(asked_way=None, asked_recipient=None)).rowcount

    return RetentionRule(what="nudges that were asked for", key=rows.subscriber_id, due=due, forget=forget)


def _is_parked() -> ColumnElement[bool]:
    rests = table_of(SoftBounces).c
    return exists(select(rests.subscriber_id).where(rests.subscriber_id == _P.id, rests.parked_until.is_not(None)))


def _unconfirmed_since(cutoff: datetime) -> ColumnElement[bool]:
    return and_(_P.state == SubscriberState.PENDING, _quiet_since(cutoff), ~_asked_since(_P.id, cutoff))


def _quiet_since(cutoff: datetime) -> ColumnElement[bool]:
    """The last thing that they, or somebody for them, did is longer ago."""
    known = and_(_P.created_at < cutoff, or_(_P.confirmed_at.is_(None), _P.confirmed_at < cutoff))
    return and_(known, ~_agreed_since(_P.id, cutoff))


def _agreed_since(
    subscriber: ColumnElement[int], cutoff: datetime, actions: Collection[ConsentAction] = ()
) -> ColumnElement[bool]:
    consents = table_of(Consent).c
    said = exists(select(consents.id).where(consents.subscriber_id == subscriber, consents.at >= cutoff))
    return said.where(consents.action.in_(actions)) if actions else said


def _asked_since(subscriber: ColumnElement[int], cutoff: datetime) -> ColumnElement[bool]:
    """A mail that asks them to confirm left lately, or is just leaving."""
    mails = table_of(Delivery).c
    late = or_(mails.sent_at >= cutoff, mails.state == DeliveryState.SENDING)
    return exists(select(mails.id).where(mails.subscriber_id == subscriber, mails.kind == CONFIRMATION, late))


def _erasing(what: str, due: ColumnElement[bool], settings: Settings, now: datetime) -> RetentionRule:
    secret = settings.service.secrets[0]

    def forget(session: Session, these: ColumnElement[bool]) -> int:
        rows = select(Subscriber).where(these).order_by(col(Subscriber.id)).with_for_update(skip_locked=True)
        people = list(session.execute(rows).scalars())
        for person in people:
            note_former(session, secret, person.address_key, now=now)
            erase(session, person, how=_HOW, now=now, keeps_consents=True)
        return len(people)

    return RetentionRule(what=what, key=_P.id, due=due, forget=forget)
