"""Runs the benchmarks and prints their figures: ``python -m benchmarks [NAME …] [--write]``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.figures import as_markdown, machine

ALL = ("composing", "rendering", "smtp", "sending", "startup", "ingest", "tagging")
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments: list[str]) -> None:
    """Run the benchmarks named (all without a name); with ``--write``, keep the figures in RESULTS.md."""
    names = [name for name in arguments if not name.startswith("-")] or list(ALL)
    pages = [f"# Benchmarks\n\n{machine()}\n"]
    print(pages[0])
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        page = as_markdown((module.__doc__ or name).splitlines()[0], module.run())
        print(page, flush=True)
        pages.append(page)
        if "--write" in arguments:  # after each: a run takes long
            RESULTS.write_text("\n".join(pages), encoding="utf-8")


main(sys.argv[1:])
