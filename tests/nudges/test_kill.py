"""Whoever nudges is killed at any moment: every reader is told, and hardly any twice."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update

from tests import programs
from tests.hooks.stage import wait_for
from tests.nudges.stage import compose, mail, nudge, set_stage, settings_with, states, take, told, way_to
from tests.sources.registry_server import RegistryServer
from trialalerts.clock import SystemClock
from trialalerts.database import Database, table_of
from trialalerts.nudges.tables import NudgeWay

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
KILLS, READERS = 4, 60


def let_leases_run_out(db: Database) -> None:
    """Take the turn away from whoever was killed: two minutes would pass."""
    with db.write() as session:
        session.connection().execute(update(table_of(NudgeWay)).values(leased_until=LONG_AGO))


def test_a_kill_at_any_moment_loses_no_reader_and_repeats_one_at_most(db: Database, bell: RegistryServer) -> None:
    clock, dice = SystemClock(), random.Random(20260302)
    settings = settings_with(way_to(bell))
    names = [f"reader-{number}" for number in range(READERS)]
    set_stage(db, clock, *names)
    take(bell, *names)
    compose(db, clock, settings)
    url = db.engine.url.render_as_string(hide_password=False)
    killed = 0
    for _ in range(KILLS):
        seen = len(bell.requests) + dice.randint(1, 12)
        process = programs.start("tests.nudges.telling_process", url, bell.root, folder=REPOSITORY)
        wait_for(lambda: len(bell.requests) >= seen or process.poll() is not None)  # noqa: B023 - asked at once
        killed += process.poll() is None
        process.kill()
        process.wait()
        let_leases_run_out(db)
    assert killed == KILLS, "there was still somebody to tell"
    nudge(db, clock, settings)
    counts = Counter(to for to, _, _ in told(bell))
    assert counts.keys() == {f"topic-{name}" for name in names}
    assert counts.total() - READERS <= KILLS, "twice only who was just being told"
    assert set(states(db)) == {("nudge", "sent")}
    assert mail(db, clock, settings) == []
