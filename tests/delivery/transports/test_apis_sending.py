"""From queued rows to acknowledged rows through the APIs of providers: the tables and the providers agree."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from tests.delivery.post import NOW, deliveries, dice, queue_for, render, settings, states
from tests.delivery.provider_desks import DESKS, BrevoDesk
from tests.delivery.provider_servers import failing, garbled, hung_up, running, throttled
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.suppressions import list_suppressions
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.delivery.policy.cooldown import rest_until
from trialalerts.delivery.sending.sender import SendCount, send_queued
from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.subscribers.tables import Subscriber, SubscriberState

NAMES = [f"n{number}" for number in range(40)]
ROUNDS = 60


def rounds(
    db: Database, transport: Transport, *, half_an_hour_later: Callable[[], None] = lambda: None
) -> list[SendCount]:
    """Run rounds ten minutes apart until nothing is queued."""
    clock, found = FrozenClock(NOW), []
    for number in range(ROUNDS):
        found.append(send_queued(db, transport, render, settings=settings(), clock=clock, random=dice()))
        if DeliveryState.QUEUED not in states(db).values():
            break
        clock.advance(timedelta(minutes=10))
        if number % 3 == 2:
            half_an_hour_later()
    return found


@pytest.mark.parametrize("scheme", sorted(DESKS))
def test_each_row_bears_the_id_by_which_the_provider_will_speak_of_it(db: Database, scheme: str) -> None:
    queue_for(db, NAMES)
    with running(DESKS[scheme]()) as server:
        (count,) = rounds(db, open_transport(server.url))
    assert count == SendCount(sent=len(NAMES))
    ids = {mail.recipient: mail.provider_id for mail in server.desk.mails}
    rows = deliveries(db)
    assert {f"{name}@example.org": rows[f"digest/{name}"].provider_id for name in NAMES} == ids
    assert {row.transport for row in rows.values()} == {scheme}


@pytest.mark.parametrize("scheme", sorted(DESKS))
def test_through_trouble_every_row_is_sent_in_the_end(db: Database, scheme: str) -> None:
    queue_for(db, NAMES)
    trouble = [
        throttled({"Retry-After": "30"}),
        hung_up(obeyed=True),
        failing(500),
        garbled(),
        failing(401),
        failing(503, headers={"Retry-After": "900"}),
    ]
    with running(DESKS[scheme](), *trouble) as server:
        keys = server.desk.keys.clear if isinstance(server.desk, BrevoDesk) else lambda: None
        counts = rounds(db, open_transport(server.url + "&connections=1"), half_an_hour_later=keys)
        copies = Counter(mail.recipient for mail in server.desk.mails)
    assert set(states(db).values()) == {DeliveryState.SENT}
    assert set(copies) == {f"{name}@example.org" for name in NAMES}
    assert copies.total() - len(NAMES) <= sum(count.retried for count in counts)
    assert any(count.broken for count in counts), "the operator hears of it"


def test_a_second_provider_takes_over_and_takes_only_what_the_first_left(db: Database) -> None:
    queue_for(db, NAMES)
    first_desk, second_desk = DESKS["ses"](), DESKS["brevo"]()
    with running(first_desk) as first, running(second_desk) as second:
        first.plan = lambda: throttled({"Retry-After": "3600"}) if len(first.requests) > 10 else None
        counts = rounds(db, open_transport(f"failover({first.url} {second.url})"))
    assert sum(count.sent for count in counts) == len(NAMES)
    assert set(states(db).values()) == {DeliveryState.SENT}
    assert len(first_desk.mails) == 10
    copies = Counter(mail.recipient for desk in (first_desk, second_desk) for mail in desk.mails)
    assert copies == {f"{name}@example.org": 1 for name in NAMES}
    assert Counter(row.transport for row in deliveries(db).values()) == {"ses": 10, "brevo": len(NAMES) - 10}


def test_a_refusal_that_used_its_key_up_loses_no_mail(db: Database, shared_cases: Path) -> None:
    """brevo-key-used-up: another process asks again, and must not take *known already* for sent."""
    answers = json.loads((shared_cases / "providers" / "brevo-key-used-up" / "answers.json").read_text())
    queue_for(db, ["ada"])
    desk = BrevoDesk()
    refusal = failing(answers[0]["status"], json.dumps(answers[0]["body"]).encode())
    with running(desk) as server:
        server.plan = lambda: replace(refusal, obeyed=True) if len(server.requests) == 1 else None
        clock = FrozenClock(NOW)
        desk.refused["ada@example.org"] = "invalid"  # the request is read, refused, and its key is known from now on
        send_queued(db, open_transport(server.url), render, settings=settings(), clock=clock, random=dice())
        assert desk.keys
        desk.refused.clear()
        clock.advance(timedelta(minutes=10))
        send_queued(db, open_transport(server.url), render, settings=settings(), clock=clock, random=dice())
    assert [mail.recipient for mail in desk.mails] == ["ada@example.org"]
    assert states(db) == {"digest/ada": DeliveryState.SENT}


def test_a_recipient_on_the_providers_list_is_mailed_no_more(db: Database, shared_cases: Path) -> None:
    """postmark-406-forever: the operator sees why, and no digest is composed for nothing."""
    answer = json.loads((shared_cases / "providers" / "postmark-406-forever" / "answer.json").read_text())
    queue_for(db, ["mona"])
    with running(DESKS["postmark"](), failing(answer["status"], json.dumps(answer["body"]).encode())) as server:
        (count,) = rounds(db, open_transport(server.url))
    assert count.failed == 1
    with db.read() as session:
        person = session.exec(select(Subscriber)).one()
        assert person.state is SubscriberState.BOUNCED
        assert "postmark: on the provider's own list" in (person.state_reason or "")
        assert [each.reason for each in list_suppressions(session)] == ["listed"]


def test_a_member_that_rests_by_the_tables_is_passed_over(db: Database) -> None:
    """Its provider told by a webhook that the day's quota is used up."""
    queue_for(db, NAMES)
    with db.write() as session:
        rest_until(session, "resend", reason="quota", until=NOW + timedelta(hours=14), now=NOW)
    with running(DESKS["resend"]()) as first, running(DESKS["postmark"]()) as second:
        transport = open_transport(f"failover({first.url} {second.url})")
        send_queued(db, transport, render, settings=settings(), clock=FrozenClock(NOW), random=dice())
        assert first.requests == []
        assert len(second.desk.mails) == len(NAMES)
