"""What goes over the wire: dot-stuffing that reads back, and nothing that ends a message too early."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.delivery.chaos_server import ChaosServer
from tests.delivery.transports.test_smtp import envelope
from tests.delivery.transports.test_smtp_chaos import channel_to
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Refused, Unsent
from trialalerts.delivery.transports.smtp.dialogue import dot_stuffed
from trialalerts.delivery.transports.smtp.transport import SmtpServer, SmtpTransport

EXAMPLES = 1_000 if os.environ.get("TRIALALERTS_TEST_SOAK") else 60

pieces = st.sampled_from([b".", b"..", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"a", b"=2E", b" ", b"x" * 70, b"\xc3\xa9"])
lines = st.lists(pieces, max_size=40).map(b"".join)
anything = st.lists(
    st.one_of(pieces, st.sampled_from([b"\n", b"\r", b"\n.", b"\r.", b"\n.\n", b"\r.\r", b"\n.\r\n"]), st.binary()),
    max_size=40,
).map(b"".join)


def undone(wire: bytes) -> bytes:
    """Undo dot-stuffing as RFC 5321, 4.5.2 says: line by line, between CRLF alone."""
    return re.sub(rb"(?:\A|(?<=\r\n))\.", b"", wire)


@given(lines)
@example(b"")
@example(b".")
@example(b".\r\n.\r\n")
@example(b"a\r\n..\r\n.")
def test_what_is_stuffed_reads_back_to_the_same_bytes(content: bytes) -> None:
    wire = dot_stuffed(content)
    assert undone(wire) == (content if content.endswith(b"\r\n") or not content else content + b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + wire


@given(anything)
@example(b"a\n.\nMAIL FROM:<evil@example.org>\n")
@example(b"a\r.\rMAIL FROM:<evil@example.org>\r")
@example(b"a\n.\r\nMAIL FROM:<evil@example.org>\r\n")
@example(b"a\r\n.\nb")
def test_no_content_ends_a_message_early_however_a_server_reads_lines(content: bytes) -> None:
    wire = b"\r\n" + dot_stuffed(content)
    assert not re.search(rb"[\r\n]\.[\r\n]", wire)
    folded = re.sub(rb"\r\n|\r|\n", b"\n", content)
    assert re.sub(rb"\r\n|\r|\n", b"\n", undone(wire[2:])).rstrip(b"\n") == folded.rstrip(b"\n")


@pytest.mark.parametrize("border", [4_096, 8_192, 16_384, 65_536])
def test_dots_at_the_borders_of_buffers_arrive(border: int) -> None:
    server = ChaosServer()
    head = b"Subject: dots\r\n\r\n"
    contents = []
    for at in range(border - 4, border + 4):
        filler = b"x" * (at - len(head) - 2)
        contents.append(head + filler + b"\r\n.\r\n..\r\n" + b"y" * border + b"\r\n.")
    sent = [_with(content, number) for number, content in enumerate(contents)]
    with channel_to(server) as channel:
        assert {type(each) for each in channel.send(sent)} == {Accepted}
    assert [content for *_, content in server.stored] == [content + b"\r\n" for content in contents]


@pytest.mark.parametrize(
    "address",
    ["a@example.org>\r\nRCPT TO:<b@example.org", "a b@example.org", "<a@example.org>", "a@", "nobody", "\x00@x"],
)
def test_no_address_can_say_a_command_of_its_own(address: str) -> None:
    server = ChaosServer()
    with channel_to(server) as channel:
        outcome, following = channel.send([replace(envelope(), recipient=address), envelope()])
    assert isinstance(outcome, Refused)
    assert outcome.permanent
    assert outcome.reason == "the address cannot be written in SMTP"
    assert isinstance(following, Accepted)
    assert len(server.stored) == 1


replies = st.sampled_from(
    [
        b"220 hello\r\n",
        b"250 Ok\r\n",
        b"250-PIPELINING\r\n250-SIZE 9\xb2\r\n250 8BITMIME\r\n",
        b"250 2.0.0 Ok\r\n",
        b"354 go\r\n",
    ]
)
refusals = st.sampled_from([b"421 4.3.2 closing\r\n", b"451 4.3.0\r\n", b"550\r\n", b"550-5.1.1 a\r\n550 5.1.1 b\r\n"])
rubbish = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"\r\n", b"250", b"250-", b"999 x\r\n", b"\xb2\xb2\xb2 x\r\n"])
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.lists(st.one_of(replies, replies, refusals, rubbish), max_size=4), max_size=12), st.booleans())
def test_whatever_a_server_says_each_message_has_an_outcome(said: list[list[bytes]], sensible: bool) -> None:
    """Each piece is said when something has come; at the end of the pieces the server hangs up."""
    opening = [b"220 hello\r\n", b"250-PIPELINING\r\n250 SMTPUTF8\r\n"] if sensible else []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        for piece in [*opening, *(b"".join(pieces) for pieces in said)]:
                            connection.sendall(piece)
                            if not connection.recv(65_536):
                                break

        thread = threading.Thread(target=serve)
        thread.start()
        channel = SmtpTransport(
            SmtpServer(host="127.0.0.1", port=listener.getsockname()[1], tls="none", timeout=0.2)
        ).open()
        outcomes = channel.send([envelope(f"n{number}@example.org") for number in range(4)])
        channel.close()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert len(outcomes) == 4
    assert all(isinstance(each, Accepted | Refused | Unsent) for each in outcomes)


def _with(content: bytes, number: int) -> Envelope:
    return replace(envelope(f"n{number}@example.org"), content=content)
