"""Postfix's test programs ``smtp-sink`` and ``smtp-source`` on loopback (Debian package postfix); never its service."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

__all__ = ["INSTALL", "find_program", "running"]

INSTALL = "smtp-sink is not here; it comes with postfix: apt install postfix (the service need not run)"
_PLACES = "/usr/sbin:/usr/local/sbin"
_READY = 10.0


def find_program(name: str) -> str | None:
    """Return where a program of Postfix's lies, or None."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PLACES}")


@contextmanager
def running(*options: str) -> Iterator[int]:
    """Run ``smtp-sink`` as an unprivileged user; gives its port."""
    program = find_program("smtp-sink")
    assert program, INSTALL
    port = _free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    sink = subprocess.Popen(
        [program, *user, *options, f"127.0.0.1:{port}", "200"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _wait_for(port, sink)
        yield port
    finally:
        sink.terminate()
        sink.communicate(timeout=_READY)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(port: int, sink: subprocess.Popen[bytes]) -> None:
    until = monotonic() + _READY
    while monotonic() < until and sink.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                # it greets when it is ready; a connection alone is the system's doing
                if connection.recv(3) == b"220":
                    return
        except OSError:
            continue
    raise RuntimeError("smtp-sink did not start")
