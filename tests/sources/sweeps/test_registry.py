"""A list and the whole records of what has changed on it: nothing is asked for twice, nothing is missed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.sources.poll_stage import items_of, problems_of, settings_of, state_of
from tests.sources.registry_server import Fault, RegistryServer, respond
from tests.sources.sweeps.listed_registry import ListedRegistry, ListedServer
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings
from trialalerts.sources.polling.poll import PollCount, poll_source
from trialalerts.sources.sweeps.registry import RegistrySettings


class Stage:
    """A made-up registry, and a service that polls it."""

    def __init__(self, db: Database, clock: FrozenClock, server: RegistryServer, http: HttpSettings) -> None:
        self.db = db
        self.clock = clock
        self.listed = ListedServer(server=server)
        self.raw = {"name": "listed", "kind": "listed", "url": server.root, "overlap": "1d"}
        self.settings = settings_of(http, self.raw)

    def poll(self) -> PollCount:
        registry = ListedRegistry(RegistrySettings.model_validate(self.raw))
        self.listed.server.requests.clear()
        return poll_source(self.db, self.settings, self.settings.sources[0], self.clock, source=registry)


@pytest.fixture
def stage(sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings) -> Stage:
    made = Stage(sqlite_world, clock, server, http_settings)
    made.listed.parts = (
        [(f"LR{number}", "2026-02-01") for number in range(1, 6)],
        [("LR8", "2026-02-03"), ("LR9", "2026-02-02")],
    )
    made.listed.serve()
    return made


def test_all_parts_are_read_and_details_are_asked_for_once(stage: Stage) -> None:
    first = stage.poll()
    assert (first.error, first.complete, first.new) == (None, True, 7)
    assert sorted(stage.listed.asked_for) == ["LR1", "LR2", "LR3", "LR4", "LR5", "LR8", "LR9"]
    stage.clock.advance(timedelta(days=1))
    assert (stage.poll().error, stage.listed.asked_for) == (None, [])


def test_only_what_the_list_says_has_changed_is_asked_for_again(stage: Stage) -> None:
    stage.poll()
    stage.clock.advance(timedelta(days=3))
    stage.listed.parts[0][2] = ("LR3", stage.clock.now().date().isoformat())
    stage.listed.parts[1].append(("LR10", stage.clock.now().date().isoformat()))
    second = stage.poll()
    assert (second.error, second.new, second.unchanged) == (None, 1, 1)
    assert sorted(stage.listed.asked_for) == ["LR10", "LR3"]
    stage.poll()
    assert stage.listed.asked_for == []


def test_the_list_is_left_at_a_page_that_is_older_than_the_last_sweep(stage: Stage) -> None:
    stage.poll()
    stage.clock.advance(timedelta(days=30))
    stage.poll()
    searches = [request for request in stage.listed.server.requests if request.path == "/search"]
    assert len(searches) == 2  # the first page of each part


def test_a_record_that_is_listed_and_missing_is_one_records_problem(stage: Stage) -> None:
    stage.listed.missing = {"LR2"}
    count = stage.poll()
    assert (count.error, count.complete, count.new) == (None, True, 6)
    assert problems_of(stage.db) == [("LR2", "record")]
    stage.listed.missing = set()
    stage.clock.advance(timedelta(hours=1))
    stage.listed.parts[0][1] = ("LR2", "2026-03-02")
    assert stage.poll().new == 1
    assert problems_of(stage.db) == []


def test_a_poll_that_is_cut_off_goes_on_where_it_stood(stage: Stage) -> None:
    stage.listed.server.faults.insert(
        0, Fault(act=respond(503), when=lambda request: request.path == "/search" and b'"page":3' in request.body)
    )
    first = stage.poll()
    assert first.error is not None
    assert first.new == 4
    second = stage.poll()
    assert (second.error, second.complete, second.new) == (None, True, 3)
    assert sorted(stage.listed.asked_for) == ["LR5", "LR8", "LR9"]
    assert len(items_of(stage.db)) == 7


def test_more_than_the_registry_gives_to_anybody_is_told_and_no_end(stage: Stage) -> None:
    stage.listed.parts[0].extend((f"LR{number}", "2026-02-01") for number in range(20, 30))
    count = stage.poll()
    assert count.error is not None
    assert "has 15 records for one question and gives 8 at most; the sweep will begin again" in count.error
    assert state_of(stage.db, "listed").baseline_done_at is None
