"""How the demo prints: lines, and a table for people or tab-separated lines where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

__all__ = ["say", "say_table"]


def say(line: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a title: a table on a terminal, else a line each with tabs between the cells."""
    if not sys.stdout.isatty():
        for line in (title, "\t".join(columns), *("\t".join(row) for row in rows)):
            say(line)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row), end_section=True)
    Console().print(table)
