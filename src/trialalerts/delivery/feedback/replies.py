"""Owns mails that come back in no standard form: bounces in prose, and automatic answers, which are no bounces.

A bounce in prose is believed only when it was sent to one of our signed return addresses, by a mail system.
A subject alone proves nothing: people answer with any.
"""

from __future__ import annotations

import re

from trialalerts.delivery.feedback.events import Kind
from trialalerts.delivery.feedback.mails import News, Returned
from trialalerts.delivery.feedback.verdicts import judge

__all__ = ["reply_news"]

_SYSTEM = re.compile(r"\b(mailer-daemon|postmaster|mail delivery (sub)?system)\b", re.IGNORECASE)
_BOUNCE = re.compile(
    r"qmail-send program|(n't|not) able to deliver|(could|can|did) ?(not|n't) be delivered|couldn't be delivered"
    r"|unable to deliver|deliver(y|ed)?\b.{0,60}\bfail|fail.{0,40}\bdeliver|undeliver|has not been delivered"
    r"|returned mail|permanent(ly)? (fatal )?(error|fail)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"delayed|not yet been delivered|(will|shall) (be retried|continue|keep trying|try again)|only a warning"
    r"|no action is required|do not need to resend",
    re.IGNORECASE,
)
_COPY = re.compile(r"^-{2,}.{0,60}(copy|original|below this line|returned)", re.IGNORECASE | re.MULTILINE)
_LONGEST = 4_000
_TELLING = re.compile(
    r"(?<![\d.])[45](\d\d|\.\d{1,3}\.\d{1,3})[ -]|unknown|exist|reject|full|quota|refuse", re.IGNORECASE
)
_AUTO_PRECEDENCE = {"auto_reply", "bulk", "junk", "list"}
_AUTO_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Mail-Autoreply")


def reply_news(returned: Returned) -> list[News]:
    """Return what a mail in no standard form tells; nothing where it is no news of a mail of ours."""
    if returned.sent_to is None:
        return []
    if _is_bounce(returned):
        return [_bounce(returned)]
    kind = Kind.AUTORESPONDED if _is_automatic(returned) else Kind.UNKNOWN
    return [News(kind=kind, told=f"Content-Type: {returned.message.get_content_type()}", token=returned.sent_to)]


def _is_bounce(returned: Returned) -> bool:
    by_system = returned.header("Return-Path") == "<>" or _SYSTEM.search(returned.header("From")) is not None
    if not by_system or returned.header("Content-Type").lower().find("disposition-notification") >= 0:
        return False
    if returned.header("X-Failed-Recipients"):
        return True
    words = _own_words(returned)
    speaks_of_it = _BOUNCE.search(words) or _GOES_ON.search(words)
    return speaks_of_it is not None and _SYSTEM.search(returned.header("From")) is not None


def _bounce(returned: Returned) -> News:
    words = _own_words(returned)
    telling = "\n".join(line.strip() for line in words.splitlines() if _TELLING.search(line))
    verdict = judge(None, telling)
    kind = Kind.DEFERRED if _GOES_ON.search(words) else Kind.BOUNCED
    told = telling[:_LONGEST].replace("\x00", " ")
    return News(
        kind=kind, told=told, reason=verdict.reason, code=verdict.code, hard=verdict.hard, token=returned.sent_to
    )


def _own_words(returned: Returned) -> str:
    """Return what the mail system itself says, without the copy of our mail below it."""
    return _COPY.split(returned.words(), maxsplit=1)[0][:_LONGEST]


def _is_automatic(returned: Returned) -> bool:
    """Tell whether a machine answered (RFC 3834, and what came before it)."""
    submitted = returned.header("Auto-Submitted").lower()
    return (
        (bool(submitted) and submitted != "no")
        or returned.header("Precedence").lower() in _AUTO_PRECEDENCE
        or any(returned.header(name) for name in _AUTO_HEADERS)
        or returned.header("X-Auto-Response-Suppress").lower() == "all"
        or returned.header("Return-Path") == "<>"
    )
