"""Owns what an SMTP reply means: who is to blame for a refusal, and whether trying again makes sense.

By the enhanced code (RFC 3463), where there is one:

- ``5.1.x`` (no such mailbox or domain): for good. ``5.1.7`` and ``5.1.8`` speak of the *sender*: ours.
- ``5.7.x`` (policy, authentication, reputation): ours; the next try may do better.
- ``5.2.2`` (mailbox full) and every ``4.x.x``: try again.
- ``5.3.4``, ``5.5.x``, ``5.6.x`` (size, protocol, content): this message is hopeless, and it is ours, not the
  recipient's fault. Everything else with a ``5``: for good.

A plain ``5xx`` without an enhanced code (or with ``5.0.0``) is read by its words: a mailbox or domain that does not
exist is for good, too large or malformed is ours and hopeless, a policy is ours. Anything else, a full mailbox among
it, is tried again: nobody said that the mailbox is gone, so it counts as a soft bounce and no more. It is not ours
either: one domain that answers all with a bare ``550`` must not stop the mail to the others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from trialalerts.delivery.envelope import Accepted, Refused

__all__ = ["CLOSING", "Reply", "accepted", "one_line", "refused", "wait_asked"]

CLOSING = 421
_PERMANENT = 500
_TEXT_LENGTH = 200
_LONGEST_WAIT = 86_400

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"\S*(?:@|%40|=40|＠|\(at\))\S*", re.IGNORECASE)
_WAIT = re.compile(r"\b(\d{1,5}) ?(s|sec|m|min|h)(?:onds?|econds?|inutes?|utes?|ours?|s)?\b", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3_600}
_QUEUED = re.compile(rb"queued as ([\w.=-]{3,100})|\bok:? ([0-9a-f][0-9a-f-]{19,99})\b", re.IGNORECASE)

_SENDERS_OWN = re.compile(r"5\.1\.[78]|5\.7\.\d+")
_HOPELESS = re.compile(r"5\.3\.4|5\.5\.\d+|5\.6\.\d+")
_UNKNOWN = re.compile(
    r"(user|mailbox|recipient|account|address|alias|addressee)\b.{0,60}\b(unknown|not (found|exist)|"
    r"(does|do)(n'?t| not) exist|non-?exist|no longer|invalid|disabled|inactive|deleted|closed)|"
    r"\b(unknown|no such|invalid|nonexist[ea]nt|bad|inactive) (local |virtual |destination |email |e-mail )?"
    r"(user|mailbox|recipient|account|address|alias|person|domain)|"
    r"no mailbox (here|by that name)|not a (known|valid) (user|mailbox|recipient|address)|"
    r"(domain|host) (does not exist|not found|unknown)|\bno such (host|domain)|not our customer",
    re.IGNORECASE,
)
_ABOUT_SENDER = re.compile(r"\b(sender|mail from|from address|return path|helo|ehlo)\b", re.IGNORECASE)
_LARGE = re.compile(
    r"too (large|big|long)|(size|length).{0,30}(exceed|limit)|exceed.{0,40}(size|length)", re.IGNORECASE
)
_FULL = re.compile(r"full|quota|storage|over ?limit|exceeded", re.IGNORECASE)
_POLICY = re.compile(
    r"spam|block|black ?list|deny|denied|policy|reputation|\bspf\b|dkim|dmarc|authenticat|relay|prohibited|"
    r"not (allowed|permitted|authori[sz]ed)|\brbl\b|dnsbl|listed|\bptr\b|reverse dns|banned|abuse|unsolicited",
    re.IGNORECASE,
)


class Reply(NamedTuple):
    """One reply: the code and the text of its lines, joined by blanks."""

    code: int
    text: bytes

    @property
    def fine(self) -> bool:
        """Whether the command was done (``2xx``)."""
        return 200 <= self.code < 300  # noqa: PLR2004 - as RFC 5321 numbers them

    @property
    def refusal(self) -> bool:
        """Whether the command was refused (``4xx``, ``5xx``)."""
        return 400 <= self.code < 600  # noqa: PLR2004 - as RFC 5321 numbers them


def accepted(reply: Reply) -> Accepted:
    """Return the outcome of a message that was taken over, with the server's name for it."""
    found = _QUEUED.search(reply.text)
    return Accepted(provider_id=(found[1] or found[2]).decode() if found else None)


def refused(reply: Reply, what: str, *, private: str = "") -> Refused:
    """Return the outcome of a message whose ``what`` (sender, recipient, message) was refused.

    ``private`` is the recipient's address: neither it nor the part before its ``@`` stays in the reason.
    """
    found = _ENHANCED.match(reply.text.decode("utf-8", "replace"))
    enhanced = found[1] if found else ""
    permanent, ours = _meaning(reply, enhanced)
    return Refused(
        reason=f"the mail server refused the {what}: {one_line(reply, private=private)}",
        permanent=permanent,
        code=f"{reply.code} {enhanced}".strip(),
        ours=ours,
        retry_after=wait_asked(reply),
    )


def one_line(reply: Reply, *, private: str = "") -> str:
    """Return the reply on one line of at most 200 signs, without any address."""
    text = reply.text.decode("utf-8", "replace")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    line = _ADDRESS.sub("…", line)
    name = private.rpartition("@")[0]
    if name:
        line = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", "…", line, flags=re.IGNORECASE)
    return f"{reply.code} {line}"[:_TEXT_LENGTH].rstrip()


def wait_asked(reply: Reply) -> float | None:
    """Return how many seconds a ``4xx`` asks to wait (“try again in 300 seconds”), at most a day."""
    if reply.code >= _PERMANENT:
        return None
    found = _WAIT.search(reply.text.decode("utf-8", "replace"))
    if not found:
        return None
    return float(min(int(found[1]) * _SECONDS[found[2][0].lower()], _LONGEST_WAIT)) or None


def _meaning(reply: Reply, enhanced: str) -> tuple[bool, bool]:
    """Return whether the refusal is for good, and whether it is ours."""
    if reply.code < _PERMANENT:
        return False, False
    if enhanced[:4] in {"", "5.0."} or not enhanced.startswith("5."):
        return _meaning_of_words(reply.text.decode("utf-8", "replace"))
    if _SENDERS_OWN.fullmatch(enhanced):
        return False, True
    return enhanced != "5.2.2", bool(_HOPELESS.fullmatch(enhanced))


def _meaning_of_words(text: str) -> tuple[bool, bool]:
    if _ABOUT_SENDER.search(text):
        return False, True
    if _UNKNOWN.search(text):
        return True, False
    if _LARGE.search(text):
        return True, True
    return False, not _FULL.search(text) and bool(_POLICY.search(text))
