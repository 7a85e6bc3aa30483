"""Owns complaints in the abuse reporting format (RFC 5965): somebody called a mail spam, their provider says so."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message

from trialalerts.delivery.feedback.events import Kind
from trialalerts.delivery.feedback.mails import News, Returned, quoted_token, value_of

__all__ = ["complaint_news", "is_complaint"]

_NO_COMPLAINT = {"not-spam", "auth-failure", "dmarc", "virus"}
_KEPT = ("Feedback-Type", "User-Agent", "Version", "Arrival-Date", "Source-IP")


def is_complaint(feedback_type: str) -> bool:
    """Tell whether a feedback type is a person's complaint; an unknown one is, as they want no more."""
    return feedback_type.strip().lower() not in _NO_COMPLAINT


def complaint_news(returned: Returned, is_ours: Callable[[str], bool]) -> list[News]:
    """Return the complaint that a mail reports; nothing where it is none."""
    for part in returned.parts():
        if part.get_content_type() == "message/feedback-report":
            return [_news(_fields(part), returned, is_ours)]
    return []


def _fields(report: Message) -> Message:
    payload = report.get_payload()
    first = payload[0] if isinstance(payload, list) and payload else report
    return first if isinstance(first, Message) else report


def _news(fields: Message, returned: Returned, is_ours: Callable[[str], bool]) -> News:
    kind = Kind.COMPLAINED if is_complaint(value_of(fields, "Feedback-Type")) else Kind.UNKNOWN
    token = quoted_token(returned, is_ours, also=[value_of(fields, "Original-Mail-From")])
    return News(kind=kind, told="\n".join(f"{name}: {value_of(fields, name)}" for name in _KEPT), token=token)
