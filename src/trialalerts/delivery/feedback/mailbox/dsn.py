"""Delivery status notifications (RFC 3464): what a mail server reports of each recipient, for machines to read.

The fields are looked for in every part, as they are seen in base64, as plain text, and in mails whose parts cannot be
told apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.message import Message

from trialalerts.delivery.feedback.events import EventKind, Meaning
from trialalerts.delivery.feedback.mailbox.identifiers import Identifiers, identifiers_of
from trialalerts.delivery.feedback.mailbox.incoming import IncomingMail, MailReport
from trialalerts.delivery.feedback.mailbox.words import own_words, said_in, text_of
from trialalerts.delivery.mail.reply_codes import classify

__all__ = ["read_status_report"]

_STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}
_ACTIONS = {
    "failed": EventKind.BOUNCED,
    "failure": EventKind.BOUNCED,
    "fail": EventKind.BOUNCED,
    "error": EventKind.BOUNCED,
    "expired": EventKind.BOUNCED,
    "undeliverable": EventKind.BOUNCED,
    "delayed": EventKind.DEFERRED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "relayed": EventKind.SENT,
    "expanded": EventKind.SENT,
}
_BY_CLASS = {"2": EventKind.DELIVERED, "4": EventKind.DEFERRED, "5": EventKind.BOUNCED}
_KEPT = ("Action", "Status", "Diagnostic-Code", "Remote-MTA", "Final-Recipient")
_MOST_RECIPIENTS = 20
_FIELD = re.compile(r"^[ \t>]{0,4}([A-Za-z][A-Za-z\-]{2,40})[ \t]*:[ \t]*([^\n]*(?:\n[ \t]+[^\n]*)*)", re.MULTILINE)
_GROUP = re.compile(r"\r?\n[ \t]*\r?\n")
_TELLING = re.compile(r"^[ \t>]{0,4}(?:Action|Status)[ \t]*:", re.MULTILINE | re.IGNORECASE)
_RECIPIENT = re.compile(r"^[ \t>]{0,4}(?:Final|Original)-Recipient[ \t]*:", re.MULTILINE | re.IGNORECASE)
_NUMBER_ONLY = re.compile(r"^\s*(?:x-[\w\-]{1,30}\s*;)?\s*[\d\s.]*$", re.IGNORECASE)

Fields = Mapping[str, str]


def read_status_report(returned: IncomingMail, is_ours: Callable[[str], bool]) -> list[MailReport]:
    """Return what a notification says of each recipient; nothing where the mail is none."""
    blocks = next(filter(None, (_recipients(text) for text in _candidates(returned))), [])
    if not blocks:
        return []
    named = identifiers_of(returned, is_ours)
    human = _human(returned)
    report = human if len(blocks) == 1 else ""
    return [_news(block, named, report) for block in blocks[:_MOST_RECIPIENTS]]


def _candidates(returned: IncomingMail) -> list[str]:
    """Return the texts in which fields may stand: the parts made for them first, then any text of the mail itself."""
    parts = returned.parts()
    typed = [text_of(part) for part in parts if part.get_content_type() in _STATUS_PARTS]
    within = [text_of(part) for part in parts if _is_leaf(part)]
    return typed + [text for text in within if _TELLING.search(text) and _RECIPIENT.search(text)]


def _is_leaf(part: Message) -> bool:
    return not isinstance(part.get_payload(), list) and part.get_content_type() != "message/rfc822"


def _recipients(text: str) -> list[Fields]:
    """Return the groups of fields that tell of a recipient; what a blank line parts from its recipient joins it."""
    groups: list[dict[str, str]] = []
    for block in (fields for told in _GROUP.split(text) for fields in _groups(told)):
        if groups and _names_one(groups[-1]) and not _names_one(block) and "action" not in groups[-1]:
            groups[-1] = {**block, **groups[-1]}
        else:
            groups.append(block)
    return [each for each in groups if _kind(each) is not None and ("action" in each or _names_one(each))]


def _groups(block: str) -> list[dict[str, str]]:
    """Return the fields of a block; some write the recipients without a blank line between them."""
    groups: list[dict[str, str]] = [{}]
    for name, value in _FIELD.findall(block):
        key = name.lower()
        if key == "final-recipient" and key in groups[-1]:
            groups.append({})
        groups[-1].setdefault(key, " ".join(value.split()))
    return groups


def _names_one(fields: Fields) -> bool:
    return "final-recipient" in fields or "original-recipient" in fields


def _kind(block: Fields) -> EventKind | None:
    if "disposition" in block:
        return None
    action = re.split(r"[\s(;]", block.get("action", ""))[0].lower()
    by_class = _BY_CLASS.get(block.get("status", "")[:1])
    return _ACTIONS.get(action) or by_class


def _human(returned: IncomingMail) -> str:
    """Return the part that is written for people."""
    texts = [text for text in returned.texts() if not _TELLING.search(text) or not _RECIPIENT.search(text)]
    return own_words("\n\n".join(texts))


def _news(block: Fields, named: Identifiers, human: str) -> MailReport:
    kind = _kind(block) or EventKind.UNKNOWN
    told = "\n".join(f"{name}: {block[name.lower()]}" for name in _KEPT if name.lower() in block)
    if kind not in {EventKind.BOUNCED, EventKind.DEFERRED}:
        return MailReport(kind=kind, told=told, token=named.token, message_ids=named.message_ids)
    words = block.get("diagnostic-code", "")
    if _NUMBER_ONLY.match(words):
        words = ""
    judged = classify(
        words or said_in(human),
        status=block.get("status", "").split(" ")[0],
        host=block.get("remote-mta", ""),
        report=human if words else "",
        trying=kind is EventKind.DEFERRED,
    )
    meaning = Meaning.of(judged)
    return MailReport(kind=kind, told=told, token=named.token, message_ids=named.message_ids, meaning=meaning)
