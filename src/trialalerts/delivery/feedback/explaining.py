"""What a mail, a mailbox file or a list of replies is taken for: the answer to “why was she suppressed?”.

Nothing is stored, and every return address counts as one of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from trialalerts.delivery.feedback.events import Event, EventKind, Meaning
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.reply_codes import BounceClass, classify

__all__ = ["Explained", "explain"]

_LONGEST_MAIL = 500_000
_REPLIES = re.compile(rb"\s{0,20}[245]\d\d[ \-]")
_MBOX = re.compile(rb"(?:\A|\n\r?\n)From [^\n]{1,500}\n")
_ANYBODY = b"X-Original-To: anybody@return.invalid\n"
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What one mail or reply tells; ``number`` counts from 1 where a file holds several, else it is None."""

    number: int | None
    events: list[Event]


def explain(content: bytes) -> list[Explained]:
    """Return what each mail of a file is taken for: one mail, an mbox, or a text with one reply a line.

    Raises:
        Malformed: the only mail of it cannot be read.
    """
    if _REPLIES.match(content):
        lines = [line.strip() for line in content.decode(errors="replace").splitlines() if line.strip()]
        told = [[_reply(line)] for line in lines]
    else:
        told = [_mail(mail) for mail in _mails(content)]
    return [Explained(number=at if len(told) > 1 else None, events=events) for at, events in enumerate(told, start=1)]


def _mails(content: bytes) -> list[bytes]:
    if not content.startswith(b"From "):
        return [content]
    return [mail for mail in _MBOX.split(content) if mail.strip()]


def _mail(content: bytes) -> list[Event]:
    return events_of(_ANYBODY + content.lstrip()[:_LONGEST_MAIL], arrived=_NEVER, is_ours=lambda _: True)


def _reply(line: str) -> Event:
    judged = classify(line)
    kind = EventKind.DEFERRED if judged.bounce_class is BounceClass.LATER else EventKind.BOUNCED
    return Event(provider="reply", event_id=line, kind=kind, at=_NEVER, raw=line).with_meaning(Meaning.of(judged))
