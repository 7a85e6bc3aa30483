"""The mass guard: nobody is believed to be gone because a server refuses everybody, and everything arrives later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import Session, col, select

from tests.delivery.post import NOW, add_person, dice, queue, render, settings
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.mail.envelope import Envelope, Outcome, Refused
from trialalerts.delivery.outbox.suppressions import list_suppressions
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, SendingPause, SoftBounces, Suppression
from trialalerts.delivery.policy import mass_guard, operators_word
from trialalerts.delivery.policy.cooldown import cool_down, outages
from trialalerts.delivery.policy.refusal_findings import BENCHED
from trialalerts.delivery.sending import breaker
from trialalerts.delivery.sending.sender import SendCount, send_queued
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.delivery.transports.smtp.replies import SmtpReply, refusal
from trialalerts.operations.doctor import examine
from trialalerts.subscribers.tables import Subscriber, SubscriberState

HOUR = timedelta(hours=1)
GONE = "550 5.1.1 no such user here"


def reply(line: str) -> Refused:
    """What the SMTP transport makes of a reply to RCPT."""
    code, _, text = line.partition(" ")
    return refusal(SmtpReply(int(code), text.encode()), "recipient")


def people(db: Database, addresses: Iterable[str], *, now: datetime = NOW) -> None:
    """Store a subscriber of each address, and queue a digest for each."""
    with db.write() as session:
        for address in addresses:
            person = add_person(session, address, confirmed_at=now, created_at=now)
            queue(session, person, key=f"digest/{address}", now=now)


def at(domain: str, number: int, first: int = 0) -> list[str]:
    return [f"p{each}@{domain}" for each in range(first, first + number)]


class Server(MemoryTransport):
    """A transport that answers by what ``says`` says of an address; None: taken."""

    def __init__(self, says: Callable[[str], Refused | None] = lambda _: None) -> None:
        super().__init__()
        self.says = says

    def take(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Answer each message."""
        for each in envelopes:
            self.answer(each.recipient, self.says(each.recipient))
        return super().take(envelopes)


def send(db: Database, server: MemoryTransport, clock: FrozenClock) -> SendCount:
    return send_queued(db, server, render, settings=settings(), clock=clock, random=dice())


def state_of(db: Database) -> dict[str, int]:
    with db.read() as session:
        states = [str(each) for each in session.exec(select(Delivery.state))]
    return {each: states.count(each) for each in set(states)}


def blamed(session: Session) -> tuple[int, int, int]:
    """How many are suppressed, bounced, counted."""
    bounced = select(Subscriber).where(col(Subscriber.state) != SubscriberState.ACTIVE)
    return (
        len(list_suppressions(session)),
        len(session.exec(bounced).all()),
        len(session.exec(select(SoftBounces)).all()),
    )


def served(db: Database, server: Server, clock: FrozenClock, *, hours: int = 80) -> int:
    """Send once an hour until nothing waits; return how many hours it took."""
    for hour in range(hours):
        send(db, server, clock)
        if not state_of(db).keys() & {"queued", "sending"}:
            return hour
        clock.advance(HOUR + timedelta(minutes=1))
    return hours


def test_a_server_that_calls_everybody_unknown_is_not_believed(db: Database) -> None:
    people(db, at("people.example", 60))
    server, clock = Server(lambda _: reply(GONE)), FrozenClock(NOW)
    send(db, server, clock)
    with db.read() as session:
        assert blamed(session) == (0, 0, 0)
        (finding,) = open_findings(session)
        assert (finding.kind, finding.subject) == (mass_guard.HELD, "people.example")
        assert "no such user here" in finding.text
        assert "@" not in finding.text
    assert [check.level for check in examine(settings(), db, clock) if "people.example rests" in check.what] == [
        "broken"
    ]
    tried = server.tried
    clock.advance(timedelta(minutes=50))
    send(db, server, clock)
    assert server.tried == tried, "mail rests"
    clock.advance(timedelta(minutes=20))
    send(db, server, clock)
    assert server.tried == tried + 1, "one mail tries"
    server.says = lambda _: None
    served(db, server, clock)
    assert state_of(db) == {"sent": 60}
    with db.read() as session:
        assert open_findings(session) == []
        assert blamed(session) == (0, 0, 0)


def test_what_was_suppressed_before_the_guard_tripped_is_taken_back_and_its_mail_comes(db: Database) -> None:
    people(db, at("people.example", 20))
    server, clock = Server(), FrozenClock(NOW)
    server.says = lambda address: reply(GONE) if address in at("people.example", 3) else None
    send(db, server, clock)
    with db.read() as session:
        assert blamed(session) == (3, 3, 0)
        suppression = session.exec(select(Suppression)).first()
        assert suppression is not None
        assert (suppression.code, suppression.transport) == ("550 5.1.1", "memory")
        assert suppression.rule
        assert suppression.domain_hash
        assert suppression.provisional_until == NOW + timedelta(days=7)
    clock.advance(HOUR)
    people(db, at("people.example", 20, first=20), now=clock.now())
    server.says = lambda _: reply(GONE)
    send(db, server, clock)
    with db.read() as session:
        assert blamed(session) == (0, 0, 0)
    server.says = lambda _: None
    clock.advance(HOUR + timedelta(minutes=1))
    served(db, server, clock)
    assert state_of(db) == {"sent": 40}


@pytest.mark.parametrize("order", ["spread", "first", "last"])
def test_twenty_dead_addresses_among_four_hundred_are_suppressed_and_nobody_else(
    sqlite_db: Database, order: str
) -> None:
    addresses = [f"p{number}@d{number % 7}.example" for number in range(400)]
    dead = {"spread": addresses[::20], "first": addresses[:20], "last": addresses[-20:]}[order]
    people(sqlite_db, addresses)
    server = Server(lambda address: reply(GONE) if address in dead else None)
    served(sqlite_db, server, FrozenClock(NOW))
    with sqlite_db.read() as session:
        bounced = select(Subscriber.address).where(col(Subscriber.state) == SubscriberState.BOUNCED)
        assert sorted(session.exec(bounced)) == sorted(dead)
        assert len(list_suppressions(session)) == 20
        assert open_findings(session) == []
    assert state_of(sqlite_db) == {"sent": 380, "failed": 20}


def test_a_few_dead_addresses_of_a_small_domain_are_no_reason_to_rest(db: Database) -> None:
    people(db, [*at("small.example", 4), *at("people.example", 60)])
    server = Server(lambda address: reply(GONE) if address.endswith("@small.example") else None)
    assert send(db, server, FrozenClock(NOW)).failed == 4
    with db.read() as session:
        assert blamed(session)[0] == 4
        assert mass_guard.holds(session) == []


def test_the_case_of_a_server_that_refuses_our_sender(db: Database, shared_cases: Path) -> None:
    folder = shared_cases / "breaker-counts-only-what-was-accepted"
    lines = (folder / "list.csv").read_text().splitlines()[1:]
    line = (folder / "reply.txt").read_text().strip()
    people(db, [each.split(",")[0] for each in lines])
    server, clock = Server(lambda _: reply(line)), FrozenClock(NOW)
    send(db, server, clock)
    assert server.tried < 260, "what is on its way when it shows, and no more"
    with db.read() as session:
        assert blamed(session) == (0, 0, 0)
        (finding,) = open_findings(session)
        assert "because of us" in finding.text
    tried = server.tried
    clock.advance(timedelta(minutes=30))
    send(db, server, clock)
    assert server.tried == tried
    server.says = lambda _: None
    served(db, server, clock)
    assert state_of(db) == {"sent": 400}


def test_three_refusals_about_us_by_two_domains_bench_the_transport_and_by_one_do_not(db: Database) -> None:
    ours = reply("550 5.7.1 your IP is on a block list")
    people(db, [*at("a.example", 2), *at("b.example", 1)])
    ended = send(db, Server(lambda _: ours), FrozenClock(NOW))
    assert ended.broken is not None
    assert "refused because of us" in ended.broken
    with db.read() as session:
        (finding,) = open_findings(session)
        assert (finding.kind, finding.subject) == (BENCHED, "memory")
        assert "your IP is on a block list" in finding.text
        assert blamed(session) == (0, 0, 0)


def test_one_domain_that_refuses_us_holds_up_nobody_else(db: Database) -> None:
    people(db, [*at("a.example", 30), *at("b.example", 30)])
    ours = reply("550 5.7.1 your IP is on a block list")
    ended = send(db, Server(lambda address: ours if "@a." in address else None), FrozenClock(NOW))
    assert (ended.sent, ended.broken) == (30, None)
    with db.read() as session:
        assert [each.scope for each in mass_guard.holds(session)] == ["a.example"]


def test_two_domains_that_refuse_us_stop_all_mail_with_one_finding(db: Database) -> None:
    people(db, [*at("a.example", 30), *at("b.example", 30), *at("c.example", 2)])
    ours = reply("550 5.7.1 your IP is on a block list")
    server, clock = Server(lambda address: None if "@c." in address else ours), FrozenClock(NOW)
    send(db, server, clock)
    clock.advance(timedelta(minutes=10))
    send(db, server, clock)
    with db.read() as session:
        assert [each.scope for each in mass_guard.holds(session)] == [mass_guard.EVERYWHERE]
        assert [(each.kind, each.subject) for each in open_findings(session)] == [
            (mass_guard.HELD, mass_guard.EVERYWHERE)
        ]
    server.says = lambda _: None
    served(db, server, clock)
    assert state_of(db) == {"sent": 62}
    with db.read() as session:
        assert open_findings(session) == []


def test_a_temporary_answer_is_no_evidence(db: Database) -> None:
    people(db, at("people.example", 60))
    send(db, Server(lambda _: reply("451 4.7.1 greylisted, try again later")), FrozenClock(NOW))
    with db.read() as session:
        assert mass_guard.holds(session) == []
        assert blamed(session) == (0, 0, 0)
    assert state_of(db) == {DeliveryState.QUEUED: 60}


def test_another_mail_url_begins_with_a_clean_slate(db: Database) -> None:
    people(db, at("people.example", 10))
    clock = FrozenClock(NOW)
    send(db, Server(lambda _: reply("550 5.7.1 your IP is on a block list")), clock)
    with db.write() as session:
        assert len(mass_guard.holds(session)) == 1
        cool_down(session, "memory", reason="no connection", now=NOW, retry_after=3_600)
    moved = settings(url=SecretStr("memory://elsewhere"))
    send_queued(db, Server(), render, settings=moved, clock=clock, random=dice())
    with db.read() as session:
        assert (mass_guard.holds(session), outages(session), open_findings(session)) == ([], [], [])
        kept = [each.reason for each in session.exec(select(SendingPause))]
    assert not any("elsewhere" in reason for reason in kept)


def test_a_new_secret_is_no_new_mail_url(db: Database) -> None:
    url = "memory://here"
    with db.write() as session:
        breaker.begin_anew_with(session, url, ["the old secret"], now=NOW)
        cool_down(session, "memory", reason="no connection", now=NOW, retry_after=3_600)
        assert not breaker.begin_anew_with(session, url, ["the new secret", "the old secret"], now=NOW)
        assert not breaker.begin_anew_with(session, url, ["the new secret"], now=NOW)
        assert [each.name for each in outages(session)] == ["memory"]
        assert breaker.begin_anew_with(session, "memory://elsewhere", ["newest", "the new secret"], now=NOW)
        assert outages(session) == []


def _a_third_is_dead(address: str) -> Refused | None:
    return reply(GONE) if int(address.partition("@")[0][1:]) % 3 == 0 else None


def test_an_old_list_of_which_a_third_is_dead_is_served_once_the_operator_says_so(db: Database) -> None:
    addresses = [f"p{number}@d{number % 40}.example" for number in range(240)]
    people(db, addresses)
    server, clock = Server(_a_third_is_dead), FrozenClock(NOW)
    send(db, server, clock)
    with db.read() as session:
        assert blamed(session) == (0, 0, 0)
        (finding,) = open_findings(session)
        assert "trialalerts deliveries resume --gone" in finding.text
    with db.write() as session:
        scopes, _ = breaker.resume_believing(session, until=NOW + timedelta(days=7), now=clock.now())
        assert scopes == [mass_guard.EVERYWHERE]
    served(db, server, clock)
    clock.advance(timedelta(days=1))
    people(db, [f"q{number}@d{number % 40}.example" for number in range(0, 240, 3)], now=clock.now())
    served(db, server, clock)  # the day after the rest of the dead is written to, and nothing rests again
    with db.read() as session:
        assert mass_guard.holds(session) == []
        assert open_findings(session) == []
        suppressed, bounced, counts = blamed(session)
        assert suppressed == bounced
        assert suppressed > 80
        assert counts == 0


def test_the_operators_word_is_good_for_its_days_and_its_domains_only(db: Database) -> None:
    with db.write() as session:
        operators_word.believe_gone(session, ["people.example"], until=NOW + timedelta(days=7), now=NOW)
    people(db, [*at("people.example", 40), *at("other.example", 40)])
    server, clock = Server(lambda _: reply(GONE)), FrozenClock(NOW)
    send(db, server, clock)
    with db.read() as session:
        assert [each.scope for each in mass_guard.holds(session)] == ["other.example"]
        assert blamed(session)[0] == 40
    clock.advance(timedelta(days=8))
    people(db, at("people.example", 40, first=40), now=clock.now())
    send(db, server, clock)
    with db.read() as session:
        assert mass_guard.rest_of_all(session) or "people.example" in {one.scope for one in mass_guard.holds(session)}
        assert blamed(session)[0] == 40


def test_the_operators_word_lets_no_refusal_because_of_us_pass(db: Database) -> None:
    with db.write() as session:
        operators_word.believe_gone(session, [mass_guard.EVERYWHERE], until=NOW + timedelta(days=7), now=NOW)
    people(db, at("people.example", 40))
    send(db, Server(lambda _: reply("550 5.7.1 your host is blocked")), FrozenClock(NOW))
    with db.read() as session:
        assert [each.cause for each in mass_guard.holds(session)] == [mass_guard.Cause.OURS]
        assert blamed(session) == (0, 0, 0)
