"""Owns what a refusal at the door means: a server that says so to our face knows as much as one that sends it back."""

from __future__ import annotations

import re
from datetime import datetime

from sqlmodel import Session

from trialalerts.delivery import tallies
from trialalerts.delivery.feedback import policy
from trialalerts.delivery.feedback.events import Reason
from trialalerts.delivery.feedback.verdicts import judge
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Subscriber

__all__ = ["heed_refusal"]

_ENHANCED = re.compile(r"[45]\d\d [45]\.\d{1,3}\.\d{1,3}")


def heed_refusal(
    session: Session, settings: Settings, *, subscriber_id: int, how: str, code: str, reason: str, now: datetime
) -> bool:
    """Do to the subscriber what a mail that failed for good asks for; return whether it was about the address.

    ``how`` is the transport, ``code`` and ``reason`` what the server said. Without an enhanced code only plain words
    count, and only for a hard bounce: an API's own codes say nothing of a mailbox.
    """
    verdict = judge(None, f"{code} {reason}")
    counts = verdict.reason is not Reason.BLOCKED and (verdict.hard or _ENHANCED.fullmatch(code) is not None)
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=True) if counts else None
    if subscriber is None:
        return False
    secret = settings.service.secret.get_secret_value()
    if verdict.hard:
        policy.heed_hard_bounce(session, secret, subscriber, how=how, detail=code, now=now)
    else:
        policy.heed_soft_bounce(session, secret, subscriber, how=how, detail=code, at=now, now=now)
    tallies.add(session, tallies.Tallied.BOUNCED, 1, at=now)
    return True
