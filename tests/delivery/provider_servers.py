"""Small servers that speak like the APIs of six mail providers, and can be told to misbehave.

They are real HTTP servers on loopback. What a provider's documentation demands of a request (authentication, fields,
sizes, signatures) is checked by its *desk* (``provider_desks.py``), which keeps what it accepts. A :class:`Fault` says
what goes wrong with a request: before the desk sees it, or after it was obeyed.
"""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Protocol
from urllib.parse import quote

from tests.delivery.mail.test_message import message
from tests.delivery.post import NOW
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.mail.message import to_bytes
from trialalerts.delivery.transports import Channel, open_transport
from trialalerts.delivery.transports.providers.channel import ApiChannel, ApiTransport

__all__ = [
    "Answer",
    "Desk",
    "Fault",
    "Mail",
    "Request",
    "accounted",
    "channel_to",
    "cut_off",
    "envelope",
    "envelopes",
    "failing",
    "garbled",
    "hung_up",
    "running",
    "stalled",
    "throttled",
]

_LONGEST_STALL = 30


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came; the headers' names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail that a provider accepted. ``message_id`` is ours, where the provider keeps it."""

    recipient: str
    sender: str
    subject: str
    text: str
    html: str | None
    message_id: str | None
    metadata: Mapping[str, str]
    headers: Mapping[str, str]
    provider_id: str
    tracked: bool | None = False


class Desk(Protocol):
    """What takes requests as one provider does.

    Attributes:
        mails: what was accepted.
        refused: who is not taken, and why: ``invalid`` or ``inactive``.
    """

    mails: list[Mail]
    refused: dict[str, str]

    @property
    def scheme(self) -> str:
        """The scheme of the provider's URLs."""
        ...

    @property
    def idempotent(self) -> bool:
        """Whether it remembers requests by a key."""
        ...

    @property
    def keeps_message_id(self) -> bool:
        """Whether mails leave with our Message-ID."""
        ...

    @property
    def distinct_batches(self) -> bool:
        """Whether a request may hold different messages."""
        ...

    def url(self, root: str) -> str:
        """Return the URL of the settings for a server at ``root``."""
        ...

    def answer(self, request: Request) -> Answer:
        """Obey a request, or say what is wrong with it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request; ``obeyed`` before that, or never seen by the desk."""

    act: Literal["answer", "hang up", "stall", "cut"]
    obeyed: bool
    answer: Answer | None = None


def failing(status: int, body: bytes = b"", *, obeyed: bool = False, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer with a status of its own."""
    return Fault(act="answer", obeyed=obeyed, answer=Answer(status=status, body=body, headers=headers or {}))


def throttled(headers: Mapping[str, str]) -> Fault:
    """Ask for a pause."""
    return failing(429, b'{"message": "Too many requests"}', headers=headers)


def hung_up(*, obeyed: bool) -> Fault:
    """Close the connection without an answer."""
    return Fault(act="hang up", obeyed=obeyed)


def stalled(*, obeyed: bool) -> Fault:
    """Never answer."""
    return Fault(act="stall", obeyed=obeyed)


def garbled() -> Fault:
    """Obey, and answer with broken JSON."""
    return failing(200, b'{"id": "half an ans', obeyed=True)


def cut_off() -> Fault:
    """Obey, and send half of the answer."""
    return Fault(act="cut", obeyed=True)


class ProviderServer:
    """A running server.

    Attributes:
        desk: what takes the requests.
        faults: what goes wrong with the next requests, in their order.
        plan: says what goes wrong with all others; None: nothing.
        requests: what was asked so far.
        connections: how many connections were made.
    """

    def __init__(self, desk: Desk, *, tls: ssl.SSLContext | None = None) -> None:
        self.desk = desk
        self.faults: list[Fault] = []
        self.plan: Callable[[], Fault | None] = lambda: None
        self.requests: list[Request] = []
        self.connections = 0
        self.ending = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.provider = self
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.root = f"{'https' if tls else 'http'}://127.0.0.1:{self._http.server_port}"

    @property
    def url(self) -> str:
        """The URL for the settings."""
        return self.desk.url(self.root)

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Let go of those who wait, and answer no more."""
        self.ending.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def running(desk: Desk, *faults: Fault, tls: ssl.SSLContext | None = None) -> Iterator[ProviderServer]:
    """Run a server for a desk."""
    server = ProviderServer(desk, tls=tls)
    server.faults.extend(faults)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def channel_to(desk: Desk, options: str = "") -> Iterator[tuple[ProviderServer, ApiChannel]]:
    """Run a provider and open a way to it."""
    with running(desk) as server:
        transport = open_transport(server.url + options)
        assert isinstance(transport, ApiTransport)
        channel = transport.open()
        yield server, channel
        channel.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: ProviderServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Count the connections."""
        super().setup()
        self.server.provider.connections += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer a request, or misbehave."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(path=self.path, headers=headers, body=body)
        provider = self.server.provider
        provider.requests.append(request)
        fault = provider.faults.pop(0) if provider.faults else provider.plan()
        answer = provider.desk.answer(request) if fault is None or fault.obeyed else None
        if fault is not None and fault.act != "answer":
            self.close_connection = True
        if fault is None or fault.act == "answer":
            self._answer((fault.answer if fault else None) or answer)
        elif fault.act == "stall":
            provider.ending.wait(_LONGEST_STALL)
        elif fault.act == "cut":
            self._answer(answer, half=True)

    def _answer(self, answer: Answer | None, *, half: bool = False) -> None:
        assert answer is not None
        body = answer.body or (b"{}" if half else b"")
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)

    def version_string(self) -> str:
        """Say little."""
        return "provider"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Stand still, so that dates in answers can be reckoned with."""
        del timestamp
        return format_datetime(NOW, usegmt=True)


def envelope(number: int = 1, *, recipient: str | None = None, **values: Any) -> Envelope:
    """Return a mail to ``reader<number>@example.org`` with all the headers that the service sends."""
    address = recipient or f"reader{number}@example.org"
    standard: dict[str, Any] = {
        "to": address,
        "subject": f"Your alerts № {number}",
        "text": f"Trial {number} – recruiting in Leeds 🏥\n.\nBye\n",
        "html": f"<p>Trial {number} – recruiting in <b>Leeds</b> 🏥</p>\n",
        "message_id": f"<{number:032x}@example.org>",
        "headers": (
            ("List-Unsubscribe", f"<https://alerts.example.org/u/{number}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-Id", "Trial Alerts <alerts.example.org>"),
            ("Auto-Submitted", "auto-generated"),
            ("Precedence", "bulk"),
            ("Reply-To", "Help Desk <help@example.org>"),
        ),
    }
    written = message(**{**standard, **values})
    return Envelope(
        sender=written.sender_address,
        recipient=address,
        content=to_bytes(written),
        message=written,
        metadata={"delivery": f"token{number}"},
    )


def envelopes(count: int) -> list[Envelope]:
    """Return so many mails."""
    return [envelope(number) for number in range(1, count + 1)]


def accounted(outcomes: Sequence[Outcome], sent: Sequence[Envelope], desk: Desk) -> Counter[str]:
    """Check that every outcome is true, given what the provider has; return how many there are of each kind.

    Accepted: the provider has it exactly once, under the id that was told. Unsent or refused for good: it does not
    have it. Nobody knows: at most once.
    """
    assert len(outcomes) == len(sent)
    has = Counter(mail.recipient for mail in desk.mails)
    ids = {mail.recipient: mail.provider_id for mail in desk.mails}
    for outcome, each in zip(outcomes, sent, strict=True):
        count = has.pop(each.recipient, 0)
        if isinstance(outcome, Accepted):
            assert count == 1
            assert outcome.provider_id in {ids[each.recipient], None}
        elif isinstance(outcome, Unsent) or outcome.permanent:
            assert count == 0
        else:
            assert count <= 1
        _tells_nothing(outcome, each)
    assert not has, "the provider has mails that nobody sent"
    return Counter(_kind(outcome) for outcome in outcomes)


def _kind(outcome: Outcome) -> str:
    if isinstance(outcome, Refused):
        return "refused" if outcome.permanent else "unknown"
    return type(outcome).__name__.lower()


def _tells_nothing(outcome: Outcome, each: Envelope) -> None:
    """No address, key or content stands in what operators read."""
    told = "" if isinstance(outcome, Accepted) else f"{outcome.reason} {getattr(outcome, 'code', '')}"
    assert "\n" not in told
    for secret in (each.recipient, "reader", "@", "s3cret", quote("s3cret/+"), each.message.subject, "Leeds"):
        assert secret not in told


def sent_until_settled(channel: Channel, sent: Sequence[Envelope], *, batch: int, rounds: int) -> list[Outcome]:
    """Send what is still unsent again and again, at most ``rounds`` times, as the sender does."""
    settled: dict[str, Outcome] = {}
    for _ in range(rounds):
        waiting = [each for each in sent if isinstance(settled.get(each.recipient, Unsent(reason="")), Unsent)]
        for start in range(0, len(waiting), batch):
            some = waiting[start : start + batch]
            settled |= dict(zip([each.recipient for each in some], channel.send(some), strict=True))
    return [settled[each.recipient] for each in sent]
