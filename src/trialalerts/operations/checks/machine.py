"""What the doctor asks about the machine: files, disks, the clock."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.database.server_clock import skew_of
from trialalerts.files import private_paths, wider
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.stamps import future_stamps
from trialalerts.operations.timekeeping import MOST_SKEW, NOTED_SKEW, last_round
from trialalerts.settings import Settings

__all__ = ["ENOUGH", "DiskRoom", "about_clock", "about_disk", "about_files", "least_room"]

ENOUGH = 500_000_000
"""So many bytes have to be free; with fewer the operator is told."""
_NOTHING = 50_000_000


def about_files(settings: Settings, db: Database) -> Iterator[DoctorCheck]:
    """Name what holds addresses or secrets and can be read by others on this machine."""
    paths = private_paths(db.engine.url, settings.mail.url.get_secret_value())
    paths += [Path(key.key_file) for key in settings.mail.dkim]
    wide = [path for path in paths if wider(path)]
    if wide:
        yield DoctorCheck(
            level="look",
            why="they hold addresses, what people follow, or secrets",
            what=f"others on this machine may read {', '.join(map(str, wide))}",
            remedy=f"run: chmod go= {shlex.join(map(str, wide))}",
        )


@dataclass(frozen=True, kw_only=True)
class DiskRoom:
    """How many bytes are free where ``path`` lies."""

    path: Path
    free: int


def least_room(settings: Settings, db: Database) -> DiskRoom | None:
    """Return where we write, the database or mails that go into files, and least room is left; None where we do not."""
    found = []
    for path in private_paths(db.engine.url, settings.mail.url.get_secret_value()):
        folder = next((each for each in (path.absolute(), *path.absolute().parents) if each.is_dir()), None)
        if folder is not None:
            found.append(DiskRoom(path=path, free=shutil.disk_usage(folder).free))
    return min(found, key=lambda room: room.free, default=None)


def about_disk(settings: Settings, db: Database) -> Iterator[DoctorCheck]:
    """Look how much room is left where we write."""
    room = least_room(settings, db)
    if room is not None and room.free < ENOUGH:
        yield DoctorCheck(
            level="broken" if room.free < _NOTHING else "look",
            what=f"{room.free // 1_000_000:,} MB are free where {room.path} lies",
            why="a full disk stops everything: nothing is stored, and nothing is sent twice by it",
            remedy="make room there, or move it to a larger disk",
        )


def about_clock(settings: Settings, session: Session, clock: Clock) -> Iterator[DoctorCheck]:
    now, last = clock.now(), last_round(session)
    waits = future_stamps(session, settings, now)
    if waits or (last is not None and last.at > now + MOST_SKEW):
        at = f" (the last round was at {last.at:%Y-%m-%d %H:%M} UTC)" if last and last.at > now else ""
        kinds = ", ".join(f"{number:,} × {name}" for name, number in waits.items())
        yield DoctorCheck(
            level="broken",
            what=f"a clock that is or was ahead{at}" + (f": too far in the future are {kinds}" if kinds else ""),
            why="what bears a time in the future waits for it, and who is due then gets nothing till then",
            remedy="look after the machine's time (timedatectl); the next round of trialalerts run puts the rest right",
        )
    skew = skew_of(clock)
    if abs(skew) > NOTED_SKEW:
        yield DoctorCheck(
            level="broken" if abs(skew) > MOST_SKEW else "look",
            what=f"the clock of this machine differs from the database's by {abs(skew).total_seconds():,.0f} seconds",
            why="what is due, and for how long a machine may work at something, is told by the clock",
            remedy="set it (timedatectl); beyond five minutes nothing is sent from here",
        )
