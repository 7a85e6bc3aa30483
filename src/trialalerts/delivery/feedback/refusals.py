"""Refusals at the door: a server that says so to our face knows as much as one that sends it back."""

from __future__ import annotations

import re
from datetime import datetime

from sqlmodel import Session

from trialalerts.delivery import tallies
from trialalerts.delivery.feedback import policy
from trialalerts.delivery.mail.reply_codes import BounceClass, Classified, classify
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["heed_listed", "heed_refusal"]

_ENHANCED = re.compile(r"[45]\d\d [45]\.\d{1,3}\.\d{1,3}")
_COUNT = {BounceClass.GONE, BounceClass.UNWELL}
"""Our fault and the message's say nothing of the person."""


def heed_refusal(
    session: Session,
    settings: Settings,
    *,
    subscriber_id: int,
    how: str,
    code: str,
    meaning: Classified | None,
    now: datetime,
) -> bool:
    """Do to the subscriber what a mail that failed for good asks for; return whether it was about the address.

    ``how`` is the transport, ``meaning`` what the classifier decided of the server's own words. Without it only an
    enhanced code counts: an API's own codes and sentences say nothing of a mailbox.
    """
    if meaning is None and _ENHANCED.fullmatch(code):
        meaning = classify(code)
    if meaning is not None and meaning.bounce_class is BounceClass.LATER:  # until we gave up
        meaning = classify(meaning.code or "", trying=False)
    counts = meaning is not None and meaning.bounce_class in _COUNT
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=True) if counts else None
    if subscriber is None or meaning is None:
        return False
    secret = settings.service.secret.get_secret_value()
    if meaning.is_gone:
        policy.heed_hard_bounce(session, secret, subscriber, how=how, detail=code, now=now)
    else:
        policy.heed_soft_bounce(session, secret, subscriber, how=how, detail=code, at=now, now=now)
    tallies.add(session, tallies.Tallied.BOUNCED, 1, at=now)
    return True


def heed_listed(
    session: Session, settings: Settings, *, subscriber_id: int, how: str, code: str, now: datetime
) -> None:
    """Stop mailing somebody whom a provider has on a list of its own: it would refuse each mail without trying."""
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=True)
    if subscriber is not None:
        secret, detail = settings.service.secret.get_secret_value(), f"on the provider's own list ({code})"
        policy.heed_hard_bounce(session, secret, subscriber, how=how, detail=detail, now=now, reason="listed")
