"""Half a year goes by: nothing lost, nothing twice, and the operator hears of everything that stood still."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.operations import half_a_year
from tests.operations.half_a_year import HalfYear, Incident
from tests.sources.registry_server import RegistryServer
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.logs import log_to_standard_error

PATIENCE = timedelta(hours=6) + 2 * half_a_year.ROUND
"""What the operator waits for by ``tell_after``, and the time between two rounds."""
SILENT = timedelta(hours=18) + 3 * half_a_year.ROUND
"""A source is silent after three of its intervals."""


BLOCKED = ("mail-refused", "mail-held", "transport-benched")
INCIDENTS = (
    Incident(
        name="composing stands still",
        days=1.5,
        kinds=("overdue",),
        begin=half_a_year.stop("compose"),
        end=half_a_year.go_on("compose"),
        patience=PATIENCE,
    ),
    Incident(
        name="sending stands still",
        days=1.5,
        kinds=("queue-stuck", "overdue"),
        begin=half_a_year.stop("send"),
        end=half_a_year.go_on("send"),
        patience=PATIENCE,
    ),
    Incident(
        name="the registry fails",
        days=2,
        kinds=("source-silent",),
        begin=half_a_year.break_registry,
        end=half_a_year.mend_registry,
        patience=SILENT,
    ),
    Incident(
        name="no mail server is reached",
        days=2,
        kinds=("transport-benched",),
        begin=half_a_year.post_down,
        end=half_a_year.post_up,
        patience=PATIENCE,
    ),
    Incident(
        name="the largest provider blocks us",
        days=2,
        kinds=BLOCKED,
        begin=half_a_year.block_us,
        end=half_a_year.forgive_us,
        patience=PATIENCE,
    ),
    Incident(
        name="the clock leaps",
        days=1,
        kinds=("clock-ahead",),
        begin=half_a_year.leap,
        end=half_a_year.nothing,
        patience=PATIENCE,
    ),
    Incident(
        name="a template fails",
        days=1.5,
        kinds=("template-broken",),
        begin=half_a_year.break_template,
        end=half_a_year.mend_template,
        patience=PATIENCE,
    ),
    Incident(
        name="a step fails",
        days=1.5,
        kinds=("step-failing",),
        begin=half_a_year.fail("feedback"),
        end=half_a_year.mend("feedback"),
        patience=PATIENCE,
    ),
    Incident(
        name="a list that nobody looked after",
        days=2,
        kinds=("sending-paused", "bounce-rate", "mail-held"),
        begin=half_a_year.let_many_addresses_die,
        end=half_a_year.resume,
        patience=PATIENCE,
    ),
    Incident(
        name="the machine is off for a week",
        days=7,
        kinds=("overdue",),
        begin=half_a_year.stop("machine"),
        end=half_a_year.switch_on,
        patience=PATIENCE,
    ),
)
SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
PEOPLE = int(os.environ.get("TRIALALERTS_TEST_SOAK_PEOPLE", "10000")) if SOAK else 40
DAYS = 182 if SOAK else 14
FEW = ("composing stands still", "the registry fails", "the largest provider blocks us", "the clock leaps")
NAMES = tuple(each.name for each in INCIDENTS) if SOAK else FEW


def planned(days: int, names: tuple[str, ...]) -> list[Incident]:
    """Return what goes wrong, spread over so many days, in this order."""
    chosen = [each for each in INCIDENTS if each.name in names]
    step = days / (len(chosen) + 1)
    return [replace(each, day=round((number + 0.5) * step)) for number, each in enumerate(chosen)]


@pytest.fixture
def year_of(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> Iterator[Callable[[int], HalfYear]]:
    apprise = pytest.importorskip("apprise", reason="the extra apprise is not installed")
    years: list[HalfYear] = []
    log_to_standard_error(level="critical")

    def hear(body: str, title: str, *_: object, **__: object) -> bool:
        del title
        years[-1].hear(body)
        return True

    apprise.decorators.notify(on="trialalertssoak")(hear)
    with RegistryServer() as registry:

        def make(people: int) -> HalfYear:
            folder = tmp_path / "templates"
            folder.mkdir()
            years.append(HalfYear(db=sqlite_db, clock=clock, registry=registry, people=people, folder=folder))
            return years[-1]

        yield make


def live(year: HalfYear, days: int, incidents: list[Incident]) -> dict[str, Counter[str]]:
    """Live through the days, and then some quiet ones; return how often each incident was told, by kind."""
    year.run(days, incidents)
    year.run(4, [])
    year.assert_all_is_well()
    return {each.name: year.told_of(each) for each in incidents}


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")
def test_nothing_is_lost_and_every_standstill_is_told_once(
    year_of: Callable[[int], HalfYear], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    year = year_of(PEOPLE)
    told = live(year, DAYS, planned(DAYS, NAMES))
    people = sum(number for number, _ in year.sizes[1:]) / len(year.sizes[1:])
    grown = (year.sizes[-1][1] - year.sizes[1][1]) / (people / 1_000) / (DAYS / 30)
    with capsys.disabled():
        if SOAK:
            sys.stdout.write(f"\n{time.monotonic() - began:.0f} s; checked {dict(year.checked)}\n")
            sys.stdout.write(f"the database grew by {grown / 1e6:.2f} MB per 1,000 subscribers and month\n")
            sys.stdout.writelines(f"injected: {name}; told: {dict(kinds)}\n" for name, kinds in told.items())
    assert year.checked["first digests"] >= PEOPLE
    assert year.checked["changes told"] > PEOPLE
    assert {name: dict(kinds) for name, kinds in told.items() if set(kinds.values()) != {1}} == {}
