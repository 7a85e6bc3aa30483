"""What the operator reads of each kind of standstill: a sentence and the command that helps, in words of our own.

Nothing that a server or a feed said stands in them, for it may hold an address or a disease: the commands show that.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KINDS", "StandstillWords", "words_for"]


@dataclass(frozen=True, kw_only=True)
class StandstillWords:
    """A kind: what it is called, the command that shows or mends it, and whether it is open to be seen by anybody.

    ``names_subject`` tells whether the subject (a source, a transport, a machine) may be shown; ``blocks`` whether
    something stands still, so that the service is not ready.
    """

    says: str
    command: str
    names_subject: bool = True
    blocks: bool = False

    def about(self, subject: str) -> str:
        """Return the sentence for a subject; none is the whole service."""
        return f"{subject}: {self.says}" if subject and self.names_subject else self.says


KINDS = {
    "overdue": StandstillWords(
        says="people are overdue for their digest", command="trialalerts digests due", blocks=True
    ),
    "queue-stuck": StandstillWords(
        says="mail that is due does not leave", command="trialalerts deliveries list --state queued", blocks=True
    ),
    "source-silent": StandstillWords(
        says="the source has not been read to its end for more than three of its intervals",
        command="trialalerts sources list",
        blocks=True,
    ),
    "step-failing": StandstillWords(
        says="a step of the daemon fails whenever it is tried", command="trialalerts doctor", blocks=True
    ),
    "sending-paused": StandstillWords(
        says="sending is paused: too many mails bounced or were complained of",
        command="trialalerts deliveries resume",
        blocks=True,
    ),
    "transport-benched": StandstillWords(
        says="no mail leaves through this transport", command="trialalerts doctor", blocks=True
    ),
    "provider-quota": StandstillWords(
        says="the transport rests: the provider's quota is used up", command="trialalerts doctor", blocks=True
    ),
    "mail-held": StandstillWords(
        says="mail rests after too many refusals; one mail an hour tries", command="trialalerts deliveries domains"
    ),
    "mail-refused": StandstillWords(
        says="the server of this domain refuses us", command="trialalerts deliveries domains"
    ),
    "mail-faulty": StandstillWords(
        says="mails were refused for a fault of their own",
        command="trialalerts deliveries list --state failed",
        names_subject=False,
    ),
    "bounce-rate": StandstillWords(
        says="more than half of the bounces that stop all sending have come",
        command="trialalerts deliveries list --state bounced",
    ),
    "complaint-rate": StandstillWords(
        says="more than half of the complaints that stop all sending have come",
        command="trialalerts deliveries list --state complained",
    ),
    "mailbox-silent": StandstillWords(
        says="the bounce mailbox is not read", command="trialalerts doctor", names_subject=False
    ),
    "webhook-silent": StandstillWords(
        says="the provider's webhook has told nothing for days, though mail left through it",
        command="trialalerts doctor",
    ),
    "confirmations-wait": StandstillWords(
        says="confirmations wait for their turn: more people, or somebody's program, sign up than "
        "web.confirmations_per_hour grants",
        command="trialalerts subscribers list --state pending",
    ),
    "messages-wait": StandstillWords(
        says="what readers wrote to handoff.address has not left: they wait for an answer", command="trialalerts doctor"
    ),
    "disk-full": StandstillWords(
        says="the disk with the database is nearly full", command="trialalerts retention run", blocks=True
    ),
    "template-broken": StandstillWords(
        says="an own template fails; the shipped one is used", command="trialalerts templates check"
    ),
    "areas-missing": StandstillWords(
        says="many open trials and articles have no disease area: who follows a disease does not hear of them",
        command="trialalerts areas gaps",
    ),
    "clock-skew": StandstillWords(says="the machine's clock is not the database's", command="timedatectl", blocks=True),
    "clock-ahead": StandstillWords(says="a clock is or was ahead", command="timedatectl", names_subject=False),
    "source-held": StandstillWords(
        says="all entries of the source are new at once: nothing of it is told until you decide",
        command="trialalerts sources release NAME",
        blocks=True,
    ),
    "unknown-unsubscribe-link": StandstillWords(
        says="people unsubscribe by links that we do not know, and may still get mail", command="trialalerts doctor"
    ),
    "program-failing": StandstillWords(
        says="the program takes no calls, and is tried again", command="trialalerts webhooks list"
    ),
    "calls-given-up": StandstillWords(
        says="calls were given up: the program was not told all", command="trialalerts webhooks list"
    ),
    "program-gone": StandstillWords(
        says="the program wants no more calls, and gets none", command="trialalerts webhooks list"
    ),
    "nudges-failing": StandstillWords(
        says="nudges are not taken by this way; mails without content tell instead", command="trialalerts doctor"
    ),
    "source-gone": StandstillWords(
        says="the server says that the source is gone for good", command="trialalerts sources list", blocks=True
    ),
}


def words_for(kind: str) -> StandstillWords:
    """Return the words for a kind; of one that is not known its name is said."""
    return KINDS.get(kind) or StandstillWords(
        says=kind.replace("-", " "), command="trialalerts doctor", names_subject=False
    )
