"""Tests of what nobody foresaw: a record is blamed for its own faults only."""

from __future__ import annotations

import pytest

from tests.sources.poll_stage import items_of, poll, problems_of, registry_settings, state_of
from tests.sources.registry_server import Fault, Handler, RegistryServer, Request
from tests.sources.samples import study
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import DatabaseBehind
from trialalerts.settings import HttpSettings


def test_a_database_that_fails_while_records_are_read_blames_no_record(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    site = {"facility": "Example Hospital", "city": "Example", "country": "Iceland"}
    server.state.studies = [study(n) for n in (2, 3, 4)]
    server.state.studies += [study(n, contactsLocationsModule__locations=[site]) for n in (5, 6)]

    def lose_the_places(handler: Handler) -> None:
        with world.write() as session:
            session.connection().exec_driver_sql("ALTER TABLE place_name RENAME TO elsewhere")
        params = {**server.requests[-1].params}
        handler.answer_studies(server, Request(path="", params=params, headers={}))

    server.faults.append(Fault(act=lose_the_places, when=lambda request: "pageToken" in request.params))
    settings = registry_settings(server, http_settings)
    with pytest.raises(DatabaseBehind):
        poll(world, settings, clock)
    assert len(items_of(world)) == 3
    assert problems_of(world) == []
    state = state_of(world)
    assert (state.leased_by, state.error_count) == (None, 0)
    with world.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE elsewhere RENAME TO place_name")
    assert poll(world, settings, clock).new == 2
