"""The recipients whom ``mail.only_to`` admits: mail to all others is held back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, false, func, or_, select, update
from sqlmodel import Session, col

from trialalerts.database import table_of
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.plurals import counted
from trialalerts.subscribers.addresses import address_key
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = [
    "EVERYBODY",
    "HELD_BACK",
    "AllowedRecipients",
    "allowed_recipients",
    "count_held_back",
    "hold_back_others",
    "only_to_words",
]

HELD_BACK = "mail.only_to"
"""What stands on a delivery that was held back."""
_MAY_BE_MAILED = (SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowedRecipients:
    """Addresses and mail domains, as they are compared; where there is neither, everybody is admitted."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anybody is kept from mail."""
        return bool(self.addresses or self.domains)

    def admits(self, address: str) -> bool:
        """Tell whether mail to an address may leave, however it is spelled."""
        if not self:
            return True
        key = address_key(address)
        return key in self.addresses or key.rpartition("@")[2] in self.domains

    def admitted(self) -> ColumnElement[bool]:
        """Return the condition on :class:`Subscriber` that :meth:`admits` is."""
        key = table_of(Subscriber).c.address_key
        named = key.in_(sorted(self.addresses)) if self.addresses else false()
        return or_(named, *(key.endswith(f"@{domain}", autoescape=True) for domain in sorted(self.domains)))

    def __str__(self) -> str:
        """Say who is admitted; addresses are counted."""
        addresses = counted(len(self.addresses), "address", "addresses") if self.addresses else ""
        return ", ".join([*([addresses] if addresses else []), *(f"@{domain}" for domain in sorted(self.domains))])


EVERYBODY = AllowedRecipients()
"""Nobody is kept from mail."""


@lru_cache(maxsize=4)
def allowed_recipients(only_to: tuple[str, ...]) -> AllowedRecipients:
    """Return whom the entries of ``mail.only_to`` admit; read once, however many mails are checked by them.

    >>> allowed_recipients(("@Staff.Example.org",)).admits("Anna@staff.example.ORG")
    True
    """
    keys = [address_key(each.strip()) for each in only_to]
    return AllowedRecipients(
        addresses=frozenset(key for key in keys if not key.startswith("@")),
        domains=frozenset(key[1:] for key in keys if key.startswith("@")),
    )


def only_to_words(allowed: AllowedRecipients) -> str:
    """Say that mail goes to few only."""
    return f"mail.only_to is set: mail leaves to {allowed} ONLY, mail to all others is held back"


def hold_back_others(session: Session, allowed: AllowedRecipients) -> int:
    """Hold back all queued mail to people who are not admitted; return how many.

    What waits for a retry, a pause or a transport that rests is not claimed for a while: without this it would leave
    once ``mail.only_to`` is taken away.
    """
    people = table_of(Subscriber)
    others = select(people.c.id).where(people.c.state.in_(_MAY_BE_MAILED), ~allowed.admitted())
    rows = update(Delivery).where(col(Delivery.state) == DeliveryState.QUEUED, col(Delivery.subscriber_id).in_(others))
    held: CursorResult[Any] = session.connection().execute(rows.values(state=DeliveryState.HELD, last_error=HELD_BACK))
    return held.rowcount


def count_held_back(session: Session) -> int:
    """Return how many mails are held back."""
    rows = select(func.count()).select_from(table_of(Delivery))
    number: int = (
        session.connection().execute(rows.where(table_of(Delivery).c.state == DeliveryState.HELD)).scalar_one()
    )
    return number
