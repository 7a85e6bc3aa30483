"""The mail servers of the half year: they accept, know an address no more, block us, or are not reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Unsent
from trialalerts.delivery.transports.smtp.replies import SmtpReply, refusal

__all__ = ["PostOffice"]

_GONE = SmtpReply(550, b"5.1.1 The email account that you tried to reach does not exist")
_BLOCKED = SmtpReply(550, b"5.7.1 Service unavailable; client host blocked using a blocklist")


@dataclass
class PostOffice:
    """A transport whose mail servers accept, know an address no more, block us, or do not answer at all.

    Each process has its own: before a round the second stands as the first does, after it the first has its books.
    """

    name: str = "smtp"
    batch: int = 50
    connections: int = 4
    gone: set[str] = field(default_factory=set)
    blocking: set[str] = field(default_factory=set)
    is_down: bool = False
    accepted: Counter[str] = field(default_factory=Counter)
    recipients: list[str] = field(default_factory=list)

    def open(self) -> PostOffice:
        """Return itself: it keeps no connection."""
        return self

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Answer each as its mail server does just now."""
        return [self._answer(envelope) for envelope in envelopes]

    def as_it_stands(self) -> PostOffice:
        """Return one that answers as this does, with empty books."""
        return replace(self, gone=set(self.gone), blocking=set(self.blocking), accepted=Counter(), recipients=[])

    def stand_as(self, other: PostOffice) -> None:
        """Answer from now on as another does, and begin new books."""
        self.gone, self.blocking, self.is_down = other.gone, other.blocking, other.is_down
        self.accepted, self.recipients = Counter(), []

    def took(self, other: PostOffice) -> None:
        """Enter what another accepted."""
        self.accepted.update(other.accepted)
        self.recipients += other.recipients

    def _answer(self, envelope: Envelope) -> Outcome:
        if self.is_down:
            return Unsent(reason="connection refused")
        if envelope.recipient.rpartition("@")[2] in self.blocking:
            return refusal(_BLOCKED, "recipient", private=envelope.recipient)
        if envelope.recipient in self.gone:
            return refusal(_GONE, "recipient", private=envelope.recipient)
        self.accepted[envelope.message.message_id] += 1
        self.recipients.append(envelope.recipient)
        return Accepted()
