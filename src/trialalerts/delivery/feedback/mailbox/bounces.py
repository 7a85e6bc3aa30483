"""Turning a mail of the bounce mailbox into events: a status notification, a complaint, prose, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from trialalerts.delivery.feedback.events import Event, Malformed
from trialalerts.delivery.feedback.mailbox.arf import read_complaint
from trialalerts.delivery.feedback.mailbox.dsn import read_status_report
from trialalerts.delivery.feedback.mailbox.incoming import IncomingMail, MailReport, read_incoming
from trialalerts.delivery.feedback.mailbox.prose import read_prose

__all__ = ["PROVIDER", "events_of"]

PROVIDER = "mailbox"
"""The name under which what comes back by mail is stored."""

_LONGEST_RAW = 16_000


def events_of(content: bytes, *, arrived: datetime, is_ours: Callable[[str], bool]) -> list[Event]:
    """Return what a mail tells; nothing where it is neither a report nor an answer to a mail of ours.

    Args:
        content: the mail as it came, perhaps only its beginning.
        arrived: when it came; what the mail itself says of the time is not trusted.
        is_ours: tells whether an address or a token is one that we signed.

    Raises:
        Malformed: it cannot be read.
    """
    try:
        returned = read_incoming(content, arrived=arrived, is_ours=is_ours)
        found = _news(returned, is_ours)
        return [_event(news, returned, number) for number, news in enumerate(found)]
    except Exception as error:  # noqa: BLE001 - the email package breaks in many ways on what spammers send
        raise Malformed(f"A mail cannot be read: {type(error).__name__}.") from None


def _news(returned: IncomingMail, is_ours: Callable[[str], bool]) -> list[MailReport]:
    """Return what a mail tells in the first form that it has; a report that somebody sent on is read as well."""
    found = read_status_report(returned, is_ours) or read_complaint(returned, is_ours)
    if not found and (inner := returned.sent_on()) is not None:
        found = read_status_report(inner, is_ours)
    return found or read_prose(returned)


def _event(news: MailReport, returned: IncomingMail, number: int) -> Event:
    return Event(
        provider=PROVIDER,
        event_id=f"{returned.digest}:{number}" if number else returned.digest,
        kind=news.kind,
        token=news.token,
        at=returned.arrived,
        raw=news.told[:_LONGEST_RAW],
        message_ids=news.message_ids,
        links=news.links,
    ).with_meaning(news.meaning)
