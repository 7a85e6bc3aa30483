"""How long a command takes to answer, and what the idle daemon weighs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure

_ROUNDS = 7


def run() -> list[Figure]:
    """Measure in a fresh folder with an empty database."""
    program = str(Path(sys.executable).with_name("trialalerts"))
    with tempfile.TemporaryDirectory() as folder:
        _call([program, "init"], folder)
        bare = _best([sys.executable, "-c", "pass"], folder)
        reference = f"`python -c pass` {bare * 1000:.0f} ms"
        figures = []
        for words, limit in ((["--help"], 0.3), (["subscribers", "list"], 0.35)):
            took = _best([program, *words], folder)
            figures.append(
                Figure(
                    what=f"`trialalerts {' '.join(words)}`, best of {_ROUNDS}",
                    value=f"{took * 1000:.0f} ms ({took / bare:.1f} ×)",
                    target=f"< {limit * 1000:.0f} ms",
                    reference=reference,
                    met=took < limit,
                )
            )
        weight = _idle_daemon(program, folder)
        figures.append(
            Figure(
                what="the idle daemon, all roles",
                value=f"{weight:.0f} MB",
                target="≤ 90 MB",
                reference="resident set after five seconds",
                met=weight <= 90,
            )
        )
    return figures


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def _call(command: list[str], folder: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())
    return time.perf_counter() - began


def _best(command: list[str], folder: str) -> float:
    return min(_call(command, folder) for _ in range(_ROUNDS))


def _idle_daemon(program: str, folder: str) -> float:
    environment = {**_environment(), "TRIALALERTS_WEB__PORT": "0"}
    daemon = subprocess.Popen(
        [program, "run"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(5)
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(timeout=15)
