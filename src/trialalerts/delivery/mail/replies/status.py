"""The enhanced status codes of RFC 3463, each with whom it blames.

RFC 3463 and the IANA registry say what a code should mean; senders of much mail know what it does mean. A code that
stands for either side (``x.1.0``) or for nothing (``x.0.0``) has no row: then the words decide.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

__all__ = ["BounceClass", "StatusMeaning", "meaning_of_status"]


class BounceClass(StrEnum):
    """Whom a reply is about, and so what it does to the person's record."""

    GONE = "gone"
    """Nobody reads there any more: the only class that ever suppresses an address at once."""
    UNWELL = "unwell"
    """The mailbox lives but takes nothing now, or nobody can tell: counted."""
    OURS = "ours"
    """Our machine, domain, set-up, rate, content; or an address that takes no outsiders. Never the person's fault."""
    MESSAGE = "message"
    """This one mail: too large, malformed, infected. Never the person's fault."""
    LATER = "later"
    """A temporary answer while somebody still tries."""
    COMPLAINT = "complaint"
    """A person called a mail spam."""
    NONE = "none"
    """No bounce at all: an automatic answer, a challenge, a human, a read receipt."""


class StatusMeaning(NamedTuple):
    """What a code means; ``brake`` says which of our faults it is, where it is ours."""

    bounce_class: BounceClass
    brake: str | None = None


class _Row(NamedTuple):
    pattern: str
    bounce_class: BounceClass
    source: str
    brake: str | None = None


_GONE, _UNWELL, _OURS, _MESSAGE = BounceClass.GONE, BounceClass.UNWELL, BounceClass.OURS, BounceClass.MESSAGE

_ROWS = (
    _Row(r"1\.(1|2|3|6)", _GONE, "RFC 3463: bad mailbox, bad system, bad syntax, mailbox moved"),
    _Row(r"1\.10", _GONE, "RFC 7505 null MX, and Exchange Online: recipient not found"),
    _Row(r"1\.(7|8)", _OURS, "RFC 3463: the sender's address", "sender"),
    _Row(r"1\.90", _OURS, "Exchange Online: the sender's daily limit of recipients", "rate"),
    _Row(r"2\.3", _MESSAGE, "RFC 3463: longer than the recipient takes"),
    _Row(r"2\.12[12]", _OURS, "Exchange Online: messages an hour to one recipient", "rate"),
    _Row(r"2\.\d+", _UNWELL, "RFC 3463: the mailbox lives"),
    _Row(r"3\.[34]", _MESSAGE, "RFC 3463: not capable of a feature of this message, too big for the system"),
    _Row(r"3\.[1-9]\d*", _UNWELL, "RFC 3463: their system"),
    _Row(r"4\.[1-9]\d*", _UNWELL, "RFC 3463: their network and routing"),
    _Row(r"5\.\d+", _OURS, "RFC 3463: the protocol that we spoke", "greeting"),
    _Row(r"6\.7", _UNWELL, "RFC 6531: the mailbox takes no addresses beyond ASCII"),
    _Row(r"6\.\d+", _MESSAGE, "RFC 3463: the content's form"),
    _Row(r"7\.1[78]", _GONE, "RFC 7293: the mailbox has another owner now"),
    _Row(r"7\.504", _GONE, "Exchange Online: the recipient's address is not valid"),
    _Row(r"7\.(505|32[1-5])", _UNWELL, "Exchange Online: the recipient's own TLS and DANE"),
    _Row(r"7\.(12|124|13[3-6])", _OURS, "Exchange Online: the address takes no outsiders", "restricted"),
    _Row(r"7\.(2[0-9]|30|515|509|57)", _OURS, "RFC 7372, RFC 8601, Exchange Online: authentication", "auth"),
    _Row(r"7\.(60[6-9]|6[1-4]\d|50[12])", _OURS, "Exchange Online: the address of our machine is banned", "list"),
    _Row(r"7\.\d+", _OURS, "RFC 3463: security or policy", "policy"),
)
_TABLE = tuple((re.compile(row.pattern), StatusMeaning(row.bounce_class, row.brake)) for row in _ROWS)


def meaning_of_status(status: str) -> StatusMeaning | None:
    """Return whom an enhanced code such as ``5.1.1`` blames; None where it stands for either side or for nothing."""
    _, _, subject_and_detail = status.partition(".")
    return next((meaning for pattern, meaning in _TABLE if pattern.fullmatch(subject_and_detail)), None)
