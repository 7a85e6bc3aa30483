"""Each kind of refusal that is about us has its own brake, and none of them blames a person too soon."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from tests.delivery.policy.test_mass_guard import HOUR, Server, at, blamed, people, reply, send, served, state_of
from tests.delivery.post import NOW, SECRET, add_person, queue, settings
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.mail.envelope import Refused
from trialalerts.delivery.outbox.suppressions import lift_suppressions, suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, RefusedAddress, SoftBounces
from trialalerts.delivery.policy import answers, mass_guard, slowing
from trialalerts.delivery.policy.answers import Answer
from trialalerts.delivery.sending.limits import Limits
from trialalerts.settings import LimitSettings
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.tables import Subscriber

DAY = timedelta(days=1)
RATE = reply("450 4.7.1 Too many messages from your address, slow down")
SPF = reply("550 5.7.23 The message was rejected because SPF validation failed")
SENDER = reply("550 5.1.8 Sender address rejected: Domain not found")
RELAY = reply("530 5.7.0 Must issue a STARTTLS command first")
LIST = reply("550 5.7.1 your IP is on a block list")
RESTRICTED = reply("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required")
POLICY = reply("550 5.7.1 Delivery not authorized, message refused by policy")


def scopes(db: Database) -> list[tuple[str, str]]:
    with db.read() as session:
        return [(each.scope, each.cause) for each in mass_guard.holds(session)]


def an_hour(db: Database, domain: str, clock: FrozenClock) -> int | None:
    with db.read() as session:
        pace = slowing.paces(session, now=clock.now()).get(domain)
    return None if pace is None else round(pace * 3600)


def refusing(addresses: Iterable[str], refusal: Refused) -> Callable[[str], Refused | None]:
    chosen = set(addresses)
    return lambda address: refusal if address in chosen else None


# --- rate: half as fast, after an hour's rest, at that domain only


def test_a_domain_that_says_too_many_rests_an_hour_and_then_gets_mail_half_as_fast(db: Database) -> None:
    people(db, [*at("a.example", 400), *at("b.example", 20)])
    clock, late = FrozenClock(NOW), at("a.example", 100, first=300)
    server = Server(refusing(late, RATE))
    send(db, server, clock)
    assert scopes(db) == [("a.example", "rate")]
    taken = server.tried - 1
    with db.read() as session:
        (finding,) = open_findings(session)
        assert (finding.kind, finding.subject) == (mass_guard.HELD, "a.example")
        assert "too many at once" in finding.text
        assert '[mail.domains."a.example"]' in finding.text
        assert blamed(session) == (0, 0, 0)
        (all_,) = [
            each for each in mass_guard.answers_by_domain(session, now=clock.now()) if each["domain"] == "a.example"
        ]
    half = an_hour(db, "a.example", clock) or 0
    assert all_["per_hour"] == half
    assert 60 <= half <= taken // 2
    assert state_of(db)["sent"] >= 300, "others are served, and what was taken was taken"
    clock.advance(timedelta(minutes=50))
    tried = server.tried
    send(db, server, clock)
    assert server.tried == tried, "mail there rests"
    server.says = lambda _: None
    clock.advance(timedelta(minutes=11))
    send(db, server, clock)
    waiting = state_of(db)["queued"]
    assert waiting, "one mail tries, then they come slowly"
    for _ in range(10):
        clock.advance(timedelta(minutes=1))
        send(db, server, clock)
    assert state_of(db).get("queued", 0) >= waiting - half // 6 - 2
    for _ in range(110):
        clock.advance(timedelta(minutes=1))
        send(db, server, clock)
    assert state_of(db) == {"sent": 420}
    with db.read() as session:
        assert open_findings(session) == []


def test_said_again_it_halves_again_and_day_by_day_it_doubles(db: Database) -> None:
    clock = FrozenClock(NOW)
    with db.write() as session:
        answers.count_answers(session, {("a.example", Answer.ANSWERED): 4_000}, at=NOW - timedelta(hours=2))
        answers.count_answers(session, {("a.example", Answer.ANSWERED): 900, ("a.example", Answer.OURS): 400}, at=NOW)
        assert slowing.slow_down(session, "a.example", now=NOW) == 2_000
    assert an_hour(db, "a.example", clock) == 2_000
    clock.advance(timedelta(hours=23))
    with db.write() as session:
        assert slowing.slow_down(session, "a.example", now=clock.now()) == 1_000
    paces = []
    for _ in range(8):
        paces.append(an_hour(db, "a.example", clock))
        clock.advance(DAY)
    assert paces == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, None]
    with db.write() as session:
        mass_guard.forget_holds(session, now=clock.now())
        assert slowing.slow_down(session, "a.example", now=clock.now()) == 60, "of that day nothing is known"


def test_a_slowed_domain_never_gets_mail_faster_than_it_was_configured() -> None:
    limits = Limits(settings(domains={"a.example": LimitSettings(per_second=0.1, connections=2)}).mail)
    limits.slow({"a.example": 5.0, "b.example": 0.5})
    assert (limits.bucket_of("x@a.example"), limits.bucket_of("x@b.example")) == ("a.example", "b.example")
    assert limits.applies(NOW, ["b.example"])
    assert limits.connections("a.example") == 2
    assert limits._domains["a.example"].per_second == 0.1
    limits.slow({})
    assert (limits.bucket_of("x@b.example"), limits.connections("b.example")) == ("", None)


def test_a_service_that_runs_now_and_then_makes_up_for_ten_minutes(db: Database) -> None:
    people(db, at("a.example", 60))
    clock = FrozenClock(NOW)
    with db.write() as session:
        slowing.slow_down(session, "a.example", now=NOW)
    taken = []
    for _ in range(4):
        server = Server()
        send(db, server, clock)
        taken.append(server.tried)
        clock.advance(timedelta(minutes=15))
    assert taken[0] == 1, "nothing is left over from before"
    assert all(10 <= number <= 11 for number in taken[1:]), taken


def test_nobody_gets_an_appointment_for_later_than_tomorrow_for_by_then_it_goes_faster(sqlite_db: Database) -> None:
    people(sqlite_db, at("a.example", 1_600))
    clock = FrozenClock(NOW)
    with sqlite_db.write() as session:
        slowing.slow_down(session, "a.example", now=NOW)
    send(sqlite_db, Server(), clock)
    with sqlite_db.read() as session:
        waiting = [each.not_before for each in session.exec(select(Delivery).where(col(Delivery.state) == "queued"))]
    assert len(waiting) == 1_599
    assert len(set(waiting)) > 1_400, "one behind the other"
    assert max(waiting) <= NOW + DAY


def test_one_reader_whose_own_mailbox_gets_too_many_slows_nobody_else_down(db: Database) -> None:
    people(db, at("a.example", 100))
    clock = FrozenClock(NOW)
    one = reply("450 4.2.1 The user you are trying to contact is receiving mail too quickly")
    server = Server(refusing(at("a.example", 1), one))
    for _ in range(3):
        send(db, server, clock)
        clock.advance(timedelta(minutes=3))
    assert server.tried > 100
    assert scopes(db) == []


def test_domains_that_each_want_fewer_stop_no_other_mail(db: Database) -> None:
    people(db, at("c.example", 300), now=NOW - HOUR)
    people(db, [*at("a.example", 60), *at("b.example", 60)])
    full = {*at("a.example", 30), *at("b.example", 30)}
    send(db, Server(refusing(full, RATE)), FrozenClock(NOW))
    assert scopes(db) == [("a.example", "rate"), ("b.example", "rate")]
    assert state_of(db)["sent"] >= 300


# --- our set-up: everything stops at the second domain


@pytest.mark.parametrize("refusal", [SPF, SENDER, RELAY], ids=["auth", "sender", "TLS"])
def test_what_is_wrong_with_our_set_up_stops_all_mail_at_the_second_domain(db: Database, refusal: Refused) -> None:
    clock = FrozenClock(NOW)
    people(db, at("a.example", 1))
    send(db, Server(lambda _: refusal), clock)
    assert scopes(db) == []
    clock.advance(timedelta(minutes=5))
    people(db, at("b.example", 1), now=clock.now())
    send(db, Server(refusing(at("b.example", 1), refusal)), clock)
    people(db, at("c.example", 40), now=clock.now())
    assert scopes(db) == [("", "ours")]
    with db.read() as session:
        assert [(each.kind, each.subject) for each in open_findings(session)] == [(mass_guard.HELD, "")]
    server = Server()
    send(db, server, clock)
    assert server.tried == 0
    clock.advance(HOUR)
    served(db, server, clock)
    assert state_of(db) == {"sent": 42}


def test_two_forwarders_that_break_spf_among_many_who_accept_stop_nobody(db: Database) -> None:
    people(db, at("c.example", 60), now=NOW - HOUR)
    people(db, [*at("a.example", 1), *at("b.example", 1)])
    server = Server(lambda address: SPF if "@c." not in address else None)
    send(db, server, FrozenClock(NOW))
    assert scopes(db) == []
    assert state_of(db) == {"sent": 60, "queued": 2}
    with db.read() as session:
        assert [each.subject for each in open_findings(session)] == ["a.example", "b.example"]


def test_a_set_up_that_broke_today_is_not_outweighed_by_what_was_taken_in_the_night(db: Database) -> None:
    with db.write() as session:
        for domain in ("a.example", "b.example"):
            answers.count_answers(session, {(domain, Answer.ANSWERED): 5_000}, at=NOW - timedelta(hours=5))
    people(db, [*at("a.example", 1), *at("b.example", 1)])
    send(db, Server(lambda _: SPF), FrozenClock(NOW))
    assert scopes(db) == [("", "ours")]


def test_one_domain_that_refuses_our_set_up_stops_nobody_else(db: Database) -> None:
    people(db, [*at("a.example", 30), *at("b.example", 30)])
    send(db, Server(lambda address: SPF if "@a." in address else None), FrozenClock(NOW))
    assert scopes(db) == [("a.example", "ours")]
    assert state_of(db)["sent"] == 30


# --- policy: only the address rests


@pytest.mark.parametrize("refusal", [RESTRICTED, POLICY], ids=["restricted", "policy"])
def test_an_address_that_takes_no_mail_of_ours_rests_alone(db: Database, refusal: Refused) -> None:
    people(db, at("a.example", 20))
    clock, one = FrozenClock(NOW), at("a.example", 1)
    server = Server(refusing(one, refusal))
    send(db, server, clock)
    assert (scopes(db), state_of(db)) == ([], {"sent": 19, "queued": 1})
    with db.write() as session:
        person = session.exec(select(Subscriber).where(col(Subscriber.address) == one[0])).one()
        queue(session, person, key="digest/again", now=clock.now())
    tried = server.tried
    send(db, server, clock)
    assert server.tried == tried, "what comes for the same address waits as well"
    with db.read() as session:
        assert blamed(session) == (0, 0, 0)
        waiting = session.exec(select(Delivery).where(col(Delivery.key) == "digest/again")).one()
        assert (waiting.last_error, waiting.attempts) == ("refused by policy", 0)
    server.says = lambda _: None
    clock.advance(timedelta(minutes=2))
    send(db, server, clock)
    assert state_of(db) == {"sent": 21}


def test_two_companies_that_take_no_outsiders_stop_no_other_mail(db: Database) -> None:
    people(db, at("c.example", 60), now=NOW - HOUR)
    people(db, [*at("a.example", 4), *at("b.example", 4)])
    send(db, Server(lambda address: None if "@c." in address else RESTRICTED), FrozenClock(NOW))
    assert state_of(db)["sent"] == 60
    assert scopes(db) == [("a.example", "policy"), ("b.example", "policy")]


def test_one_that_most_domains_give_stops_all_mail(db: Database) -> None:
    people(db, [*at("a.example", 6), *at("b.example", 6), *at("c.example", 2)])
    clock = FrozenClock(NOW)
    for _ in range(6):
        send(db, Server(lambda address: None if "@c." in address else POLICY), clock)
        clock.advance(timedelta(minutes=10))
    assert [scope for scope, _ in scopes(db)] == [""]


def daily(db: Database, server: Server, clock: FrozenClock, addresses: Iterable[str], days: int) -> None:
    """Each morning a digest for each, and another round in the afternoon."""
    for _ in range(days):
        with db.write() as session:
            for person in session.exec(select(Subscriber).where(col(Subscriber.address).in_(list(addresses)))):
                queue(session, person, key=f"{person.key}/{clock.now():%m%d}", now=clock.now())
        for hours in (7, 17):
            send(db, server, clock)
            clock.advance(timedelta(hours=hours))


def refused_days(db: Database) -> int:
    with db.read() as session:
        found = session.exec(select(RefusedAddress)).one_or_none()
        return found.days if found else 0


def counted(db: Database) -> float:
    with db.read() as session:
        return sum(session.exec(select(SoftBounces.score)))


def test_refused_on_ten_days_while_others_are_served_it_counts_as_unwell_from_then_on(db: Database) -> None:
    everybody, one = at("a.example", 4), at("a.example", 1)
    with db.write() as session:
        for address in everybody:
            add_person(session, address, confirmed_at=NOW, created_at=NOW)
    clock, server = FrozenClock(NOW), Server(refusing(one, RESTRICTED))
    daily(db, server, clock, everybody, 9)
    assert refused_days(db) == 9
    assert counted(db) == 0
    daily(db, server, clock, everybody, 2)
    assert refused_days(db) == 11
    assert counted(db) == 2
    daily(db, server, clock, everybody, 14)
    with db.read() as session:
        person = session.exec(select(Subscriber).where(col(Subscriber.address) == one[0])).one()
        assert person.state == "bounced"
        assert "parked" in (person.state_reason or "")
        assert blamed(session)[0] == 0, "nobody is suppressed for it"


def test_a_server_that_keeps_everybody_from_us_makes_nobody_unwell(db: Database) -> None:
    everybody = at("a.example", 4)
    with db.write() as session:
        for address in everybody:
            add_person(session, address, confirmed_at=NOW, created_at=NOW)
    clock, server = FrozenClock(NOW), Server()
    daily(db, server, clock, everybody, 2)
    server.says = lambda _: POLICY
    daily(db, server, clock, everybody, 20)
    assert counted(db) == 0
    with db.read() as session:
        assert max(each.days for each in session.exec(select(RefusedAddress))) <= 1
        assert blamed(session) == (0, 0, 0)


def test_a_mail_that_got_through_begins_the_count_anew(db: Database) -> None:
    everybody, one = at("a.example", 4), at("a.example", 1)
    with db.write() as session:
        for address in everybody:
            add_person(session, address, confirmed_at=NOW, created_at=NOW)
    clock, server = FrozenClock(NOW), Server(refusing(one, RESTRICTED))
    daily(db, server, clock, everybody, 8)
    server.says = lambda _: None
    daily(db, server, clock, everybody, 1)
    server.says = refusing(one, RESTRICTED)
    daily(db, server, clock, everybody, 3)
    assert refused_days(db) <= 3
    assert counted(db) == 0


@pytest.mark.parametrize("how", ["lifted", "erased"])
def test_nothing_of_it_is_left_where_somebody_begins_anew_or_goes(db: Database, how: str) -> None:
    with db.write() as session:
        person = add_person(session, "mona", confirmed_at=NOW)
        session.add(RefusedAddress(subscriber_id=person.id or 0, not_before=NOW, days=9, counted_at=NOW))
        session.flush()
        if how == "lifted":
            suppress(session, SECRET, person.address, reason="operator", now=NOW)
            lift_suppressions(session, SECRET, person.address, how="operator", now=NOW)
        else:
            erase(session, person, how="operator", now=NOW)
        session.flush()
        assert session.exec(select(RefusedAddress)).all() == []


def test_a_stored_rest_is_over_when_it_is_over(db: Database) -> None:
    people(db, ["mona@a.example"])
    until: datetime = NOW + timedelta(minutes=30)
    with db.write() as session:
        person = session.exec(select(Subscriber)).one()
        session.add(RefusedAddress(subscriber_id=person.id or 0, not_before=until))
    clock = FrozenClock(NOW)
    send(db, Server(), clock)
    assert state_of(db) == {DeliveryState.QUEUED: 1}
    clock.advance(timedelta(minutes=31))
    send(db, Server(), clock)
    assert state_of(db) == {DeliveryState.SENT: 1}
