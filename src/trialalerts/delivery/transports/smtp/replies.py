"""SMTP replies: one line of each, the wait it asks for, and the outcome of a refused message.

Whom a refusal blames is the classifier's decision (:mod:`trialalerts.delivery.mail.reply_codes`). Only *gone* is for
good; what is about this message alone is hopeless and ours; all else is tried again within ``give_up_after``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from trialalerts.delivery.mail.envelope import Accepted, Refused
from trialalerts.delivery.mail.reply_codes import BounceClass, Stage, classify

__all__ = ["CLOSING", "SmtpReply", "acceptance", "refusal", "reply_line", "wait_asked"]

CLOSING = 421
_PERMANENT = 500
_TEXT_LENGTH = 200
_LONGEST_WAIT = 86_400

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"\S*(?:@|%40|=40|＠|\(at\))\S*", re.IGNORECASE)
_WAIT = re.compile(r"\b(\d{1,5}) ?(s|sec|m|min|h)(?:onds?|econds?|inutes?|utes?|ours?|s)?\b", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3_600}
_QUEUED = re.compile(rb"queued as ([\w.=-]{3,100})|\bok:? ([0-9a-f][0-9a-f-]{19,99})\b", re.IGNORECASE)
_STAGES = {"sender": Stage.MAIL, "recipient": Stage.RCPT, "message": Stage.DATA}


class SmtpReply(NamedTuple):
    """One reply: the code and the text of its lines, joined by blanks."""

    code: int
    text: bytes

    @property
    def ok(self) -> bool:
        """Whether the command was done (``2xx``)."""
        return 200 <= self.code < 300  # noqa: PLR2004 - as RFC 5321 numbers them

    @property
    def refusal(self) -> bool:
        """Whether the command was refused (``4xx``, ``5xx``)."""
        return 400 <= self.code < 600  # noqa: PLR2004 - as RFC 5321 numbers them


def acceptance(reply: SmtpReply) -> Accepted:
    """Return the outcome of a message that was taken over, with the server's name for it."""
    found = _QUEUED.search(reply.text)
    return Accepted(provider_id=(found[1] or found[2]).decode() if found else None)


def refusal(reply: SmtpReply, what: str, *, private: str = "") -> Refused:
    """Return the outcome of a message whose ``what`` (sender, recipient, message) was refused.

    ``private`` is the recipient's address: neither it nor the part before its ``@`` stays in the reason.
    """
    text = reply.text.decode("utf-8", "replace")
    found = _ENHANCED.match(text)
    meaning = classify(f"{reply.code} {text}", stage=_STAGES[what])
    ours = meaning.bounce_class in {BounceClass.OURS, BounceClass.MESSAGE}
    return Refused(
        reason=f"the mail server refused the {what}: {reply_line(reply, private=private)}",
        permanent=meaning.bounce_class in {BounceClass.GONE, BounceClass.MESSAGE},
        code=f"{reply.code} {found[1] if found else ''}".strip(),
        ours=ours,
        retry_after=wait_asked(reply),
        meaning=meaning,
    )


def reply_line(reply: SmtpReply, *, private: str = "") -> str:
    """Return the reply on one line of at most 200 signs, without any address."""
    text = reply.text.decode("utf-8", "replace")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    line = _ADDRESS.sub("…", line)
    name = private.rpartition("@")[0]
    if name:
        line = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", "…", line, flags=re.IGNORECASE)
    return f"{reply.code} {line}"[:_TEXT_LENGTH].rstrip()


def wait_asked(reply: SmtpReply) -> float | None:
    """Return how many seconds a ``4xx`` asks to wait (“try again in 300 seconds”), at most a day."""
    if reply.code >= _PERMANENT:
        return None
    found = _WAIT.search(reply.text.decode("utf-8", "replace"))
    if not found:
        return None
    return float(min(int(found[1]) * _SECONDS[found[2][0].lower()], _LONGEST_WAIT)) or None
