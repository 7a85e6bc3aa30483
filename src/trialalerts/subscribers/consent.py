"""The consent log: what a subscriber agreed to or took back, when, and how."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber, id_of

__all__ = ["list_consents", "record_consent"]


def record_consent(
    session: Session, subscriber: Subscriber, action: ConsentAction, *, how: str, what: str = "", now: datetime
) -> None:
    """Append one line; ``how`` is ``web``, ``link``, ``one-click``, ``operator``, ``import`` or a feedback's name."""
    session.add(Consent(subscriber_id=id_of(subscriber), at=now, action=action, how=how, what=what))


def list_consents(session: Session, subscriber: Subscriber) -> list[Consent]:
    """Return the subscriber's consent log, oldest first."""
    rows = select(Consent).where(col(Consent.subscriber_id) == subscriber.id).order_by(col(Consent.id))
    return list(session.exec(rows))
