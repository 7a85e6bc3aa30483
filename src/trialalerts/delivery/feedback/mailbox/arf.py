"""Complaints in the abuse reporting format (RFC 5965): somebody called a mail spam, their provider says so.

Some send the fields as plain text, and the older manner of Hotmail has a header only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from trialalerts.delivery.feedback.events import EventKind, Meaning
from trialalerts.delivery.feedback.mailbox.identifiers import identifiers_of
from trialalerts.delivery.feedback.mailbox.incoming import IncomingMail, MailReport
from trialalerts.delivery.feedback.mailbox.words import text_of
from trialalerts.delivery.mail.reply_codes import BounceClass

__all__ = ["is_complaint", "read_complaint"]

_NO_COMPLAINT = {"not-spam", "auth-failure", "dmarc", "virus"}
_KEPT = ("Feedback-Type", "User-Agent", "Version", "Arrival-Date", "Source-IP")
_FIELD = re.compile(r"^([A-Za-z][A-Za-z\-]{2,40}):[ \t]*([^\n]*(?:\n[ \t]+[^\n]*)*)", re.MULTILINE)
_TYPE = re.compile(r"^Feedback-Type:", re.MULTILINE | re.IGNORECASE)
_OLD_HEADER = "X-HmXmrOriginalRecipient"
_OLD_SUBJECT = re.compile(r"complaint about (?:a )?message from", re.IGNORECASE)


def is_complaint(feedback_type: str) -> bool:
    """Tell whether a feedback type is a person's complaint; an unknown one is, as they want no more."""
    return feedback_type.strip().lower() not in _NO_COMPLAINT


def read_complaint(returned: IncomingMail, is_ours: Callable[[str], bool]) -> list[MailReport]:
    """Return the complaint that a mail reports; nothing where it is none."""
    for part in returned.parts():
        if part.get_content_type() == "message/feedback-report":
            return [_news(_fields(text_of(part)), returned, is_ours)]
    for text in returned.texts():
        if _TYPE.search(text):
            return [_news(_fields(text), returned, is_ours)]
    if returned.header(_OLD_HEADER) or _OLD_SUBJECT.match(returned.header("Subject")):
        return [_news({"feedback-type": "abuse"}, returned, is_ours)]
    return []


def _fields(text: str) -> Mapping[str, str]:
    return {name.lower(): " ".join(value.split()) for name, value in reversed(_FIELD.findall(text))}


def _news(fields: Mapping[str, str], returned: IncomingMail, is_ours: Callable[[str], bool]) -> MailReport:
    complained = is_complaint(fields.get("feedback-type", ""))
    named = identifiers_of(returned, is_ours, fields)
    told = "\n".join(f"{name}: {fields.get(name.lower(), '')}" for name in _KEPT)
    return MailReport(
        kind=EventKind.COMPLAINED if complained else EventKind.UNKNOWN,
        told=told,
        token=named.token,
        message_ids=named.message_ids,
        links=named.links,
        meaning=Meaning.heard(BounceClass.COMPLAINT if complained else BounceClass.NONE, "report"),
    )
