"""Owns delivery status notifications (RFC 3464): what a mail server reports of each recipient, for machines to read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.message import Message
from email.parser import HeaderParser
from email.policy import compat32

from trialalerts.delivery.feedback.events import Kind
from trialalerts.delivery.feedback.mails import News, Returned, quoted_token, value_of
from trialalerts.delivery.feedback.verdicts import judge

__all__ = ["status_news"]

_STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}
_ACTIONS = {
    "failed": Kind.BOUNCED,
    "delayed": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "relayed": Kind.SENT,
    "expanded": Kind.SENT,
}
_BY_CLASS = {"2": Kind.DELIVERED, "4": Kind.DEFERRED, "5": Kind.BOUNCED}
_KEPT = ("Action", "Status", "Diagnostic-Code", "Remote-MTA", "Final-Recipient")
_MOST_RECIPIENTS = 20


def status_news(returned: Returned, is_ours: Callable[[str], bool]) -> list[News]:
    """Return what a notification says of each recipient; nothing where the mail is none."""
    reports = [part for part in returned.parts() if part.get_content_type() in _STATUS_PARTS]
    blocks = [block for report in reports for block in _blocks(report) if _is_recipient(block)]
    if not blocks:
        return []
    token = quoted_token(returned, is_ours)
    return [_news(block, token) for block in blocks[:_MOST_RECIPIENTS]]


def _blocks(report: Message) -> Iterator[Message]:
    """Yield the groups of fields: one of the message, then one of each recipient."""
    payload = report.get_payload()
    if not isinstance(payload, list):
        return
    for block in payload:
        if isinstance(block, Message):
            yield block
            rest = block.get_payload()
            if isinstance(rest, str) and rest.strip():  # where the parser took the groups for one message
                yield from (HeaderParser(policy=compat32).parsestr(text) for text in re.split(r"\r?\n\r?\n", rest))


def _is_recipient(block: Message) -> bool:
    return _kind(block) is not None and ("Action" in block or "Final-Recipient" in block)


def _kind(block: Message) -> Kind | None:
    action = value_of(block, "Action").split(" ")[0].lower()
    return _ACTIONS.get(action) or _BY_CLASS.get(value_of(block, "Status")[:1])


def _news(block: Message, token: str | None) -> News:
    kind = _kind(block) or Kind.UNKNOWN
    told = "\n".join(f"{name}: {value_of(block, name)}" for name in _KEPT if name in block)
    if kind not in {Kind.BOUNCED, Kind.DEFERRED}:
        return News(kind=kind, told=told, token=token)
    words = value_of(block, "Diagnostic-Code").partition(";")[2] or value_of(block, "Diagnostic-Code")
    verdict = judge(value_of(block, "Status"), words)
    return News(kind=kind, told=told, reason=verdict.reason, code=verdict.code, hard=verdict.hard, token=token)
