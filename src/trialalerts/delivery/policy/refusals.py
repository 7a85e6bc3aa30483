"""Refusals at the door: a server that says so to our face knows as much as one that sends it back."""

from __future__ import annotations

import re
from datetime import datetime

from sqlmodel import Session

from trialalerts.delivery.mail.envelope import Refused
from trialalerts.delivery.mail.reply_codes import BounceClass, Classified, classify
from trialalerts.delivery.outbox.lifecycle import Settlement
from trialalerts.delivery.outbox.suppressions import SuppressionReason
from trialalerts.delivery.policy import effects
from trialalerts.delivery.policy.restricted import record_restriction
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["about_whom", "record_listed", "record_refusal", "record_restricted"]

_ENHANCED = re.compile(r"[45]\d\d [45]\.\d{1,3}\.\d{1,3}")
_OUR_WORDS = re.compile(r"the mail server refused the \w+: ")
"""What the transport puts before the server's own words."""
_COUNT = {BounceClass.GONE, BounceClass.UNWELL}
"""Our fault and the message's say nothing of the person."""


def about_whom(refusal: Refused) -> BounceClass | None:
    """Return whom a refusal is about; None: nobody in particular, such as a provider's own code.

    The server's own words decide, then what the transport knows of its codes.
    """
    meaning = refusal.meaning
    if meaning is None and _ENHANCED.fullmatch(refusal.code or ""):
        meaning = classify(refusal.code or "")
    about = meaning.bounce_class if meaning else None
    if about is BounceClass.OURS or about is BounceClass.MESSAGE:
        return about
    if refusal.ours:
        return BounceClass.MESSAGE if refusal.permanent else BounceClass.OURS
    return about if refusal.permanent else BounceClass.LATER


def record_refusal(
    session: Session,
    settings: Settings,
    *,
    subscriber_id: int,
    how: str,
    code: str,
    meaning: Classified | None,
    now: datetime,
    said: str = "",
    delivery_id: int | None = None,
) -> bool:
    """Do to the subscriber what a mail that failed for good asks for; return whether it was about the address.

    ``how`` is the transport, ``meaning`` what the classifier decided of the server's own words. Without it only an
    enhanced code counts: an API's own codes and sentences say nothing of a mailbox. ``said`` is kept beside a
    suppression, without address, for whoever asks later why.
    """
    if meaning is None and _ENHANCED.fullmatch(code):
        meaning = classify(code)
    if meaning is not None and meaning.bounce_class is BounceClass.LATER:  # until we gave up
        meaning = classify(meaning.code or "", trying=False)
    counts = meaning is not None and meaning.bounce_class in _COUNT
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=True) if counts else None
    if subscriber is None or meaning is None:
        return False
    words = _their_words(said) or meaning.evidence or None
    why = SuppressionReason(rule=meaning.rule, code=code, words=words, transport=how, delivery_id=delivery_id)
    secret = settings.service.secret.get_secret_value()
    if meaning.is_gone:
        effects.record_hard_bounce(session, secret, subscriber, how=how, detail=code, why=why, now=now)
    else:
        effects.record_soft_bounce(session, secret, subscriber, how=how, detail=code, why=why, at=now, now=now)
    return True


def record_restricted(
    session: Session, settings: Settings, tried: Settlement, refusal: Refused, *, how: str, now: datetime
) -> None:
    """Let an address rest that a server's policy keeps from us."""
    subscriber = session.get(Subscriber, tried.delivery.subscriber_id, with_for_update=True)
    if subscriber is None:
        return
    rule = refusal.meaning.rule if refusal.meaning else None
    why = SuppressionReason(
        rule=rule, code=refusal.code, words=_their_words(refusal.reason), transport=how, delivery_id=tried.delivery.id
    )
    record_restriction(
        session,
        settings.service.secret.get_secret_value(),
        subscriber,
        how=how,
        detail=refusal.code or "",
        why=why,
        rests_until=tried.not_before or now,
        now=now,
    )


def record_listed(
    session: Session, settings: Settings, *, subscriber_id: int, how: str, code: str, now: datetime
) -> None:
    """Stop mailing somebody whom a provider has on a list of its own: it would refuse each mail without trying."""
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=True)
    if subscriber is not None:
        secret, detail = settings.service.secret.get_secret_value(), f"on the provider's own list ({code})"
        effects.record_hard_bounce(session, secret, subscriber, how=how, detail=detail, now=now, reason="listed")


def _their_words(said: str) -> str:
    return _OUR_WORDS.sub("", said)
