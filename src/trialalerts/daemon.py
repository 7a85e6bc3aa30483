"""The daemon: sets the steps to the clock and ends them cleanly. The only file that imports APScheduler."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from types import FrameType
from typing import TYPE_CHECKING

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from trialalerts.clock import Clock, SystemClock
from trialalerts.database import Database
from trialalerts.delivery.sending.channels import ALONE, ProcessShare
from trialalerts.errors import ConfigurationError, TrialAlertsError
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings
from trialalerts.workers import Workers

if TYPE_CHECKING:
    from trialalerts.web.server import WebServer

__all__ = ["ROLES", "Daemon"]

log = structlog.get_logger()

ROLES = ("poll", "compose", "send", "web")
_POLL_SECONDS = 30
_COMPOSE_SECONDS = 30
_SEND_SECONDS = 5
_LOOK_UP_SECONDS = 0.5
"""Of a process that was frozen the kernel may interrupt any thread for a signal, but only the main thread handles it:
one that waited without an end would sleep on."""
_SET_BY_SECONDS = 60.0
_GRACE_SECONDS = 9.0
"""SIGTERM promises an end within ten seconds; what is still at work then is cut off, as every step allows."""


class Daemon:
    """The scheduler with the steps of the chosen roles, and the web server where it is among them."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        clock: Clock,
        roles: Collection[str] = ROLES,
        *,
        helpers: Workers | None = None,
        share: ProcessShare = ALONE,
    ) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._roles = frozenset(roles)
        self._helpers = helpers or Workers((), 0)
        self._stopping = threading.Event()
        self._signal: signal.Signals | None = None
        self._looked_at, self._looked_when = SystemClock().now(), time.monotonic()
        self._pipeline = Pipeline(
            settings, db, clock, stop=self._stopping.is_set, wait=self._stopping.wait, share=share
        )
        # That a step is still at work when its turn comes again is no news: the turn is left out.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(4), "steps": ThreadPoolExecutor(3)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; returns when what was in flight is finished."""
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        server = self._start_web()
        self._schedule()
        self._scheduler.start()
        log.info("daemon.started", roles=",".join(r for r in ROLES if r in self._roles), pid=os.getpid())
        try:
            self._helpers.look_after()
            while self._signal is None and not self._stopping.wait(_LOOK_UP_SECONDS):
                self._helpers.look_after()
                self._follow_clock()
            if self._signal is not None:
                log.info("daemon.stopping", signal=self._signal.name)
            self._stopping.set()
            self._finish(server.stop if server else None)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _follow_clock(self) -> None:
        """Set the steps to the clock anew where somebody set it: the scheduler would wait for the time it had."""
        now = SystemClock().now()
        shown = (now - self._looked_at).total_seconds() - (time.monotonic() - self._looked_when)
        self._looked_at, self._looked_when = now, time.monotonic()
        if abs(shown) > _SET_BY_SECONDS:
            log.warning("clock.set", seconds=round(shown))
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=now)

    def stop(self) -> None:
        """Ask the daemon to end, as SIGTERM does."""
        self._stopping.set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # No more than this: a signal may come while the main thread holds the lock of the event, or of the log.
        del frame
        self._signal = signal.Signals(number)

    def _schedule(self) -> None:
        if "poll" in self._roles:
            for source in self._settings.sources:
                # One job a source: one that stalls holds up nobody else. When it is due stands in its row.
                self._every(_POLL_SECONDS, f"poll {source.name}", self._polling(source.name), "default")
            self._every(_POLL_SECONDS, "reread", self._pipeline.reread, "default")
        if "compose" in self._roles:
            self._every(_COMPOSE_SECONDS, "compose", self._pipeline.compose, "steps")
        if "send" in self._roles:
            self._every(_SEND_SECONDS, "send", self._pipeline.send, "steps")
            every = max(1, round(self._settings.feedback.every.total_seconds()))
            self._every(every, "feedback", self._pipeline.handle_feedback, "steps")

    def _polling(self, name: str) -> Callable[[], object]:
        return lambda: self._pipeline.poll(names=[name])

    def _every(self, seconds: int, name: str, step: Callable[[], object], executor: str) -> None:
        def guarded() -> None:
            if self._stopping.is_set():
                return
            try:
                step()
            except (TrialAlertsError, ConfigurationError) as error:
                log.error("step.failed", step=name, error=str(error))
            except Exception as error:  # noqa: BLE001 - a fault in one step must not end the daemon; it is tried again
                log.error("step.failed", step=name, error=type(error).__name__, unforeseen=True)

        self._scheduler.add_job(
            guarded, "interval", seconds=seconds, id=name, next_run_time=SystemClock().now(), executor=executor
        )

    def _start_web(self) -> WebServer | None:
        if "web" not in self._roles:
            return None
        from trialalerts.web.app import create_app
        from trialalerts.web.server import WebServer

        server = WebServer(self._settings, create_app(self._settings, self._db, self._clock))
        server.start()
        return server

    def _finish(self, stop_web: Callable[[], None] | None) -> None:
        """Let the steps end; they look at the stop flag between two records or mails."""
        began = time.monotonic()
        self._helpers.tell_to_end()
        ended = threading.Thread(target=self._wait_for_steps, daemon=True)
        ended.start()
        if stop_web:
            stop_web()
        ended.join(timeout=_GRACE_SECONDS - (time.monotonic() - began))
        self._helpers.end(max(0.0, _GRACE_SECONDS - (time.monotonic() - began)))
        cut_off = ended.is_alive()
        log.info("daemon.stopped", cut_off=cut_off)
        if cut_off:
            # Threads that wait for a stalled server cannot be ended from outside. Nothing is lost: what they hold
            # is an open transaction, which the database rolls back, or a lease, which runs out.
            os._exit(0)

    def _wait_for_steps(self) -> None:
        self._scheduler.shutdown(wait=True)
        self._pipeline.close()
