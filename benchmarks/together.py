"""Processes that begin at the same moment: each says that it is ready, waits for a word, works and tells."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["run_together"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_BOUNDED = 900


def run_together(module: str, arguments: Sequence[str], *, processes: int) -> tuple[float, list[dict[str, Any]]]:
    """Run so many processes of a module; return the seconds until the last has ended, and what each told in JSON."""
    command = [sys.executable, "-m", module, *arguments]
    started = [
        subprocess.Popen(command, cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate(timeout=_BOUNDED)[0]) for process in started]
    return time.perf_counter() - began, told
