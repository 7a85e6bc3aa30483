"""Answers of providers that were found to cost mails or to blame somebody: each stands for its kind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.provider_desks import DESKS
from tests.delivery.provider_servers import Fault, accounted, channel_to, envelope, envelopes, failing, running
from trialalerts.delivery.mail.envelope import Accepted, Refused, Unsent
from trialalerts.delivery.transports import open_transport

BATCHING = sorted(name for name, desk in DESKS.items() if desk.distinct_batches)


@pytest.fixture
def cases(shared_cases: Path) -> Path:
    """The folder of the cases of the six providers."""
    return shared_cases / "providers"


def answered(folder: Path) -> Fault:
    """The answer of a case."""
    told: dict[str, Any] = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    body = told["body"] if isinstance(told["body"], str) else json.dumps(told["body"])
    return failing(told["status"], body.encode(), headers=told.get("headers"))


def test_a_batch_that_is_too_large_is_halved(cases: Path) -> None:
    """resend-413-for-a-batch: a gateway in front of the provider refuses the size; no mail is to blame."""
    with channel_to(DESKS["resend"]()) as (server, channel):
        server.faults.append(answered(cases / "resend-413-for-a-batch"))
        sent = envelopes(3)
        assert accounted(channel.send(sent), sent, server.desk) == {"accepted": 3}
        assert [len(json.loads(request.body)) for request in server.requests] == [3, 1, 2]


@pytest.mark.parametrize("scheme", BATCHING)
@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_however_little_a_gateway_lets_through_each_mail_arrives_once(scheme: str, most: int) -> None:
    with channel_to(DESKS[scheme]()) as (server, channel):
        server.plan = lambda: failing(413, b"") if len(json.loads(server.requests[-1].body)) > most else None
        sent = envelopes(11)
        assert accounted(channel.send(sent), sent, server.desk) == {"accepted": 11}


@pytest.mark.parametrize("scheme", BATCHING)
def test_only_the_mail_that_is_too_large_alone_fails_for_good(scheme: str) -> None:
    with channel_to(DESKS[scheme]()) as (server, channel):
        server.plan = lambda: failing(413, b"{}") if b"Leeds" * 100 in server.requests[-1].body else None
        sent = [*envelopes(2), envelope(3, text="Leeds" * 100), envelope(4)]
        outcomes = channel.send(sent)
        assert accounted(outcomes, sent, server.desk) == {"accepted": 3, "refused": 1}
        assert isinstance(outcomes[2], Refused)


@pytest.mark.parametrize("scheme", BATCHING)
def test_a_pause_in_the_midst_of_halving_leaves_the_rest_untried(scheme: str) -> None:
    with channel_to(DESKS[scheme]()) as (server, channel):
        server.faults.extend([failing(413), failing(429, headers={"Retry-After": "9"})])
        sent = envelopes(4)
        assert accounted(channel.send(sent), sent, server.desk) == {"unsent": 4}
        assert len(server.requests) == 2


def test_a_key_without_the_form_of_one_names_the_remedy(cases: Path) -> None:
    """resend-400-wrong-key: the whole batch answers 400."""
    with channel_to(DESKS["resend"]()) as (server, channel):
        server.faults.append(answered(cases / "resend-400-wrong-key"))
        sent = envelopes(3)
        outcomes = channel.send(sent)
        assert accounted(outcomes, sent, server.desk) == {"unsent": 3}
        assert "check the key in mail.url" in str(outcomes[0])


def test_with_a_key_without_the_form_of_one_the_next_transport_takes_the_mail(cases: Path) -> None:
    with running(DESKS["resend"]()) as first, running(DESKS["postmark"]()) as second:
        first.plan = lambda: answered(cases / "resend-400-wrong-key")
        channel = open_transport(f"failover({first.url} {second.url})").open()
        sent = envelopes(3)
        outcomes = channel.send(sent)
        channel.close()
        assert accounted(outcomes, sent, second.desk) == {"accepted": 3}


def test_the_limit_of_requests_that_resend_names_is_told() -> None:
    with channel_to(DESKS["resend"]()) as (server, channel):
        server.faults.append(failing(429, b"{}", headers={"ratelimit-limit": "5", "retry-after": "1"}))
        (outcome,) = channel.send(envelopes(1))
        assert isinstance(outcome, Unsent)
        assert outcome.retry_after == 1
        assert "it takes 5 requests" in outcome.reason


def test_ses_at_its_rate_asks_for_a_moment(cases: Path) -> None:
    """ses-throttled-400: no mail loses a try by it."""
    with channel_to(DESKS["ses"]()) as (server, channel):
        server.faults.append(answered(cases / "ses-throttled-400"))
        sent = envelopes(3)
        outcomes = channel.send(sent)
        assert accounted(outcomes, sent, server.desk) == {"unsent": 3}
        assert {each.retry_after for each in outcomes if isinstance(each, Unsent)} == {2.0}
        assert len(server.requests) == 1, "the next is not sent into the limit"


def test_ses_waits_for_its_rate_ten_minutes_at_most() -> None:
    with channel_to(DESKS["ses"]()) as (server, channel):
        headers = {"x-amzn-ErrorType": "ThrottlingException", "Retry-After": "7200"}
        server.faults.append(failing(400, b'{"message": "Maximum sending rate exceeded."}', headers=headers))
        (outcome,) = channel.send(envelopes(1))
        assert isinstance(outcome, Unsent)
        assert outcome.retry_after == 600.0


@pytest.mark.parametrize("identity", ["b+token1@bounce.example.org", "bounce.example.org"])
def test_ses_names_the_return_address_that_is_not_verified(identity: str) -> None:
    said = f"Email address is not verified. The following identities failed the check in region EU-WEST-1: {identity}"
    with channel_to(DESKS["ses"]()) as (server, channel):
        headers = {"x-amzn-ErrorType": "MessageRejected"}
        server.faults.append(failing(400, json.dumps({"message": said}).encode(), headers=headers))
        sent = [replace(envelope(), sender="b+token1@bounce.example.org")]
        (outcome,) = channel.send(sent)
        assert isinstance(outcome, Unsent)
        assert "mail.bounces" in outcome.reason
        assert "example.org" not in outcome.reason
        assert isinstance(channel.send(sent)[0], Accepted), "once it is verified"
