"""The step that nudges: what no way can tell becomes a mail, and each way has its turn in a thread of its own.

The step waits for nobody: a way that is slow holds up its own thread, no other way and no mail.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.logs import Logger
from trialalerts.nudges.outbox import due_ways, nudges_wait, redirect_strays
from trialalerts.nudges.status import end_way_findings
from trialalerts.nudges.telling import NudgeCount, NudgeTurn
from trialalerts.nudges.ways import offered_way
from trialalerts.settings import Settings

__all__ = ["Nudges"]

log = Logger()

_AT_ONCE = 8


class Nudges:
    """Nudges the readers of one database, round by round.

    Args:
        settings: the configuration.
        db: the database.
        clock: tells the time.
        renderer: gives what writes mails; asked where something is to be told.
        stop: True ends what is at work, once the reader at hand was told.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        clock: Clock,
        renderer: Callable[[], MailRenderer],
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._renderer = renderer
        self._told_to_stop = stop
        self._closed = Event()
        self._lock = Lock()
        self._at_work: dict[str, Future[NudgeCount]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def begin(self) -> int:
        """Let every way that is due begin its turn; return how many did."""
        offered = [way.name for way in self._settings.nudges]
        now = self._clock.now()
        with self._db.read() as session:
            if not nudges_wait(session, now):
                return 0
        with self._db.write() as session:
            moved = redirect_strays(session, offered, now)
            end_way_findings(session, offered)
        if moved:
            log.info("nudges.become_mails", mails=moved)
        with self._db.read() as session:
            due = due_ways(session, offered, now)
        begun = 0
        with self._lock:
            self._at_work = {name: turn for name, turn in self._at_work.items() if not turn.done()}
            for name in due:
                if name not in self._at_work and not self._stops():
                    self._at_work[name] = self._pool().submit(self._turn, name)
                    begun += 1
        return begun

    def finish(self) -> NudgeCount:
        """Do rounds until nothing is due any more, and wait for each; return what came of them."""
        count = NudgeCount()
        while self.begin():
            with self._lock:
                turns = list(self._at_work.values())
            for turn in turns:
                count += turn.result()
        return count

    def close(self) -> None:
        """End what is at work, once the reader at hand was told."""
        self._closed.set()
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="nudges")
        return self._threads

    def _stops(self) -> bool:
        return self._closed.is_set() or self._told_to_stop()

    def _turn(self, name: str) -> NudgeCount:
        way = offered_way(self._settings, name)
        if way is None:
            return NudgeCount()
        try:
            turn = NudgeTurn(self._db, self._settings, self._clock, way, self._renderer(), stop=self._stops)
            return turn.take()
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread; the next round tries again
            log.error("nudge.turn_failed", way=name, error=type(error).__name__)
            return NudgeCount(failed=1)
