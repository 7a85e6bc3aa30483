"""All six providers keep the same promises: each message has one true outcome, whatever goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.delivery.post import NOW
from tests.delivery.provider_desks import DESKS
from tests.delivery.provider_servers import (
    Fault,
    ProviderServer,
    accounted,
    cut_off,
    envelope,
    envelopes,
    failing,
    garbled,
    hung_up,
    running,
    sent_until_settled,
    stalled,
    throttled,
)
from trialalerts.delivery.mail.envelope import Accepted, Refused, Unsent
from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.providers.channel import ApiChannel, ApiTransport

MAILS = 7
BATCHING = sorted(name for name, desk in DESKS.items() if desk.distinct_batches)
REMEMBERING = sorted(name for name, desk in DESKS.items() if desk.idempotent)


@pytest.fixture(params=sorted(DESKS))
def server(request: pytest.FixtureRequest) -> Iterator[ProviderServer]:
    """One of the providers."""
    with capture_logs() as logs, running(DESKS[request.param]()) as provider:
        yield provider
    assert logs == []


class Ways:
    """Opens ways to a provider, by the URL that an operator would write."""

    def __init__(self, server: ProviderServer) -> None:
        self._server = server
        self._open: list[ApiChannel] = []

    def transport(self, options: str = "", *, key: str = "s3cret", timeout: float | None = None) -> ApiTransport:
        found = open_transport(self._server.url.replace("s3cret", key, 1) + options)
        assert isinstance(found, ApiTransport)
        found.account = replace(found.account, timeout=timeout or found.account.timeout)
        return found

    def channel(self, options: str = "", **values: Any) -> ApiChannel:
        self._open.append(self.transport(options, **values).open())
        return self._open[-1]

    def close(self) -> None:
        for channel in self._open:
            channel.close()


@pytest.fixture
def ways(server: ProviderServer) -> Iterator[Ways]:
    found = Ways(server)
    yield found
    found.close()


@pytest.fixture
def channel(ways: Ways) -> ApiChannel:
    return ways.channel()


def settled(server: ProviderServer, channel: ApiChannel, count: int = MAILS) -> dict[str, int]:
    """Send so many mails and check each outcome; return how many there are of each kind."""
    sent = envelopes(count)
    return dict(accounted(channel.send(sent), sent, server.desk))


def test_each_message_is_taken_once_and_named(server: ProviderServer, channel: ApiChannel) -> None:
    sent = envelopes(MAILS)
    outcomes = channel.send(sent)
    assert accounted(outcomes, sent, server.desk) == {"accepted": MAILS}
    assert [each.provider_id for each in outcomes if isinstance(each, Accepted)] == [
        mail.provider_id for mail in server.desk.mails
    ]
    distinct = server.desk.distinct_batches
    assert len(server.requests) == (1 if distinct else MAILS)
    assert server.connections == 1


def test_a_message_arrives_as_it_was_written(server: ProviderServer, channel: ApiChannel) -> None:
    each = envelope(3, sender='"Alerts, “Trial” & Söhne" <alerts@example.org>')
    assert isinstance(channel.send([each])[0], Accepted)
    (mail,) = server.desk.mails
    assert (mail.recipient, mail.subject) == ("reader3@example.org", "Your alerts № 3")
    assert (mail.text, mail.html) == (each.message.text, each.message.html)
    assert "Söhne" in mail.sender
    assert mail.sender.endswith("<alerts@example.org>")
    assert mail.metadata == {"delivery": "token3"}
    assert "help@example.org" in mail.headers["Reply-To"]
    wanted = dict(each.message.headers)
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Auto-Submitted", "Precedence"):
        assert mail.headers[name] == wanted[name]
    assert not mail.tracked
    if server.desk.keeps_message_id:
        assert mail.message_id == each.message.message_id


def test_a_message_without_html_arrives(server: ProviderServer, channel: ApiChannel) -> None:
    assert isinstance(channel.send([envelope(html=None, text="a < b\n")])[0], Accepted)
    assert server.desk.mails[0].text == "a < b\n"
    assert server.desk.mails[0].html in {
        None,
        '<pre style="font-family: inherit; white-space: pre-wrap">a &lt; b\n</pre>',
    }


def test_a_wrong_key_sends_nothing_and_names_the_remedy(server: ProviderServer, ways: Ways) -> None:
    sent = envelopes(MAILS)
    outcomes = ways.channel(key="wr0ng").send(sent)
    assert accounted(outcomes, sent, server.desk) == {"unsent": MAILS}
    assert len(server.requests) == 1, "the others are not even tried"
    assert all("key in mail.url" in each.reason for each in outcomes if isinstance(each, Unsent))
    assert "wr0ng" not in repr(outcomes) + repr(ways.transport(key="wr0ng").account)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": format_datetime(NOW + timedelta(minutes=2), usegmt=True)}, 120.0),
        ({"Retry-After": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, 0.0),
        ({"ratelimit-reset": "3"}, 3.0),
        ({"x-sib-ratelimit-reset": "42"}, 42.0),
        ({"X-RateLimit-Reset": str(int((NOW + timedelta(seconds=90)).timestamp()))}, 90.0),
        ({"Retry-After": "999999999"}, 86_400.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
    ids=["seconds", "now", "a date", "a date gone by", "reset", "Brevo", "SendGrid", "years", "nonsense", "nothing"],
)
def test_a_pause_is_kept_as_long_as_asked(
    server: ProviderServer, channel: ApiChannel, headers: dict[str, str], seconds: float | None
) -> None:
    server.faults.append(throttled(headers))
    sent = envelopes(MAILS)
    outcomes = channel.send(sent)
    assert accounted(outcomes, sent, server.desk) == {"unsent": MAILS}
    assert {each.retry_after for each in outcomes if isinstance(each, Unsent)} == {seconds}
    assert len(server.requests) == 1


def test_a_storm_of_pauses_neither_loses_nor_doubles_a_message(server: ProviderServer, channel: ApiChannel) -> None:
    server.faults.extend([throttled({"Retry-After": "1"})] * 9)
    sent = envelopes(MAILS)
    outcomes = sent_until_settled(channel, sent, batch=2, rounds=6)
    assert accounted(outcomes, sent, server.desk) == {"accepted": MAILS}


AFTER_ACCEPTANCE = {
    "a timeout": stalled(obeyed=True),
    "a broken connection": hung_up(obeyed=True),
    "a failure": failing(500, b"<html>oops reader1@example.org</html>", obeyed=True),
    "a gateway that gave up": failing(504, b"", obeyed=True),
}
AFTER_A_GOOD_STATUS = {"broken JSON": garbled(), "half an answer": cut_off()}


@pytest.mark.parametrize("fault", AFTER_ACCEPTANCE.values(), ids=AFTER_ACCEPTANCE)
def test_nobody_knows_what_became_of_a_message_without_an_answer(
    server: ProviderServer, ways: Ways, fault: Fault
) -> None:
    server.faults.append(fault)
    found = settled(server, ways.channel(timeout=1.0), 1)
    idempotent = server.desk.idempotent
    assert found == ({"accepted": 1} if idempotent else {"unknown": 1})
    assert len(server.desk.mails) == 1
    assert len(server.requests) == (2 if idempotent else 1)


@pytest.mark.parametrize("fault", AFTER_A_GOOD_STATUS.values(), ids=AFTER_A_GOOD_STATUS)
def test_an_answer_that_makes_no_sense_is_no_acceptance(
    server: ProviderServer, channel: ApiChannel, fault: Fault
) -> None:
    server.faults.append(fault)
    found = settled(server, channel, 1)
    sure = server.desk.idempotent or server.desk.scheme == "sendgrid"  # SendGrid's answers have no body
    assert found == ({"accepted": 1} if sure else {"unknown": 1})
    assert len(server.desk.mails) == 1


def test_a_request_that_was_never_obeyed_is_told_as_unknown_or_made_again(
    server: ProviderServer, channel: ApiChannel
) -> None:
    server.faults.append(hung_up(obeyed=False))
    idempotent = server.desk.idempotent
    assert settled(server, channel, 1) == ({"accepted": 1} if idempotent else {"unknown": 1})
    assert len(server.desk.mails) == int(idempotent)


def test_a_doubt_stays_when_the_second_try_is_turned_away(server: ProviderServer, channel: ApiChannel) -> None:
    server.faults.extend([hung_up(obeyed=True), throttled({"Retry-After": "5"})])
    sent = [envelope()]
    (outcome,) = channel.send(sent)
    assert accounted([outcome], sent, server.desk) == {"unknown": 1}
    assert isinstance(outcome, Refused)
    assert outcome.ours, "no recipient is to blame"


def test_trouble_with_one_request_does_not_stop_the_next(server: ProviderServer, ways: Ways) -> None:
    server.faults.append(failing(500))
    channel = ways.channel(timeout=1.0)
    first, rest = channel.send([envelope(1)]), channel.send(envelopes(MAILS)[1:])
    found = accounted([*first, *rest], envelopes(MAILS), server.desk)
    assert found["accepted"] >= MAILS - 1
    assert found["unsent"] == 0


def test_no_connection_leaves_everything_unsent(server: ProviderServer, channel: ApiChannel) -> None:
    server.stop()
    sent = envelopes(MAILS)
    outcomes = channel.send(sent)
    assert accounted(outcomes, sent, server.desk) == {"unsent": MAILS}
    assert "cannot be reached" in str(outcomes[0])


def test_a_redirect_is_not_followed(server: ProviderServer, channel: ApiChannel) -> None:
    with running(type(server.desk)()) as other:
        server.faults.append(failing(307, headers={"Location": other.root + "/elsewhere"}))
        assert settled(server, channel) == {"unsent": MAILS}
        assert other.requests == []


@pytest.mark.parametrize(
    ("status", "word"), [(402, "credits"), (403, "allowed to send"), (404, "region"), (407, "proxy")]
)
def test_an_account_that_may_not_send_loses_nothing(
    server: ProviderServer, channel: ApiChannel, status: int, word: str
) -> None:
    server.faults.append(failing(status, b"{}"))
    sent = envelopes(2)
    outcomes = channel.send(sent)
    assert accounted(outcomes, sent, server.desk) == {"unsent": 2}
    assert word in str(outcomes[0])


def test_a_recipient_who_is_not_taken_harms_only_themselves(server: ProviderServer, channel: ApiChannel) -> None:
    server.desk.refused |= {"reader2@example.org": "invalid", "reader5@example.org": "inactive"}
    sent = envelopes(MAILS)
    outcomes = channel.send(sent)
    assert accounted(outcomes, sent, server.desk) == {"accepted": MAILS - 2, "refused": 2}
    for index in (1, 4):
        refusal = outcomes[index]
        assert isinstance(refusal, Refused)
        assert (refusal.permanent, refusal.ours) == (True, False)
        assert refusal.code


def test_an_address_that_no_api_takes_is_refused_here(server: ProviderServer, channel: ApiChannel) -> None:
    sent = [envelope(1), envelope(2, recipient="zoë@example.org"), envelope(3, recipient="amy@bücher.example")]
    outcomes = channel.send(sent)
    assert [type(each) for each in outcomes] == [Accepted, Refused, Accepted]
    assert isinstance(outcomes[1], Refused)
    assert outcomes[1].permanent
    assert [mail.recipient for mail in server.desk.mails] == ["reader1@example.org", "amy@xn--bcher-kva.example"]


def test_a_request_that_the_provider_does_not_understand_blames_nobody(
    server: ProviderServer, channel: ApiChannel
) -> None:
    server.faults.append(failing(400, b'{"message": "reader1@example.org is odd: s3cret"}'))
    sent = [envelope()]
    (outcome,) = channel.send(sent)
    assert accounted([outcome], sent, server.desk) == {"unknown": 1}
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.ours) == (False, True)


def test_a_message_that_is_too_large_is_not_tried_again(server: ProviderServer, channel: ApiChannel) -> None:
    server.faults.append(failing(413, b"{}"))
    assert settled(server, channel, 1) == {"refused": 1}


def test_an_endless_answer_is_not_read(server: ProviderServer, channel: ApiChannel) -> None:
    server.faults.append(failing(400, b"x" * 5_000_000))
    assert settled(server, channel, 1) == {"unknown": 1}


def test_a_packed_answer_is_not_unpacked(server: ProviderServer, channel: ApiChannel) -> None:
    server.faults.append(failing(400, b"\x1f\x8b\x08bomb", headers={"Content-Encoding": "gzip"}))
    assert settled(server, channel, 1) == {"unknown": 1}


def test_a_closed_channel_connects_again(server: ProviderServer, channel: ApiChannel) -> None:
    channel.send([envelope(1)])
    channel.close()
    channel.close()
    channel.send([envelope(2)])
    assert len(server.desk.mails) == 2
    assert server.connections == 2


def test_proxies_of_the_environment_see_no_mail(
    server: ProviderServer, channel: ApiChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert settled(server, channel, 1) == {"accepted": 1}


def test_a_proxy_that_is_named_is_used(server: ProviderServer, ways: Ways) -> None:
    sent = [envelope()]
    outcomes = ways.channel("&proxy=http%3A%2F%2F127.0.0.1%3A9").send(sent)
    assert accounted(outcomes, sent, server.desk) == {"unsent": 1}


@pytest.mark.parametrize("server", BATCHING, indirect=True)
def test_more_messages_than_a_request_takes_make_more_requests(server: ProviderServer, ways: Ways) -> None:
    assert ways.transport("&batch=3").batch == 3
    assert settled(server, ways.channel("&batch=3")) == {"accepted": MAILS}
    assert len(server.requests) == 3


@pytest.mark.parametrize("server", REMEMBERING, indirect=True)
def test_a_retry_of_the_same_delivery_is_sent_once(server: ProviderServer, ways: Ways) -> None:
    sent = [envelope(9)]
    first = ways.channel().send(sent)
    second = ways.channel().send(sent)  # as another process does, after this one was killed
    for outcomes in (first, second):
        assert accounted(outcomes, sent, server.desk) == {"accepted": 1}
    assert len(server.requests) == 2


def test_messages_are_told_apart_by_threads_of_their_own(server: ProviderServer, ways: Ways) -> None:
    found, sent = ways.transport(), envelopes(20)
    outcomes: dict[int, Any] = {}

    def work(start: int) -> None:
        channel = found.open()
        outcomes[start] = channel.send(sent[start : start + 5])
        channel.close()

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 20, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = [outcome for start in range(0, 20, 5) for outcome in outcomes[start]]
    assert accounted(ordered, sent, server.desk) == {"accepted": 20}
    assert server.connections == 4
