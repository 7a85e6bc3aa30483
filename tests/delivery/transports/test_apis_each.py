"""What each provider says of its own: codes, keys, signatures, URLs."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.delivery.provider_desks import DESKS
from tests.delivery.provider_desks_mime import SesDesk
from tests.delivery.provider_servers import (
    accounted,
    channel_to,
    envelope,
    envelopes,
    failing,
    hung_up,
)
from trialalerts.delivery.mail.envelope import Accepted, Refused, Unsent
from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.providers.account import account_of
from trialalerts.delivery.transports.providers.channel import ApiTransport
from trialalerts.delivery.transports.providers.mailgun import Mailgun
from trialalerts.delivery.transports.providers.resend import Resend
from trialalerts.errors import ConfigurationError
from trialalerts.net.posting import PostReply


@pytest.mark.parametrize(
    ("scheme", "wrong"),
    [("postmark", [{"ErrorCode": 0, "MessageID": "x"}]), ("resend", {"data": [{"id": "x"}]})],
    ids=["postmark", "resend"],
)
def test_a_batch_whose_answer_is_too_short_is_told_as_unknown(scheme: str, wrong: object) -> None:
    with channel_to(DESKS[scheme]()) as (server, channel):
        server.faults.extend([failing(200, json.dumps(wrong).encode(), obeyed=True)] * 2)
        sent = envelopes(3)
        assert accounted(channel.send(sent), sent, server.desk) == {"unknown": 3}


def test_an_error_of_a_whole_batch_blames_nobody_of_it() -> None:
    with channel_to(DESKS["postmark"]()) as (server, channel):
        server.faults.append(failing(422, b"""{"ErrorCode": 300, "Message": "Invalid 'To' address"}"""))
        sent = envelopes(3)
        assert accounted(channel.send(sent), sent, server.desk) == {"unknown": 3}


def test_one_mail_of_a_batch_that_turns_the_account_away_leaves_the_rest_untried() -> None:
    """What was accepted before stays accepted; later requests are not made."""
    with channel_to(DESKS["postmark"](), "&batch=2") as (server, channel):
        other = "Other Sender <other@example.com>"
        sent = [envelope(1), envelope(2, sender=other), envelope(3), envelope(4)]
        outcomes = channel.send(sent)
        assert accounted(outcomes, sent, server.desk) == {"accepted": 1, "unsent": 3}
        assert len(server.requests) == 1


def test_postmark_sends_through_the_stream_that_is_named() -> None:
    with channel_to(DESKS["postmark"](), "&stream=digests") as (server, channel):
        channel.send([envelope()])
        assert json.loads(server.requests[0].body)[0]["MessageStream"] == "digests"


def test_large_messages_make_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Resend, "largest", 5_000)
    with channel_to(DESKS["resend"]()) as (server, channel):
        sent = [envelope(number, text="x" * 2_000, html=None) for number in range(1, 5)]
        assert accounted(channel.send(sent), sent, server.desk) == {"accepted": 4}
        assert len(server.requests) > 1
        assert all(len(request.body) < 6_000 for request in server.requests)


def test_resends_key_is_that_of_the_messages_whatever_stands_in_them() -> None:
    with channel_to(DESKS["resend"]()) as (server, channel):
        channel.send([envelope(1), envelope(2)])
        channel.send([envelope(1), envelope(2, text="other words")])
        channel.send([envelope(1)])
        keys = [request.headers["idempotency-key"] for request in server.requests]
        assert keys[0] == keys[1] == keys[2], "the second was asked once more"
        assert keys[3] != keys[0]
        assert all(len(key) <= 256 for key in keys)


def test_resend_never_sends_other_content_under_a_known_key() -> None:
    with channel_to(DESKS["resend"]()) as (server, channel):
        channel.send([envelope(1)])
        (outcome,) = channel.send([envelope(1, text="other words")])
        assert isinstance(outcome, Refused)
        assert (outcome.permanent, outcome.retry_after) == (False, 86_400.0)
        assert len(server.desk.mails) == 1


def test_after_a_refusal_brevo_is_asked_with_another_key() -> None:
    """A refusal may use the key up: the mail must not get lost by that."""
    with channel_to(DESKS["brevo"]()) as (server, channel):
        server.faults.append(failing(400, b'{"code": "invalid_parameter", "message": "?"}'))
        (refusal,) = channel.send([envelope(1)])
        assert isinstance(refusal, Refused)
        again = replace(envelope(1), request_key=refusal.request_key)
        assert isinstance(channel.send([again])[0], Accepted)
        first, second = (json.loads(request.body)["headers"]["idempotencyKey"] for request in server.requests)
        assert first != second


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_what_uses_no_key_up_or_leaves_a_doubt_keeps_the_key(status: int) -> None:
    with channel_to(DESKS["brevo"]()) as (server, channel):
        server.faults.extend([failing(status, b"{}")] * 2)
        (outcome,) = channel.send([envelope(1)])
        assert isinstance(outcome, Refused | Unsent)
        assert outcome.request_key is None


def test_a_message_that_brevo_took_before_it_failed_is_taken() -> None:
    """It failed after it took the key; asked again it says so (brevo-500-then-duplicate)."""
    with channel_to(DESKS["brevo"]()) as (server, channel):
        server.faults.append(failing(500, obeyed=True))
        sent = [envelope(1)]
        assert accounted(channel.send(sent), sent, server.desk) == {"accepted": 1}


@pytest.mark.parametrize("status", [400, 403, 420, 429])
@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("try again after: Mon, 02 Mar 2026 09:40:00 GMT", 600),
        ("Try again after Mon, 02 Mar 2026 10:40:00 +0100.", 600),
        ("try again after: 2026-03-02T09:40:00Z", 600),
        ("please try again after: 2026-03-02 09:40:00 +0000 UTC", 600),
        ("try again at 2026-03-02 09:31", 60),
        ("try again in 5 minutes", 300),
        ("Please retry after 90 seconds", 90),
        ("try again after: Mon, 02 Mar 2026 09:00:00 GMT", 0),
        ("try again after: Fri, 01 Jan 2027 00:00:00 GMT", 86_400),
    ],
)
def test_mailgun_is_left_alone_until_the_moment_that_it_names(status: int, words: str, seconds: float) -> None:
    account = account_of(urlsplit("mailgun://KEY@mg.example.org"), provider="Mailgun", endpoint="https://x.example")
    for sentence in (f"Domain mg.example.org is not allowed to send: too many mails, {words}", words):
        body = json.dumps({"message": sentence}).encode()
        reply = PostReply(status=status, headers={"date": "Mon, 02 Mar 2026 09:30:00 GMT"}, body=body)
        (outcome,) = Mailgun(account, "mg.example.org").read(reply, [envelope()])
        assert isinstance(outcome, Unsent)
        assert outcome.retry_after == seconds


def test_mailgun_carries_every_byte() -> None:
    with channel_to(DESKS["mailgun"]()) as (server, channel):
        content = b"DKIM-Signature: a=b;\r\n c=d\r\n" + envelope().content + b"\r\n--\r\n.\r\n\r\n"
        channel.send([replace(envelope(), content=content)])
        assert content in server.requests[0].body


def test_ses_signs_itself_and_takes_our_signatures_off() -> None:
    with channel_to(DESKS["ses"]()) as (server, channel):
        signed = b"DKIM-Signature: v=1;\r\n\tb=xyz\r\nDKIM-Signature: v=2\r\n" + envelope().content
        (outcome,) = channel.send([replace(envelope(), content=signed)])
        assert isinstance(outcome, Accepted), "the desk takes no signature that would not hold"
        assert server.desk.mails[0].subject == "Your alerts № 1"


def test_ses_sends_bounces_to_the_return_address_and_events_to_the_configuration_set() -> None:
    with channel_to(DESKS["ses"](), "&configuration_set=digests") as (server, channel):
        channel.send([replace(envelope(), sender="b+token1@bounce.example.org"), envelope(2)])
        first, second = (json.loads(request.body) for request in server.requests)
        assert first["FeedbackForwardingEmailAddress"] == "b+token1@bounce.example.org"
        assert first["ConfigurationSetName"] == "digests"
        assert "FeedbackForwardingEmailAddress" not in second


def test_ses_takes_a_session_token() -> None:
    desk = SesDesk()
    desk.session_token = "FwoG+/=="
    with channel_to(desk) as (_, channel):
        assert isinstance(channel.send([envelope()])[0], Accepted)


def test_ses_needs_botocore_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'trialalerts\[ses\]'"):
        open_transport("ses://KEY:SECRET@eu-west-1")


@pytest.mark.parametrize("scheme", ["ses", "resend"])
def test_metadata_that_no_tag_can_carry_is_our_own_fault(scheme: str) -> None:
    with channel_to(DESKS[scheme]()) as (server, channel):
        sent = [replace(envelope(1), metadata={"delivery": "a.b"}), envelope(2)]
        outcomes = channel.send(sent)
        assert accounted(outcomes, sent, server.desk) == {"unknown": 1, "accepted": 1}
        assert isinstance(outcomes[0], Refused)
        assert outcomes[0].ours


@pytest.mark.parametrize("scheme", ["postmark", "brevo"])
def test_a_doubt_of_one_channel_is_closed_by_another(scheme: str) -> None:
    """The connection breaks after acceptance, each time; the sender tries again later."""
    desk = DESKS[scheme]()
    with channel_to(desk) as (server, channel):
        server.faults.extend([hung_up(obeyed=True)] * (2 if desk.idempotent else 1))
        sent = [envelope()]
        (outcome,) = channel.send(sent)
        assert isinstance(outcome, Refused)
        again = open_transport(server.url).open()
        assert isinstance(again.send(sent)[0], Accepted)
        again.close()
        assert len(desk.mails) == (1 if desk.idempotent else 2), "what has no idempotency may come twice"


NO_URL: dict[str, tuple[str, str]] = {
    "no key": ("postmark://default", "holds no key for Postmark"),
    "blank in the key": ("brevo://a%20b@default", "holds no key for Brevo"),
    "unknown option": ("resend://s3cret@default?bach=1", "has no option 'bach'. Did you mean “batch”"),
    "batch of one provider": ("brevo://s3cret@default?batch=2", "has no option 'batch'"),
    "batch too large": ("resend://s3cret@default?batch=101", "expected a number from 1 to 100"),
    "batch of nothing": ("postmark://s3cret@default?batch=0", "expected a number from 1 to 500"),
    "timeout": ("brevo://s3cret@default?timeout=soon", "found timeout=soon"),
    "connections": ("brevo://s3cret@default?connections=1000", "expected a number from 1 to 100"),
    "plain endpoint": ("brevo://s3cret@default?endpoint=http://example.org", "must start with https://"),
    "odd endpoint": ("brevo://s3cret@default?endpoint=ftp://127.0.0.1", "no address such as"),
    "endpoint's port": ("brevo://s3cret@default?endpoint=http://127.0.0.1:99999", "no address such as"),
    "endpoint with a key": ("brevo://s3cret@default?endpoint=https://a:b@example.org", "no address such as"),
    "odd proxy": ("brevo://s3cret@default?proxy=socks", "proxy is no address"),
    "no sending domain": ("mailgun://s3cret@default", "names no sending domain"),
    "mailgun region": ("mailgun://s3cret@mg.example.org?region=mars", "found region=mars, expected one of us, eu"),
    "sendgrid region": ("sendgrid://s3cret@default?region=mars", "found region=mars"),
    "ses without a secret": ("ses://s3cret@eu-west-1", "needs a secret and a region"),
    "ses without a region": ("ses://s3cret:s3cret@default", "needs a secret and a region"),
    "slash in the secret": ("ses://KEY:s3cret/x@eu-west-1", "this is no URL"),
}


@pytest.mark.parametrize("name", NO_URL)
def test_a_url_that_makes_no_sense_is_told_without_its_key(name: str) -> None:
    url, says = NO_URL[name]
    with pytest.raises(ConfigurationError) as caught:
        open_transport(url)
    assert says in str(caught.value)
    assert str(caught.value).startswith("mail.url: ")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("ses://KEY:SECRET@eu-west-1", "https://email.eu-west-1.amazonaws.com"),
        ("ses://KEY:SECRET@us-gov-west-1", "https://email.us-gov-west-1.amazonaws.com"),
        ("sendgrid://KEY@default", "https://api.sendgrid.com"),
        ("sendgrid://KEY@default?region=eu", "https://api.eu.sendgrid.com"),
        ("mailgun://KEY@mg.example.org", "https://api.mailgun.net"),
        ("mailgun://KEY@mg.example.org?region=eu", "https://api.eu.mailgun.net"),
        ("mailgun://KEY@mg.example.org?region=eu&endpoint=https://proxy.example.org/", "https://proxy.example.org"),
        ("postmark://KEY@default", "https://api.postmarkapp.com"),
        ("resend://KEY@default", "https://api.resend.com"),
        ("brevo://KEY@default", "https://api.brevo.com"),
    ],
)
def test_a_url_leads_to_the_providers_address(url: str, endpoint: str) -> None:
    transport = open_transport(url)
    assert isinstance(transport, ApiTransport)
    assert transport.account.endpoint == endpoint
    assert transport.name == url.partition(":")[0]


def test_how_much_goes_at_once_is_in_the_url() -> None:
    transport = open_transport("postmark://KEY@default?batch=500&connections=9&timeout=5")
    assert (transport.name, transport.batch, transport.connections) == ("postmark", 500, 9)
    assert [open_transport(f"{name}://K:S@eu-west-1.x").batch for name in ("sendgrid", "mailgun", "brevo")] == [1, 1, 1]
