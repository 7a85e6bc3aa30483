"""What sends beside us: Postfix's smtp-source, written in C, the practical limit."""

from __future__ import annotations

import subprocess
import time

from tests.delivery.smtp_sink import find_program

__all__ = ["source_rate"]

_LONGEST = 300


def source_rate(port: int, *, messages: int, size: int, connections: int) -> float:
    """Return how many messages of ``size`` bytes a second smtp-source sends over so many connections that stay open."""
    program = find_program("smtp-source")
    assert program is not None
    command = [
        program,
        *("-d", "-s", str(connections), "-m", str(messages), "-l", str(size)),
        *("-f", "a@example.org", "-t", "b@example.org", f"127.0.0.1:{port}"),
    ]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=_LONGEST)
    return messages / (time.perf_counter() - began)
