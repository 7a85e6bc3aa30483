"""One round with a wrong clock costs nothing once the clock is right."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from tests.timekeeping.stage import READERS, Service
from trialalerts.database.findings import open_findings
from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.suppressions import is_suppressed, suppress
from trialalerts.delivery.outbox.tables import (
    Delivery,
    DeliveryState,
    FeedbackEvent,
    Pace,
    SendingPause,
    Tally,
    TransportState,
)
from trialalerts.operations.doctor import examine
from trialalerts.operations.timekeeping import CLOCK_AHEAD
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers import people
from trialalerts.subscribers.links import Links
from trialalerts.subscribers.tables import SubscriberState
from trialalerts.subscribers.tokens import Purpose, Tokens

YEARS = timedelta(days=3653)
A_DAY = timedelta(days=1)


def _each_once(*numbers: str) -> Counter[tuple[str, str]]:
    return Counter({(who, number): 1 for who in READERS for number in numbers})


@pytest.mark.parametrize(
    ("database_url", "by"),
    [
        pytest.param("sqlite", YEARS, id="sqlite, ten years ahead"),
        pytest.param("postgresql", YEARS, id="postgresql, ten years ahead"),
        pytest.param("postgresql", timedelta(days=90), id="postgresql, 90 days ahead"),
        pytest.param("sqlite", timedelta(days=8), id="sqlite, 8 days ahead"),
        pytest.param("postgresql", timedelta(hours=30), id="postgresql, 30 hours ahead"),
        pytest.param("sqlite", -timedelta(days=2), id="sqlite, 2 days behind"),
        pytest.param("postgresql", -timedelta(days=2), id="postgresql, 2 days behind"),
        pytest.param("sqlite", -YEARS, id="sqlite, ten years behind"),
    ],
    indirect=["database_url"],
)
def test_polling_and_sending_go_on_at_once_and_everybody_is_told_everything_once(
    service: Service, by: timedelta
) -> None:
    first = "NCT90000001"
    during = service.trial(service.clock.now())
    service.round(by=by)
    service.clock.advance(timedelta(hours=7))
    after = service.trial(service.clock.now())
    service.round()
    assert service.told()["immediate", after] == 1
    with service.db.read() as session:
        state = session.get_one(SourceState, "ctgov")
        assert state.last_success_at == service.clock.now()
        assert state.next_poll_at == service.clock.now() + timedelta(hours=6)
        assert state.leased_until is None
    for days in (1, 7, 32):
        service.clock.advance(timedelta(days=days))
        service.round()
    assert service.told() == _each_once(first, during, after)


def test_what_was_due_by_the_wrong_clock_is_due_now(service: Service) -> None:
    service.round(by=YEARS)
    for name in READERS:
        due = service.person(name).next_due_at
        assert due is not None
        assert name == "immediate" or due > service.clock.now() + YEARS - A_DAY
    now = service.trial(service.clock.now())
    service.clock.advance(timedelta(hours=7))
    service.round()
    assert {who for who, number in service.told() if number == now} == set(READERS)


def test_a_process_that_goes_on_notices_it_as_well(service: Service) -> None:
    steps = service.pipeline()
    service.round(pipeline=steps)
    service.round(by=YEARS, pipeline=steps)
    service.clock.advance(timedelta(hours=7))
    after = service.trial(service.clock.now())
    service.round(pipeline=steps)
    assert service.told()["daily", after] == 1


def test_doctor_and_a_finding_name_it_until_it_is_over_for_a_day(service: Service) -> None:
    service.round(by=YEARS)
    said = [check.what for check in examine(service.settings, service.db, service.clock)]
    assert any("a clock that is or was ahead" in what and "2036" in what for what in said)
    service.round()
    said = [check.what for check in examine(service.settings, service.db, service.clock)]
    assert not any("a clock that is or was ahead" in what for what in said)
    assert any(what.startswith("The clock is or was ahead: a round was at 2036") for what in said)
    for _ in range(3):
        service.clock.advance(timedelta(hours=13))
        service.round()
    with service.db.read() as session:
        assert not open_findings(session, CLOCK_AHEAD)


def test_a_due_time_beyond_its_interval_is_due_without_any_round_that_knew(service: Service) -> None:
    with service.db.write() as session:
        for name, beyond in (("daily", timedelta(days=2)), ("weekly", timedelta(days=9)), ("monthly", YEARS)):
            subscriber = session.merge(service.person(name))
            subscriber.next_due_at = service.clock.now() + beyond
        session.get_one(SourceState, "ctgov").next_poll_at = service.clock.now() + timedelta(days=2)
    found = [check for check in examine(service.settings, service.db, service.clock) if "clock" in check.what]
    assert [check.level for check in found] == ["broken"]
    assert "3 × subscriber.next_due_at" in found[0].what
    assert "1 × source.next_poll_at" in found[0].what
    after = service.trial(service.clock.now())
    service.round()
    assert {who for who, number in service.told() if number == after} == set(READERS)


def test_what_is_rightly_far_ahead_stays(service: Service) -> None:
    until = (service.clock.now() + timedelta(days=700)).date()
    with service.db.write() as session:
        people.pause(session, session.merge(service.person("daily")), until=until, how="page", now=service.clock.now())
    before = {name: service.person(name).next_due_at for name in ("weekly", "monthly")}
    service.round()
    assert {name: service.person(name).next_due_at for name in before} == before
    assert service.person("daily").state is SubscriberState.PAUSED


def test_a_pause_holds_and_bounces_wait(service: Service) -> None:
    until = (service.clock.now() + timedelta(days=60)).date()
    with service.db.write() as session:
        people.pause(session, session.merge(service.person("daily")), until=until, how="page", now=service.clock.now())
        told: dict[str, Any] = {
            "provider": "mailbox",
            "kind": "bounced",
            "at": service.clock.now(),
            "received_at": service.clock.now(),
        }
        session.add(FeedbackEvent(event_id="1", raw="", **told))
        session.add(Tally(hour=service.clock.now(), what="sent", count=3))
    (service.folder / "new" / "1.host").write_bytes(b"Subject: hello\r\n\r\nNot a bounce.\r\n")
    service.round(by=YEARS)
    assert service.person("daily").state is SubscriberState.PAUSED
    assert (service.folder / "new" / "1.host").exists()
    with service.db.read() as session:
        assert session.exec(select(FeedbackEvent)).one().event_id == "1"
        assert session.exec(select(Tally.count).where(col(Tally.hour) == service.clock.now())).all()
    service.round()
    assert not (service.folder / "new" / "1.host").exists()


def test_a_mail_that_was_being_sent_or_put_off_goes_on(service: Service) -> None:
    with service.db.write() as session:
        who = service.person("daily").id or 0
        values: dict[str, Any] = {
            "kind": "digest",
            "subscriber_id": who,
            "data": {},
            "now": service.clock.now(),
            "domain": "example.org",
        }
        for key in ("put off", "leased"):
            enqueue(session, key=key, **values)
        put_off, leased = session.exec(
            select(Delivery).where(col(Delivery.key).is_not(None)).order_by(col(Delivery.id))
        )
        put_off.not_before = service.clock.now() + YEARS
        leased.state, leased.leased_by = DeliveryState.SENDING, "somebody"
        leased.leased_until = service.clock.now() + YEARS
    service.round()
    with service.db.read() as session:
        put_off, leased = session.exec(
            select(Delivery).where(col(Delivery.key).is_not(None)).order_by(col(Delivery.id))
        )
        assert put_off.not_before <= service.clock.now() + timedelta(minutes=10)
        assert leased.leased_until is not None
        assert leased.leased_until <= service.clock.now() + timedelta(minutes=10)


def test_limits_rests_counts_and_retention_go_by_the_right_clock_again(service: Service) -> None:
    wrong, now = service.clock.now() + YEARS, service.clock.now()
    with service.db.write() as session:
        session.add(Pace(bucket="", next_at=wrong, day=wrong.date(), taken=7))
        session.add(TransportState(name="elsewhere", since=wrong, retry_at=wrong, reason="?"))
        session.add(SendingPause(name="resumed", since=wrong, reason="?"))
        session.add(Tally(hour=wrong.replace(minute=0), what="sent", count=3))
        told: dict[str, Any] = {"provider": "mailbox", "kind": "bounced", "at": wrong, "received_at": wrong}
        session.add(FeedbackEvent(event_id="1", raw="", **told))
    service.round(by=YEARS)
    service.round()
    with service.db.read() as session:
        pace = session.get_one(Pace, "")
        assert (pace.next_at, pace.day, pace.taken) == (now, now.date(), 7)
        assert session.get_one(TransportState, "elsewhere").retry_at == now
        assert session.get_one(SendingPause, "resumed").since == now
        assert session.exec(select(FeedbackEvent.received_at)).one() == now
        assert all(hour <= now for hour in session.exec(select(Tally.hour)))


def test_tokens_and_suppressions_hold(service: Service) -> None:
    secret = service.settings.service.secret.get_secret_value()
    person = service.person("weekly")
    with service.db.write() as session:
        suppress(session, secret, "gone@example.org", reason="complained", now=service.clock.now())
    service.clock.advance(YEARS)
    url = Links(service.settings, service.clock).unsubscribe(person)
    service.clock.advance(-YEARS)
    service.round(by=YEARS)
    service.round()
    read = Tokens(secret, service.clock).read(Purpose.UNSUBSCRIBE, url.rpartition("/")[2], max_age=None)
    assert read.key == person.key
    with service.db.read() as session:
        assert is_suppressed(session, secret, "gone@example.org") is not None


def test_updates_are_read_from_where_a_right_clock_left_off(service: Service) -> None:
    began = service.clock.now().date()
    service.round(by=YEARS)
    service.clock.advance(timedelta(days=5))
    missed = service.trial(service.clock.now() - timedelta(days=4))
    service.round()
    asked = [request.params.get("filter.advanced", "") for request in service.registry.requests][-1]
    assert f"[{(began - timedelta(days=2)).isoformat()}," in asked
    assert service.told()["immediate", missed] == 1
