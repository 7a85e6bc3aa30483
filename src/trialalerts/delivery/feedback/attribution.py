"""Which mail an event is of, and whose it was: by what we signed or drew for that one mail.

A token names the delivery. A Message-ID names it where it is, secret bits and all, one that we stored. The token of a
link names a person and the moment at which the mail was written. What a provider calls the mail comes last.
"""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, func, select

from trialalerts.delivery.feedback.events import Event
from trialalerts.delivery.mail.message import subscriber_in
from trialalerts.delivery.mail.verp import delivery_of
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.errors import TokenError
from trialalerts.settings import Settings
from trialalerts.subscribers.people import find_by_key
from trialalerts.subscribers.tables import Subscriber, id_of
from trialalerts.subscribers.tokens import Purpose, TokenData, Tokens

__all__ = ["attribute"]

_MOST = 50
_TO_THE_SECOND = timedelta(seconds=1)


def attribute(session: Session, settings: Settings, event: Event) -> tuple[Delivery | None, int | None]:
    """Return the delivery that an event names, locked, and the number of its subscriber.

    A link may name somebody none of whose mails is stored any more: then there is no delivery.
    """
    found = (
        _by_token(session, settings, event)
        or _by_message_id(session, event.message_ids)
        or _by_provider(session, event)
    )
    if found is not None:
        return found, found.subscriber_id
    for token in event.links:
        if (link := _read(settings, token)) and (subscriber := find_by_key(session, link.key)):
            return _by_link(session, subscriber, link), id_of(subscriber)
    return None, None


def _by_token(session: Session, settings: Settings, event: Event) -> Delivery | None:
    number = delivery_of(settings, event.token) if event.token else None
    return session.get(Delivery, number, with_for_update=True) if number is not None else None


def _by_message_id(session: Session, message_ids: tuple[str, ...]) -> Delivery | None:
    for message_id in message_ids:
        number = subscriber_in(message_id)
        if number is None:
            continue
        theirs = (col(Delivery.subscriber_id) == number, func.lower(col(Delivery.message_id)) == message_id.lower())
        if found := session.exec(select(Delivery).where(*theirs).with_for_update()).first():
            return found
    return None


def _by_provider(session: Session, event: Event) -> Delivery | None:
    if not event.provider_ids:
        return None
    theirs = (col(Delivery.provider_id).in_(event.provider_ids), col(Delivery.transport) == event.provider)
    by_name = {each.provider_id: each for each in session.exec(select(Delivery).where(*theirs).with_for_update())}
    return next((by_name[name] for name in event.provider_ids if name in by_name), None)


def _read(settings: Settings, token: str) -> TokenData | None:
    tokens = Tokens(settings.service.secrets[0], previous=settings.service.secrets[1:])
    for purpose in Purpose:
        try:
            return tokens.read(purpose, token, max_age=None)
        except TokenError:
            continue
    return None


def _by_link(session: Session, subscriber: Subscriber, link: TokenData) -> Delivery | None:
    """Return the mail in which a link stood: the first that left once it was signed, else the last one."""
    sent = (col(Delivery.subscriber_id) == id_of(subscriber), col(Delivery.sent_at).is_not(None))
    rows = select(Delivery).where(*sent).order_by(col(Delivery.sent_at).desc()).limit(_MOST).with_for_update()
    mails = list(session.exec(rows))
    later = [each for each in mails if each.sent_at and each.sent_at + _TO_THE_SECOND > link.signed_at]
    return next(iter(later[-1:] or mails), None)
