"""What a benchmark returns, and how it is printed."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Figure", "as_markdown", "machine", "peak_megabytes"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure; ``target`` and ``reference`` (what the same run measured beside it) may be empty."""

    what: str
    value: str
    target: str = ""
    reference: str = ""
    met: bool | None = None


def as_markdown(title: str, measured_on: str, figures: Iterable[Figure]) -> str:
    """Return the figures as one Markdown table under a heading and what they were measured on."""
    marks = {None: "", True: "yes", False: "**no**"}
    lines = [
        f"## {title}",
        "",
        measured_on,
        "",
        "| what | measured | target | met | beside it |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {f.what} | {f.value} | {f.target} | {marks[f.met]} | {f.reference} |" for f in figures]
    return "\n".join([*lines, ""])


def peak_megabytes() -> float:
    """Return the largest resident set of this process (getrusage would give that of the process that started it)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1024


def machine() -> str:
    """Return in one line what this was measured on, and the commit."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    cores = len(os.sched_getaffinity(0))
    return (
        f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, "
        f"commit {commit.stdout.strip() or 'unknown'}"
    )
