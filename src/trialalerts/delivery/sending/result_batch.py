"""A batch of results: what became of mails, entered and not yet written down."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from trialalerts.delivery.mail.envelope import Refused, Unsent
from trialalerts.delivery.outbox.lifecycle import Claimed, Settlement
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.delivery.policy.answers import Answer

__all__ = ["GoneRecipient", "ResultBatch"]


@dataclass(frozen=True, kw_only=True)
class GoneRecipient:
    """A mail to somebody who is said to be gone; whether that is believed shows when it is written down."""

    row: Claimed
    domain: str
    refusal: Refused


@dataclass(kw_only=True)
class ResultBatch:
    """What is entered.

    Attributes:
        settlements: what becomes of each mail, but for those to somebody gone.
        gone: mails to somebody who is said to be gone.
        restricted: mails that a server's policy keeps from one address; they stand among the settlements, too.
        answers: how many answers of each kind each domain gave.
        accepted: the domains that took a mail.
        told: what each domain that refused us said last, without addresses.
        replies: the code and words of each domain's last reply to a mail that it did not take, without addresses.
        blameless: mails that count for nobody, however they end.
        faulty: what was said of mails with a fault of their own, and of which, by the rule that knew it.
        sent: how many were accepted.
        outage: why the transport is to be left alone.
    """

    settlements: list[Settlement] = field(default_factory=list)
    gone: list[GoneRecipient] = field(default_factory=list)
    restricted: list[tuple[Settlement, Refused]] = field(default_factory=list)
    answers: Counter[tuple[str, Answer]] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    told: dict[str, str] = field(default_factory=dict)
    replies: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    blameless: set[int] = field(default_factory=set)
    faulty: dict[str, tuple[str, int]] = field(default_factory=dict)
    sent: int = 0
    outage: Unsent | None = None

    def __len__(self) -> int:
        """How many mails are entered."""
        return len(self.settlements) + len(self.gone)

    def answered(self, domain: str, *what: Answer) -> None:
        """Count an answer of a domain, and as what else it counts."""
        for each in (Answer.ANSWERED, *what):
            self.answers[domain, each] += 1

    @property
    def refused(self) -> int:
        """How many mails got an answer and were not accepted."""
        return sum(number for (_, what), number in self.answers.items() if what is Answer.ANSWERED) - self.sent

    @property
    def taken(self) -> set[int]:
        """The numbers of the mails that were accepted."""
        return {each.delivery.id for each in self.settlements if each.state is DeliveryState.SENT}

    @property
    def failed(self) -> list[Settlement]:
        """What failed for good, with a code."""
        return [each for each in self.settlements if each.state is DeliveryState.FAILED and each.code]
