"""Change to mailbox: each digest's mail is counted once, into the bucket of its time."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.operations.watch.latencies import BOUNDS, Latencies, count_latencies, read_latencies
from trialalerts.pipeline import Pipeline
from trialalerts.subscribers.tables import Frequency


def test_a_digest_is_counted_once_when_its_mail_has_left(db: Database, clock: FrozenClock) -> None:
    pipeline = Pipeline(SETTINGS, db, clock, MemoryTransport())
    with db.write() as session:
        store_areas(session)
        item = store_trial(session, 1, clock.now())
        for name in ("ann", "ben"):
            store_subscriber(session, name, clock.now(), cursor=0, frequency=Frequency.DAILY)
        publish(session, item, ChangeKind.OPENED, clock.now())
    clock.advance(timedelta(minutes=2))
    pipeline.compose()
    assert count_latencies(db) == 0
    clock.advance(timedelta(minutes=2))
    pipeline.send()
    assert count_latencies(db) == 2
    assert count_latencies(db) == 0
    with db.read() as session:
        found = read_latencies(session)
    assert found.counts == {"daily": [0, 2] + [0] * (len(BOUNDS) - 1)}
    assert found.sums == {"daily": 480.0}
    assert found.waiting == []


def test_a_first_digest_tells_no_change_and_is_not_counted(db: Database, clock: FrozenClock) -> None:
    pipeline = Pipeline(SETTINGS, db, clock, MemoryTransport())
    with db.write() as session:
        store_areas(session)
        store_trial(session, 1, clock.now())
        store_subscriber(session, "ann", clock.now())
    pipeline.compose()
    pipeline.send()
    assert count_latencies(db) == 0


@given(st.lists(st.floats(min_value=0, max_value=1e8), max_size=50))
def test_each_time_falls_into_the_first_bucket_that_is_not_below_it(times: list[float]) -> None:
    found = Latencies()
    for seconds in times:
        found.note("daily", seconds)
    expected = [0] * (len(BOUNDS) + 1)
    for seconds in times:
        expected[next((i for i, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))] += 1
    assert found.counts.get("daily", [0] * (len(BOUNDS) + 1)) == expected
