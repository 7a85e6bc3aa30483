"""Moving to another address: the new one says yes by a link in a mail to it, the old one is told."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from trialalerts.errors import InvalidInput
from trialalerts.subscribers.addresses import address_key, checked_address
from trialalerts.subscribers.people import SubscriberChanges, edit
from trialalerts.subscribers.tables import AddressChange, Subscriber, id_of

__all__ = ["address_asked_for", "ask_for_address", "is_taken", "keep_address", "move"]


def ask_for_address(session: Session, subscriber: Subscriber, address: str, *, now: datetime) -> AddressChange:
    """Note which address somebody wants instead; one asked for before is forgotten.

    Raises:
        InvalidInput: this is no address, or it is theirs already.
    """
    wanted = checked_address(address)
    if wanted == subscriber.address:
        raise InvalidInput("This is the address that the mails go to already.")
    asked = AddressChange(
        subscriber_id=id_of(subscriber),
        address=wanted,
        address_key=address_key(wanted),
        old_address=subscriber.address,
        asked_at=now,
    )
    stored = session.merge(asked)
    session.flush()
    return stored


def is_taken(session: Session, subscriber: Subscriber, asked: AddressChange) -> bool:
    """Tell whether another subscriber has that address."""
    rows = select(Subscriber.id).where(col(Subscriber.address_key) == asked.address_key)
    return session.exec(rows.where(col(Subscriber.id) != subscriber.id)).first() is not None


def address_asked_for(session: Session, subscriber: Subscriber, *, now: datetime, within: timedelta) -> str | None:
    """Return the address that somebody wants, and that has not said yes yet; None where there is none."""
    asked = session.get(AddressChange, id_of(subscriber))
    waits = asked is not None and asked.address != subscriber.address and now - asked.asked_at <= within
    return asked.address if asked is not None and waits else None


def keep_address(session: Session, subscriber: Subscriber) -> None:
    """Forget which address somebody wanted."""
    asked = session.get(AddressChange, id_of(subscriber))
    if asked is not None:
        session.delete(asked)
        session.flush()


def move(session: Session, subscriber: Subscriber, asked_at: int, *, now: datetime) -> bool:
    """Write to the new address from now on; links to the settings in mails at the old one are over.

    ``asked_at`` is the moment of the wish, in seconds. A second time changes nothing.

    Returns:
        False where that wish is over, or somebody else has the address by now.
    """
    asked = session.get(AddressChange, id_of(subscriber))
    if asked is None or int(asked.asked_at.timestamp()) != asked_at:
        return False
    if asked.address == subscriber.address:
        return True
    if is_taken(session, subscriber, asked):
        return False
    edit(session, subscriber, SubscriberChanges(address=asked.address), how="link", now=now)
    subscriber.links_since = now
    session.flush()
    return True
