"""A clock that goes wrong in the middle of a round, at any of its looks, costs nothing once it is right again."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.sources.registry_server import RegistryServer
from tests.timekeeping.stage import READERS, Service
from trialalerts.clock import FrozenClock
from trialalerts.database import Database

SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
TIMES = 40 if SOAK else 1
"""So many rounds go wrong, each at another look."""
STEPS = ("poll", "compose", "send", "handle_feedback")


class Erring(FrozenClock):
    """A clock that is looked at a number of times, and is wrong from then on, until it is set right."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.looks = 0
        self._errs_at: int | None = None
        self._by = timedelta()

    def now(self) -> datetime:
        """Return the moment, or a wrong one."""
        self.looks += 1
        wrong = self._errs_at is not None and self.looks >= self._errs_at
        return super().now() + self._by if wrong else super().now()

    def err(self, after: int, by: timedelta) -> None:
        """Be wrong from the look that comes after so many."""
        self._errs_at, self._by = self.looks + after + 1, by

    def set_right(self) -> None:
        """Be right from now on."""
        self._errs_at = None


def looks_of(service: Service, clock: Erring, step: str) -> int:
    """Make the steps of a round; return how often one of them looks at the clock."""
    found = 0
    for each in STEPS:
        before = clock.looks
        getattr(service.pipeline(), each)()
        found = clock.looks - before if each == step else found
    return found


def wrong_round(service: Service, clock: Erring, step: str, *, after: int, by: timedelta) -> None:
    """Make a round whose clock goes wrong within one step, and is right again with the next round."""
    for each in STEPS:
        steps = service.pipeline()
        if each == step:
            clock.err(after, by)
        getattr(steps, each)()
    clock.set_right()


@pytest.mark.soak
@pytest.mark.parametrize("by", [timedelta(days=3653), -timedelta(hours=1)], ids=["ten years ahead", "an hour behind"])
@pytest.mark.parametrize("step", ["compose", "send"])
def test_everybody_is_told_everything_once(db: Database, tmp_path: Path, step: str, by: timedelta) -> None:
    clock = Erring(datetime.fromisoformat("2026-03-02T09:30:00+00:00"))
    with RegistryServer() as registry:
        service = Service(db=db, clock=clock, registry=registry, folder=tmp_path / "bounces")
        service.open()
        numbers = ["NCT90000001", service.trial(clock.now())]
        clock.advance(timedelta(hours=25))
        most = looks_of(service, clock, step)
        assert most > 1
        for time in range(TIMES):
            numbers.append(service.trial(clock.now()))
            clock.advance(timedelta(days=32))  # everybody is due
            wrong_round(service, clock, step, after=1 + (2 * time + 1) * (most - 1) // (2 * TIMES), by=by)
            clock.advance(timedelta(hours=7))
            service.round()
        for days in (1, 32):
            clock.advance(timedelta(days=days))
            service.round()
        assert service.told() == Counter({(who, number): 1 for who in READERS for number in numbers})
