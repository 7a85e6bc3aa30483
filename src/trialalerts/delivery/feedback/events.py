"""Owns the one vocabulary into which everything that comes back of a mail is put."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trialalerts.errors import TrialAlertsError

__all__ = ["Event", "Forged", "Kind", "Malformed", "Reason", "Unverifiable"]


class Kind(StrEnum):
    """What happened to a mail. *sent* (the provider handed it on) is not *delivered* (the other side took it)."""

    QUEUED = "queued"
    SENT = "sent"
    REJECTED = "rejected"
    """The provider did not even try."""
    FAILED = "failed"
    """The provider could not, for a reason of its own."""
    BOUNCED = "bounced"
    """The other side refused it, or took it and sent it back; nobody tries any more."""
    DEFERRED = "deferred"
    """Not yet; somebody goes on trying."""
    DELIVERED = "delivered"
    AUTORESPONDED = "autoresponded"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a mail was rejected or bounced."""

    INVALID = "invalid"
    """The address does not exist."""
    BOUNCED = "bounced"
    TIMED_OUT = "timed_out"
    BLOCKED = "blocked"
    """It is about us: our reputation, our content, our set-up. No subscriber is to blame."""
    SPAM = "spam"
    """The person called an earlier mail spam, so that the provider sends no more."""
    UNSUBSCRIBED = "unsubscribed"
    """The person told the provider to stop."""
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that was told of one mail.

    ``event_id`` is unique for its ``provider`` and the same when it is told again. ``hard``: mailing this address
    again is pointless. ``code`` is the reply and the enhanced code (``550 5.1.1``). ``token`` is what came back of
    our metadata or return address, not checked yet. ``raw`` is what was told, without what the mail itself said.
    """

    provider: str
    event_id: str
    kind: Kind
    at: datetime
    raw: str
    reason: Reason | None = None
    code: str | None = None
    hard: bool = False
    token: str | None = None


class Malformed(TrialAlertsError):
    """What was told cannot be read: it is not of the form that its provider uses."""


class Forged(TrialAlertsError):
    """Nothing proves that the provider sent this: the signature or password is missing, wrong or too old."""


class Unverifiable(TrialAlertsError):
    """Whether the provider sent this cannot be found out just now; it should be told again."""
