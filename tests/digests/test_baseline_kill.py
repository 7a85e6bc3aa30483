"""Pollers that are killed in the middle of a baseline while people confirm: each open trial is told to each once."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.digests.introductions import ASTHMA, MS, Service
from tests.digests.polling_process import pages_of
from tests.digests.stage import store_areas
from tests.programs import start
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.subscribers.tables import Frequency

REPOSITORY = Path(__file__).resolve().parent.parent.parent
KILLS = 80 if os.environ.get("TRIALALERTS_TEST_SOAK") else 3
PAGES = KILLS + 3
HOUR = timedelta(hours=1)


def poll(service: Service, name: str, *, kill_after: int | None) -> bool:
    """Poll a source in a process of its own, killed once it has begun so many pages; tell whether it was read whole."""
    url = service.db.engine.url.render_as_string(hide_password=False)
    moment = service.clock.now().isoformat()
    words = (url, name, moment, str(PAGES))
    process = start("tests.digests.polling_process", *words, folder=REPOSITORY, out="pipe")
    assert process.stdout is not None
    if kill_after is not None:
        for _ in range(kill_after):
            assert process.stdout.readline() in {"page\n", "done\n", ""}
        process.kill()
    output, _ = process.communicate(timeout=300)
    return "done\n" in output and "not done" not in output


@pytest.mark.soak
def test_a_slow_baseline_that_is_killed_again_and_again_is_told_to_each_follower_once(
    db: Database, clock: FrozenClock
) -> None:
    with db.write() as session:
        store_areas(session)
    service = Service(db=db, clock=clock, patience=timedelta(hours=12))
    dice = random.Random(20261128)
    followers: dict[str, str] = {}
    done: set[str] = set()
    for kill in range(KILLS):
        if kill == KILLS // 2:
            service.names = ("registry", "another")
        for _ in range(2):
            name = f"person{len(followers)}"
            followers[name] = dice.choice([MS, ASTHMA])
            service.join(name, area=followers[name], frequency=dice.choice([Frequency.IMMEDIATELY, Frequency.DAILY]))
            service.compose(after=dice.choice([HOUR, 8 * HOUR]))
        if service.names[-1] not in done and poll(service, service.names[-1], kill_after=dice.randint(1, 2)):
            done.add(service.names[-1])
        service.compose()
    for name in service.names:
        service.clock.advance(HOUR)
        assert poll(service, name, kill_after=None)
    for _ in range(3):
        service.compose(after=24 * HOUR)
    held = {draft.external_id: draft for name in service.names for page in pages_of(name, PAGES) for draft in page}
    for name, area in followers.items():
        wanted = {number for number, draft in held.items() if draft.areas[0]["id"] == area}
        assert service.times_told(name) == dict.fromkeys(wanted, 1), name
