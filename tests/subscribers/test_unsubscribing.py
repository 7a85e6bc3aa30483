"""Unsubscribing many at once comes to the same as one after the other, in whatever order they ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import pq
from sqlalchemy import event
from sqlmodel import Session, col, select

from trialalerts.database import Database, open_database
from trialalerts.database.audit import AuditEntry
from trialalerts.database.schema import upgrade_schema
from trialalerts.delivery.outbox.notices.asking import unsubscribe_with_goodbye
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.subscribers.account.unsubscribing import LEFT, Unsubscribe, unsubscribe_many
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import NewSubscriber, add_subscriber, pause, unsubscribe
from trialalerts.subscribers.tables import Consent, Subscriber, SubscriberState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STATES = ("active", "pending", "paused", "bounced", "complained", "unsubscribed", "erased")
KEYS = (*STATES, "second", "unknown", "nobody")

asking = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["one-click", "link", "mail"])), max_size=12)


def people(session: Session) -> dict[str, Subscriber]:
    """Store somebody in each state, and a second one who is served; return them by their keys."""
    made = {}
    for name in (*STATES, "second"):
        new = NewSubscriber(address=f"{name}@example.org")
        person = add_subscriber(session, new, confirmed=name != "pending", how="web", now=NOW).subscriber
        person.key = name
        made[name] = person
    pause(session, made["paused"], until=None, how="web", now=NOW)
    made["bounced"].state, made["complained"].state = SubscriberState.BOUNCED, SubscriberState.COMPLAINED
    unsubscribe(session, made["unsubscribed"], how="link", now=NOW)
    erase(session, made["erased"], how="web", now=NOW)
    session.flush()
    return made


@pytest.fixture
def peopled(db: Database) -> Database:
    """A database with somebody in each state."""
    with db.write() as session:
        people(session)
    return db


class _TakenBack(Exception):
    pass


def _take_back() -> NoReturn:
    raise _TakenBack


def outcome(db: Database, groups: Sequence[Sequence[Unsubscribe]]) -> tuple[list[object], list[list[object]]]:
    """Return what each was told, and the rows as they are then, without their random parts; nothing is stored."""
    told: list[object] = []
    rows: list[list[object]] = []
    try:
        with db.write() as session:
            for group in groups:
                known = unsubscribe_with_goodbye(session, group, now=NOW, domain="example.org").known
                told += [each.key in known for each in group]
            session.expire_all()
            keys = {person.id: person.key for person in session.exec(select(Subscriber))}
            rows = _rows(session, keys)
            _take_back()
    except _TakenBack:
        return told, rows


def _rows(session: Session, keys: dict[int | None, str]) -> list[list[object]]:
    persons = session.exec(select(Subscriber).order_by(col(Subscriber.key)))
    consents = session.exec(select(Consent).order_by(col(Consent.id)))
    entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))
    mails = session.exec(select(Delivery).order_by(col(Delivery.id)))
    return [
        [(each.key, each.state, each.state_reason, each.next_due_at, each.paused_until) for each in persons],
        [(keys[each.subscriber_id], each.at, each.action, each.how, each.what) for each in consents],
        [
            (keys[int(each.subject.split()[1])], each.at, each.who, each.action, each.old, each.new)
            for each in entries
            if each.subject.startswith("subscriber ")
        ],
        [(keys[each.subscriber_id], each.key, each.kind, each.data, each.not_before) for each in mails],
    ]


@given(asked=asking)
@example(asked=[("active", "link"), ("active", "one-click")])
@example(asked=[("second", "link"), ("active", "one-click"), ("paused", "link"), ("pending", "mail")])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_at_once_come_to_the_same_as_one_after_the_other(peopled: Database, asked: list[tuple[str, str]]) -> None:
    posts = [Unsubscribe(key=key, how=how) for key, how in asked]
    told, rows = outcome(peopled, [posts])
    alone, alone_rows = outcome(peopled, [[post] for post in posts])
    assert told == alone == [key not in {"unknown", "nobody"} for key, _ in asked]
    assert [sorted(each, key=repr) for each in rows] == [sorted(each, key=repr) for each in alone_rows]
    assert rows[1] == alone_rows[1], "the consent log tells in which order they asked"


@given(asked=st.permutations(KEYS), parts=st.lists(st.integers(1, 4), min_size=len(KEYS), max_size=len(KEYS)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_order_and_groups_they_come_it_ends_the_same(
    peopled: Database, asked: list[str], parts: list[int]
) -> None:
    posts = [Unsubscribe(key=key, how="one-click") for key in asked]
    groups: list[list[Unsubscribe]] = []
    for size in parts:
        groups, posts = [*groups, posts[:size]], posts[size:]
    _, rows = outcome(peopled, groups)
    _, expected = outcome(peopled, [[Unsubscribe(key=key, how="one-click") for key in KEYS]])
    assert [sorted(each, key=repr) for each in rows] == [sorted(each, key=repr) for each in expected]


@pytest.mark.parametrize("state", STATES)
def test_who_is_there_leaves_and_who_has_gone_stays_as_they_are(db: Database, state: str) -> None:
    with db.write() as session:
        person = people(session)[state]
        was = person.state
        result = unsubscribe_many(session, [Unsubscribe(key=state, how="one-click")], now=NOW)
        session.refresh(person)
        assert result.known == {state}
        assert [each.key for each in result.left] == ([] if was in LEFT else [state])
        assert person.state is (was if was in LEFT else SubscriberState.UNSUBSCRIBED)


def test_a_hundred_take_as_many_statements_as_one(db: Database) -> None:
    with db.write() as session:
        new = [NewSubscriber(address=f"p{number}@example.org") for number in range(101)]
        added = [add_subscriber(session, each, confirmed=True, how="web", now=NOW) for each in new]
    asked = [Unsubscribe(key=each.subscriber.key, how="one-click") for each in added]
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    event.listen(db.engine, "before_cursor_execute", note)
    counts = []
    for group in (asked[:1], asked[1:]):
        statements.clear()
        with db.write() as session:
            unsubscribe_with_goodbye(session, group, now=NOW, domain="example.org")
        counts.append([each for each in statements if each != "BEGIN"])
    event.remove(db.engine, "before_cursor_execute", note)
    each = ["UPDATE", "INSERT", "INSERT", "INSERT"] if db.is_sqlite else ["WITH"]
    assert counts == [["SELECT", *each]] * 2


def test_a_group_goes_to_the_server_and_back_five_times(postgresql_url: str, tmp_path: Path) -> None:
    """A look whether the connection lives, BEGIN, finding and locking, one statement that writes all, COMMIT.

    Each way back waits for the other threads of the server: that is what a post costs.
    """
    with open_database(postgresql_url) as db:
        upgrade_schema(db)
        with db.write() as session:
            asked = [
                Unsubscribe(key=person.key, how=how)
                for person, how in zip(people(session).values(), ("one-click", "link") * 4, strict=True)
            ]
        with db.engine.connect() as connection:  # the one in the pool: each transaction so far gave it back
            driver = connection.connection.driver_connection
            assert driver is not None
        line = tmp_path / "line"
        with line.open("w") as traced:
            driver.pgconn.trace(traced.fileno())
            driver.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
            with db.write() as session:
                left = unsubscribe_with_goodbye(session, asked, now=NOW, domain="example.org").left
            driver.pgconn.untrace()
    messages = [each[0] for each in line.read_text().splitlines() if each.startswith(("F\t", "B\t"))]  # front and back
    turns = [side for side, _ in groupby(messages)]
    assert len(left) > 2
    assert turns == ["F", "B"] * 5
