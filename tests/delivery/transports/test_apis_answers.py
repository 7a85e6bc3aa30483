"""What the answers of each provider mean: their codes, names and fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.delivery.provider_desks import DESKS
from tests.delivery.provider_servers import accounted, channel_to, envelope, failing
from trialalerts.delivery.mail.envelope import Refused, Unsent


@dataclass(frozen=True)
class Case:
    """An answer and what it means: ``says`` stands in the reason; without ``code`` nothing was tried.

    ``again``: the request is made twice.
    """

    scheme: str
    status: int
    body: Any
    says: str = ""
    code: str | None = None
    retry_after: float | None = None
    error: str = ""
    again: bool = False
    ours: bool = True


CASES: dict[str, Case] = {
    "ses suspended": Case("ses", 400, {}, "ask AWS", error="AccountSuspendedException"),
    "ses paused": Case("ses", 400, {}, "resume", error="SendingPausedException"),
    "ses MAIL FROM": Case("ses", 400, {}, "MAIL FROM", error="MailFromDomainNotVerifiedException"),
    "ses limit": Case("ses", 400, {}, "quota", error="LimitExceededException"),
    "ses configuration set": Case("ses", 404, {}, "configuration_set=", error="NotFoundException"),
    "ses not verified": Case(
        "ses",
        400,
        {"message": "Email address is not verified. The following identities failed: reader1@example.org"},
        "not verified",
        code="400 MessageRejected",
        error="MessageRejected",
    ),
    "ses content": Case("ses", 400, {"message": "virus"}, code="400 MessageRejected", error="MessageRejected"),
    "ses request": Case("ses", 400, {"message": "?"}, code="400 BadRequestException", error="BadRequestException"),
    "ses rate": Case(
        "ses", 429, {"message": "Maximum sending rate"}, "per_second", retry_after=2, error="TooManyRequestsException"
    ),
    "ses throttled": Case("ses", 400, {"message": "Rate exceeded"}, "Throttl", retry_after=2, error="Throttling"),
    "ses throttled quota": Case(
        "ses", 400, {"message": "Daily message quota exceeded."}, "24", retry_after=3600, error="ThrottlingException"
    ),
    "ses slow down": Case("ses", 503, {"message": "Slow down"}, "per_second", retry_after=2, error="SlowDown"),
    "ses key as 400": Case("ses", 400, {}, "key in mail.url", error="InvalidClientTokenId"),
    "ses signature as 400": Case("ses", 400, {}, "clock", error="IncompleteSignature"),
    "ses old request as 400": Case("ses", 400, {}, "clock", error="RequestExpired"),
    "ses mail.from": Case(
        "ses",
        400,
        {"message": "Email address is not verified. The following identities failed: alerts@example.org"},
        "mail.from",
        error="MessageRejected",
    ),
    "ses quota": Case(
        "ses", 429, {"message": "Daily message quota"}, "TooMany", retry_after=3600, error="TooManyRequestsException"
    ),
    "ses clock": Case("ses", 403, {}, "InvalidSignatureException", error="InvalidSignatureException"),
    "ses token": Case("ses", 403, {"__type": "com.amazon#ExpiredTokenException"}, "ExpiredTokenException"),
    "sendgrid sender": Case(
        "sendgrid", 403, {"errors": [{"message": "The from address …", "field": "from", "help": None}]}, "mail.from"
    ),
    "sendgrid credits": Case(
        "sendgrid", 401, {"errors": [{"message": "Maximum credits exceeded"}]}, "billing", retry_after=3600
    ),
    "sendgrid key as 400": Case(
        "sendgrid", 400, {"errors": [{"message": "The provided authorization grant is invalid", "field": None}]}, "key"
    ),
    "sendgrid content": Case(
        "sendgrid", 400, {"errors": [{"message": "?", "field": "content.0.value"}]}, code="400 content.0.value"
    ),
    "sendgrid null": Case("sendgrid", 400, {"errors": [{"message": "?", "field": None}]}, code="400"),
    "sendgrid address as a field": Case("sendgrid", 400, {"errors": [{"field": "reader1@example.org"}]}, code="400"),
    "sendgrid odd errors": Case("sendgrid", 400, {"errors": "?"}, code="400"),
    "mailgun domain off": Case(
        "mailgun", 403, {"message": "Domain mg.example.org is not allowed to send: unverified"}, "may not send"
    ),
    "mailgun for a while": Case(
        "mailgun", 429, {"message": "Too many requests. Please try again in 5 minutes."}, "pause", retry_after=300
    ),
    "mailgun account off": Case("mailgun", 400, {"message": "Account is disabled"}, "may not send"),
    "mailgun key as 400": Case("mailgun", 400, {"message": "Invalid API key"}, "check the key"),
    "mailgun from": Case("mailgun", 400, {"message": "from parameter is not a valid address"}, code="400"),
    "mailgun welcome": Case("mailgun", 200, b"Mailgun Magnificent API", "no sense", code="200"),
    "postmark whole batch": Case("postmark", 422, {"ErrorCode": 402, "Message": "?"}, code="422 402"),
    "postmark key as 422": Case("postmark", 422, {"Message": "The server token is not valid"}, "check the key"),
    "postmark pending": Case("postmark", 200, [{"ErrorCode": 412, "Message": "?"}], "pending"),
    "postmark sender": Case("postmark", 200, [{"ErrorCode": 400, "Message": "?"}], "sender signature"),
    "postmark stream": Case("postmark", 422, {"ErrorCode": 1235, "Message": "?"}, "stream="),
    "postmark pace": Case("postmark", 200, [{"ErrorCode": 429}], "pause"),
    "postmark from": Case(
        "postmark", 200, [{"ErrorCode": 300, "Message": "Invalid 'From' address: 'x'."}], code="200 300"
    ),
    "postmark short answer": Case("postmark", 200, [], "no sense", code="200"),
    "postmark odd item": Case("postmark", 200, ["?"], code="200"),
    "postmark no list": Case("postmark", 200, {"Message": "?"}, "no sense", code="200"),
    "resend domain": Case("resend", 403, {"name": "validation_error", "message": "not verified"}, "mail.from"),
    "resend key as 422": Case(
        "resend", 422, {"name": "missing_required_field", "message": "Missing API key"}, "check the key"
    ),
    "resend idempotency key": Case(
        "resend", 422, {"name": "x", "message": "The idempotency key is invalid"}, code="422 x"
    ),
    "resend quota": Case("resend", 429, {"name": "daily_quota_exceeded"}, "daily_quota", retry_after=3600),
    "resend busy": Case(
        "resend",
        409,
        {"name": "concurrent_idempotent_requests"},
        code="409 concurrent_idempotent_requests",
        retry_after=60,
        again=True,
        ours=False,
    ),
    "resend other content": Case(
        "resend",
        409,
        {"name": "invalid_idempotent_request"},
        code="409 invalid_idempotent_request",
        retry_after=86_400,
        again=True,
        ours=False,
    ),
    "resend key": Case("resend", 400, {"name": "invalid_idempotency_key"}, code="400 invalid_idempotency_key"),
    "resend too few ids": Case("resend", 200, {"data": []}, "no sense", code="200", again=True),
    "resend index out of range": Case(
        "resend", 200, {"data": [{"id": "x"}], "errors": [{"index": 7}]}, "no sense", code="200", again=True
    ),
    "resend no data": Case("resend", 200, {"ok": True}, "no sense", code="200", again=True),
    "resend fault of ours": Case(
        "resend", 200, {"data": [], "errors": [{"index": 0, "message": "`subject`"}]}, code="200 validation_error"
    ),
    "brevo key as 400": Case("brevo", 400, {"code": "bad_request", "message": "api-key is missing"}, "check the key"),
    "brevo credits": Case("brevo", 400, {"code": "not_enough_credits"}, "plan"),
    "brevo key": Case("brevo", 401, {"code": "unauthorized"}, "unauthorized"),
    "brevo validation": Case("brevo", 403, {"code": "account_under_validation"}, "account_under_validation"),
    "brevo sender": Case(
        "brevo",
        400,
        {"code": "invalid_parameter", "message": "sender email is not valid"},
        code="400 invalid_parameter",
    ),
    "brevo no id": Case("brevo", 201, {}, "no sense", code="201", again=True),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_means_what_the_provider_says(name: str) -> None:
    """None of these is about the recipient: nothing is given up."""
    case = CASES[name]
    with channel_to(DESKS[case.scheme]()) as (server, channel):
        content = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
        headers = {"x-amzn-ErrorType": f"{case.error}:http://internal.example.org/"} if case.error else {}
        server.faults.extend([failing(case.status, content, headers=headers)] * (2 if case.again else 1))
        sent = [envelope()]
        (outcome,) = channel.send(sent)
        accounted([outcome], sent, server.desk)
    assert isinstance(outcome, Unsent if case.code is None else Refused)
    assert not server.faults
    if isinstance(outcome, Refused):
        assert (outcome.permanent, outcome.ours, outcome.code) == (False, case.ours, case.code)
    if isinstance(outcome, Unsent | Refused):
        assert case.says in outcome.reason
        assert outcome.retry_after == case.retry_after
