"""A scripted SMTP server on loopback that misbehaves as a plan tells it to, and keeps strict accounts.

It reads lines by CRLF alone, undoes dot-stuffing as RFC 5321 says, and counts what breaks the rules of pipelining
(RFC 2920). What it stored is what a mailbox would have; whether it managed to say so is another matter.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Moment = Literal["CONNECT", "EHLO", "STARTTLS", "RSET", "MAIL", "RCPT", "DATA", "CONTENT", "END"]

_TICK = 0.01
_LONGEST = 60.0
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What the server does instead of what it should.

    ``say`` takes the place of the usual reply; a refusal has its usual consequences. ``then`` ends the connection,
    or falls silent, or dribbles a reply without end, or reads nothing more (``leave``). ``after`` is how many bytes
    of content are read before it happens (at ``CONTENT``). ``keep`` decides at ``END`` whether the message is stored
    although nobody is told.
    """

    say: str | None = None
    then: Literal["", "close", "reset", "stall", "dribble", "leave"] = ""
    after: int = 0
    keep: bool = False


Plan = Callable[[Moment, str, int], Act | None]
"""Given the moment, the address it is about (at RCPT and later: the recipient) and the connection's number."""

CLOSE = Act(then="close")
RESET = Act(then="reset")
STALL = Act(then="stall")
DRIBBLE = Act(then="dribble")


@dataclass(frozen=True, slots=True)
class Rule:
    """Do ``act`` at the first ``times`` moments of this kind (about ``about``, where it is given)."""

    moment: Moment
    act: Act
    about: str = ""
    times: int = 1


ALWAYS = 1_000_000


def plan_of(*rules: Rule) -> Plan:
    """Return a plan that follows the rules; the first that fits a moment counts."""
    left = {rule: rule.times for rule in rules}
    lock = threading.Lock()

    def plan(moment: Moment, about: str, connection: int) -> Act | None:
        del connection
        with lock:
            for rule in rules:
                if rule.moment == moment and rule.about in {"", about} and left[rule]:
                    left[rule] -= 1
                    return rule.act
        return None

    return plan


@dataclass(kw_only=True)
class ChaosServer:
    """The server's manners, and its books."""

    plan: Plan = field(default_factory=plan_of)
    pipelining: bool = True
    size: int | None = 10_000_000
    tls: ssl.SSLContext | None = None
    slipped_in: bytes = b""
    """Said in the clear behind the consent to STARTTLS, as somebody on the way would."""
    data_after_refusal: bool = False
    """Whether DATA is answered 354 although every recipient was refused (as RFC 2920 allows)."""

    forgets_refusals: bool = False
    """Whether it takes recipients and content from a sender whom it refused, as no server should."""

    stored: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: int = 0
    empty: int = 0
    """Messages that ended before they began, as they should where no recipient was accepted."""
    violations: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)

    def copies(self) -> Counter[str]:
        """How many copies each recipient's mailbox has."""
        with self.lock:
            return Counter(recipient for _, recipient, _ in self.stored)


class _Gone(Exception):
    """The connection has ended."""


class _Connection:
    def __init__(self, server: ChaosServer, plain: socket.socket, number: int) -> None:
        self.server = server
        self.socket = plain
        self.number = number
        self.received = bytearray()
        self.sender: str | None = None
        self.recipient: str | None = None
        self.asked = ""
        self.secure = False
        self.reading = False

    def serve(self) -> None:
        """Talk until somebody hangs up."""
        with contextlib.suppress(_Gone, OSError):
            self.reply("CONNECT", "220 chaos.example.org ready")
            while True:
                self.obey(self.line())
        self.socket.close()

    def obey(self, line: bytes) -> None:
        verb, _, rest = line.decode().partition(" ")
        found = re.search(r"<([^>]*)>", rest)
        address = found[1] if found else ""
        match verb.upper():
            case "EHLO" | "HELO":
                self.reply("EHLO", self.features())
            case "STARTTLS":
                self.secure_it()
            case "RSET":
                self.sender = self.recipient = None
                self.reply("RSET", "250 2.0.0 Ok")
            case "MAIL":
                self.mail(address)
            case "RCPT":
                self.rcpt(address)
            case "DATA":
                self.data()
            case "QUIT":
                self.say("221 2.0.0 Bye")
                raise _Gone
            case _:
                self.say("500 5.5.1 what?")

    def features(self) -> str:
        names = ["chaos.example.org", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        names += ["PIPELINING"] if self.server.pipelining else []
        names += [f"SIZE {self.server.size}"] if self.server.size is not None else []
        names += ["STARTTLS"] if self.server.tls and not self.secure else []
        return "\r\n".join([*(f"250-{name}" for name in names[:-1]), f"250 {names[-1]}"])

    def secure_it(self) -> None:
        assert self.server.tls is not None
        act = self.server.plan("STARTTLS", "", self.number)
        self.socket.sendall(b"220 2.0.0 go ahead\r\n" + self.server.slipped_in)
        if act:
            self.perform(act)
        try:
            self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)
        except OSError:
            raise _Gone from None
        self.secure = True

    def mail(self, address: str) -> None:
        if self.sender is not None:
            self.say("503 5.5.1 one sender is enough")
        elif self.reply("MAIL", "250 2.1.0 Ok", address):
            self.sender = address

    def rcpt(self, address: str) -> None:
        self.asked = address
        if self.sender is None and not self.server.forgets_refusals:
            self.say("503 5.5.1 who sends?")
        elif self.reply("RCPT", "250 2.1.5 Ok", address):
            self.recipient = address

    def data(self) -> None:
        if self.recipient is None and not self.server.data_after_refusal:
            self.say("554 5.5.1 no valid recipients")
            return
        if not self.server.pipelining:
            self.expect_nothing("DATA")
        if self.received:
            self.violation("something came behind DATA")
        if self.reply("DATA", "354 go on", self.asked, fine="3"):
            self.content()

    def content(self) -> None:
        act = self.server.plan("CONTENT", self.asked, self.number)
        if act:
            self.take(act.after)
            self.reading = True
            self.perform(act)
            self.reading = False
        content = b"" if self.starts_with_end() else self.until(b"\r\n.\r\n") + b"\r\n"
        undone = re.sub(rb"(?:\A|(?<=\r\n))\.", b"", content)
        sender, recipient = self.sender or "", self.recipient
        self.sender = self.recipient = None
        if recipient is None:
            self.server.empty += 1
            self.say("554 5.5.1 no valid recipients")
            return
        act = self.server.plan("END", recipient, self.number)
        if act is None or act.keep or (act.say or "").startswith("2"):
            with self.server.lock:
                self.server.stored.append((sender, recipient, undone))
        if act:
            self.perform(act)
        else:
            self.say("250 2.0.0 Ok: queued as C4A05")

    def starts_with_end(self) -> bool:
        self.take(3)
        ends = self.received.startswith(b".\r\n")
        if ends:
            del self.received[:3]
        return ends

    def reply(self, moment: Moment, usual: str, about: str = "", *, fine: str = "2") -> bool:
        """Reply as the plan says, or as usual; return whether it was a consent."""
        act = self.server.plan(moment, about, self.number)
        if act is None:
            self.say(usual)
            return True
        self.perform(act)
        return (act.say or "").startswith(fine)

    def perform(self, act: Act) -> None:
        if act.say is not None:
            self.say(act.say)
        if act.then == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if act.then in {"close", "reset"}:
            raise _Gone
        if act.then == "leave":
            self.server.stopped.wait(_LONGEST)
            raise _Gone
        if act.then in {"stall", "dribble"}:
            self.hold(dribble=act.then == "dribble")

    def hold(self, *, dribble: bool) -> None:
        """Keep the client waiting until it goes."""
        if dribble:
            self.socket.sendall(b"250-")
        while not self.server.stopped.wait(_TICK):
            if dribble:
                self.socket.sendall(b"x")
            if select.select([self.socket], [], [], 0)[0] and not self.socket.recv(65_536):
                break
        raise _Gone

    def say(self, text: str) -> None:
        if not self.server.pipelining and not self.reading:
            self.expect_nothing(text[:3])
        self.socket.sendall(text.encode() + b"\r\n")

    def expect_nothing(self, when: str) -> None:
        if self.received or select.select([self.socket], [], [], 0)[0]:
            self.violation(f"something came before the reply {when}")

    def violation(self, what: str) -> None:
        with self.server.lock:
            self.server.violations.append(what)

    def line(self) -> bytes:
        return self.until(b"\r\n")

    def until(self, end: bytes) -> bytes:
        searched = 0
        while (found := self.received.find(end, searched)) < 0:
            searched = max(len(self.received) - len(end), 0)
            self.more()
        line = bytes(self.received[:found])
        del self.received[: found + len(end)]
        return line

    def take(self, number: int) -> None:
        while len(self.received) < number:
            self.more()

    def more(self) -> None:
        data = self.socket.recv(1_000_000)
        if not data:
            raise _Gone
        self.received += data


@contextmanager
def running(server: ChaosServer) -> Iterator[int]:
    """Run the server, each connection on a thread of its own; gives its port. All end with the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    open_ones: list[_Connection] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with server.lock:
                    server.connections += 1
                    connection = _Connection(server, plain, server.connections)
                open_ones.append(connection)
                thread = threading.Thread(target=connection.serve)
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        listener.close()
        for connection in open_ones:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
