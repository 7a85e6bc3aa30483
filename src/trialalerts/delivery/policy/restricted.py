"""Addresses that take no mail of ours, by a policy of their server's: only they rest, and not for ever.

A list for members, a mailbox for colleagues: that is nobody's fault, and no reason to stop mail to others. But an
address that refuses us on ten days, while others at its domain are served, is mailed for nothing: from then on each
such day counts as one on which it was unwell.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from trialalerts.delivery.outbox.suppressions import SuppressionReason, domain_of
from trialalerts.delivery.outbox.tables import RefusedAddress
from trialalerts.delivery.policy import answers, effects
from trialalerts.subscribers.tables import Subscriber, id_of

__all__ = ["record_restriction"]

_DAYS = 10
_A_DAY = timedelta(days=1)
_SETTLES_WITHIN = timedelta(hours=1)
"""What is taken comes back, if at all, within that time as a rule: only what was accepted before counts as accepted."""


def record_restriction(
    session: Session,
    secret: str,
    subscriber: Subscriber,
    *,
    how: str,
    detail: str,
    why: SuppressionReason,
    rests_until: datetime,
    now: datetime,
) -> None:
    """Let an address rest that its server's policy keeps from us, and count the day on which it did.

    A day counts once, and only where its domain accepted other mail since the day before: a server that refuses
    everybody refuses us, not them.
    """
    refused = session.get(RefusedAddress, id_of(subscriber), with_for_update=True)
    if refused is None:
        refused = RefusedAddress(subscriber_id=id_of(subscriber), not_before=rests_until)
        session.add(refused)
    refused.not_before = rests_until
    since = refused.counted_at or now - _A_DAY
    if refused.counted_at is not None and effects.one_got_through(session, subscriber, since=since, until=now):
        refused.days, refused.counted_at = 0, None
    if (refused.counted_at is None or refused.counted_at.date() < now.date()) and _others_are_served(
        session, domain_of(subscriber.address), since, now
    ):
        refused.days += 1
        refused.counted_at = now
        if refused.days >= _DAYS:
            effects.record_soft_bounce(session, secret, subscriber, how=how, detail=detail, why=why, at=now, now=now)
    session.flush()


def _others_are_served(session: Session, domain: str, since: datetime, now: datetime) -> bool:
    found = answers.numbers(session, [domain], since, until=now - _SETTLES_WITHIN)
    return answers.accepted_of(found[domain]) > 0
