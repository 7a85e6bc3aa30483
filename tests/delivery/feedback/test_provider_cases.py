"""Webhooks that were found to be read wrongly: each stands for its kind."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.feedback.senders import MAILGUN_KEY, NOW, TOKEN, mailgun_signature, senders, ses_told, sns_envelope
from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason, Outdated, SendAgain
from trialalerts.delivery.feedback.webhooks.call import WebhookCall

SENDERS = senders()


@pytest.fixture
def cases(shared_cases: Path) -> Path:
    """The folder of the cases of the six providers."""
    return shared_cases / "providers"


def payload_of(folder: Path) -> Any:
    """What a provider posted, with a token of ours in the place that a case keeps for it."""
    return json.loads((folder / "payload.json").read_text(encoding="utf-8").replace("TOKEN", TOKEN))


def heard(name: str, told: Any) -> Event:
    """What a webhook makes of this."""
    sender = SENDERS[name]
    body = json.dumps(told).encode()
    (event,) = sender.webhook.events(WebhookCall(headers=sender.sign(body, NOW), body=body, now=NOW))
    return event


def meaning(event: Event) -> tuple[EventKind, FeedbackReason | None, bool]:
    """Kind, reason and whether it is hard."""
    return event.kind, event.reason, event.hard


# --- Resend


def test_a_diagnostic_that_comes_as_text_is_read(cases: Path) -> None:
    """A block of ours must not suppress a person."""
    event = heard("resend", payload_of(cases / "resend-diagnostic-as-text"))
    assert meaning(event) == (EventKind.BOUNCED, FeedbackReason.BLOCKED, False)
    assert event.code == "550 5.7.1"


def test_content_that_resend_refuses_blames_nobody(cases: Path) -> None:
    assert meaning(heard("resend", payload_of(cases / "resend-content-refused"))) == (
        EventKind.BOUNCED,
        FeedbackReason.BLOCKED,
        False,
    )


def test_a_bounce_of_which_resend_says_a_sentence_only_is_understood(cases: Path) -> None:
    told = payload_of(cases / "resend-message-only")
    assert (heard("resend", told).kind, heard("resend", told).hard) == (EventKind.BOUNCED, True)
    told["data"]["bounce"]["message"] = "Resend has suppressed sending to this address, which is on its list."
    assert meaning(heard("resend", told)) == (EventKind.BOUNCED, FeedbackReason.LISTED, True)
    told["data"]["bounce"]["message"] = "The recipient's mailbox is full; the provider sent a soft bounce."
    assert heard("resend", told).hard is False


def test_a_quota_of_the_account_is_about_us_and_the_mail_goes_again(cases: Path) -> None:
    event = heard("resend", payload_of(cases / "resend-failed-by-quota"))
    assert meaning(event) == (EventKind.FAILED, FeedbackReason.BLOCKED, False)
    assert event.again is SendAgain.TOMORROW


def resend(kind: str, **data: Any) -> dict[str, Any]:
    """An event of Resend."""
    told: dict[str, Any] = SENDERS["resend"].tell("delivered", TOKEN)
    return told | {"type": kind, "data": told["data"] | data}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            resend("email.bounced", bounce={"type": "Permanent", "subType": "General", "diagnosticCode": 7}),
            (EventKind.BOUNCED, FeedbackReason.INVALID, True),
        ),
        (
            resend("email.bounced", bounce={"type": "Permanent", "subType": "MessageTooLarge"}),
            (EventKind.BOUNCED, FeedbackReason.BLOCKED, False),
        ),
        (
            resend("email.bounced", bounce={"type": "Permanent", "subType": "OnAccountSuppressionList"}),
            (EventKind.BOUNCED, FeedbackReason.LISTED, True),
        ),
        (
            resend("email.suppressed", suppressed={"reason": "previous_complaint", "type": "Suppressed"}),
            (EventKind.REJECTED, FeedbackReason.SPAM, False),
        ),
        (
            resend("email.suppressed", suppressed={"reason": "previous_bounce"}),
            (EventKind.REJECTED, FeedbackReason.LISTED, True),
        ),
        (
            resend("email.suppressed", suppressed={"type": "OnAccountSuppressionList"}),
            (EventKind.REJECTED, FeedbackReason.LISTED, True),
        ),
        (
            resend("suppression.added", origin="bounce", source_id="e-1"),
            (EventKind.REJECTED, FeedbackReason.LISTED, True),
        ),
        (
            resend("suppression.added", origin="complaint", source_id="e-1"),
            (EventKind.REJECTED, FeedbackReason.SPAM, False),
        ),
        (resend("suppression.added", origin="manual"), (EventKind.UNKNOWN, None, False)),
        (resend("suppression.removed", origin="bounce"), (EventKind.UNKNOWN, None, False)),
    ],
    ids=lambda each: "" if isinstance(each, tuple) else each["type"],
)
def test_resend_says_why_it_did_not_send(
    told: dict[str, Any], expected: tuple[EventKind, FeedbackReason | None, bool]
) -> None:
    assert meaning(heard("resend", told)) == expected


# --- quotas, everywhere


def test_what_sendgrid_drops_for_its_quota_is_about_us(cases: Path) -> None:
    event = heard("sendgrid", payload_of(cases / "sendgrid-dropped-by-quota"))
    assert meaning(event) == (EventKind.REJECTED, FeedbackReason.BLOCKED, False)
    assert event.again is SendAgain.TOMORROW


def sendgrid(**values: Any) -> list[dict[str, Any]]:
    """A drop of SendGrid."""
    told: list[dict[str, Any]] = SENDERS["sendgrid"].tell("rejected", TOKEN)
    return [told[0] | values]


def mailgun(**values: Any) -> dict[str, Any]:
    """A rejection of Mailgun."""
    told: dict[str, Any] = SENDERS["mailgun"].tell("sent", TOKEN)
    return told | {"event-data": told["event-data"] | {"event": "rejected"} | values}


def postmark(kind: str, details: str) -> dict[str, Any]:
    """A bounce of Postmark."""
    told: dict[str, Any] = SENDERS["postmark"].tell("hard", TOKEN)
    return told | {"Type": kind, "Details": details}


def brevo(event: str, **values: Any) -> dict[str, Any]:
    """An event of Brevo."""
    told: dict[str, Any] = SENDERS["brevo"].tell("delivered", TOKEN)
    return told | {"event": event} | values


@pytest.mark.parametrize(
    ("name", "told", "reason", "again"),
    [
        ("sendgrid", sendgrid(reason="Invalid SMTPAPI header"), FeedbackReason.BLOCKED, SendAgain.LATER),
        ("sendgrid", sendgrid(reason="Maximum credits exceeded"), FeedbackReason.BLOCKED, SendAgain.TOMORROW),
        ("sendgrid", sendgrid(reason="Spam Content"), FeedbackReason.BLOCKED, None),
        ("sendgrid", sendgrid(reason="Bounced Address"), FeedbackReason.LISTED, None),
        ("sendgrid", sendgrid(reason="something new", type="bounce"), FeedbackReason.LISTED, None),
        ("sendgrid", sendgrid(reason="something new", type="blocked"), FeedbackReason.BLOCKED, None),
        ("sendgrid", sendgrid(reason="something new"), FeedbackReason.OTHER, None),
        ("mailgun", mailgun(reject={"reason": "Sending quota exceeded"}), FeedbackReason.BLOCKED, SendAgain.TOMORROW),
        ("mailgun", mailgun(reject={"reason": "Virus"}), FeedbackReason.BLOCKED, None),
        ("mailgun", mailgun(reject=None), FeedbackReason.BLOCKED, None),
        ("postmark", postmark("SMTPApiError", "Monthly limit reached"), FeedbackReason.BLOCKED, SendAgain.TOMORROW),
        ("postmark", postmark("SMTPApiError", "The stream is archived"), FeedbackReason.BLOCKED, SendAgain.LATER),
        (
            "brevo",
            brevo("error", reason="daily limit of the plan: credits used up"),
            FeedbackReason.BLOCKED,
            SendAgain.TOMORROW,
        ),
        ("postmark", postmark("ManuallyDeactivated", ""), FeedbackReason.LISTED, None),
        ("brevo", brevo("error", reason="internal"), FeedbackReason.BLOCKED, SendAgain.LATER),
        ("brevo", brevo("blocked", reason="sender blocked for poor reputation"), FeedbackReason.BLOCKED, None),
        ("brevo", brevo("blocked", reason="contact is blocklisted"), FeedbackReason.LISTED, None),
        ("brevo", brevo("blocked", reason="blocked : due to blacklist user"), FeedbackReason.LISTED, None),
        ("brevo", brevo("blocked", reason="unsubscribed"), FeedbackReason.UNSUBSCRIBED, None),
        ("brevo", brevo("blocked"), FeedbackReason.LISTED, None),
        (
            "resend",
            resend("email.failed", failed={"reason": "reached_monthly_quota"}),
            FeedbackReason.BLOCKED,
            SendAgain.TOMORROW,
        ),
        (
            "resend",
            resend("email.failed", failed={"reason": "invalid_domain"}),
            FeedbackReason.BLOCKED,
            SendAgain.LATER,
        ),
        ("resend", resend("email.failed"), FeedbackReason.BLOCKED, SendAgain.LATER),
    ],
)
def test_what_a_provider_took_and_did_not_send(
    name: str, told: Any, reason: FeedbackReason, again: SendAgain | None
) -> None:
    event = heard(name, told)
    assert (event.reason, event.again) == (reason, again)
    assert event.hard is (reason is FeedbackReason.LISTED)


# --- Mailgun


def test_a_form_of_mailguns_legacy_webhooks_is_told_apart(cases: Path) -> None:
    """mailgun-legacy-form: one line says what to do."""
    text = (cases / "mailgun-legacy-form" / "payload.txt").read_bytes().strip()
    for headers in ({"content-type": "application/x-www-form-urlencoded"}, {}):
        with pytest.raises(Outdated, match="make the webhook anew"):
            SENDERS["mailgun"].webhook.events(WebhookCall(headers=headers, body=text, now=NOW))


def test_a_form_in_parts_is_told_apart_too() -> None:
    body = b'--abc\r\nContent-Disposition: form-data; name="event"\r\n\r\ndropped\r\n--abc--\r\n'
    with pytest.raises(Outdated):
        SENDERS["mailgun"].webhook.events(WebhookCall(headers={}, body=body, now=NOW))


def test_a_delayed_bounce_of_mailgun_is_a_bounce() -> None:
    told = SENDERS["mailgun"].tell("hard", TOKEN)
    told["event-data"] |= {"reason": "delayed-bounce", "delivery-status": None}
    assert heard("mailgun", told).hard


# --- what a provider calls a mail


@pytest.mark.parametrize(
    ("name", "names"),
    [("ses", ("0102",)), ("postmark", ("00000000-0000",)), ("resend", ("e-1",)), ("sendgrid", ("1.2", "1"))],
)
def test_the_name_that_a_provider_gave_the_mail_is_read(name: str, names: tuple[str, ...]) -> None:
    sender = SENDERS[name]
    (event,) = sender.webhook.events(sender.call("complained", None))
    assert event.provider_ids == names


def test_the_message_id_is_the_name_at_mailgun_and_at_brevo(cases: Path) -> None:
    told = payload_of(cases / "mailgun-unsubscribed-without-variables")
    told["signature"] = mailgun_signature(MAILGUN_KEY)
    assert heard("mailgun", told).provider_ids == ("MESSAGE-ID-OF-THE-DELIVERY",)
    assert heard("brevo", brevo("spam", **{"message-id": "<20260302.1@smtp-relay.example>"})).provider_ids == (
        "20260302.1@smtp-relay.example",
    )


# --- moments


def test_a_complaint_of_brevo_has_the_moment_that_it_names() -> None:
    earlier = int((NOW - timedelta(hours=3)).timestamp())
    told = brevo("complaint", ts_event=earlier, ts=earlier + 3600)
    del told["ts_epoch"]
    assert heard("brevo", told).at == NOW - timedelta(hours=3)


@pytest.mark.parametrize("what", ["sent", "rejected"])
def test_what_has_no_moment_at_ses_has_that_of_sns(what: str) -> None:
    earlier = NOW - timedelta(hours=2)
    told = sns_envelope(json.loads(ses_told(what, TOKEN)["Message"]), at=earlier)
    assert heard("ses", told).at == earlier


def test_brevo_calls_deferred_what_is_gone(cases: Path) -> None:
    """brevo-deferred-but-gone: what the server said is kept, to be believed when it says so again."""
    event = heard("brevo", payload_of(cases / "brevo-deferred-but-gone"))
    assert (event.kind, event.reason, event.hard) == (EventKind.DEFERRED, FeedbackReason.INVALID, False)
