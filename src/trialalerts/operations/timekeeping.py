"""What a wrong clock left behind, and what is not done while the clock is in doubt.

A due time, a poll time or a lease that a clock ten years ahead wrote would stop the service for ten years. So each
round looks when the last one was: if that lies in the future the clock is or was ahead, and every stamp that no right
clock can have written is put right. If it lies more than a year back, either the machine stood still for so long or
the clock is ahead just now: whatever could not be taken back (ending pauses, forgetting what is old, telling what waits
its day, reading bounces) waits until the clock has gone on for an hour.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

import orjson
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.findings import end_findings, note_finding, open_findings
from trialalerts.database.server_clock import skew_of
from trialalerts.database.service_values import get_value, put_value
from trialalerts.errors import InvalidInput
from trialalerts.logs import Logger
from trialalerts.operations.stamps import latest_stamp, put_right
from trialalerts.settings import Settings

__all__ = [
    "CLOCK_AHEAD",
    "CLOCK_SKEW",
    "MOST_SKEW",
    "NOTED_SKEW",
    "ClockState",
    "LastRound",
    "Timekeeper",
    "last_round",
    "require_steady",
]

log = Logger()

CLOCK_AHEAD = "clock-ahead"
"""The kind of the finding that the clock is or was ahead."""
CLOCK_SKEW = "clock-skew"
"""The kind of the finding that this machine's clock is not the database's; its subject is the machine."""
NOTED_SKEW = timedelta(seconds=30)
MOST_SKEW = timedelta(minutes=5)
"""With a larger difference nothing is sent: nobody knows which of the two clocks is right."""
_LAST_ROUND = "last_round"
_NOTED_EVERY = timedelta(minutes=1)
_BACK = timedelta(minutes=1)
"""So much may the clocks of two rounds differ before one of them was wrong."""
_LEAP = timedelta(days=366)
_IN_DOUBT = timedelta(hours=1)
_TOLD_FOR = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class ClockState:
    """What may be done in a round: ``steady``: all; ``may_send``: the clock agrees with the database's.

    ``sure_at`` is the last moment that was out of doubt, where this one is not.
    """

    may_send: bool = True
    sure_at: datetime | None = None

    @property
    def steady(self) -> bool:
        """Whether the clock is out of doubt."""
        return self.sure_at is None


@dataclass(frozen=True, kw_only=True)
class LastRound:
    """When the last round was by its own clock; since when that clock is in doubt, and the last round before that."""

    at: datetime
    leaped_at: datetime | None = None
    sure_at: datetime | None = None


def last_round(session: Session) -> LastRound | None:
    """Return what the last round noted, or else the newest stamp that one left; None where none did."""
    if written := get_value(session, _LAST_ROUND):
        told = {name: datetime.fromisoformat(value) for name, value in orjson.loads(written).items() if value}
        return LastRound(**told)
    newest = latest_stamp(session)
    return LastRound(at=newest) if newest else None


def require_steady(db: Database, clock: Clock) -> None:
    """Refuse what cannot be taken back while the clock is in doubt; changes nothing.

    Raises:
        InvalidInput: the last round lies more than a year back or in the future, or the clock leaped within the hour.
    """
    now = clock.now()
    with db.read() as session:
        last = last_round(session)
    if last is None or (last.leaped_at is None and -MOST_SKEW <= now - last.at <= _LEAP):
        return
    was = f"{last.at:%Y-%m-%d %H:%M}"
    raise InvalidInput(
        f"The clock is in doubt: now it is {now:%Y-%m-%d %H:%M}, and the last round was at {was} UTC. "
        "Nothing is deleted before a daemon has run by it for an hour; look after the time (timedatectl)."
    )


class Timekeeper:
    """Looks at the clock before each step; several processes may do so on one database."""

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._lock = Lock()
        self._is_first = True
        self._refuses = False
        self._skew_noted = False

    def look(self) -> ClockState:
        """Put right what a clock that was ahead left, note the round, and tell what may be done in it."""
        with self._lock:
            now = self._clock.now()
            may_send = self._agrees(now)
            with self._db.read() as session:
                last = last_round(session)
            if not self._is_first and last and last.leaped_at is None and timedelta() <= now - last.at < _NOTED_EVERY:
                return ClockState(may_send=may_send)
            with self._db.write() as session:
                sure_at = self._note(session, now)
            self._is_first = False
            return ClockState(may_send=may_send, sure_at=sure_at)

    def _note(self, session: Session, now: datetime) -> datetime | None:
        """Note this round after the last one; return when the clock was out of doubt last, None: it is."""
        last = last_round(session) or LastRound(at=now)
        went_back = now < last.at - _BACK
        if went_back or self._is_first:
            self._put_right(session, last, now, went_back=went_back)
        leaped_at = None if went_back else last.leaped_at
        sure_at = last.sure_at if last.leaped_at and last.sure_at else last.at
        if now - last.at > _LEAP:
            leaped_at = now
            _tell_of_leap(session, last, now)
        elif leaped_at is not None and now - leaped_at >= _IN_DOUBT:
            leaped_at = None
        self._end_what_is_over(session, now, in_doubt=leaped_at is not None)
        written = {"at": now if went_back else max(now, last.at), "leaped_at": leaped_at}
        written["sure_at"] = sure_at if leaped_at else None
        put_value(session, _LAST_ROUND, orjson.dumps(written).decode())
        return written["sure_at"]

    def _put_right(self, session: Session, last: LastRound, now: datetime, *, went_back: bool) -> None:
        mended = put_right(session, self._settings, now, everything=went_back)
        number = sum(mended.values())
        if not number and now > last.at - MOST_SKEW:
            return
        said = f"{number:,} due times, leases and other stamps that lay in the future were put right"
        text = (
            f"The clock is or was ahead: a round was at {last.at:%Y-%m-%d %H:%M} UTC, now it is "
            f"{now:%Y-%m-%d %H:%M} UTC; {said}. Look after the time of the machine (timedatectl)."
        )
        if not went_back:
            text = f"The clock is or was ahead: {said}. Look after the time of the machine (timedatectl)."
        note_finding(session, CLOCK_AHEAD, "", text, now=now)
        log.warning("clock.was_ahead", last_round=last.at.isoformat(), put_right=number)

    def _end_what_is_over(self, session: Session, now: datetime, *, in_doubt: bool) -> None:
        for finding in open_findings(session, CLOCK_AHEAD):
            if not in_doubt and now - finding.last_seen_at >= (_IN_DOUBT if finding.subject else _TOLD_FOR):
                end_findings(session, CLOCK_AHEAD, [finding.subject])

    def _agrees(self, now: datetime) -> bool:
        """Hold this machine's clock to the database's; return whether mail may leave."""
        skew = skew_of(self._clock)
        if abs(skew) <= NOTED_SKEW:
            self._end_skew()
            return True
        refuses = abs(skew) > MOST_SKEW
        self._tell_skew(skew, now, refuses=refuses)
        return not refuses

    def _tell_skew(self, skew: timedelta, now: datetime, *, refuses: bool) -> None:
        direction = "ahead of" if skew > timedelta() else "behind"
        seconds = f"{abs(skew).total_seconds():,.0f} seconds"
        stands = "; nothing is sent from here until it is right, the mail stays queued" if refuses else ""
        text = f"The clock of {platform.node()} is {seconds} {direction} the database's{stands}. Set it (timedatectl)."
        with self._db.write() as session:
            note_finding(session, CLOCK_SKEW, platform.node(), text, now=now)
        if refuses and not self._refuses:
            log.error("clock.refused", seconds=round(skew.total_seconds()), remedy="set the clock of this machine")
        self._refuses = refuses
        self._skew_noted = True

    def _end_skew(self) -> None:
        if self._skew_noted or (self._is_first and not self._db.is_sqlite):
            with self._db.write() as session:
                end_findings(session, CLOCK_SKEW, [platform.node()])
        self._refuses = self._skew_noted = False


def _tell_of_leap(session: Session, last: LastRound, now: datetime) -> None:
    text = (
        f"The clock is or was ahead, or nothing ran for long: the last round was at {last.at:%Y-%m-%d %H:%M} UTC, this "
        f"one at {now:%Y-%m-%d %H:%M} UTC. Pauses, what waits its day, bounces and forgetting wait for an hour."
    )
    note_finding(session, CLOCK_AHEAD, "leap", text, now=now)
    log.warning("clock.leaped", last_round=last.at.isoformat(), now=now.astimezone(UTC).isoformat())
