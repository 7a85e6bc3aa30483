"""The step that calls webhooks: it queues what happened and lets each webhook have its turn in a thread of its own.

The step waits for nobody: a program that is slow holds up its own thread, no other program and no mail.
"""

from __future__ import annotations

from collections.abc import Callable

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
from trialalerts.net.turns import Turns
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
        self._turns = Turns(self._turn, at_once=_AT_ONCE, called="webhook", stop=stop)

    def begin(self) -> int:
        """Queue what happened, and let every webhook that is due begin its turn; return how many did."""
        if not self._settings.webhooks.enabled:
            return 0
        with self._db.read() as session:
            if not list_webhooks(session):
                return 0
        queue_calls(self._db, Publishing.of(self._settings), self._clock, stop=self._turns.stops)
        with self._db.read() as session:
            due = due_webhooks(session, self._clock.now())
        return self._turns.begin(due)

    def finish(self) -> CallCount:
        """Do rounds until nothing is due any more, and wait for each; return what came of them."""
        return self._turns.finish(self.begin, CallCount())

    def close(self) -> None:
        """End what is at work: calls that wait for an answer are made again later, under the same id."""
        self._turns.close()

    def _turn(self, name: str) -> CallCount:
        try:
            return WebhookTurn(self._db, self._settings, self._clock, name, stop=self._turns.stops).take()
        except Interrupted:
            return CallCount()
        except (TrialAlertsError, SQLAlchemyError) as error:
            log.error("webhook.turn_failed", webhook=name, error=type(error).__name__)
            return CallCount(failed=1)
