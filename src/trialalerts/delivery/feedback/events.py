"""The one vocabulary into which everything that comes back of a mail is put."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from trialalerts.delivery.mail.reply_codes import BounceClass, Classified, ProviderSays, classify
from trialalerts.errors import TrialAlertsError

__all__ = [
    "Event",
    "EventKind",
    "FeedbackReason",
    "InvalidSignature",
    "Malformed",
    "Meaning",
    "Outdated",
    "SendAgain",
    "Untimely",
    "Unverifiable",
]


class EventKind(StrEnum):
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


class FeedbackReason(StrEnum):
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
    LISTED = "listed"
    """The provider keeps the address on a list of its own and tried nothing: that list has to be cleared, too."""
    OTHER = "other"


class SendAgain(StrEnum):
    """When a mail goes again that a provider took and then did not send, through no fault of its recipient."""

    LATER = "later"
    """As after a refusal at the door."""
    TOMORROW = "tomorrow"
    """The account's quota is used up: nothing leaves through it before the next day."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """Why a mail came back. ``bounce_class`` and ``rule`` are what the classifier decided, where it was asked."""

    reason: FeedbackReason | None = None
    hard: bool = False
    code: str | None = None
    bounce_class: BounceClass | None = None
    rule: str | None = None
    evidence: str = ""
    brake: str | None = None

    @classmethod
    def of(cls, judged: Classified) -> Meaning:
        """Put what the classifier decided into the words of events: ours and the message's fault are *blocked*."""
        return cls(
            reason=_reason(judged),
            hard=judged.is_gone,
            code=judged.code,
            bounce_class=judged.bounce_class,
            rule=judged.rule,
            evidence=judged.evidence,
            brake=judged.brake,
        )

    @classmethod
    def told(
        cls, words: str, *, kind: EventKind, status: str | None = None, provider: ProviderSays | None = None
    ) -> Meaning:
        """Return what a server's words mean in an event of this kind.

        A deferral says nothing of anybody, for somebody goes on trying. Where its words say all the same that nobody
        is there, it is *invalid* without being hard: a second one will be believed.
        """
        deferred = kind is EventKind.DEFERRED
        found = cls.of(classify(words, status=status, provider=provider, trying=deferred))
        if deferred and classify(words, status=status, trying=False).is_gone:
            return replace(found, reason=FeedbackReason.INVALID)
        return found

    @classmethod
    def heard(cls, bounce_class: BounceClass, rule: str) -> Meaning:
        """Return what the form of a mail says, whatever its words."""
        return cls(bounce_class=bounce_class, rule=rule)

    @classmethod
    def by(cls, provider: ProviderSays) -> Meaning:
        """Return what a provider's own classification means where the other server was not asked or not quoted."""
        return cls.of(classify("", provider=provider))


def _reason(judged: Classified) -> FeedbackReason:
    if judged.bounce_class in {BounceClass.OURS, BounceClass.MESSAGE}:
        return FeedbackReason.BLOCKED
    if judged.is_gone:
        return FeedbackReason.LISTED if judged.rule == "provider.listed" else FeedbackReason.INVALID
    return FeedbackReason.TIMED_OUT if judged.rule == "time" else FeedbackReason.BOUNCED


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that was told of one mail.

    ``event_id`` is unique for its ``provider`` and the same when it is told again. ``hard``: mailing this address
    again is pointless. ``code`` is the reply and the enhanced code (``550 5.1.1``). ``token`` is what came back of
    our metadata or return address, not checked yet; where nothing did, ``provider_ids`` is what the provider calls the
    mail, the likeliest name first. ``message_ids`` and ``links`` (tokens of signed links, not checked yet) are what
    else a copy of the mail said of itself. ``again``: the provider took the mail and did not send it, and it shall go
    again. ``raw`` is what was told, without what the mail itself said.
    ``bounce_class``, ``rule`` and ``evidence`` are what the classifier decided of a bounce, and by what; ``brake`` is
    which of our faults it was.
    """

    provider: str
    event_id: str
    kind: EventKind
    at: datetime
    raw: str
    reason: FeedbackReason | None = None
    code: str | None = None
    hard: bool = False
    token: str | None = None
    bounce_class: BounceClass | None = None
    rule: str | None = None
    evidence: str = ""
    brake: str | None = None
    provider_ids: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    again: SendAgain | None = None

    def with_meaning(self, meaning: Meaning | None) -> Event:
        """Return the event with why the mail came back; itself where nothing says so."""
        if meaning is None:
            return self
        return replace(
            self,
            reason=meaning.reason,
            hard=meaning.hard,
            code=meaning.code,
            bounce_class=meaning.bounce_class,
            rule=meaning.rule,
            evidence=meaning.evidence,
            brake=meaning.brake,
        )


class Malformed(TrialAlertsError):
    """What was told cannot be read: it is not of the form that its provider uses."""


class Outdated(Malformed):
    """What was told has a form that we do not read, now or later: telling it again is of no use."""


class InvalidSignature(TrialAlertsError):
    """Nothing proves that the provider sent this: the signature or password is missing, wrong or too old."""


class Untimely(InvalidSignature):
    """The proof is right, but of another time: too old, or a clock is wrong."""


class Unverifiable(TrialAlertsError):
    """Whether the provider sent this cannot be found out just now; it should be told again."""
