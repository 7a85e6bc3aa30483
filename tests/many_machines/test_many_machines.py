"""Four machines on one PostgreSQL, whatever happens to them and around them: nothing is lost, nothing told twice."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import structlog

from tests import postgres
from tests.many_machines.conftest import add_people, set_up
from tests.many_machines.fleet import Fleet, Machine, wait_for
from tests.many_machines.machine import SEND_LEASE
from tests.many_machines.post_office import PostOffice
from tests.many_machines.reckoning import (
    assert_mailed_once,
    assert_stored_whole,
    assert_told_exactly_once,
    overlaps,
    settled,
)
from tests.many_machines.registry import BusyRegistry, Sweep
from trialalerts.database import Database, open_database

log = structlog.get_logger()

SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
PEOPLE = 500 if SOAK else 80
ROUNDS = 15 if SOAK else 1
ROLES = ("poll,compose,send", "poll,compose,send", "poll,send", "compose,send")


def machines(*roles: str) -> list[Machine]:
    """Return machines with these roles; four by default."""
    return [Machine(name=f"m{number}", roles=each) for number, each in enumerate(roles or ROLES)]


def let_pass(seconds: float) -> None:
    """Wait for nothing but the time."""
    threading.Event().wait(seconds)


@pytest.fixture
def db(postgresql_url: str) -> Iterator[Database]:
    """The database of the machines."""
    with open_database(postgresql_url) as db:
        yield db


def news(registry: BusyRegistry, office: PostOffice, dice: Random) -> None:
    """Let something change and wait until the first mails of it have left."""
    registry.turn(dice, 8)
    office.wait_for(dice.randint(PEOPLE // 8, PEOPLE // 3), seconds=20)  # more than the newcomers get


def assert_all_is_well(fleet: Fleet, registry: BusyRegistry, office: PostOffice) -> None:
    """Wait until all is told and mailed, end the machines, and reckon."""
    wait_for(lambda: settled(fleet.db, registry), seconds=400)
    fleet.terminate(*fleet.machines)
    assert fleet.faults == []
    assert [line for line in fleet.log_lines() if "unforeseen" in line or "Traceback" in line] == []
    assert_stored_whole(fleet.db)
    told = assert_told_exactly_once(fleet.db)
    assert told
    again = assert_mailed_once(fleet.db, office, fleet.in_flight)
    sweeps = registry.sweeps()
    at_once = overlaps(sweeps)
    assert [pair for pair in at_once if pair[0].by not in fleet.frozen] == []
    log.info(
        "machines.reckoned",
        **fleet.counts,
        told=told,
        mails=len(office.copies),
        second_copies=again,
        in_flight=fleet.in_flight.total(),
        sweeps=len(sweeps),
        of_the_frozen_beside_others=len(at_once),
    )


def kill(fleet: Fleet, machine: Machine) -> None:
    fleet.kill(machine)
    fleet.start(machine)


def restart(fleet: Fleet, machine: Machine) -> None:
    fleet.terminate(machine)
    fleet.start(machine)


def freeze(fleet: Fleet, machine: Machine) -> None:
    fleet.freeze(machine)
    let_pass(SEND_LEASE.total_seconds() + 0.5)
    fleet.thaw(machine)


@pytest.mark.soak
def test_machines_that_die_and_freeze_lose_nothing_and_repeat_only_what_was_in_flight(
    tmp_path: Path, db: Database, registry: BusyRegistry, office: PostOffice
) -> None:
    dice = Random(20260302)
    installation = set_up(tmp_path, db, registry, office)
    add_people(db, PEOPLE, dice)
    troubles = [freeze, kill, restart, *dice.choices([kill, restart, freeze], (5, 2, 2), k=47 if SOAK else 0)]
    with Fleet(installation=installation, db=db, machines=machines()) as fleet:
        for trouble in troubles:
            news(registry, office, dice)
            trouble(fleet, dice.choice(fleet.machines))
        assert_all_is_well(fleet, registry, office)


@pytest.mark.soak
def test_a_database_that_crashes_in_mid_run_costs_nothing(
    tmp_path: Path, cluster: postgres.Cluster, registry: BusyRegistry, office: PostOffice
) -> None:
    dice = Random(7)
    with open_database(cluster.url("alerts")) as db:
        installation = set_up(tmp_path, db, registry, office)
        add_people(db, PEOPLE, dice)
        with Fleet(installation=installation, db=db, machines=machines()) as fleet:
            for _ in range(ROUNDS):
                news(registry, office, dice)
                with fleet.standing_still():
                    cluster.crash()
                fleet.wait_for_a_line("step.failed")
                cluster.start()
            assert_all_is_well(fleet, registry, office)
        failed = [line for line in fleet.log_lines() if "step.failed" in line]
        assert [line for line in failed if "cannot be reached" not in line] == []


@pytest.mark.soak
def test_a_mail_server_that_is_cut_off_in_mid_run_costs_nothing(
    tmp_path: Path, db: Database, registry: BusyRegistry, office: PostOffice
) -> None:
    dice = Random(11)
    installation = set_up(tmp_path, db, registry, office)
    add_people(db, PEOPLE, dice)
    with Fleet(installation=installation, db=db, machines=machines()) as fleet:
        for _ in range(ROUNDS):
            news(registry, office, dice)
            with fleet.standing_still():
                office.cut_off()
            registry.turn(dice, 8)
            fleet.wait_for_a_line("transport.broken")
            office.open()
        assert_all_is_well(fleet, registry, office)


def test_a_machine_that_is_frozen_in_mid_poll_gives_way(
    tmp_path: Path, db: Database, registry: BusyRegistry, office: PostOffice
) -> None:
    installation = set_up(tmp_path, db, registry, office)
    registry.turn(Random(17), 8)
    registry.seconds_a_page = 0.2

    polling: list[Sweep] = []

    def somebody_polls() -> bool:
        polling.extend(sweep for sweep in registry.sweeps() if sweep.by.startswith("m") and len(sweep.requests) == 3)
        return bool(polling)

    with Fleet(installation=installation, db=db, machines=machines("poll", "poll")) as fleet:
        wait_for(somebody_polls, seconds=120)
        (frozen,) = [machine for machine in fleet.machines if machine.called == polling[0].by]
        fleet.freeze(frozen)
        fleet.wait_for_a_line("source.polled")  # the other machine's, when the lease has run out
        fleet.thaw(frozen)
        fleet.wait_for_a_line("source.lease_lost", "step.failed")  # or it was frozen in a transaction, which is gone
        wait_for(lambda: settled(db, registry), seconds=300)
        fleet.terminate(*fleet.machines)
    assert fleet.faults == []
    assert_stored_whole(db)
    for one, other in overlaps(registry.sweeps()):
        assert one.by == frozen.called
        # What it had asked before it could look at its lease: a page, and the one it asked for ahead.
        assert len([asked for asked in one.requests if asked.began > other.began]) <= 2


def test_a_machine_that_is_told_to_end_while_a_mail_server_is_silent_ends_in_time(
    tmp_path: Path, db: Database, registry: BusyRegistry, office: PostOffice
) -> None:
    dice = Random(13)
    installation = set_up(tmp_path, db, registry, office)
    add_people(db, PEOPLE, dice)
    with Fleet(installation=installation, db=db, machines=machines(ROLES[0])) as fleet:
        (machine,) = fleet.machines
        office.fall_silent()
        registry.turn(dice, 8)
        assert office.wait_for(1, seconds=120)
        began = time.monotonic()
        fleet.terminate(machine)
        assert time.monotonic() - began < 10.5
        fleet.note_in_flight()  # what it was cut off from
        office.speak()
        fleet.start(machine)
        assert_all_is_well(fleet, registry, office)
