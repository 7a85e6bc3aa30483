"""A real PostgreSQL for the tests: a throw-away cluster on a Unix socket, made with the system's own programs."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

INSTALL = "PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)"


def find_programs() -> Path | None:
    """Return the folder that holds initdb and postgres, the newest version first; None where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: p.parent.name.zfill(4), reverse=True)
    found = shutil.which("initdb")
    for folder in [*folders, *([Path(found).parent] if found else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


@dataclass(kw_only=True)
class Cluster:
    """A cluster; its server runs between :meth:`start` and :meth:`stop`. Tests need not survive a power cut."""

    folder: Path
    user: str
    programs: Path
    durable: bool = False
    server: subprocess.Popen[bytes] | None = None
    _maintenance: psycopg.Connection | None = field(init=False, default=None)

    def url(self, name: str) -> str:
        """Return the SQLAlchemy URL of the database ``name``."""
        return f"postgresql+psycopg://{self.user}@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement on the maintenance database; its connection is kept: to begin one costs the server more."""
        if self._maintenance is None or self._maintenance.closed:
            self._maintenance = psycopg.connect(
                dbname="postgres", user=self.user, host=str(self.folder), autocommit=True
            )
        self._maintenance.execute(statement.encode())

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "60",
        }
        if self.durable:
            options |= {"shared_buffers": "512MB", "max_wal_size": "4GB"}
        else:
            options |= {"shared_buffers": "64MB", "fsync": "off", "full_page_writes": "off"}
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *flags],
                stdout=log,
                stderr=subprocess.STDOUT,
                user=_run_as(self.user),
                cwd=self.folder,
            )
        _wait(self)

    def crash(self) -> None:
        """End the server at once, as ``pg_ctl stop -m immediate`` does: connections break, nothing is tidied up."""
        self._end(signal.SIGQUIT)

    def stop(self, *, keep: Path | None = None) -> None:
        """End the server that was started here and remove its folder, but for a copy of its data in ``keep``."""
        self._end(signal.SIGTERM)
        if keep is not None:
            _copy(self.folder / "data", keep)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._maintenance is not None:
            self._maintenance.close()
        if self.server is not None:
            self.server.send_signal(how)
            self.server.wait(timeout=30)


def start_cluster(programs: Path, *, durable: bool = False, data: Path | None = None) -> Cluster:
    """Make and start a cluster; as root, as the first unprivileged user that exists (PostgreSQL refuses root).

    With ``data`` it begins as a copy of what another one kept: making one takes the processor seconds.
    """
    folder = Path(tempfile.mkdtemp(prefix="trialalerts-pg-"))
    user = _unprivileged() if os.geteuid() == 0 else getpass.getuser()
    if run_as := _run_as(user):
        shutil.chown(folder, run_as)
    if data is None:
        words = ("-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", *words],
            check=True,
            capture_output=True,
            user=run_as,
            cwd=folder,
        )
    else:
        _copy(data, folder / "data")
    cluster = Cluster(folder=folder, user=user, programs=programs, durable=durable)
    cluster.start()
    return cluster


def _copy(data: Path, to: Path) -> None:
    """Copy the data of a cluster that does not run, with their owner, as whom its server must run."""
    subprocess.run(["cp", "-a", data, to], check=True)


def _run_as(user: str) -> str | None:
    return user if os.geteuid() == 0 else None


def _wait(cluster: Cluster) -> None:
    assert cluster.server is not None
    for _ in range(200):
        try:
            psycopg.connect(dbname="postgres", user=cluster.user, host=str(cluster.folder), connect_timeout=5).close()
        except psycopg.OperationalError:
            if cluster.server.poll() is not None:
                raise RuntimeError((cluster.folder / "log").read_text()) from None
            # The server says nothing when it is ready; asking again after a moment is the documented way.
            subprocess.run(["sleep", "0.05"], check=True)
        else:
            return
    raise RuntimeError("PostgreSQL did not start within 10 seconds")


def _unprivileged() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
