"""Whoever calls is killed at any moment: every event is told, under one id, and hardly any twice."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import orjson
from sqlalchemy import update
from sqlmodel import select

from tests import programs
from tests.hooks.stage import add, call_all, open_trials, set_areas, states, wait_for
from tests.sources.registry_server import RegistryServer
from trialalerts.clock import SystemClock
from trialalerts.database import Database, table_of
from trialalerts.database.events.noted import SUBSCRIBER_LEFT, NotedEvent, note_events
from trialalerts.hooks.events import EVENTS
from trialalerts.hooks.tables import CallState, Hook

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
KILLS, WEBHOOKS, TRIALS, PEOPLE = 5, 2, 60, 60


def let_leases_run_out(db: Database) -> None:
    """Take the turns away from whoever was killed: two minutes would pass."""
    with db.write() as session:
        session.connection().execute(update(table_of(Hook)).values(leased_until=LONG_AGO))


def test_a_kill_at_any_moment_loses_no_event(db: Database, program: RegistryServer) -> None:
    clock, dice = SystemClock(), random.Random(20260302)
    set_areas(db)
    for _ in range(WEBHOOKS):
        add(db, f"{program.root}/hook", clock, *EVENTS)
    open_trials(db, TRIALS, clock.now())
    with db.write() as session:
        note_events(session, SUBSCRIBER_LEFT, [f"key-{number}" for number in range(PEOPLE)], now=clock.now())
    url = db.engine.url.render_as_string(hide_password=False)
    for _ in range(KILLS):
        seen = len(program.requests) + dice.randint(0, 30)
        process = programs.start("tests.hooks.calling_process", url, folder=REPOSITORY)
        wait_for(lambda: len(program.requests) >= seen or process.poll() is not None)  # noqa: B023 - asked at once
        process.kill()
        process.wait()
        let_leases_run_out(db)
    call_all(db, clock)
    told: defaultdict[str, set[bytes]] = defaultdict(set)
    whole = [each for each in program.requests if len(each.body) == int(each.headers["content-length"])]
    for each in whole:  # of others only the beginning came
        told[each.headers["webhook-id"]].add(each.body)
    assert {len(bodies) for bodies in told.values()} == {1}, "one id, one body"
    expected = WEBHOOKS * (TRIALS + PEOPLE)
    assert len(told) == expected
    told_of = {(name[:11], repr(orjson.loads(body)["data"])) for name, each in told.items() for body in each}
    assert len(told_of) == expected, "each webhook was told of each"
    assert len(whole) - expected <= KILLS * WEBHOOKS, "twice only what was under way"
    assert set(states(db)) == {CallState.SENT}
    with db.read() as session:
        assert session.exec(select(NotedEvent)).all() == []
