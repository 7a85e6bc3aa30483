"""Servers that refuse everybody because of us, whichever way mail leaves, and a town of readers who wait for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from sqlmodel import col, select

from tests.delivery import mailserver, provider_servers
from tests.delivery.feedback import senders
from tests.delivery.feedback.bounce_samples import SAMPLES
from tests.delivery.feedback.senders import Sender
from tests.delivery.post import NOW, add_person, dice, queue, render, settings
from tests.delivery.provider_desks import DESKS
from tests.delivery.provider_servers import Fault, failing
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import Finding, open_findings
from trialalerts.delivery.feedback.events import Event
from trialalerts.delivery.feedback.handling import handle_feedback
from trialalerts.delivery.feedback.mailbox.bounces import events_of
from trialalerts.delivery.mail.reply_codes import classify
from trialalerts.delivery.outbox.suppressions import list_suppressions
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, SoftBounces, Tally
from trialalerts.delivery.policy import mass_guard
from trialalerts.delivery.policy.cooldown import outages
from trialalerts.delivery.sending.breaker import pause_of
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.subscribers.tables import Subscriber, SubscriberState

__all__ = ["GONE", "REPLIES", "WAYS", "OwnFault", "Town", "Way", "opened"]

GONE = "550 5.1.1 no such user here"
SETTINGS = settings(bounces="b@bounce.example.org", **{"from": "Trial Alerts <alerts@example.org>"})
_ARRIVED = {DeliveryState.SENT, DeliveryState.DELIVERED}


@dataclass(frozen=True, kw_only=True)
class OwnFault:
    """A reply that is about us, and the command at which it is usual."""

    reply: str
    command: str = "RCPT"
    says: str = "because of us"
    """What a finding says of it, besides the rule: some providers have a sentence of their own."""

    @property
    def rule(self) -> str:
        """By which rule it is known."""
        return classify(self.reply).rule


REPLIES = {
    "block list": OwnFault(
        reply="550 5.1.1 Recipient rejected: client host [192.0.2.7] blocked using zen.spamhaus.org"
    ),
    "rate": OwnFault(reply="450 4.7.1 Too many messages from your address, slow down"),
    "SPF": OwnFault(reply="550 5.7.23 The message was rejected because SPF validation failed", command="DATA"),
    "reverse DNS": OwnFault(reply="554 5.7.1 Client host rejected: cannot find your reverse hostname"),
    "sender": OwnFault(reply="550 5.1.0 Sender address rejected: not verified", says="not verified"),
    "content": OwnFault(reply="554 5.7.1 Message looks like spam and was rejected", command="DATA"),
    "TLS": OwnFault(reply="530 5.7.0 Must issue a STARTTLS command first", command="MAIL"),
    "quota": OwnFault(reply="550 5.4.5 Daily user sending quota exceeded", command="DATA"),
    "policy": OwnFault(reply="550 5.7.1 Delivery not authorized, message refused by policy"),
}


class Way(Protocol):
    """A way on which mail leaves; it can be told to refuse everybody, or some for good."""

    @property
    def transport(self) -> Transport:
        """By which mail leaves."""
        ...

    def refuse(self, fault: OwnFault | None) -> None:
        """Refuse everybody from now on; None: take everybody again."""
        ...

    def bury(self, addresses: Iterable[str]) -> None:
        """Say of these that nobody reads there."""
        ...

    def tell(self, town: Town) -> None:
        """Let come back what comes back later."""
        ...

    def taken(self) -> Counter[str]:
        """How many mails each address has got, not counting what came back."""
        ...

    def tried(self) -> int:
        """How many mails were taken, come back or not."""
        ...


@dataclass(kw_only=True)
class Town:
    """Readers of several domains; ``round`` sends what is due and hears what comes back."""

    db: Database
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOW))

    def settle(self, addresses: Iterable[str]) -> None:
        """Store a reader of each address, with a digest that waits."""
        with self.db.write() as session:
            for address in addresses:
                person = add_person(session, address, confirmed_at=self.clock.now(), created_at=self.clock.now())
                queue(session, person, key=f"digest/{address}", now=self.clock.now())

    def round(self, way: Way) -> None:
        """Send what is due, then hear what comes back."""
        send_queued(self.db, way.transport, render, settings=SETTINGS, clock=self.clock, random=dice())
        way.tell(self)

    def rounds(self, way: Way, minutes: int, *, every: int) -> None:
        """Make rounds for so many minutes."""
        for _ in range(0, minutes, every):
            self.round(way)
            self.clock.advance(timedelta(minutes=every))

    def until_all_is_settled(self, way: Way, *, every: int, most: int = 100) -> None:
        """Make rounds until nothing waits."""
        for _ in range(most):
            self.round(way)
            if not self.states().keys() & {DeliveryState.QUEUED, DeliveryState.SENDING}:
                return
            self.clock.advance(timedelta(minutes=every))

    def handle(self, events: Iterable[Event]) -> None:
        """Heed what was told."""
        handle_feedback(self.db, SETTINGS, list(events), now=self.clock.now())

    def states(self) -> Counter[DeliveryState]:
        """How many mails are in each state."""
        with self.db.read() as session:
            return Counter(DeliveryState(each) for each in session.exec(select(Delivery.state)))

    def all_arrived(self) -> bool:
        """Whether every mail was taken in the end."""
        return self.states().keys() <= _ARRIVED

    def nobody_is_blamed(self) -> None:
        """Nobody is suppressed, bounced or counted, and nothing that the breaker divides has grown."""
        with self.db.read() as session:
            assert list_suppressions(session) == []
            assert session.exec(select(Subscriber).where(col(Subscriber.state) != SubscriberState.ACTIVE)).all() == []
            assert session.exec(select(SoftBounces)).all() == []
            assert session.exec(select(Tally).where(col(Tally.what) == "bounced")).all() == []
            assert pause_of(session) is None

    def finding(self) -> Finding:
        """The one finding that there is."""
        with self.db.read() as session:
            found = open_findings(session)
        assert len(found) == 1, [f"{each.kind} {each.subject}: {each.text}" for each in found]
        return found[0]

    def nothing_is_left(self) -> None:
        """No finding, hold or bench stands any more."""
        with self.db.read() as session:
            assert (list(open_findings(session)), mass_guard.holds(session), outages(session)) == ([], [], [])

    def suppressed(self) -> list[str]:
        """Who is suppressed: as many as are bounced, and they."""
        with self.db.read() as session:
            bounced = select(Subscriber.address).where(col(Subscriber.state) == SubscriberState.BOUNCED)
            found = sorted(session.exec(bounced))
            assert len(list_suppressions(session)) == len(found)
            return found


# --- SMTP: refused at the door


class Smtp:
    """A mail server that says so at once."""

    def __init__(self, mailbox: mailserver.Mailbox, port: int, command: str = "") -> None:
        self.transport = open_transport(f"smtp://127.0.0.1:{port}?tls=none&connections=2")
        self._mailbox = mailbox
        self._command = command

    def refuse(self, fault: OwnFault | None) -> None:
        self._mailbox.answers = {self._command or fault.command: fault.reply} if fault else {}

    def bury(self, addresses: Iterable[str]) -> None:
        self._mailbox.answers = dict.fromkeys(addresses, GONE)

    def tell(self, town: Town) -> None:
        """Nothing comes back."""

    def taken(self) -> Counter[str]:
        return Counter(recipient for _, recipient, _ in self._mailbox.received)

    def tried(self) -> int:
        return len(self._mailbox.received)


# --- a relay: taken, and sent back by mail


class _TellsLater:
    """What takes everything, and tells afterwards whom the next server refused."""

    def __init__(self) -> None:
        self._fault: OwnFault | None = None
        self._gone: set[str] = set()
        self._heard = 0
        self._came_back: Counter[str] = Counter()

    def refuse(self, fault: OwnFault | None) -> None:
        self._fault = fault

    def bury(self, addresses: Iterable[str]) -> None:
        self._gone = set(addresses)


class Relay(_TellsLater):
    """A relay that takes everything and sends a bounce mail for what the next server refuses."""

    def __init__(self) -> None:
        self.transport = MemoryTransport()
        super().__init__()

    def tell(self, town: Town) -> None:
        new = self.transport.sent[self._heard :]
        self._heard += len(new)
        for each in new:
            reply = GONE if each.recipient in self._gone else self._fault.reply if self._fault else None
            if reply:
                self._came_back[each.recipient] += 1
                mail = _bounce(each.sender, reply, f"{each.recipient} {self._heard}")
                town.handle(events_of(mail, arrived=town.clock.now(), is_ours=lambda _: True))

    def taken(self) -> Counter[str]:
        return Counter(each.recipient for each in self.transport.sent) - self._came_back

    def tried(self) -> int:
        return len(self.transport.sent)


def _bounce(to: str, reply: str, mark: str) -> bytes:
    mail = SAMPLES["postfix"].format(to=to).replace("Status: 5.1.1", f"Status: {reply.split()[1]}")
    begin, last = mail.index("550 5.1.1 <mona"), "virtual mailbox table"
    mail = mail[:begin] + reply + mail[mail.index(last) + len(last) :]
    return mail.replace("Subject: ", f"X-Mark: {mark}\nSubject: ", 1).encode()


# --- a provider: refused by its API, or taken and told by a webhook


class Api:
    """A provider whose API refuses everybody."""

    def __init__(self, server: provider_servers.ProviderServer) -> None:
        self.transport = open_transport(server.url + "&connections=2")
        self._server = server

    def refuse(self, fault: OwnFault | None) -> None:
        refusal = _answer(self._server.desk.scheme, fault.reply) if fault else None
        self._server.plan = lambda: refusal

    def bury(self, addresses: Iterable[str]) -> None:
        raise NotImplementedError

    def tell(self, town: Town) -> None:
        """Nothing comes back."""

    def taken(self) -> Counter[str]:
        return Counter(mail.recipient for mail in self._server.desk.mails)

    def tried(self) -> int:
        return len(self._server.desk.mails)


def _answer(scheme: str, words: str) -> Fault:
    """How a provider's API says something that its pages do not name: a bad request, in its own form."""
    bodies: dict[str, Any] = {
        "ses": {"message": words},
        "sendgrid": {"errors": [{"message": words, "field": None, "help": None}]},
        "mailgun": {"message": words},
        "postmark": {"ErrorCode": 999, "Message": words},
        "resend": {"statusCode": 422, "name": "validation_error", "message": words},
        "brevo": {"code": "bad_request", "message": words},
    }
    status = 422 if scheme in {"postmark", "resend"} else 400
    headers = {"x-amzn-ErrorType": "MessageRejected"} if scheme == "ses" else {}
    return failing(status, json.dumps(bodies[scheme]).encode(), headers=headers)


class Webhook(_TellsLater):
    """A provider that takes everything and tells by its webhook what the other server said."""

    def __init__(self, server: provider_servers.ProviderServer, sender: Sender) -> None:
        self.transport = open_transport(server.url + "&connections=2")
        self._server = server
        self._sender = sender
        super().__init__()

    def tell(self, town: Town) -> None:
        new = self._server.desk.mails[self._heard :]
        self._heard += len(new)
        for mail in new:
            gone = mail.recipient in self._gone
            what = "hard" if gone else "blocked" if self._fault else "delivered"
            if what != "delivered":
                self._came_back[mail.recipient] += 1
            with _saying(self._fault.reply if self._fault else senders.TIRED):
                call = self._sender.call(what, mail.metadata["delivery"])
            found = self._sender.webhook.events(call)
            town.handle(replace(each, provider_ids=(mail.provider_id,)) for each in found)

    def taken(self) -> Counter[str]:
        return Counter(mail.recipient for mail in self._server.desk.mails) - self._came_back

    def tried(self) -> int:
        return len(self._server.desk.mails)


@contextmanager
def _saying(words: str) -> Iterator[None]:
    """Let the webhooks of these tests quote a server that says this."""
    usual, senders.TIRED = senders.TIRED, words
    try:
        yield
    finally:
        senders.TIRED = usual


# --- all ways by name

SCHEMES = sorted(DESKS)
WAYS = [
    "smtp",
    "a bounce mail",
    *(f"{scheme} by its API" for scheme in SCHEMES),
    *(f"{scheme} by webhook" for scheme in SCHEMES),
]


@contextmanager
def opened(way: str, known: Callable[[], dict[str, Sender]], command: str = "") -> Iterator[Way]:
    """Open a way by its name; ``known`` gives the webhooks of the providers, whose keys take time to make."""
    scheme, _, how = way.partition(" by ")
    if way == "smtp":
        mailbox = mailserver.Mailbox()
        with mailserver.running(mailbox) as port:
            yield Smtp(mailbox, port, command)
    elif way == "a bounce mail":
        yield Relay()
    else:
        with provider_servers.running(DESKS[scheme]()) as server:
            yield Api(server) if how == "its API" else Webhook(server, known()[scheme])
