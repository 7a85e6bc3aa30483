"""Runs the benchmarks and prints their figures: ``python -m benchmarks [NAME …] [--write]``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.figures import as_markdown, machine

ALL = (
    "composing",
    "rendering",
    "weeks",
    "smtp",
    "sending",
    "startup",
    "ingest",
    "joining",
    "sources",
    "importing",
    "tagging",
    "truth",
    "plain_lines",
    "metrics",
    "questions",
    "reach",
    "announcing",
    "web",
    "api",
)
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments: list[str]) -> None:
    """Run the benchmarks named (all without a name); with ``--write``, keep their figures in RESULTS.md."""
    names = [name for name in arguments if not name.startswith("-")] or list(ALL)
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        title = (module.__doc__ or name).splitlines()[0]
        page = as_markdown(title, machine(), module.run())
        print(page, flush=True)
        if "--write" in arguments:  # after each: a run of all takes long
            _keep(title, page)


def _keep(title: str, page: str) -> None:
    """Put a page in the place of the one of the same title; new ones come last."""
    kept = RESULTS.read_text(encoding="utf-8").split("\n## ") if RESULTS.exists() else []
    pages = {f"## {part}".splitlines()[0]: f"## {part}".rstrip() + "\n" for part in kept[1:]}
    pages[f"## {title}"] = page.rstrip() + "\n"
    RESULTS.write_text("# Benchmarks\n\n" + "\n".join(pages.values()), encoding="utf-8")


main(sys.argv[1:])
