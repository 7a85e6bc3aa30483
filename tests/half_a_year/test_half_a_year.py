"""Half a year goes by: nothing lost, nothing twice, and the operator hears of everything that stood still."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.half_a_year.half_year import HalfYear, Incident
from tests.half_a_year.incidents import INCIDENTS
from tests.half_a_year.second_process import SecondProcess
from tests.sources.registry_server import RegistryServer
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.logs import log_to_standard_error

SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
PEOPLE = int(os.environ.get("TRIALALERTS_TEST_SOAK_PEOPLE", "10000")) if SOAK else 40
DAYS = 182 if SOAK else 14
FEW = ("composing stands still", "the registry fails", "the largest provider blocks us", "the clock leaps")
NAMES = tuple(each.name for each in INCIDENTS if each.people <= PEOPLE) if SOAK else FEW


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
    with RegistryServer() as registry, ExitStack() as ends:

        def make(people: int) -> HalfYear:
            folder = tmp_path / "service"
            folder.mkdir()
            second = SecondProcess(sqlite_db, apart=SOAK)
            ends.callback(second.close)
            years.append(
                HalfYear(db=sqlite_db, clock=clock, registry=registry, second=second, people=people, folder=folder)
            )
            return years[-1]

        yield make


def live(year: HalfYear, days: int, incidents: list[Incident]) -> dict[str, Counter[str]]:
    """Live through the days, and then some quiet ones; return how often each incident was told, by kind."""
    year.run(days, incidents)
    year.run(4, [])
    year.assert_all_is_well()
    return {each.name: year.told_of(each) for each in incidents}


def _worked() -> float:
    """Return the seconds of the processor that this process took."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")
def test_nothing_is_lost_and_every_standstill_is_told_once(
    year_of: Callable[[int], HalfYear], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    year = year_of(PEOPLE)
    told = live(year, DAYS, planned(DAYS, NAMES))
    checked = year.second.checked
    year.second.close()
    people = sum(number for number, _ in year.sizes[1:]) / len(year.sizes[1:])
    grown = (year.sizes[-1][1] - year.sizes[1][1]) / (people / 1_000) / (DAYS / 30)
    with capsys.disabled():
        if SOAK:
            sys.stdout.write(
                f"\n{time.monotonic() - began:.0f} s; of the processor {_worked():.0f} s here and "
                f"{year.second.worked:.0f} s in the second process; load {os.getloadavg()[2]:.1f}; "
                f"{len(year.post.recipients):,} mails; checked {dict(checked)}\n"
            )
            sys.stdout.write(f"the database grew by {grown / 1e6:.2f} MB per 1,000 subscribers and month\n")
            sys.stdout.writelines(f"injected: {name}; told: {dict(kinds)}\n" for name, kinds in told.items())
    assert checked["first digests"] >= PEOPLE
    assert checked["changes told"] > PEOPLE
    assert {name: dict(kinds) for name, kinds in told.items() if set(kinds.values()) != {1}} == {}
