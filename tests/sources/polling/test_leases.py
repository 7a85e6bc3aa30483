"""Tests of the lease on a source: one polls it at a time, and who has lost it stores nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import update
from structlog.testing import capture_logs

from tests.sources.poll_stage import changes_of, items_of, poll, settings_of, state_of
from tests.sources.polling.test_poll import article, news
from trialalerts.clock import FrozenClock, SystemClock
from trialalerts.database import Database, open_database
from trialalerts.database.leases import Lease
from trialalerts.errors import DatabaseBehind, DatabaseUnavailable, SourceError
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.base import Batch, MemorySource
from trialalerts.sources.polling.poll import PollCount, poll_due, poll_source
from trialalerts.sources.polling.state import LEASE, lease_of
from trialalerts.sources.tables import SourceState

PAGES = [[article(1)], [article(2)], [article(3)]]
Step = Callable[[int], None]


class Watched(MemorySource):
    """A source that lets a test do something before it gives a page: ``before(number)``."""

    def __init__(self, before: Step, pages: Any = PAGES) -> None:
        super().__init__(pages)
        self.before = before

    def batches(self, *given: Any) -> Iterator[Batch]:
        """Give the pages."""
        for number, batch in enumerate(super().batches(*given)):
            self.before(number)
            yield batch


@pytest.fixture
def settings(http_settings: HttpSettings) -> Settings:
    """A configuration with one source, ``news``."""
    return news(http_settings)


def holder_of(db: Database) -> str | None:
    return state_of(db, "news").leased_by


def take(db: Database, clock: FrozenClock) -> Lease:
    """Take the lease as a process does that dies right after."""
    lease = lease_of(db, "news", clock)
    with db.write() as session:
        assert lease.take(session)
    return lease


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until ``what()`` holds; fail after half a minute."""
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def test_while_one_polls_another_is_turned_away_and_told_who_polls(
    world: Database, clock: FrozenClock, settings: Settings
) -> None:
    turned_away: list[PollCount] = []
    holders: list[str | None] = []

    def knock(number: int) -> None:
        del number
        holders.append(holder_of(world))
        turned_away.append(poll(world, settings, clock, source=MemorySource([[article(9)]])))

    count = poll(world, settings, clock, source=Watched(knock))
    assert (count.new, count.complete, count.polled_by) == (3, True, None)
    assert turned_away == [PollCount(source="news", polled_by=holders[0])] * 3
    assert len(set(holders)) == 1
    assert holders[0]
    assert sorted(items_of(world)) == ["1", "2", "3"]


def test_of_many_processes_that_begin_at_once_one_polls(
    world: Database, database_url: str, clock: FrozenClock, settings: Settings
) -> None:
    people = 6
    together = threading.Barrier(people)
    others_are_done = threading.Event()
    counts: list[PollCount] = []
    polls: list[int] = []

    def polled(number: int) -> None:
        polls.append(number)
        assert others_are_done.wait(30)

    def process() -> None:
        with open_database(database_url) as db:
            together.wait(30)
            counts.append(poll(db, settings, clock, source=Watched(polled, [[article(1)]])))
        if len(counts) == people - 1:
            others_are_done.set()

    threads = [threading.Thread(target=process) for _ in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert polls == [0]
    assert sorted(count.complete for count in counts) == [False] * (people - 1) + [True]
    assert len({count.polled_by for count in counts}) == 2
    assert list(items_of(world)) == ["1"]


def test_who_comes_a_moment_later_finds_the_source_no_longer_due(
    world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    quick = MemorySource([[article(1)]])
    settings = settings_of(http_settings, {"name": "news", "kind": "feed", "url": "https://example.org/feed"})
    poll(world, settings, clock, source=quick)
    late = poll_source(world, settings, settings.sources[0], clock, source=quick, only_due=True)
    assert late == PollCount(source="news")
    assert poll(world, settings, clock, source=quick).unchanged == 1


def test_the_lease_of_a_dead_process_passes_on_when_it_has_run_out(
    world: Database, clock: FrozenClock, settings: Settings
) -> None:
    source = MemorySource(PAGES, broken={1: DatabaseUnavailable("gone")})
    with pytest.raises(DatabaseUnavailable):
        poll(world, settings, clock, source=source)
    dead = take(world, clock)
    source.broken = {}
    clock.advance(LEASE - timedelta(seconds=1))
    assert poll(world, settings, clock, source=source).polled_by == dead.owner
    clock.advance(timedelta(seconds=1))
    count = poll(world, settings, clock, source=source)
    assert (count.new, count.complete, holder_of(world)) == (2, True, None)


@pytest.mark.parametrize("end", ["reads on", "fails", "is told to stop"])
@pytest.mark.parametrize("other", ["is done", "is at work"])
def test_who_was_frozen_past_the_lease_stores_nothing_of_what_it_holds(
    world: Database, clock: FrozenClock, settings: Settings, other: str, end: str
) -> None:
    stopped = threading.Event()

    def freeze(number: int) -> None:
        if number == 1:
            clock.advance(LEASE)
            if other == "is at work":
                take(world, clock)
            else:
                assert poll(world, settings, clock, source=MemorySource(PAGES)).new == 2
            if end == "fails":
                raise SourceError("down")
            if end == "is told to stop":
                stopped.set()

    with capture_logs() as logs:
        count = poll_source(world, settings, settings.sources[0], clock, source=Watched(freeze), stop=stopped.is_set)
    assert (count.new, count.complete, count.error) == (1, False, None)
    assert [line["source"] for line in logs if line["event"] == "source.lease_lost"] == ["news"]
    state = state_of(world, "news")
    assert (state.error_count, state.last_error) == (0, None)
    if other == "is at work":
        assert state.leased_by is not None
        assert (state.cursor, state.next_poll_at, sorted(items_of(world))) == ({"page": 1}, None, ["1"])
    else:
        assert state.next_poll_at == clock.now() + timedelta(hours=1)
        assert sorted(items_of(world)) == ["1", "2", "3"]
    assert changes_of(world) == []


def test_who_was_frozen_and_not_missed_goes_on(world: Database, clock: FrozenClock, settings: Settings) -> None:
    count = poll(world, settings, clock, source=Watched(lambda _: clock.advance(LEASE * 2)))
    assert (count.new, count.complete) == (3, True)


def test_a_poll_of_hours_keeps_its_lease_with_every_page(
    world: Database, clock: FrozenClock, settings: Settings
) -> None:
    turned_away = []

    def knock(number: int) -> None:
        del number
        clock.advance(LEASE - timedelta(seconds=1))
        turned_away.append(poll(world, settings, clock, source=MemorySource([])).polled_by)

    pages = [[article(n)] for n in range(30)]
    assert poll(world, settings, clock, source=Watched(knock, pages)).new == 30
    assert None not in turned_away


def test_the_lease_is_kept_up_while_a_page_takes_long(world: Database, clock: FrozenClock, settings: Settings) -> None:
    poll(world, settings, clock, source=MemorySource([]))
    lease = Lease(world, SourceState, "news", SystemClock(), length=timedelta(milliseconds=150))
    with world.write() as session:
        assert lease.take(session)
    seen = set()

    def moved_on() -> bool:
        seen.add(state_of(world, "news").leased_until)
        return len(seen) > 3

    with lease.kept_up():
        wait_for(moved_on)
        assert not lease.lost
        assert holder_of(world) == lease.owner
    assert holder_of(world) is None


def test_a_poller_learns_from_its_sign_of_life_that_the_lease_is_lost(
    world: Database, clock: FrozenClock, settings: Settings
) -> None:
    poll(world, settings, clock, source=MemorySource([]))
    lease = Lease(world, SourceState, "news", SystemClock(), length=timedelta(milliseconds=150))
    with world.write() as session:
        assert lease.take(session)
    with lease.kept_up():
        with world.write() as session:
            session.connection().execute(update(SourceState).values(leased_by="somebody else"))
        wait_for(lambda: lease.lost)
    assert holder_of(world) == "somebody else"


def test_a_database_that_goes_away_for_a_moment_does_not_end_the_signs_of_life(
    world: Database, clock: FrozenClock, settings: Settings
) -> None:
    failed = threading.Event()

    class Counted(Lease):
        def renew(self) -> bool:
            try:
                return super().renew()
            except DatabaseBehind:
                failed.set()
                raise

    poll(world, settings, clock, source=MemorySource([]))
    lease = Counted(world, SourceState, "news", SystemClock(), length=timedelta(milliseconds=150))
    with world.write() as session:
        assert lease.take(session)
    with lease.kept_up():
        with world.write() as session:
            session.connection().exec_driver_sql("ALTER TABLE source RENAME TO elsewhere")
        assert failed.wait(30)
        with world.write() as session:
            session.connection().exec_driver_sql("ALTER TABLE elsewhere RENAME TO source")
        before = state_of(world, "news").leased_until
        wait_for(lambda: state_of(world, "news").leased_until != before)
        assert not lease.lost


@pytest.mark.parametrize("what", [SourceError("down"), KeyError("unforeseen"), DatabaseUnavailable("gone")])
def test_the_lease_is_given_back_however_the_poll_ends(
    world: Database, clock: FrozenClock, settings: Settings, what: Exception
) -> None:
    source = MemorySource(PAGES, broken={1: what})
    if isinstance(what, DatabaseUnavailable):
        with pytest.raises(DatabaseUnavailable):
            poll(world, settings, clock, source=source)
    else:
        poll(world, settings, clock, source=source)
    state = state_of(world, "news")
    assert (state.leased_by, state.leased_until) == (None, None)


def test_a_source_that_somebody_else_polls_does_not_hold_up_the_others(
    sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings, tmp_path: Any
) -> None:
    (tmp_path / "one.md").write_text("---\ntitle: On asthma\n---\n")
    folder = {"kind": "folder", "path": str(tmp_path), "every": "1h"}
    settings = settings_of(http_settings, {"name": "news", **folder}, {"name": "editors", **folder})
    poll_due(sqlite_world, settings, clock)
    clock.advance(timedelta(hours=1))
    lease = take(sqlite_world, clock)
    first, second = poll_due(sqlite_world, settings, clock)
    assert (first.polled_by, first.complete) == (lease.owner, False)
    assert (second.polled_by, second.complete) == (None, True)
