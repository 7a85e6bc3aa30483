"""What providers tell of a reply: their own verdict is evidence that a bare code does not overrule."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.delivery.reply_rows import rows
from trialalerts.delivery.feedback.events import Event, EventKind
from trialalerts.delivery.feedback.webhooks import brevo, mailgun, postmark, resend, sendgrid, ses
from trialalerts.delivery.feedback.webhooks.call import WebhookCall
from trialalerts.delivery.mail.reply_codes import BounceClass

CALL = WebhookCall(headers={}, body=b"", now=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
Fields = dict[str, object]


def _ses(told: Fields) -> Event:
    recipient = {name: told[name] for name in ("status", "diagnosticCode") if name in told}
    bounce = {**told, "bouncedRecipients": [recipient]}
    return ses._event({"bounce": bounce}, "Bounce", "1", CALL)


def _mailgun(told: Fields) -> Event:
    status = {name: told[name] for name in ("code", "message") if name in told}
    return mailgun._event({**told, "delivery-status": status}, "1", CALL)


READERS: dict[str, Callable[[Fields], Event]] = {
    "ses": _ses,
    "sendgrid": lambda told: sendgrid._event(told, CALL),
    "mailgun": _mailgun,
    "postmark": lambda told: postmark._event(told, "Bounce", CALL),
    "brevo": lambda told: brevo._event(told, CALL),
    "resend": lambda told: resend._event({"data": {"bounce": told}}, "email.bounced", "1", CALL),
}


def heard(provider: str, told: Fields) -> Event:
    return READERS[provider](told)


@pytest.mark.parametrize(("told", "expected"), rows("webhook"), ids=str)
def test_what_a_provider_tells_has_its_class(told: str, expected: str) -> None:
    provider, _, body = told.partition(" ")
    event = heard(provider, json.loads(body))
    assert event.bounce_class == expected
    assert event.hard is (expected == "gone")


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("ses", {"bounceType": "Transient", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}),
        ("ses", {"bounceType": "Undetermined", "status": "5.1.10", "diagnosticCode": ""}),
        ("sendgrid", {"event": "bounce", "type": "blocked", "status": "5.1.1", "reason": "550 5.1.1 user unknown"}),
        ("sendgrid", {"event": "bounce", "type": "expired", "status": "5.1.2", "reason": ""}),
        ("sendgrid", {"event": "bounce", "type": "bounce", "bounce_classification": "Technical Failure"}),
        ("mailgun", {"event": "failed", "severity": "permanent", "reason": "espblock", "message": "550 5.1.1"}),
        ("postmark", {"Type": "SoftBounce", "Details": "smtp;550 5.1.1 user unknown"}),
        ("brevo", {"event": "soft_bounce", "reason": "550 5.1.1 user unknown"}),
        ("resend", {"type": "Transient", "subType": "General", "diagnosticCode": "550 5.1.1 user unknown"}),
    ],
)  # fmt: skip
def test_a_bare_code_does_not_overrule_a_provider_that_calls_it_soft(provider: str, told: Fields) -> None:
    event = heard(provider, told)
    assert event.kind is EventKind.BOUNCED
    assert not event.hard


def test_the_case_provider_says_transient_is_no_hard_bounce(shared_cases: Path) -> None:
    told = json.loads((shared_cases / "provider-says-transient" / "ses.json").read_text())
    event = ses._event(told, told["notificationType"], "1", CALL)
    assert (event.hard, event.bounce_class) == (False, BounceClass.OURS)
