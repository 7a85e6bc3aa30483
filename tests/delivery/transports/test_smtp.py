"""The SMTP transport against a real server: what it sends, and what it makes of each way to refuse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.delivery.mail.test_message import message
from tests.delivery.mailserver import HANG_UP, Mailbox, password_check, running, server_context
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.mail.message import to_bytes
from trialalerts.delivery.transports import Channel, open_transport

# aiosmtpd says so of a server that is encrypted by other means, or meant to be insecure.
insecure = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


def envelope(to: str = "mona@example.org", *, sender: str = "alerts@example.org", **values: Any) -> Envelope:
    written = message(to=to, **values)
    return Envelope(sender=sender, recipient=to, content=to_bytes(written), message=written, metadata={})


def send(channel: Channel, to: str = "mona@example.org", **values: Any) -> Outcome:
    (outcome,) = channel.send([envelope(to, **values)])
    return outcome


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def channel(mailbox: Mailbox) -> Iterator[Channel]:
    with running(mailbox) as port:
        opened = open_transport(f"smtp://127.0.0.1:{port}?timeout=5").open()
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def unsent(url: str) -> Unsent:
    """Send one message to where it cannot be sent."""
    channel = open_transport(url).open()
    outcome = send(channel)
    channel.close()
    assert isinstance(outcome, Unsent)
    return outcome


def test_the_message_arrives_byte_by_byte(channel: Channel, mailbox: Mailbox) -> None:
    sent = envelope(text=".\n..\n.hidden\nFrom here\n" + "é" * 500, html="<p>.</p>\n.\n")
    assert channel.send([sent]) == [Accepted()]
    assert mailbox.received == [("alerts@example.org", "mona@example.org", sent.content)]


def test_the_envelope_decides_where_bounces_go(channel: Channel, mailbox: Mailbox) -> None:
    send(channel, sender="b+token@bounce.example.org")
    assert mailbox.received[0][0] == "b+token@bounce.example.org"


def test_one_connection_serves_batch_after_batch(channel: Channel, mailbox: Mailbox) -> None:
    names = [f"n{number}@example.org" for number in range(6)]
    outcomes = channel.send([envelope(name) for name in names[:4]]) + channel.send([envelope(n) for n in names[4:]])
    assert outcomes == [Accepted()] * 6
    assert [to for _, to, _ in mailbox.received] == names
    assert mailbox.connections == 1


@pytest.mark.parametrize("reply", [HANG_UP, "421 4.4.2 idle for too long"])
def test_a_connection_that_was_closed_meanwhile_is_opened_again(channel: Channel, mailbox: Mailbox, reply: str) -> None:
    send(channel, "a@example.org")
    mailbox.answers["MAIL"] = [reply]
    assert send(channel, "b@example.org") == Accepted()
    assert len(mailbox.received) == 2
    assert mailbox.connections == 2


def test_it_can_be_closed_and_used_again(channel: Channel, mailbox: Mailbox) -> None:
    send(channel, "a@example.org")
    channel.close()
    channel.close()
    send(channel, "b@example.org")
    assert (len(mailbox.received), mailbox.connections) == (2, 2)


@pytest.mark.parametrize(
    ("where", "reply", "refused"),
    [
        pytest.param("RCPT", "550 5.1.1 no such mailbox", "550 5.1.1 permanent", id="unknown mailbox"),
        pytest.param("RCPT", "550 no such mailbox", "550 permanent", id="without an enhanced code"),
        pytest.param("RCPT", "450 4.2.0 greylisted, come back", "450 4.2.0", id="greylisting"),
        pytest.param("RCPT", "451 4.3.0 try later", "451 4.3.0", id="a local error"),
        pytest.param("RCPT", "454 4.7.0 throttled", "454 4.7.0 ours", id="throttled"),
        pytest.param("RCPT", "552 5.2.2 mailbox full", "552 5.2.2", id="a full mailbox"),
        pytest.param("RCPT", "550 5.7.1 blocked by policy", "550 5.7.1 ours", id="a policy against us"),
        pytest.param("DATA", "550 5.7.515 not authenticated", "550 5.7.515 ours", id="a policy, at the end"),
        pytest.param("DATA", "554 5.6.0 malformed", "554 5.6.0 permanent ours", id="refused content"),
        pytest.param("DATA", "452 4.3.1 no space", "452 4.3.1", id="no space at the end"),
        pytest.param("DATA", "552 5.3.4 I take less than I said", "552 5.3.4 permanent ours", id="a lie about SIZE"),
        pytest.param("MAIL", "552 5.3.4 too large", "552 5.3.4 permanent ours", id="too large"),
    ],
)
def test_a_refusal_harms_only_the_message_it_meets(
    channel: Channel, mailbox: Mailbox, where: str, reply: str, refused: str
) -> None:
    mailbox.answers[where] = [reply]
    outcome, following = channel.send([envelope(), envelope("next@example.org")])
    assert isinstance(outcome, Refused)
    words = [outcome.code, "permanent" if outcome.permanent else "", "ours" if outcome.ours else ""]
    assert " ".join(word for word in words if word) == refused
    assert following == Accepted()
    assert [to for _, to, _ in mailbox.received] == ["next@example.org"]
    assert mailbox.connections == 1


@pytest.mark.parametrize("where", ["RCPT", "DATA"])
def test_a_server_that_closes_after_a_refusal_gets_the_rest_on_a_fresh_connection(
    channel: Channel, mailbox: Mailbox, where: str
) -> None:
    mailbox.answers[where] = ["421 4.7.0 come back in 5 minutes"]
    first, second = channel.send([envelope(), envelope("next@example.org")])
    assert isinstance(first, Refused)
    assert (first.permanent, first.code, first.retry_after) == (False, "421 4.7.0", 300)
    assert second == Accepted()
    assert mailbox.connections == 2


@pytest.mark.parametrize(
    "reply", ["550 5.7.1 sender not allowed", "451 4.3.0 later", "530 5.7.0 say STARTTLS first", "421 4.3.2 closing"]
)
def test_where_no_sender_is_taken_nothing_was_tried(channel: Channel, mailbox: Mailbox, reply: str) -> None:
    mailbox.answers["MAIL"] = [reply] * 10
    outcomes = channel.send([envelope() for _ in range(5)])
    assert all(isinstance(each, Unsent) and reply[:3] in each.reason for each in outcomes)
    mailbox.answers.clear()
    assert send(channel, "next@example.org") == Accepted()


def test_a_sender_who_is_refused_while_others_pass_harms_only_that_mail(channel: Channel, mailbox: Mailbox) -> None:
    mailbox.answers["MAIL"] = ["553 5.1.7 what sender is that"]
    first, second = channel.send([envelope(), envelope("next@example.org")])
    assert isinstance(first, Refused)
    assert (first.permanent, first.ours) == (False, True)
    assert second == Accepted()


@pytest.mark.parametrize(
    ("where", "reply", "arrived"),
    [("RCPT", HANG_UP, 2), ("DATA", HANG_UP, 1), ("DATA", f"accept, then {HANG_UP}", 2)],
    ids=["before the message", "before it was accepted", "after it was accepted"],
)
def test_a_message_is_sent_again_at_once_only_if_the_server_cannot_have_it(
    channel: Channel, mailbox: Mailbox, where: str, reply: str, arrived: int
) -> None:
    mailbox.answers[where] = [reply]
    first, second = channel.send([envelope(), envelope("next@example.org")])
    if where == "RCPT":
        assert first == Accepted()
    else:
        assert isinstance(first, Refused)
        assert (first.permanent, first.code) == (False, None)
        assert "nobody knows" in first.reason
    assert second == Accepted()
    assert len(mailbox.received) == arrived


def test_no_reason_shows_an_address(channel: Channel, mailbox: Mailbox) -> None:
    mailbox.answers["mona@example.org"] = "550 5.1.1 <mona@example.org>: user Mona (mona%40example.org) unknown"
    outcome = send(channel)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "the mail server refused the recipient: 550 5.1.1 … user … … unknown"


def test_a_message_that_is_too_large_is_not_even_sent(mailbox: Mailbox) -> None:
    with running(mailbox, data_size_limit=5_000) as port:
        channel = open_transport(f"smtp://127.0.0.1:{port}").open()
        first, large, last = channel.send(
            [envelope("a@example.org"), envelope("b@example.org", text="x" * 6_000), envelope("c@example.org")]
        )
        channel.close()
    assert (first, last) == (Accepted(), Accepted())
    assert isinstance(large, Refused)
    assert large.permanent
    assert "the server takes 5000" in large.reason
    assert [to for _, to, _ in mailbox.received] == ["a@example.org", "c@example.org"]
    assert mailbox.options[0] == [f"SIZE={len(envelope('a@example.org').content)}"]


def test_letters_outside_ascii_need_a_server_that_takes_them(mailbox: Mailbox) -> None:
    with running(mailbox, enable_SMTPUTF8=True) as port:
        channel = open_transport(f"smtp://127.0.0.1:{port}").open()
        assert send(channel, "möna@bücher.example") == Accepted()
        channel.close()
    assert mailbox.received[0][1] == "möna@xn--bcher-kva.example"
    with running(Mailbox(), enable_SMTPUTF8=False) as port:
        channel = open_transport(f"smtp://127.0.0.1:{port}").open()
        outcome = send(channel, "möna@example.org")
        assert send(channel, "mona@bücher.example") == Accepted()
        channel.close()
    assert isinstance(outcome, Refused)
    assert outcome.permanent
    assert "SMTPUTF8" in outcome.reason


def test_a_provider_that_names_the_message_is_heard(channel: Channel, mailbox: Mailbox) -> None:
    mailbox.answers["DATA"] = [
        "250 2.0.0 Ok: queued as 4QzXyZ1abc",
        "250 Ok 0100018f2a6b7c8d-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000",
        "250 2.0.0 fine",
    ]
    names = [each.provider_id for each in channel.send([envelope()] * 3) if isinstance(each, Accepted)]
    assert names == ["4QzXyZ1abc", "0100018f2a6b7c8d-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000", None]


@insecure
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_encryption_is_verified_and_the_password_is_sent_inside_it(
    mailbox: Mailbox, authority: trustme.CA, ca_file: Path, scheme: str
) -> None:
    context = server_context(authority.issue_cert("localhost"))
    options: dict[str, Any] = {"authenticator": password_check("alerts", "p@ss:w/rd"), "auth_required": True}
    if scheme == "smtp":
        options |= {"tls_context": context, "require_starttls": True}
    else:
        options |= {"tls_from_the_start": context, "auth_require_tls": False}
    tls = "?tls=starttls&" if scheme == "smtp" else "?"
    with running(mailbox, **options) as port:
        channel = open_transport(f"{scheme}://alerts:p%40ss%3Aw%2Frd@localhost:{port}{tls}ca_file={ca_file}").open()
        large = envelope(text="x" * 70_000)
        assert channel.send([envelope(), large]) + channel.send([envelope()]) == [Accepted()] * 3
        channel.close()
    assert mailbox.received[1][2] == large.content
    # after STARTTLS one introduces oneself again
    assert mailbox.connections == (2 if scheme == "smtp" else 1)


@pytest.mark.parametrize("name", ["localhost", "mail.example.org"])
def test_an_untrusted_certificate_sends_nothing(mailbox: Mailbox, name: str, ca_file: Path) -> None:
    """One is of an unknown authority, the other is for another host."""
    authority = trustme.CA()
    if name != "localhost":
        authority.cert_pem.write_to_path(str(ca_file), append=True)
    with running(mailbox, tls_context=server_context(authority.issue_cert(name))) as port:
        outcome = unsent(f"smtp://localhost:{port}?tls=starttls&ca_file={ca_file}")
    assert "gave no trusted encryption" in outcome.reason
    assert mailbox.received == []


def test_certificates_that_cannot_be_read_send_nothing(mailbox: Mailbox, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with running(mailbox) as port:
        outcome = unsent(f"smtp://localhost:{port}?tls=starttls&ca_file={tmp_path}/ca.pem")
    assert "ca_file cannot be read" in outcome.reason


def test_a_server_without_starttls_is_not_spoken_to_in_the_clear(mailbox: Mailbox) -> None:
    with running(mailbox) as port:
        outcome = unsent(f"smtp://127.0.0.1:{port}?tls=starttls")
    assert "offers no STARTTLS" in outcome.reason
    assert mailbox.received == []


@insecure
def test_a_wrong_password_sends_nothing_and_is_not_shown(mailbox: Mailbox) -> None:
    options = {"authenticator": password_check("alerts", "right"), "auth_required": True, "auth_require_tls": False}
    with running(mailbox, **options) as port:
        transport = open_transport(f"smtp://alerts:wr0ng-secret@127.0.0.1:{port}")
        channel = transport.open()
        outcome = send(channel)
    assert isinstance(outcome, Unsent)
    assert "refused the user or password" in outcome.reason
    assert "wr0ng-secret" not in f"{outcome!r} {transport!r} {vars(transport)!r} {channel!r} {vars(channel)!r}"


def test_no_server_sends_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reason = unsent(f"smtp://127.0.0.1:{port}").reason
    assert reason == f"The mail server 127.0.0.1:{port} cannot be reached: Connection refused."


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
        b"554 5.7.1 go away\r\n",
        b"421 4.3.2 too busy\r\n",
        b"\xff\xfe\r\n",
        b"220" * 4_000,
        b"220-more\r\n" * 4_000,
        b"220 hello\r\n502 no EHLO\r\n502 no HELO\r\n",
    ],
    ids=["http", "nothing", "refused", "busy", "bytes", "a line without end", "lines without end", "no hello"],
)
def test_a_server_that_greets_with_anything_else_sends_nothing(greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=answer)
        thread.start()
        reason = unsent(f"smtp://127.0.0.1:{server.getsockname()[1]}?timeout=5").reason
        # Whether HELO is heard before the connection is closed is a matter of luck here.
        refuses, may_refuse = greeting[:1] in {b"4", b"5"}, b"502" in greeting
        assert ("refuses us before any mail" in reason) or (not refuses and "cannot be reached" in reason)
        assert refuses or may_refuse or "cannot be reached" in reason
        assert len(reason) < 300
        thread.join()


@pytest.mark.parametrize(
    ("option", "said"),
    [("connections=0", "from 1 to 99"), ("connections=many", "from 1 to 99"), ("pipeline=maybe", "expected yes or no")],
)
def test_a_wrong_option_is_a_wrong_configuration(option: str, said: str) -> None:
    from trialalerts.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match=said):
        open_transport(f"smtp://mail.example.org?{option}")


def test_options_decide_on_connections_and_batches() -> None:
    standard, careful = open_transport("smtp://localhost"), open_transport("smtp://localhost?connections=2&pipeline=no")
    assert (standard.connections, standard.batch) == (5, 20)
    assert (careful.connections, careful.batch) == (2, 5)
