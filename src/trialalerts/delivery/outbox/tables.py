"""The tables of the delivery: the outbox and the suppressions."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, UtcDateTime
from trialalerts.delivery.outbox.notices.kinds import NUDGES, URGENT_KINDS

__all__ = [
    "Delivery",
    "DeliveryState",
    "DomainReply",
    "DomainTally",
    "FeedbackEvent",
    "MailboxState",
    "Pace",
    "RefusedAddress",
    "RequestedMail",
    "RequestingClient",
    "SendingHold",
    "SendingPause",
    "SlowedDomain",
    "SoftBounces",
    "Suppression",
    "Tally",
    "TransportState",
]

_WAITING = text(f"state = 'queued' AND kind IN {URGENT_KINDS}")
_NUDGES = text(f"state = 'queued' AND kind IN {NUDGES}")


class DeliveryState(StrEnum):
    """Where a delivery stands. *sent* (the transport accepted it) is not *delivered*.

    *held*: ``mail.only_to`` kept it back; it leaves only when the operator says so.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    HELD = "held"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Delivery(SQLModel, table=True):
    """One mail to one subscriber, queued in the transaction that decided on it.

    ``key`` is unique and names the reason, so that the same mail is never queued twice
    (``confirmation/<subscriber key>/<n>``); it is empty for a digest, which is unique itself and queued with it.
    ``kind`` tells the renderer what to write from ``data``; bodies are never stored. ``message_id`` is made once and
    kept through every retry. ``provider_id`` is what the transport calls the message, ``feedback_at`` when the last
    word of it came back (delivered, bounced, complained). ``request_key`` is the idempotency key of the next request,
    where the one made of the Message-ID may be used up. ``copy_of`` is the delivery that this one sends once more.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_state_not_before", "state", "not_before"),
        # What somebody waits for goes first, however many digests wait.
        Index("ix_delivery_waiting_confirmation", "not_before", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_delivery_waiting_nudges", "not_before", sqlite_where=_NUDGES, postgresql_where=_NUDGES),
        # No index on what is never looked up: at a million digests each one costs as much as the row itself.
        Index(
            "uq_delivery_key",
            "key",
            unique=True,
            sqlite_where=text("key IS NOT NULL"),
            postgresql_where=text("key IS NOT NULL"),
        ),
        Index(
            "ix_delivery_provider_id",
            "provider_id",
            sqlite_where=text("provider_id IS NOT NULL"),
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
        Index(
            "ix_delivery_copy_of",
            "copy_of",
            sqlite_where=text("copy_of IS NOT NULL"),
            postgresql_where=text("copy_of IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str | None = None
    kind: str
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    message_id: str
    state: DeliveryState = Field(sa_type=EnumText(DeliveryState))
    attempts: int = 0
    not_before: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    leased_by: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    transport: str | None = None
    last_code: str | None = None
    last_error: str | None = None
    provider_id: str | None = None
    request_key: str | None = None
    feedback_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    copy_of: int | None = Field(default=None, sa_type=BigId)


class Suppression(SQLModel, table=True):
    """An address that must not be mailed, known only by its keyed hash.

    What a bounce brought keeps why, so that a wrong one can be found and undone: the ``rule`` that decided, the
    server's ``code`` and ``words`` (without address), the ``transport`` that told it, the keyed hash of the address's
    domain, the delivery that came back. Until ``provisional_until`` a guard may take it back by itself.
    ``portable_hash`` is made with a key that may be given to another organisation; None in rows of before, and where
    the address was not known.
    """

    __tablename__ = "suppression"

    address_hash: str = Field(primary_key=True)
    reason: str
    detail: str | None = None
    since: datetime = Field(sa_type=UtcDateTime)
    rule: str | None = None
    code: str | None = None
    words: str | None = None
    transport: str | None = None
    domain_hash: str | None = None
    delivery_id: int | None = Field(default=None, sa_type=BigId)
    provisional_until: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    portable_hash: str | None = None


class FeedbackEvent(SQLModel, table=True):
    """What a provider or a bounce told of a mail, once by its id there; ``raw`` goes when the subscriber is erased."""

    __tablename__ = "feedback_event"
    __table_args__ = (UniqueConstraint("provider", "event_id", name="uq_feedback_event_provider_event_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    provider: str
    event_id: str
    kind: str
    reason: str | None = None
    code: str | None = None
    delivery_id: int | None = Field(
        default=None, foreign_key="delivery.id", ondelete="CASCADE", index=True, sa_type=BigId
    )
    subscriber_id: int | None = Field(
        default=None, foreign_key="subscriber.id", ondelete="CASCADE", index=True, sa_type=BigId
    )
    at: datetime = Field(sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime, index=True)
    raw: str = Field(sa_type=Text)


class SoftBounces(SQLModel, table=True):
    """The soft bounces of a subscriber since the last mail that got through.

    ``in_a_row`` counts all of them and says for how long the address rests; ``score`` counts at most one a day
    (``counted_on``), by its weight. ``parked_until``: no digests until one is tried again; ``tries`` so often before.
    """

    __tablename__ = "soft_bounces"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    in_a_row: int = 0
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    score: float = 0.0
    counted_on: date | None = None
    parked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0


class MailboxState(SQLModel, table=True):
    """How far a bounce mailbox was read; ``cursor`` belongs to its kind."""

    __tablename__ = "mailbox"

    name: str = Field(primary_key=True)
    cursor: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    leased_by: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None


class Pace(SQLModel, table=True):
    """When the next mail of a bucket (all mail, or that to one domain) may leave, and how many left on a day.

    All processes take their turns here, so that a limit holds across them and across restarts.
    """

    __tablename__ = "pace"

    bucket: str = Field(primary_key=True)
    next_at: datetime = Field(sa_type=UtcDateTime)
    day: date
    taken: int = 0


class SendingPause(SQLModel, table=True):
    """Sending stands still until the operator resumes it: since when, and why.

    The row ``resumed`` is no pause: it keeps when sending was resumed last, from where rates are reckoned anew; nor is
    ``mail.url``, which keeps a keyed fingerprint of the URL by which mail left last.
    """

    __tablename__ = "sending_pause"

    name: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)
    reason: str


class Tally(SQLModel, table=True):
    """How many mails were sent, delivered, bounced or complained of in an hour: what rates are reckoned from."""

    __tablename__ = "tally"

    hour: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    what: str = Field(primary_key=True)
    count: int = 0


class DomainTally(SQLModel, table=True):
    """How many mails to a domain were answered in an hour, and how: what the guards look at. Kept for some days only.

    The domain ``""`` stands for all together.
    """

    __tablename__ = "domain_tally"

    domain: str = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    what: str = Field(primary_key=True)
    count: int = 0


class DomainReply(SQLModel, table=True):
    """What a mail domain answered last to a mail that it did not take: its code and words, without any address."""

    __tablename__ = "domain_reply"

    domain: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    code: str | None = None
    words: str


class SendingHold(SQLModel, table=True):
    """Mail to a domain (``scope``; empty: all mail) rests, for a ``cause``, until a mail that tries is accepted.

    The next one tries at ``retry_at`` and is the delivery ``probe_id``; then ``wait`` seconds pass. ``undone`` tells
    whether what was suppressed just before was taken back.
    """

    __tablename__ = "sending_hold"

    scope: str = Field(primary_key=True)
    cause: str
    since: datetime = Field(sa_type=UtcDateTime)
    retry_at: datetime = Field(sa_type=UtcDateTime)
    wait: int
    reason: str
    undone: bool = False
    probe_id: int | None = Field(default=None, sa_type=BigId)


class SlowedDomain(SQLModel, table=True):
    """Mail to a domain leaves more slowly since its server said that it came too fast.

    At most ``per_hour`` mails an hour, and twice as many after each day since then.
    """

    __tablename__ = "slowed_domain"

    domain: str = Field(primary_key=True)
    per_hour: int
    since: datetime = Field(sa_type=UtcDateTime)


class RefusedAddress(SQLModel, table=True):
    """An address that takes no mail of ours, by a policy of its server's, while others of its domain do.

    It rests until ``not_before``. ``days`` counts the days on which it was refused since a mail was accepted; the last
    of them began at ``counted_at``.
    """

    __tablename__ = "refused_address"

    subscriber_id: int = Field(primary_key=True, foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId)
    not_before: datetime = Field(sa_type=UtcDateTime)
    days: int = 0
    counted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RequestedMail(SQLModel, table=True):
    """A mail that a stranger brought about: when it may leave, and the keyed hash of its mailbox; kept for a day."""

    __tablename__ = "requested_mail"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    mailbox_hash: str = Field(index=True)


class RequestingClient(SQLModel, table=True):
    """How often a client signed up, or asked for a link, since then; known by the keyed hash of where it calls from.

    The row is kept until the span of the limit is over and somebody else asks.
    """

    __tablename__ = "requesting_client"

    client_hash: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)
    count: int


class TransportState(SQLModel, table=True):
    """A transport that does not work: since when, why, and until when it is left alone."""

    __tablename__ = "transport_state"

    name: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str
