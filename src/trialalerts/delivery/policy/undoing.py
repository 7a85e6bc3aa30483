"""Undoing: suppressions that a wrong mail server brought are lifted in bulk.

Whom a suppression is about nobody can read from it. The people whose mail bounced are gone through instead, and found
by the hash of their address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, or_, select

from trialalerts.database import Database
from trialalerts.delivery.mail.reply_codes import classify
from trialalerts.delivery.outbox.suppressions import Secrets, address_hashes, domain_hashes, lift_suppressions
from trialalerts.delivery.outbox.tables import Suppression
from trialalerts.delivery.policy.operators_word import believed_gone
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = [
    "ONE_BY_ONE",
    "Picked",
    "Reviewed",
    "TakenBack",
    "addresses_of",
    "pick",
    "provisional",
    "review_suppressions",
    "take_back",
]

ONE_BY_ONE = "complained"
"""Who called a mail spam does not come back with many others."""


@dataclass(frozen=True, kw_only=True)
class Picked:
    """Which suppressions are meant: all that is given must hold. ``until`` is exclusive."""

    reason: str | None = None
    rule: str | None = None
    code: str | None = None
    domain: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether every suppression would be meant."""
        return not any((self.reason, self.rule, self.code, self.domain, self.since, self.until))


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """How many suppressions were lifted, and how many people get digests again by it."""

    lifted: int = 0
    resumed: int = 0


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A suppression that today's rules would not make; ``address`` where somebody is still known under it."""

    suppression: Suppression
    address: str | None
    class_now: str
    rule_now: str


def pick(session: Session, secret: Secrets, wanted: Picked) -> list[Suppression]:
    """Return the suppressions that are meant, oldest first; none of a complaint.

    A rule and a code are met by their beginning, too: ``gone`` by ``gone.unknown``, ``550`` by ``550 5.1.1``.
    """
    rows = select(Suppression).where(col(Suppression.reason) != ONE_BY_ONE)
    if wanted.reason:
        rows = rows.where(col(Suppression.reason) == wanted.reason)
    if wanted.domain:
        rows = rows.where(col(Suppression.domain_hash).in_(domain_hashes(secret, wanted.domain)))
    if wanted.since:
        rows = rows.where(col(Suppression.since) >= wanted.since)
    if wanted.until:
        rows = rows.where(col(Suppression.since) < wanted.until)
    found = session.exec(rows.order_by(col(Suppression.since), col(Suppression.address_hash)))
    return [each for each in found if _meets(each.rule, wanted.rule, ".") and _has_code(each, wanted.code)]


def take_back(
    db: Database, secret: Secrets, found: Collection[Suppression], *, how: str, now: datetime, among: str | None = None
) -> TakenBack:
    """Lift these, each with a transaction of its own: who was moved to *bounced* by it is active again.

    Args:
        db: the database.
        secret: ``service.secret``, with the previous ones.
        found: what is to be lifted.
        how: who does it, for the consent log.
        now: the moment.
        among: a mail domain that all of them are of, where that is known; it only saves time.

    Cut off in between, what is left can be lifted by the same call again.
    """
    with db.read() as session:
        addresses = addresses_of(session, secret, [each.address_hash for each in found], domain=among)
    lifted = resumed = 0
    for each in found:
        with db.write() as session:
            row = session.get(Suppression, each.address_hash)
            if row is None:
                continue
            lifted += 1
            if address := addresses.get(each.address_hash):
                resumed += lift_suppressions(session, secret, address, how=how, now=now).resumed
            else:
                session.delete(row)
    return TakenBack(lifted=lifted, resumed=resumed)


def review_suppressions(session: Session, secret: Secrets) -> list[Reviewed]:
    """Judge anew what bounces brought, by the code and the words that are kept; return whom the rules now leave alone.

    What a provider's own list brought, and what soft bounces added up to, has no words to judge by and is left out; so
    is what is older than ``retention.replies``, whose words are gone.
    """
    rows = select(Suppression).where(col(Suppression.reason) == "bounced", col(Suppression.code).is_not(None))
    rows = rows.where(col(Suppression.words).is_not(None))
    anew = []
    for row in session.exec(rows.order_by(col(Suppression.since), col(Suppression.address_hash))):
        judged = classify(f"{row.code or ''} {row.words or ''}".strip())
        if not judged.is_gone:
            anew.append((row, judged))
    addresses = addresses_of(session, secret, [row.address_hash for row, _ in anew])
    return [
        Reviewed(
            suppression=row,
            address=addresses.get(row.address_hash),
            class_now=judged.bounce_class.value,
            rule_now=judged.rule,
        )
        for row, judged in anew
    ]


def addresses_of(
    session: Session, secret: Secrets, hashes: Iterable[str], *, domain: str | None = None
) -> dict[str, str]:
    """Return whose these hashes are, of those whose mail bounced or who have not confirmed: hash to address."""
    wanted = set(hashes)
    if not wanted:
        return {}
    concerned = or_(
        col(Subscriber.state) == SubscriberState.BOUNCED,
        (col(Subscriber.state) == SubscriberState.PENDING) & col(Subscriber.state_reason).is_not(None),
    )
    rows = select(Subscriber.address).where(concerned)
    if domain:
        rows = rows.where(col(Subscriber.address_key).endswith(f"@{domain}", autoescape=True))
    known = ((key, address) for address in session.exec(rows) for key in address_hashes(secret, address))
    return {key: address for key, address in known if key in wanted}


def _has_code(row: Suppression, code: str | None) -> bool:
    if not code:
        return True
    words = (row.code or row.detail or "").split()
    given = code.split()
    return any(words[start : start + len(given)] == given for start in range(len(words)))


def _meets(value: str | None, wanted: str | None, parted: str) -> bool:
    return not wanted or (value is not None and (value == wanted or value.startswith(wanted + parted)))


def provisional(
    session: Session, secret: Secrets, *, domain: str, since: datetime, now: datetime
) -> Sequence[Suppression]:
    """Return what a bounce brought since then and may still be taken back; of a domain, or (empty) of all.

    Where the operator said that people are gone it is not taken back.
    """
    rows = select(Suppression).where(col(Suppression.provisional_until) > now, col(Suppression.since) >= since)
    if domain:
        rows = rows.where(col(Suppression.domain_hash).in_(domain_hashes(secret, domain)))
    sure = {key for each in believed_gone(session, now=now) for key in domain_hashes(secret, each)}
    return [each for each in session.exec(rows) if each.domain_hash not in sure]
