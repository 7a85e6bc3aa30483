"""Mails in the manner of many servers: each is taken for what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.delivery.feedback import mail_forms_others, mail_forms_prose
from tests.delivery.feedback.mail_forms import FORMS
from tests.delivery.feedback.stage import SETTINGS
from tests.delivery.post import NOW
from tests.delivery.reply_rows import rows
from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.verp import delivery_of, return_address

assert mail_forms_others.FORMS is mail_forms_prose.FORMS
OURS = return_address(SETTINGS, 7)


def heard(text: str) -> list[Event]:
    content = text.replace("{to}", OURS).replace("{RETURN_ADDRESS}", OURS).replace("\n", "\r\n").encode()
    return events_of(content, arrived=NOW, is_ours=lambda address: delivery_of(SETTINGS, address) is not None)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_mail_in_this_manner_has_its_class(name: str) -> None:
    events = heard(FORMS[name].mail)
    assert [event.bounce_class for event in events] == list(FORMS[name].classes), [event.evidence for event in events]
    for event in events:
        assert event.token is not None
        assert event.hard is (event.bounce_class == "gone")
        assert (event.reason is FeedbackReason.BLOCKED) is (event.bounce_class in {"ours", "message"})


def _as_mail(told: str) -> str:
    """Write a row of the table as the mail that it stands for."""
    pieces = told.split(" | ")
    text = "\n\n".join(
        piece.removeprefix("text: ") for piece in pieces if ": " not in piece or piece.startswith("text: ")
    )
    named = [piece for piece in pieces if re.match(r"[A-Z][\w-]+: ", piece)]
    if pieces[0].startswith("Action"):
        status = "\n".join(["Final-Recipient: rfc822; mona@example.net", *named])
        return (
            "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nTo: {to}\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="e"\n\n'
            f"--e\nContent-Type: text/plain\n\n{text}\n\n--e\nContent-Type: message/delivery-status\n\n"
            f"Reporting-MTA: dns; mx.example.org\n\n{status}\n\n--e--\n"
        )
    start = next(at for at, piece in enumerate(pieces) if piece.startswith("text: "))
    body = "\n".join(piece.removeprefix("text: ") for piece in pieces[start:])
    heads = "\n".join(pieces[:start])
    return f"{heads}\nTo: {{to}}\nDelivered-To: {{to}}\n\n{body}\n"


@pytest.mark.parametrize(("told", "expected"), rows("dsn"), ids=str)
def test_a_mail_of_the_table_has_its_class(told: str, expected: str) -> None:
    (event,) = heard(_as_mail(told))
    assert event.bounce_class == expected, event.evidence


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("own-fault-told-in-plain-words/ptr.eml", (FeedbackReason.BLOCKED, False, "554 5.0.0")),
        ("own-fault-told-in-plain-words/size.eml", (FeedbackReason.BLOCKED, False, "552 5.3.4")),
        ("own-fault-told-in-plain-words/network.eml", (FeedbackReason.BLOCKED, False, "554 5.0.0")),
        ("own-fault-told-in-plain-words/virus.eml", (FeedbackReason.BLOCKED, False, "550 5.0.0")),
        ("dsn-status-against-diagnostic-policy/a.eml", (FeedbackReason.BLOCKED, False, "550 5.7.1")),
        ("prose-bounce-attempting-to-deliver/a.eml", (FeedbackReason.INVALID, True, "550 5.1.1")),
        ("prose-bounce-phrase-over-two-lines/a.eml", (FeedbackReason.INVALID, True, "550 5.1.1")),
    ],
)
def test_a_case_is_taken_for_what_it_is(
    shared_cases: Path, name: str, expected: tuple[FeedbackReason, bool, str]
) -> None:
    (event,) = heard((shared_cases / name).read_text())
    assert event.kind is EventKind.BOUNCED
    assert (event.reason, event.hard, event.code) == expected
