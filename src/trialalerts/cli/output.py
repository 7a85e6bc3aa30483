"""How commands print: tables for people, plain tab-separated lines for programs, JSON on request."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from trialalerts.errors import InvalidInput

__all__ = ["is_terminal", "show", "show_fields", "show_json", "show_table", "write_file"]


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def show(line: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{line}\n")


def show_json(value: object) -> None:
    """Print ``value`` as indented JSON; datetimes as ISO 8601."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    show(orjson.dumps(value, default=_plain, option=options).decode())


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows: a table on a terminal; else a header line and one tab-separated line a row, the title above."""
    if not is_terminal():
        if title is not None:
            show(f"\n{title}")
        show("\t".join(columns))
        for row in rows:
            show("\t".join(_cell(value).replace("\t", " ").replace("\n", " ") for value in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    Console().print(table)


def show_fields(fields: Mapping[str, object]) -> None:
    """Print a line for each name with its value, as a table would have it; ``-`` where there is none."""
    for name, value in fields.items():
        show(f"{name.replace('_', ' ')}: {_cell(value) or '-'}")


def write_file(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, making its folder.

    Raises:
        InvalidInput: it cannot be written there.
    """
    from trialalerts.files import create_private, make_folder

    try:
        make_folder(path.parent)
        create_private(path)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written: {error.strerror}") from None


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_cell(part) for part in value)
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)
