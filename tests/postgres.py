"""Owns a real PostgreSQL for the tests: a throw-away cluster on a Unix socket, made with the system's own programs."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster."""

    folder: Path
    user: str
    server: subprocess.Popen[bytes]

    def url(self, name: str) -> str:
        """Return the SQLAlchemy URL of the database ``name``."""
        return f"postgresql+psycopg://{self.user}@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement on the maintenance database."""
        with closing(
            psycopg.connect(dbname="postgres", user=self.user, host=str(self.folder), autocommit=True)
        ) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """End the server that was started here and remove its folder."""
        self.server.terminate()
        self.server.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_cluster(programs: Path) -> Cluster:
    """Make and start a cluster; as root, as the first unprivileged user that exists (PostgreSQL refuses root)."""
    folder = Path(tempfile.mkdtemp(prefix="trialalerts-pg-"))
    user = _unprivileged() if os.geteuid() == 0 else getpass.getuser()
    run_as = user if os.geteuid() == 0 else None
    if run_as:
        shutil.chown(folder, run_as)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        capture_output=True,
        user=run_as,
        cwd=folder,
    )
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": "60",
        "shared_buffers": "64MB",
    }
    flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *flags], stdout=log, stderr=subprocess.STDOUT, user=run_as, cwd=folder
        )
    cluster = Cluster(folder=folder, user=user, server=server)
    subprocess.run(
        [programs / "pg_isready", "-h", folder, "-U", user, "-d", "postgres", "-t", "30"],
        check=False,
        capture_output=True,
    )
    _wait(cluster)
    return cluster


def _wait(cluster: Cluster) -> None:
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
