"""The step that watches: it looks, tells the operator once, and sums the day up.

Of several processes one watches at a time. The message leaves before it is noted as told: a process that is killed in
between tells it twice rather than never.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.bulk import insert_into
from trialalerts.database.leases import Lease
from trialalerts.delivery.transports import Transport
from trialalerts.logs import Logger
from trialalerts.operations.watch.alerts import AlertRound, note_standstills, settle_told
from trialalerts.operations.watch.counts import table_counts
from trialalerts.operations.watch.latencies import count_latencies
from trialalerts.operations.watch.standstills import Standstill, find_standstills, not_yet_over
from trialalerts.operations.watch.tables import WATCH_LEASE, WatchTurn
from trialalerts.operations.watch.ways import OperatorWays
from trialalerts.operations.watch.words import words_for
from trialalerts.operations.watch.writing import alert_message, daily_summary
from trialalerts.settings import Settings

__all__ = ["Watcher"]

log = Logger()

_TURN = "watch"
_TEMPLATES_EVERY = timedelta(hours=1)


class Watcher:
    """Looks at the service from inside, round by round.

    Args:
        settings: the configuration.
        db: the database.
        clock: tells the time.
        transport: takes the place of the one that ``mail.url`` names.
    """

    def __init__(self, settings: Settings, db: Database, clock: Clock, transport: Transport | None = None) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._ways = OperatorWays(settings, db, transport)
        self._logged: set[tuple[str, str, datetime]] = set()
        self._templates: tuple[datetime, list[Standstill]] | None = None

    def watch(self) -> int:
        """Do one round, unless another process has its turn; return how many things were told."""
        lease = Lease(self._db, WatchTurn, _TURN, self._clock, length=WATCH_LEASE)
        with self._db.write() as session:
            self._make_turn(session)
            if not lease.take(session):
                return 0
        with lease.kept_up():
            count_latencies(self._db)
            table_counts(self._db, self._clock.now())
            found = [*find_standstills(self._settings, self._db, self._clock), *self._broken_templates()]
            told = self._tell(found)
            self._sum_up(found)
        return told

    def _tell(self, found: list[Standstill]) -> int:
        now = self._clock.now()
        with self._db.read() as session:
            not_over = not_yet_over(self._settings, session, now)
        told = note_standstills(self._db, found, self._settings.operator.patience, now, not_over=not_over)
        if not told:
            return 0
        self._log(told)
        if not self._ways.tell(alert_message(self._settings, told), now):
            return 0
        settle_told(self._db, told, now)
        return len(told.begun) + len(told.over)

    def _log(self, told: AlertRound) -> None:
        """Say it in the log, too: once for each process, however often the operator cannot be reached."""
        for row in told.begun:
            key = (row.kind, row.subject, row.since)
            if key not in self._logged:
                subject = row.subject if words_for(row.kind).names_subject else ""
                log.error("standstill.begun", kind=row.kind, subject=subject, since=row.since.isoformat())
                self._logged.add(key)
        for row in told.over:
            self._logged = {key for key in self._logged if key[:2] != (row.kind, row.subject)}
            log.info("standstill.over", kind=row.kind, since=row.since.isoformat())

    def _broken_templates(self) -> list[Standstill]:
        """Try the operator's own templates, once an hour: each try writes sample mails."""
        now = self._clock.now()
        if not self._settings.templates.folder:
            return []
        from trialalerts.digests.rendering.checking import check_templates  # with all that renders mails

        if self._templates is None or not timedelta() <= now - self._templates[0] < _TEMPLATES_EVERY:
            broken = sorted({file for file, _, _ in check_templates(self._settings)})
            found = [
                Standstill(
                    kind="template-broken", subject=file, since=now, text=words_for("template-broken").about(file)
                )
                for file in broken
            ]
            self._templates = (now, found)
        return self._templates[1]

    def _sum_up(self, found: list[Standstill]) -> None:
        """Send the summary of the day once its time has come: late rather than not, but no more on the next day."""
        today = self._summary_due()
        if today is None:
            return
        now = self._clock.now()
        if self._ways.exist and self._ways.tell(daily_summary(self._settings, self._db, self._clock, found), now):
            with self._db.write() as session:
                turn = session.get_one(WatchTurn, _TURN)
                turn.summary_on = today
                session.add(turn)

    def _summary_due(self) -> date | None:
        at = self._settings.operator.daily_summary
        if not at:
            return None
        local = self._clock.now().astimezone(ZoneInfo(self._settings.service.timezone))
        hour, _, minute = at.partition(":")
        if (local.hour, local.minute) < (int(hour), int(minute)):
            return None
        with self._db.read() as session:
            turn = session.get(WatchTurn, _TURN)
        sent = turn.summary_on if turn else None
        return local.date() if sent is None or sent < local.date() else None

    def _make_turn(self, session: Session) -> None:
        row = insert_into(session, WatchTurn).values({"name": _TURN})
        session.connection().execute(row.on_conflict_do_nothing(index_elements=["name"]))
