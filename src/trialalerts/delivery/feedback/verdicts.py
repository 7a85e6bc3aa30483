"""Owns what the codes and texts of mail servers mean for the address: gone, unwell, or well and only tired of us.

RFC 3463, read as bulk senders must: 5.1.x is the address, x.7.x is us. Servers that give no such code are believed
only where their words are plain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trialalerts.delivery.feedback.events import Reason

__all__ = ["Verdict", "judge"]

_REPLY = re.compile(r"(?<![\d.])[45]\d\d(?![\d.])")
_ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\d|\.\d)")
_NOBODY = re.compile(
    r"(user|recipient|mailbox|account|address)\W{0,3}(is )?unknown"
    r"|(unknown|invalid|no such|nonexistent|non-existent) (local )?(user|recipient|mailbox|account|address|person)"
    r"|(user|recipient|mailbox|account|address)\b.{0,60}(does not|doesn't|does no longer) exist"
    r"|(user|recipient|mailbox|account|address)( was)? not (found|known)"
    r"|recip(ient)?notfound"
    r"|no mailbox (here )?by that name"
    r"|not a (valid|known) (user|mailbox|recipient|address)",
    re.IGNORECASE,
)
_TIRED_OF_US = re.compile(
    r"\bspam|blocked|black ?list|block ?list|deny ?list|spamhaus|barracuda|\bpolicy|dmarc|\bspf\b|\bdkim\b"
    r"|reputation|rate limit|too many (messages|connections|mails)|throttl",
    re.IGNORECASE,
)
_FULL = ("2", "2")
_TIMED_OUT = ("4", "7")
_BAD_SENDER = {("1", "7"), ("1", "8")}
_LONGEST_TEXT = 4_000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Why a mail came back, whether mailing the address again is pointless, and the codes that say so."""

    reason: Reason
    hard: bool = False
    code: str | None = None


def judge(status: str | None, text: str, *, permanent: bool | None = None) -> Verdict:
    """Judge a bounce by its enhanced status (RFC 3463), by what the server said, and by the provider's own opinion.

    Args:
        status: ``5.1.1``; None or ``5.0.0`` where it says nothing, then one within the text counts.
        text: the server's words, with the reply code where there is one.
        permanent: whether the provider holds the address for dead; None where it has no opinion. It counts only
            where neither codes nor words say otherwise: some call an address dead because of a full mailbox.
    """
    text = text[:_LONGEST_TEXT]
    enhanced = _enhanced(status, text)
    found = _REPLY.search(text)
    reply = found[0] if found else None
    code = " ".join(part for part in (reply, enhanced) if part) or None
    told = _by_enhanced(enhanced) or _by_words(text, reply, enhanced)
    if told is None:
        told = Verdict(reason=Reason.BOUNCED, hard=permanent is True and not _passing(reply, enhanced))
    return Verdict(reason=told.reason, hard=told.hard, code=code)


def _enhanced(status: str | None, text: str) -> str | None:
    given, within = _ENHANCED.search(status or ""), _ENHANCED.search(text)
    if given and (within is None or not given[0].endswith(".0.0")):
        return given[0]
    return within[0] if within else None


def _by_enhanced(enhanced: str | None) -> Verdict | None:
    if enhanced is None:
        return None
    kind, subject, detail = enhanced.split(".")
    if subject in {"7", "6"} or (subject, detail) in _BAD_SENDER:
        return Verdict(reason=Reason.BLOCKED)
    if subject == "1" and kind == "5":
        return Verdict(reason=Reason.INVALID, hard=True)
    if (subject, detail) == _TIMED_OUT:
        return Verdict(reason=Reason.TIMED_OUT)
    if (subject, detail) == _FULL:
        return Verdict(reason=Reason.BOUNCED)
    return None


def _by_words(text: str, reply: str | None, enhanced: str | None) -> Verdict | None:
    if _NOBODY.search(text) and not _passing(reply, enhanced):
        return Verdict(reason=Reason.INVALID, hard=True)
    if _TIRED_OF_US.search(text):
        return Verdict(reason=Reason.BLOCKED)
    return None


def _passing(reply: str | None, enhanced: str | None) -> bool:
    """Tell whether the codes speak of a passing fault; the enhanced one knows better."""
    return (enhanced or reply or "5").startswith("4")
