"""Objecting to be handed over to another organisation, and taking that back."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from trialalerts.database.bulk import insert_into
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.tables import ConsentAction, HandoverObjection, Subscriber, id_of

__all__ = ["has_objected", "object_to_handover", "take_objection_back"]


def has_objected(session: Session, subscriber: Subscriber) -> bool:
    """Tell whether somebody is not to be handed over."""
    return session.get(HandoverObjection, id_of(subscriber)) is not None


def object_to_handover(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> bool:
    """Note that somebody is not to be handed over, to nobody; return whether that is new."""
    row = {"subscriber_id": id_of(subscriber), "at": now}
    added = insert_into(session, HandoverObjection).values(row).on_conflict_do_nothing()
    if session.connection().execute(added).rowcount != 1:
        return False
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what="handover refused", now=now)
    session.flush()
    return True


def take_objection_back(session: Session, subscriber: Subscriber, *, how: str, now: datetime) -> bool:
    """Note that somebody may be handed over after all; return whether they had objected."""
    objection = session.get(HandoverObjection, id_of(subscriber))
    if objection is None:
        return False
    session.delete(objection)
    record_consent(session, subscriber, ConsentAction.CHANGED, how=how, what="handover allowed", now=now)
    session.flush()
    return True
