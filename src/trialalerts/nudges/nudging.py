"""The step that nudges: what no way can tell becomes a mail, and each way has its turn in a thread of its own.

The step waits for nobody: a way that is slow holds up its own thread, no other way and no mail.
"""

from __future__ import annotations

from collections.abc import Callable

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.logs import Logger
from trialalerts.net.turns import Turns
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
        self._turns = Turns(self._turn, at_once=_AT_ONCE, called="nudges", stop=stop)

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
        return self._turns.begin(due)

    def finish(self) -> NudgeCount:
        """Do rounds until nothing is due any more, and wait for each; return what came of them."""
        return self._turns.finish(self.begin, NudgeCount())

    def close(self) -> None:
        """End what is at work, once the reader at hand was told."""
        self._turns.close()

    def _turn(self, name: str) -> NudgeCount:
        way = offered_way(self._settings, name)
        if way is None:
            return NudgeCount()
        try:
            turn = NudgeTurn(self._db, self._settings, self._clock, way, self._renderer(), stop=self._turns.stops)
            return turn.take()
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread; the next round tries again
            log.error("nudge.turn_failed", way=name, error=type(error).__name__)
            return NudgeCount(failed=1)
