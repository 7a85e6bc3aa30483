"""The daemon: sets the steps to the clock and ends them cleanly. The only file that imports APScheduler."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from trialalerts.clock import Clock, SystemClock
from trialalerts.database import Database
from trialalerts.delivery.sending.channels import ALONE, ProcessShare
from trialalerts.errors import ConfigurationError, DatabaseBehind, DatabaseTooNew, TrialAlertsError
from trialalerts.logs import Logger, set_level
from trialalerts.operations.reloading import Reloaded, reloaded
from trialalerts.operations.service_manager import ServiceManager
from trialalerts.operations.watch.pulse import BEATS_EVERY, Pulse, failure_words
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings
from trialalerts.workers import Workers

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from trialalerts.web.server import WebServer

__all__ = ["DESK", "ROLES", "Daemon"]

log = Logger()

ROLES = ("poll", "compose", "send", "web", "watch")
"""What a daemon does where nothing else is said."""
DESK = "desk"
"""The role that has to be named: the editors' desk."""
_PAGES = ("web", DESK)
"""The roles that have pages, on one server."""
_POLL_SECONDS = 30
_COMPOSE_SECONDS = 30
_SEND_SECONDS = 5
_CALL_SECONDS = 5
_EDITORS_SECONDS = 5
_WATCH_SECONDS = 60
_RETAIN_SECONDS = 600
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
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
        read_anew: Callable[[], Settings] | None = None,
    ) -> None:
        """``read_anew`` reads the configuration when SIGHUP asks for it; None: it stays as it is."""
        self._settings = settings
        self._db = db
        self._clock = clock
        self._share = share
        self._read_anew = read_anew
        self._asked_to_reload = False
        self._has_terminal = sys.stdin is not None and sys.stdin.isatty()  # one that closes sends SIGHUP: the end
        self._roles = frozenset(roles)
        self._helpers = helpers or Workers((), 0)
        self._systemd = ServiceManager()
        self._stopping = threading.Event()
        self._signal: signal.Signals | None = None
        self._fault: str | None = None
        self._server: WebServer | None = None
        self._pulse = Pulse(db, clock)
        self._looked_at, self._looked_when = SystemClock().now(), time.monotonic()
        self._pipeline = self._pipeline_of(settings)
        # That a step is still at work when its turn comes again is no news: the turn is left out.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={
                "default": ThreadPoolExecutor(4),
                "steps": ThreadPoolExecutor(4),
                # Of its own: other programs hear of news however long polls take, and no mail waits for that.
                "webhooks": ThreadPoolExecutor(1),
                # Of its own: an editor waits for the link, however long polls and rounds of sending take.
                DESK: ThreadPoolExecutor(1),
                # Of their own: a pulse that waited behind steps that hang would say that the process is dead.
                "pulse": ThreadPoolExecutor(1),
                "watch": ThreadPoolExecutor(1),
            },
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; return once what was in flight is finished. SIGHUP reads the settings anew.

        The exit code is 0, or 1 where it ended by itself: a step cannot run at all, or the web pages ended.
        """
        previous = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        self._server = self._start_web()
        self._schedule()
        self._scheduler.start()
        log.info("daemon.started", roles=",".join(r for r in (*ROLES, DESK) if r in self._roles), pid=os.getpid())
        try:
            self._helpers.look_after()
            self._systemd.ready()
            while self._goes_on() and not self._stopping.wait(_LOOK_UP_SECONDS):
                self._systemd.lives()
                if self._asked_to_reload:
                    self._asked_to_reload = False
                    self._reload()
                self._helpers.look_after()
                self._follow_clock()
            if self._signal is not None:
                log.info("daemon.stopping", signal=self._signal.name)
            elif self._fault is not None:
                log.error("daemon.cannot_go_on", reason=self._fault)
            self._stopping.set()
            self._systemd.stopping()
            self._finish(self._server.stop if self._server else None)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return self._code

    @property
    def _code(self) -> int:
        return 0 if self._fault is None else 1

    def _goes_on(self) -> bool:
        if self._server is not None and not self._server.running:
            self._fault = "the web server ended"
        return self._signal is None and self._fault is None

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
        if number != signal.SIGHUP:
            self._signal = signal.Signals(number)
        elif self._read_anew is None or self._has_terminal:
            self._signal = signal.SIGHUP
        else:
            self._asked_to_reload = True

    def _pipeline_of(self, settings: Settings) -> Pipeline:
        return Pipeline(
            settings, self._db, self._clock, stop=self._stopping.is_set, wait=self._stopping.wait, share=self._share
        )

    def _reload(self) -> None:
        """Read the configuration anew; where anything is wrong with it, all stays as it was.

        Steps and requests that are at work finish with the settings that they began with.
        """
        self._systemd.reloading()
        try:
            if self._read_anew is not None:
                self._go_on_with(reloaded(self._settings, self._read_anew()))
        except (TrialAlertsError, ConfigurationError) as error:
            log.error("configuration.not_reloaded", error=str(error), goes_on_with="the one before")
        self._systemd.ready()

    def _go_on_with(self, found: Reloaded) -> None:
        settings = found.settings
        pipeline = self._pipeline_of(settings)
        pipeline.try_settings()
        app = self._app(settings) if self._server else None
        set_level(settings.logs.level)
        self._settings, self._pipeline = settings, pipeline
        if self._server and app:
            self._server.replace_app(app)
        self._scheduler.remove_all_jobs()
        self._schedule()
        self._helpers.tell_to_reload()
        log.info("configuration.reloaded", changed=", ".join(found.changed) or "nothing")
        if found.waiting:
            log.warning("configuration.needs_restart", keys=", ".join(found.waiting))

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
            self._every(_CALL_SECONDS, "webhooks", self._pipeline.begin_calls, "webhooks")
            self._every(_CALL_SECONDS, "nudges", self._pipeline.begin_nudges, "webhooks")
            every = max(1, round(self._settings.feedback.every.total_seconds()))
            self._every(every, "feedback", self._pipeline.handle_feedback, "steps")
            self._every(_RETAIN_SECONDS, "retention", self._pipeline.retain, "steps")
        if DESK in self._roles:
            self._every(_EDITORS_SECONDS, DESK, self._pipeline.write_to_editors, DESK)
        if "watch" in self._roles:
            self._every(_WATCH_SECONDS, "watch", self._pipeline.watch, "watch")
        self._every(round(BEATS_EVERY.total_seconds()), "pulse", self._pulse.flush, "pulse")

    def _polling(self, name: str) -> Callable[[], object]:
        return lambda: self._pipeline.poll(names=[name])

    def _every(self, seconds: int, name: str, step: Callable[[], object], executor: str) -> None:
        def guarded() -> None:
            if self._stopping.is_set():
                return
            try:
                with self._pulse.step(name):
                    step()
            except (TrialAlertsError, ConfigurationError) as error:
                log.error("step.failed", step=name, error=str(error))
                self._end_where_hopeless(name, error)
            except Exception as error:  # noqa: BLE001 - a fault in one step must not end the daemon; it is tried again
                log.error("step.failed", step=name, error=failure_words(error), unforeseen=True)
                self._end_where_hopeless(name, error)

        self._scheduler.add_job(
            guarded, "interval", seconds=seconds, id=name, next_run_time=SystemClock().now(), executor=executor
        )

    def _end_where_hopeless(self, name: str, error: Exception) -> None:
        """End the daemon for a step that cannot run at all: what is wrong stands in the configuration or the program.

        One that has run is tried again, and the watch tells of it: the pages, where people leave, must go on.
        """
        hopeless = isinstance(error, DatabaseBehind | DatabaseTooNew) or (
            isinstance(error, ConfigurationError | ImportError) and not self._pulse.succeeded(name)
        )
        if hopeless and not name.startswith("poll "):
            self._fault = f"the step {name} cannot run: {failure_words(error)}"

    def _start_web(self) -> WebServer | None:
        if not self._roles.intersection(_PAGES):
            return None
        from trialalerts.web.server import WebServer

        server = WebServer(self._settings, self._app(self._settings))
        server.start()
        return server

    def _app(self, settings: Settings) -> Starlette:
        from trialalerts.web.app import create_app

        return create_app(settings, self._db, self._clock, public="web" in self._roles, desk=DESK in self._roles)

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
            os._exit(self._code)

    def _wait_for_steps(self) -> None:
        self._scheduler.shutdown(wait=True)
        self._pipeline.close()
        with suppress(TrialAlertsError, ConfigurationError):  # the database may be what is gone
            self._pulse.end()
