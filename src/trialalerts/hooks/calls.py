"""The step that calls webhooks: it queues what happened and lets each webhook have its turn in a thread of its own.

The step waits for nobody: a program that is slow holds up its own thread, no other program and no mail.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock

from sqlalchemy.exc import SQLAlchemyError

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.digests.publishing import Publishing
from trialalerts.errors import TrialAlertsError
from trialalerts.hooks.calling import CallCount, WebhookTurn
from trialalerts.hooks.outbox import due_webhooks
from trialalerts.hooks.queueing import queue_calls
from trialalerts.hooks.registering import list_webhooks
from trialalerts.logs import Logger
from trialalerts.net.guard import Interrupted
from trialalerts.settings import Settings

__all__ = ["WebhookCalls"]

log = Logger()

_AT_ONCE = 16


class WebhookCalls:
    """Calls the webhooks of one database, round by round.

    Args:
        settings: the configuration.
        db: the database.
        clock: tells the time.
        stop: True ends what is at work, within a second.
    """

    def __init__(
        self, settings: Settings, db: Database, clock: Clock, *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._told_to_stop = stop
        self._closed = Event()
        self._lock = Lock()
        self._at_work: dict[str, Future[CallCount]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def begin(self) -> int:
        """Queue what happened, and let every webhook that is due begin its turn; return how many did."""
        if not self._settings.webhooks.enabled:
            return 0
        with self._db.read() as session:
            if not list_webhooks(session):
                return 0
        queue_calls(self._db, Publishing.of(self._settings), self._clock, stop=self._stops)
        with self._db.read() as session:
            due = due_webhooks(session, self._clock.now())
        begun = 0
        with self._lock:
            self._at_work = {name: turn for name, turn in self._at_work.items() if not turn.done()}
            for name in due:
                if name not in self._at_work and not self._stops():
                    self._at_work[name] = self._pool().submit(self._turn, name)
                    begun += 1
        return begun

    def finish(self) -> CallCount:
        """Do rounds until nothing is due any more, and wait for each; return what came of them."""
        count = CallCount()
        while self.begin():
            with self._lock:
                turns = list(self._at_work.values())
            for turn in turns:
                count += turn.result()
        return count

    def close(self) -> None:
        """End what is at work: calls that wait for an answer are made again later, under the same id."""
        self._closed.set()
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")
        return self._threads

    def _stops(self) -> bool:
        return self._closed.is_set() or self._told_to_stop()

    def _turn(self, name: str) -> CallCount:
        try:
            return WebhookTurn(self._db, self._settings, self._clock, name, stop=self._stops).take()
        except Interrupted:
            return CallCount()
        except (TrialAlertsError, SQLAlchemyError) as error:
            log.error("webhook.turn_failed", webhook=name, error=type(error).__name__)
            return CallCount(failed=1)
