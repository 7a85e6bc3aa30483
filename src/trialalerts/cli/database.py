"""``trialalerts database``: upgrade, check, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def upgrade() -> None:
    """Bring the tables to what this program needs.

    Example: trialalerts database upgrade
    """
    from trialalerts.bootstrap import prepare
    from trialalerts.cli.context import open_settings_database, settings_of
    from trialalerts.cli.output import show
    from trialalerts.database.schema import REVISION

    settings = settings_of()
    done = prepare(open_settings_database(settings), settings)
    show(f"upgraded to revision {REVISION}" if done.upgraded else f"nothing to do: revision {REVISION}")


@app.command()
def check() -> None:
    """Look whether the database is whole: its revision, its pages, its references.

    Example: trialalerts database check
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.database.maintenance import find_faults

    found = find_faults(open_context().db)
    for fault in found:
        show(fault)
    if found:
        raise typer.Exit(1)
    show("the database is whole")


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")]) -> None:
    """Write a consistent copy of a SQLite database while the daemon works on.

    Example: trialalerts database backup backups/2026-11-22.db
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.database.maintenance import back_up

    size = back_up(open_context().db, file)
    show(f"{file}: {size:,} bytes written")


@app.command()
def vacuum(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="PostgreSQL: write the tables anew; each is locked meanwhile.")
    ] = False,
) -> None:
    """Overwrite what was erased: dead rows stay on the disk until then.

    Backups, and PostgreSQL's write-ahead log, still hold what they held.

    Example: trialalerts database vacuum --full
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.database.maintenance import vacuum_database as run

    database = open_context().db
    run(database, full=full)
    if full or database.is_sqlite:
        show("what was erased is overwritten; backups still hold what they held")
    else:
        show("the space of what was erased can be used again; --full writes the tables anew")
