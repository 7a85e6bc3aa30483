"""How many messages a second leave over SMTP, beside Postfix's smtp-source and beside smtplib in the same run.

The server is Postfix's ``smtp-sink``. Our figure is that of the channels alone: envelopes are ready, outcomes are
counted. The long way is a proxy that delays each direction by 10 ms and limits nothing.
"""

from __future__ import annotations

import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from benchmarks.figures import Figure
from tests.delivery import smtp_sink
from trialalerts.delivery.mail.envelope import Accepted, Envelope
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.transports.smtp.transport import SmtpServer, SmtpTransport

SIZES = {"4.7 KB": 4_700, "40 KB": 40_000}
CONNECTIONS = (1, 5, 20)
ROUNDS = 2
MESSAGES = {4_700: 6_000, 40_000: 3_000}
FAR_MESSAGES = {"ours": 100, "smtplib": 25}
"""A connection, over the long way."""
FROM, TO = "alerts@example.org", "mona@example.org"


def run() -> list[Figure]:
    """Measure against a sink on loopback, then over 20 ms there and back."""
    if smtp_sink.find_program("smtp-sink") is None:
        return [Figure(what="SMTP", value="not measured", reference=smtp_sink.INSTALL)]
    figures = []
    with smtp_sink.running("-c") as port:
        for name, size in SIZES.items():
            figures += [_near(name, size, connections, port) for connections in CONNECTIONS]
        with _long_way(port) as far:
            for name, size in SIZES.items():
                figures += [_far(name, size, connections, far) for connections in CONNECTIONS]
    return figures


def _near(name: str, size: int, connections: int, port: int) -> Figure:
    """Take the best of a few rounds of each client, in turns."""
    each = MESSAGES[size] // connections
    ours = reference = plain = 0.0
    for _ in range(ROUNDS):
        reference = max(reference, _smtp_source(size, each * connections, connections, port))
        ours = max(ours, _at_once(_channel, size, each, connections, port))
        plain = max(plain, _at_once(_smtplib, size, each // 2, connections, port))
    return Figure(
        what=f"{name}, {_connections(connections)}, loopback",
        value=f"{ours:,.0f} messages/s ({ours / reference:.2f} × smtp-source)",
        target="≥ 0.8 × smtp-source",
        reference=f"smtp-source {reference:,.0f}, smtplib {plain:,.0f} messages/s",
        met=ours >= 0.8 * reference,
    )


def _far(name: str, size: int, connections: int, port: int) -> Figure:
    plain = _at_once(_smtplib, size, FAR_MESSAGES["smtplib"], connections, port)
    ours = _at_once(_channel, size, FAR_MESSAGES["ours"], connections, port)
    return Figure(
        what=f"{name}, {_connections(connections)}, 20 ms there and back",
        value=f"{ours:,.0f} messages/s ({ours / plain:.1f} × smtplib)",
        target="≥ 1.8 × smtplib",
        reference=f"smtplib {plain:,.0f} messages/s",
        met=ours >= 1.8 * plain,
    )


def _connections(number: int) -> str:
    return "1 connection" if number == 1 else f"{number} connections"


def _smtp_source(size: int, messages: int, connections: int, port: int) -> float:
    program = smtp_sink.find_program("smtp-source")
    assert program
    command = [program, "-d", "-s", str(connections), "-l", str(size), "-m", str(messages), "-f", FROM, "-t", TO]
    began = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True, capture_output=True, timeout=120)
    return messages / (time.perf_counter() - began)


def _at_once(client: Callable[[int, bytes, int], None], size: int, each: int, connections: int, port: int) -> float:
    """Return how many messages a second so many clients bring away, each ``each`` of them, connecting included."""
    content = _content(size)
    threads = [threading.Thread(target=client, args=(port, content, each)) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * connections / (time.perf_counter() - began)


def _channel(port: int, content: bytes, messages: int) -> None:
    transport = SmtpTransport(SmtpServer(host="127.0.0.1", port=port, tls="none"))
    channel = transport.open()
    message = Message(
        sender=FROM, to=TO, subject="x", text="x", message_id="<x@example.org>", date=datetime(2026, 3, 2, tzinfo=UTC)
    )
    left = messages
    while left:
        size = min(left, transport.batch)
        batch = [
            Envelope(sender=FROM, recipient=TO, content=content, message=message, metadata={}) for _ in range(size)
        ]
        assert all(isinstance(outcome, Accepted) for outcome in channel.send(batch))
        left -= size
    channel.close()


def _smtplib(port: int, content: bytes, messages: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for _ in range(messages):
            assert not client.sendmail(FROM, [TO], content)


def _content(size: int) -> bytes:
    """Write a message of this size as ours are: quoted-printable lines of 76 signs."""
    head = f"From: {FROM}\r\nTo: {TO}\r\nSubject: Your trial alerts\r\n\r\n".encode()
    line = b"x" * 75 + b"=\r\n"
    return head + line * ((size - len(head)) // len(line)) + b"end\r\n"


@contextmanager
def _long_way(port: int) -> Iterator[int]:
    proxy = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.delaying_proxy", str(port), "10"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert proxy.stdin
    assert proxy.stdout
    try:
        yield int(proxy.stdout.readline())
    finally:
        proxy.stdin.close()
        proxy.wait(timeout=30)
        proxy.stdout.close()
