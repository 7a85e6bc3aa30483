"""A fleet of machines: processes of the program that are started, killed, terminated and frozen.

Before a process is killed or frozen it is stopped where it stands, and what it holds is noted: the mails that
it has claimed and not acknowledged are in flight, and only they may come a second time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sqlmodel import col, select

from tests.installation import Installation
from tests.programs import Program, start
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState

__all__ = ["Fleet", "Machine", "wait_for"]

_SECONDS_TO_END = 12
"""The daemon promises ten; a busy machine may take a moment to notice."""


def wait_for(what: Callable[[], bool], *, seconds: float) -> None:
    """Wait until ``what()`` holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.1)


@dataclass(kw_only=True)
class Machine:
    """A machine with its roles; ``life`` counts its processes."""

    name: str
    roles: str
    life: int = 0
    process: Program | None = None

    @property
    def called(self) -> str:
        """What the registry knows the present process as."""
        return f"{self.name}.{self.life}"

    @property
    def running(self) -> Program:
        """The present process."""
        assert self.process is not None
        return self.process


@dataclass(kw_only=True)
class Fleet:
    """Machines on one database; a context manager that ends what still runs.

    Attributes:
        in_flight: how often a mail, by Message-ID, was in flight when somebody was killed or frozen.
        counts: what was done to the machines.
        frozen: the processes that were frozen, as the registry knows them.
        faults: what went wrong by itself.
    """

    installation: Installation
    db: Database
    machines: list[Machine]
    in_flight: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    frozen: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        for machine in self.machines:
            self.start(machine)
        return self

    def __exit__(self, *_: object) -> None:
        for machine in self.machines:
            if machine.process is not None and machine.process.poll() is None:
                machine.process.kill()
                machine.process.wait()

    def start(self, machine: Machine) -> None:
        """Start a machine anew."""
        machine.life += 1
        words = ("run", "--json-logs", "--roles", machine.roles, "--processes", "1")
        self._log(machine).touch()
        machine.process = start(
            "tests.many_machines.machine",
            *words,
            folder=self.installation.folder,
            environment={
                **self.installation.environment,
                "TRIALALERTS_HTTP__CONTACT": f"{machine.called}@example.org",
            },
            out=self._log(machine),
            err=self._log(machine),
        )
        self.counts["started"] += 1

    def kill(self, machine: Machine) -> None:
        """Kill a machine as it stands."""
        self.check()
        process = machine.running
        process.send_signal(signal.SIGSTOP)
        self.note_in_flight(machine)
        process.kill()
        process.wait()
        machine.process = None
        self.counts["killed"] += 1

    def terminate(self, *machines: Machine) -> None:
        """Ask machines to end, and wait until they have."""
        self.check()
        for machine in machines:
            machine.running.terminate()
        for machine in machines:
            try:
                code = machine.running.wait(timeout=_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                self.faults.append(f"{machine.called} did not end")
                continue
            if code != 0 and self._began(machine):  # before it begins to work the signal just ends it
                self.faults.append(f"{machine.called} was told to end and gave {code}")
            machine.process = None
            self.counts["terminated"] += 1

    def freeze(self, machine: Machine) -> None:
        """Stop a machine where it stands."""
        self.check()
        machine.running.send_signal(signal.SIGSTOP)
        self.note_in_flight(machine)
        self.frozen.add(machine.called)
        self.counts["frozen"] += 1

    def thaw(self, machine: Machine) -> None:
        """Let a frozen machine go on."""
        machine.running.send_signal(signal.SIGCONT)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop all machines where they stand, note what is in flight, and let them go on when the block ends."""
        for machine in self.machines:
            machine.running.send_signal(signal.SIGSTOP)
        self.note_in_flight()
        yield
        for machine in self.machines:
            machine.running.send_signal(signal.SIGCONT)

    def check(self) -> None:
        """Note the machines that ended by themselves.

        One that found no database before it began to work has said so and is started again, as by systemd.
        """
        for machine in self.machines:
            if machine.process is None or (code := machine.process.poll()) is None:
                continue
            if code == 1 and not self._began(machine):
                self.start(machine)
            else:
                self.faults.append(f"{machine.called} ended by itself with {code}")

    def note_in_flight(self, machine: Machine | None = None) -> None:
        """Count the mails that a machine (None: any) has claimed and not acknowledged."""
        claimed = select(Delivery.message_id).where(col(Delivery.state) == DeliveryState.SENDING)
        if machine is not None:
            claimed = claimed.where(col(Delivery.leased_by).like(f"{os.uname().nodename}-{machine.running.pid}-%"))
        with self.db.read() as session:
            self.in_flight.update(session.exec(claimed))

    def wait_for_a_line(self, *events: str) -> None:
        """Wait until a machine logs one of the events (once more)."""

        def told() -> int:
            return sum(any(event in line for event in events) for line in self.log_lines())

        before = told()
        wait_for(lambda: told() > before, seconds=180)

    def log_lines(self) -> list[str]:
        """Return what all machines logged."""
        files = sorted(self.installation.folder.glob("m*.log"))
        return [line for file in files for line in file.read_text().splitlines()]

    def _began(self, machine: Machine) -> bool:
        return "daemon.started" in self._log(machine).read_text()

    def _log(self, machine: Machine) -> Path:
        return self.installation.folder / f"{machine.called}.log"
