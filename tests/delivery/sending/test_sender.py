"""The sender: the last check, one bad thing that harms only itself, and a round that ends well however it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlmodel import Session
from structlog.testing import capture_logs

from tests.delivery.post import (
    NOW,
    SECRET,
    add_person,
    deliveries,
    dice,
    plain_message,
    queue,
    queue_for,
    render,
    settings,
    states,
)
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.envelope import Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.mail.verp import delivery_of
from trialalerts.delivery.outbox.lifecycle import list_deliveries
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.delivery.sending import sender
from trialalerts.delivery.sending.channels import ALONE, ProcessShare
from trialalerts.delivery.sending.results import Results
from trialalerts.delivery.sending.sender import LEASE, Renderer, SendCount, most_in_flight, send_queued
from trialalerts.delivery.transports.memory import MemoryChannel, MemoryTransport
from trialalerts.errors import ConfigurationError, DatabaseUnavailable
from trialalerts.subscribers.tables import Subscriber, SubscriberState

QUEUED, SENT, FAILED, SUPPRESSED = (
    DeliveryState.QUEUED,
    DeliveryState.SENT,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
)


def send(
    db: Database,
    transport: MemoryTransport,
    renderer: Renderer = render,
    *,
    clock: FrozenClock | None = None,
    limit: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    batch: int = 100,
    share: ProcessShare = ALONE,
) -> SendCount:
    return send_queued(
        db,
        transport,
        renderer,
        settings=settings(batch=batch),
        clock=clock or FrozenClock(NOW),
        limit=limit,
        stop=stop,
        random=dice(),
        share=share,
    )


def recipients(transport: MemoryTransport) -> list[str]:
    return [each.recipient.partition("@")[0] for each in transport.sent]


def test_what_is_queued_is_sent_once(db: Database) -> None:
    names = [f"n{number}" for number in range(25)]
    queue_for(db, names)
    transport = MemoryTransport()
    assert send(db, transport, batch=10) == SendCount(sent=25)
    assert sorted(recipients(transport)) == sorted(names)
    assert set(states(db).values()) == {SENT}
    rows = deliveries(db)
    assert {each.recipient.partition("@")[0]: each.message.message_id for each in transport.sent} == {
        key.removeprefix("digest/"): row.message_id for key, row in rows.items()
    }
    assert send(db, transport) == SendCount()


def test_each_mail_bears_the_token_of_its_delivery_for_whoever_complains(db: Database) -> None:
    transport = MemoryTransport()
    queue_for(db, ["mona", "lisa"])
    send(db, transport)
    rows = deliveries(db)
    for sent in transport.sent:
        (value,) = (value for name, value in sent.message.headers if name == "Feedback-ID")
        row = rows[f"digest/{sent.recipient.partition('@')[0]}"]
        assert delivery_of(settings(), value.split(":")[2]) == row.id
        assert f"Feedback-ID: {value}".encode() in sent.content


def test_a_limit_ends_the_round(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    transport = MemoryTransport()
    assert send(db, transport, limit=2) == SendCount(sent=2)
    assert recipients(transport) == ["a", "b"]


@pytest.mark.parametrize(
    ("state", "kind", "mailed"),
    [
        *[(state, "digest", state is SubscriberState.ACTIVE) for state in SubscriberState],
        *[
            (state, "confirmation", state in {SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED})
            for state in SubscriberState
        ],
    ],
)
def test_only_who_is_still_to_be_mailed_is_mailed(
    sqlite_db: Database, state: SubscriberState, kind: str, mailed: bool
) -> None:
    with sqlite_db.write() as session:
        queue(session, add_person(session, state=state), kind=kind)
    transport = MemoryTransport()
    send(sqlite_db, transport)
    assert bool(transport.sent) is mailed
    row = deliveries(sqlite_db)["digest/1"]
    if mailed:
        assert row.state is SENT
    elif state is SubscriberState.PAUSED:
        assert (row.state, row.attempts) == (QUEUED, 0)
    else:
        assert (row.state, row.last_error) == (SUPPRESSED, state.value)


def each(write: Callable[[Delivery, Subscriber], Message | Exception | None]) -> Renderer:
    """Write one mail at a time."""

    def renderer(session: Session, mails: Sequence[tuple[Delivery, Subscriber]]) -> list[Message | Exception | None]:
        del session
        return [write(delivery, subscriber) for delivery, subscriber in mails]

    return renderer


def test_the_last_check_is_made_right_before_each_slice(db: Database) -> None:
    """Somebody unsubscribes while the messages before theirs are on their way."""
    queue_for(db, ["a", "b", "c", "d"])

    def leave(_: Envelope) -> None:
        with db.write() as session:
            other = session.get(Subscriber, deliveries(db)["digest/d"].subscriber_id)
            assert other is not None
            other.state = SubscriberState.UNSUBSCRIBED

    transport = MemoryTransport(batch=1, meanwhile=leave)
    assert send(db, transport) == SendCount(sent=3, suppressed=1)
    assert recipients(transport) == ["a", "b", "c"]


def test_a_message_that_waited_long_for_a_channel_is_checked_again(db: Database) -> None:
    queue_for(db, ["a", "b"])
    clock = FrozenClock(NOW)

    def leave(_: Envelope) -> None:
        clock.advance(timedelta(seconds=31))
        with db.write() as session:
            other = session.get(Subscriber, deliveries(db)["digest/b"].subscriber_id)
            assert other is not None
            other.state = SubscriberState.UNSUBSCRIBED

    transport = MemoryTransport(batch=1, meanwhile=leave)
    assert send(db, transport, clock=clock) == SendCount(sent=1, suppressed=1)
    assert recipients(transport) == ["a"]


def test_a_suppressed_address_is_never_mailed(db: Database) -> None:
    queue_for(db, ["a", "b"])
    with db.write() as session:
        suppress(session, SECRET, "A@Example.ORG", reason="bounced", now=NOW)
    transport = MemoryTransport()
    assert send(db, transport) == SendCount(sent=1, suppressed=1)
    assert recipients(transport) == ["b"]
    assert deliveries(db)["digest/a"].last_error == "suppressed (bounced)"


def test_a_digest_waits_for_the_end_of_a_pause(db: Database) -> None:
    with db.write() as session:
        queue(session, add_person(session, state=SubscriberState.PAUSED, paused_until=NOW + timedelta(days=2)))
    assert send(db, MemoryTransport()) == SendCount(postponed=1)
    assert deliveries(db)["digest/1"].not_before == NOW + timedelta(days=2)
    with db.write() as session:
        person = session.get(Subscriber, deliveries(db)["digest/1"].subscriber_id)
        assert person is not None
        person.state = SubscriberState.ACTIVE
    assert send(db, MemoryTransport(), clock=FrozenClock(NOW + timedelta(days=2))) == SendCount(sent=1)


def test_a_permanent_refusal_fails_and_a_transient_one_waits(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    transport = MemoryTransport()
    transport.answer("a@example.org", Refused(reason="no such mailbox", permanent=True, code="550 5.1.1"))
    transport.answer("b@example.org", Refused(reason="later", code="450 4.2.0"))
    assert send(db, transport) == SendCount(sent=1, failed=1, retried=1)
    rows = deliveries(db)
    assert (rows["digest/a"].state, rows["digest/a"].last_code) == (FAILED, "550 5.1.1")
    assert (rows["digest/b"].state, rows["digest/b"].attempts) == (QUEUED, 1)
    assert rows["digest/b"].not_before > NOW
    transport.answer("b@example.org", None)
    assert send(db, transport, clock=FrozenClock(NOW + timedelta(minutes=2))) == SendCount(sent=1)


def test_a_broken_transport_ends_the_round_and_blames_nobody(db: Database) -> None:
    queue_for(db, ["a", "b", "c", "d"])
    transport = MemoryTransport()
    transport.answer("b@example.org", Unsent(reason="the server is gone"))
    with capture_logs() as logs:
        assert send(db, transport) == SendCount(sent=3, released=1, broken="the server is gone")
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["transport.broken"]
    row = deliveries(db)["digest/b"]
    assert (row.state, row.attempts) == (QUEUED, 0)
    transport.answer("b@example.org", None)
    assert send(db, transport) == SendCount(sent=1)


def test_what_is_claimed_goes_back_untouched_when_the_transport_breaks(db: Database) -> None:
    queue_for(db, ["a", "b", "c", "d", "e"])
    transport = MemoryTransport(batch=1)
    transport.answer("b@example.org", Unsent(reason="the server is gone"))
    count = send(db, transport)
    assert (count.sent, count.released, count.broken) == (1, 4, "the server is gone")
    assert {row.attempts for key, row in deliveries(db).items() if key != "digest/a"} == {0}


def test_a_message_that_breaks_the_transport_each_time_does_not_stop_the_others(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    transport = MemoryTransport(batch=1)
    transport.answer("a@example.org", Unsent(reason="hung up"))
    clock = FrozenClock(NOW)
    for _ in range(5):
        clock.advance(timedelta(minutes=5))
        send(db, transport, clock=clock)
    assert recipients(transport) == ["b", "c"]


def test_policy_refusals_of_one_domain_let_it_rest_and_bench_no_transport(db: Database) -> None:
    queue_for(db, ["a", "b", "c", "d", "e"])
    transport = MemoryTransport(batch=1)
    for name in "abcde":
        transport.answer(f"{name}@example.org", Refused(reason="blocked", code="550 5.7.1", ours=True))
    count = send(db, transport)
    assert count.retried >= 3
    assert count.retried + count.released + count.postponed == 5
    assert count.broken is None
    assert {row.state for row in deliveries(db).values()} == {QUEUED}


def test_a_renderer_that_fails_harms_only_its_own_delivery(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])

    def sometimes(delivery: Delivery, subscriber: Subscriber) -> Message | Exception:
        if subscriber.address == "b@example.org":
            return KeyError(subscriber.address)
        return plain_message(delivery, subscriber)

    transport = MemoryTransport()
    with capture_logs() as logs:
        assert send(db, transport, each(sometimes)) == SendCount(sent=2, retried=1)
    row = deliveries(db)["digest/b"]
    assert (row.state, row.attempts, row.last_error) == (QUEUED, 1, "KeyError")
    assert "@example.org" not in repr(logs).replace(row.message_id, "")


def test_a_transport_that_chokes_on_a_message_harms_only_that_delivery(db: Database) -> None:
    queue_for(db, ["a", "b"])

    def choke(envelope: Envelope) -> None:
        if envelope.recipient.startswith("a@"):
            raise ZeroDivisionError

    transport = MemoryTransport(batch=1, meanwhile=choke)
    assert send(db, transport) == SendCount(sent=1, retried=1)
    assert transport.closed
    assert deliveries(db)["digest/a"].last_error == "ZeroDivisionError"


def test_nothing_to_send_is_noted_and_not_sent(db: Database) -> None:
    queue_for(db, ["a"])
    transport = MemoryTransport()
    assert send(db, transport, each(lambda _delivery, _subscriber: None)) == SendCount(suppressed=1)
    assert deliveries(db)["digest/a"].last_error == "nothing to send"


def test_a_wrong_configuration_ends_the_round_with_nothing_lost(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])

    def unconfigured(delivery: Delivery, subscriber: Subscriber) -> Message | Exception:
        if subscriber.address == "b@example.org":
            return ConfigurationError("templates.folder: there is no such folder")
        return plain_message(delivery, subscriber)

    with pytest.raises(ConfigurationError):
        send(db, MemoryTransport(), each(unconfigured))
    assert set(states(db).values()) == {QUEUED}
    assert {row.attempts for row in deliveries(db).values()} == {0}


def test_the_round_stops_between_two_messages_when_told_to(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    transport = MemoryTransport(batch=1)
    count = send(db, transport, stop=lambda: len(transport.sent) == 1)
    assert count == SendCount(sent=1, released=2)
    assert states(db) == {"digest/a": SENT, "digest/b": QUEUED, "digest/c": QUEUED}


def test_no_message_is_begun_when_its_lease_is_nearly_over(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])
    clock = FrozenClock(NOW)

    transport = MemoryTransport(batch=1, meanwhile=lambda _: clock.advance(LEASE - timedelta(minutes=1)))
    count = send(db, transport, clock=clock, limit=3)
    assert (count.sent, count.released) == (1, 2)
    assert recipients(transport) == ["a"]
    assert [row.attempts for row in deliveries(db).values()] == [1, 0, 0]


def test_a_delivery_that_was_claimed_again_and_again_without_an_end_is_given_up(db: Database) -> None:
    """It may be what kills its sender each time."""
    queue_for(db, ["a"])
    with db.write() as session:
        row = session.get(Delivery, deliveries(db)["digest/a"].id)
        assert row is not None
        row.attempts = 30
    transport = MemoryTransport()
    assert send(db, transport) == SendCount(failed=1)
    assert transport.sent == []
    assert states(db) == {"digest/a": FAILED}


def test_the_log_names_deliveries_by_number_and_nobody_by_address(db: Database) -> None:
    queue_for(db, ["a", "b"])
    transport = MemoryTransport()
    transport.answer("b@example.org", Refused(reason="no such mailbox", permanent=True, code="550 5.1.1"))
    with capture_logs() as logs:
        send(db, transport)
    rows = deliveries(db)
    assert {entry["event"]: entry["delivery"] for entry in logs} == {
        "delivery.refused": rows["digest/b"].id,
        "delivery.sent": rows["digest/a"].id,
    }
    assert "@" not in repr(logs)


def test_a_transport_that_cannot_be_opened_ends_the_round_with_nothing_lost(db: Database) -> None:
    queue_for(db, ["a", "b"])

    class Unconfigured(MemoryTransport):
        def open(self) -> MemoryChannel:
            raise ConfigurationError("mail.url: the key file is missing")

    with pytest.raises(ConfigurationError, match="key file"):
        send(db, Unconfigured())
    assert {(row.state, row.attempts, row.leased_by) for row in deliveries(db).values()} == {(QUEUED, 0, None)}


def test_a_channel_that_does_not_say_what_became_of_each_message_is_not_believed(db: Database) -> None:
    queue_for(db, ["a", "b", "c"])

    class Mumbling(MemoryTransport):
        def take(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
            return super().take(envelopes)[1:]

    assert send(db, Mumbling()) == SendCount(retried=3)
    assert {row.last_error for row in deliveries(db).values()} == {
        "the transport did not say what became of each message"
    }


def test_channels_work_side_by_side_and_say_goodbye(db: Database) -> None:
    queue_for(db, [f"n{number}" for number in range(40)])
    four_at_once = threading.Barrier(4, timeout=30)

    def meet(_: Envelope) -> None:
        four_at_once.wait()

    transport = MemoryTransport(batch=1, connections=4, meanwhile=meet)
    assert send(db, transport) == SendCount(sent=40)
    assert (transport.opened, transport.closed) == (4, 4)


def test_no_more_is_in_flight_than_is_promised(db: Database) -> None:
    names = [f"n{number}" for number in range(60)]
    queue_for(db, names)
    handed_over = most = 0
    one_at_a_time = threading.Lock()

    def look(_: Envelope) -> None:
        nonlocal handed_over, most
        # Nothing is handed over between the two counts, or the other connection's progress would be told as in flight.
        with one_at_a_time, db.read() as session:
            handed_over += 1
            most = max(most, handed_over - len(list_deliveries(session, states=[SENT])))

    transport = MemoryTransport(batch=5, connections=2, meanwhile=look)
    assert send(db, transport) == SendCount(sent=60)
    assert 0 < most <= most_in_flight(transport, settings()) == 20


@pytest.mark.parametrize(("number", "sent"), [(0, 3), (1, 3), (2, 0)])
def test_of_more_processes_than_connections_those_without_one_send_nothing(
    db: Database, number: int, sent: int
) -> None:
    queue_for(db, ["a", "b", "c"])
    transport = MemoryTransport(batch=1, connections=2)
    share = ProcessShare(number=number, processes=3)
    assert send(db, transport, share=share) == SendCount(sent=sent)
    assert most_in_flight(transport, settings(), share) == (2 if sent else 0)
    assert transport.opened == (1 if sent else 0)


def test_a_database_that_is_gone_for_a_moment_makes_nothing_come_twice(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_for(sqlite_db, ["a", "b"])
    monkeypatch.setattr(sender, "_LAST_WAITS", (0.0, 0.0))
    written = Results.write
    gone = iter([True, True])

    def write(results: Results) -> None:
        if next(gone, False):
            raise DatabaseUnavailable("the server is restarting")
        written(results)

    monkeypatch.setattr(Results, "write", write)
    transport = MemoryTransport()
    with pytest.raises(DatabaseUnavailable):
        send(sqlite_db, transport)
    assert set(states(sqlite_db).values()) == {SENT}
