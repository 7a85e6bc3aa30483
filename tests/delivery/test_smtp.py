"""The SMTP transport against a real server: what it sends, and what it makes of each way to refuse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.delivery.mailserver import HANG_UP, Mailbox, password_check, running, server_context
from tests.delivery.test_message import message
from trialalerts.delivery.message import to_bytes
from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.smtp import SmtpTransport
from trialalerts.errors import MailRefused, TransportBroken

# aiosmtpd says so of a server that is encrypted by other means, or meant to be insecure.
insecure = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


def client(url: str) -> SmtpTransport:
    opened = open_transport(url)
    assert isinstance(opened, SmtpTransport)
    return opened


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def transport(mailbox: Mailbox) -> Iterator[SmtpTransport]:
    with running(mailbox) as port:
        opened = client(f"smtp://127.0.0.1:{port}?timeout=5")
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


def refusal(transport: SmtpTransport, to: str = "mona@example.org") -> MailRefused:
    with pytest.raises(MailRefused) as caught:
        transport.send(to, message(to=to))
    return caught.value


def test_the_message_arrives_byte_by_byte(transport: SmtpTransport, mailbox: Mailbox) -> None:
    sent = message(text=".\n..\n.hidden\nFrom here\n" + "é" * 500, html="<p>.</p>\n.\n")
    transport.send("mona@example.org", sent)
    assert mailbox.received == [("alerts@example.org", "mona@example.org", to_bytes(sent))]


def test_one_connection_serves_message_after_message(transport: SmtpTransport, mailbox: Mailbox) -> None:
    for number in range(5):
        transport.send(f"n{number}@example.org", message(to=f"n{number}@example.org"))
    assert [to for _, to, _ in mailbox.received] == [f"n{number}@example.org" for number in range(5)]
    assert mailbox.connections == 1


@pytest.mark.parametrize("reply", [HANG_UP, "421 4.4.2 idle for too long"])
def test_a_connection_that_was_closed_meanwhile_is_opened_again(
    transport: SmtpTransport, mailbox: Mailbox, reply: str
) -> None:
    transport.send("a@example.org", message())
    mailbox.answers["MAIL"] = [reply]
    transport.send("b@example.org", message())
    assert len(mailbox.received) == 2
    assert mailbox.connections == 2


def test_it_can_be_closed_and_used_again(transport: SmtpTransport, mailbox: Mailbox) -> None:
    transport.send("a@example.org", message())
    transport.close()
    transport.close()
    transport.send("b@example.org", message())
    assert (len(mailbox.received), mailbox.connections) == (2, 2)


@pytest.mark.parametrize(
    ("where", "reply", "permanent", "code"),
    [
        pytest.param("RCPT", "550 5.1.1 no such mailbox", True, "550 5.1.1", id="unknown mailbox"),
        pytest.param("RCPT", "550 no such mailbox", True, "550", id="without an enhanced code"),
        pytest.param("RCPT", "450 4.2.0 greylisted, come back", False, "450 4.2.0", id="greylisting"),
        pytest.param("RCPT", "451 4.3.0 try later", False, "451 4.3.0", id="a local error"),
        pytest.param("RCPT", "454 4.7.0 throttled", False, "454 4.7.0", id="throttled"),
        pytest.param("RCPT", "552 5.2.2 mailbox full", False, "552 5.2.2", id="a full mailbox"),
        pytest.param("RCPT", "550 5.7.1 blocked by policy", False, "550 5.7.1", id="a policy against us"),
        pytest.param(
            "DATA", "550 5.7.515 not authenticated", False, "550 5.7.515", id="a policy against us, at the end"
        ),
        pytest.param("DATA", "554 5.6.0 malformed", True, "554 5.6.0", id="refused content"),
        pytest.param("DATA", "452 4.3.1 no space", False, "452 4.3.1", id="no space at the end"),
        pytest.param("MAIL", "552 5.3.4 too large", True, "552 5.3.4", id="too large"),
    ],
)
def test_a_refused_message_is_refused_for_now_or_for_good(
    transport: SmtpTransport, mailbox: Mailbox, where: str, reply: str, permanent: bool, code: str
) -> None:
    mailbox.answers[where] = [reply]
    error = refusal(transport)
    assert (error.permanent, error.code) == (permanent, code)
    transport.send("next@example.org", message())
    assert [to for _, to, _ in mailbox.received] == ["next@example.org"]
    assert mailbox.connections == 1


@pytest.mark.parametrize(
    ("where", "reply"),
    [
        pytest.param("RCPT", "421 4.3.2 closing down", id="closing at the recipient"),
        pytest.param("DATA", "421 4.3.2 closing down", id="closing at the end"),
        pytest.param("MAIL", "550 5.7.1 sender not allowed", id="our sender is not allowed"),
        pytest.param("MAIL", "451 4.3.0 later", id="no sender is taken just now"),
        pytest.param("MAIL", "421 4.3.2 closing down", id="closing on a new connection"),
    ],
)
def test_what_is_no_recipients_fault_breaks_the_transport(
    transport: SmtpTransport, mailbox: Mailbox, where: str, reply: str
) -> None:
    mailbox.answers[where] = [reply]
    with pytest.raises(TransportBroken, match=reply[:3]):
        transport.send("mona@example.org", message())
    transport.send("next@example.org", message())
    assert len(mailbox.received) == 1


@pytest.mark.parametrize(
    ("where", "reply", "arrived"),
    [("RCPT", HANG_UP, 0), ("DATA", HANG_UP, 0), ("DATA", f"accept, then {HANG_UP}", 1)],
    ids=["before the message", "before it was accepted", "after it was accepted"],
)
def test_a_connection_that_breaks_in_the_middle_is_tried_again_later(
    transport: SmtpTransport, mailbox: Mailbox, where: str, reply: str, arrived: int
) -> None:
    mailbox.answers[where] = [reply]
    error = refusal(transport)
    assert (error.permanent, error.code) == (False, None)
    assert len(mailbox.received) == arrived
    transport.send("next@example.org", message())
    assert len(mailbox.received) == arrived + 1


def test_no_error_shows_an_address(transport: SmtpTransport, mailbox: Mailbox) -> None:
    mailbox.answers["mona@example.org"] = "550 5.1.1 <mona@example.org>: user mona@example.org unknown"
    assert str(refusal(transport)) == "the mail server refused the recipient: 550 5.1.1 … user … unknown"


def test_a_message_that_is_too_large_is_not_even_sent(mailbox: Mailbox) -> None:
    with running(mailbox, data_size_limit=5_000) as port:
        transport = client(f"smtp://127.0.0.1:{port}")
        transport.send("a@example.org", message())
        with pytest.raises(MailRefused, match="the server takes 5000") as caught:
            transport.send("b@example.org", message(text="x" * 6_000))
        assert caught.value.permanent
        transport.send("c@example.org", message())
        transport.close()
    assert [to for _, to, _ in mailbox.received] == ["a@example.org", "c@example.org"]
    assert mailbox.options[0] == [f"SIZE={len(to_bytes(message()))}"]


def test_letters_outside_ascii_need_a_server_that_takes_them(mailbox: Mailbox) -> None:
    with running(mailbox, enable_SMTPUTF8=True) as port:
        transport = client(f"smtp://127.0.0.1:{port}")
        transport.send("möna@bücher.example", message(to="möna@bücher.example"))
        transport.close()
    assert mailbox.received[0][1] == "möna@xn--bcher-kva.example"
    with running(Mailbox(), enable_SMTPUTF8=False) as port:
        transport = client(f"smtp://127.0.0.1:{port}")
        error = refusal(transport, "möna@example.org")
        transport.send("mona@bücher.example", message(to="mona@bücher.example"))
        transport.close()
    assert error.permanent
    assert "SMTPUTF8" in str(error)


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
        transport = client(f"{scheme}://alerts:p%40ss%3Aw%2Frd@localhost:{port}{tls}ca_file={ca_file}")
        transport.send("mona@example.org", message())
        transport.close()
    assert len(mailbox.received) == 1


@pytest.mark.parametrize("name", ["localhost", "mail.example.org"])
def test_an_untrusted_certificate_breaks_the_transport(mailbox: Mailbox, name: str, ca_file: Path) -> None:
    """One is of an unknown authority, the other is for another host."""
    authority = trustme.CA()
    if name != "localhost":
        authority.cert_pem.write_to_path(str(ca_file), append=True)
    with running(mailbox, tls_context=server_context(authority.issue_cert(name))) as port:
        transport = client(f"smtp://localhost:{port}?tls=starttls&ca_file={ca_file}")
        with pytest.raises(TransportBroken, match="gave no trusted encryption"):
            transport.send("mona@example.org", message())
    assert mailbox.received == []


def test_a_server_without_starttls_is_not_spoken_to_in_the_clear(mailbox: Mailbox) -> None:
    with running(mailbox) as port:
        transport = client(f"smtp://127.0.0.1:{port}?tls=starttls")
        with pytest.raises(TransportBroken, match="offers no STARTTLS"):
            transport.send("mona@example.org", message())
    assert mailbox.received == []


@insecure
def test_a_wrong_password_breaks_the_transport_and_is_not_shown(mailbox: Mailbox) -> None:
    options = {"authenticator": password_check("alerts", "right"), "auth_required": True, "auth_require_tls": False}
    with running(mailbox, **options) as port:
        transport = client(f"smtp://alerts:wr0ng-secret@127.0.0.1:{port}")
        with pytest.raises(TransportBroken, match="refused the user or password") as caught:
            transport.send("mona@example.org", message())
    assert "wr0ng-secret" not in f"{caught.value!r} {transport!r} {vars(transport)!r}"


def test_no_server_breaks_the_transport() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    transport = client(f"smtp://127.0.0.1:{port}")
    with pytest.raises(TransportBroken, match=f"127.0.0.1:{port} cannot be reached: Connection refused"):
        transport.send("mona@example.org", message())


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"554 5.7.1 go away\r\n", b"\xff\xfe\r\n"]
)
def test_a_server_that_speaks_something_else_breaks_the_transport(greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=answer)
        thread.start()
        transport = client(f"smtp://127.0.0.1:{server.getsockname()[1]}?timeout=5")
        with pytest.raises(TransportBroken, match="cannot be reached"):
            transport.send("mona@example.org", message())
        thread.join()
