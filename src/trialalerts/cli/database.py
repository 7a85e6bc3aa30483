"""``trialalerts database``: upgrade, check, backup, restore, copy."""

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
    """Write a consistent copy of the database to one file while the daemon works on.

    The file is a SQLite database, of PostgreSQL too. It holds all that people gave you: keep it as you keep them.

    Example: trialalerts database backup backups/2026-11-22.db
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.cli.progress import show_progress
    from trialalerts.operations.backups import back_up

    with show_progress("database backup") as progress:
        size = back_up(open_context().db, file, progress=progress)
    show(f"{file}: {size:,} bytes written")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What database backup wrote.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if a daemon seems to work.")] = False,
) -> None:
    """Put a backup in the place of all that the database holds now.

    Mail that was still to leave then is held (deliveries retry --held lets it go): it may have left since. What was
    sent after the backup was made can come a second time. Who left since stays gone.

    Example: trialalerts database restore backups/2026-11-22.db
    """
    from trialalerts.cli.context import open_settings_database, settings_of
    from trialalerts.cli.output import show
    from trialalerts.cli.progress import show_progress
    from trialalerts.database.copying.transfer import holds_anything
    from trialalerts.database.engine import shown_name
    from trialalerts.database.server_clock import clock_of
    from trialalerts.operations.backups import refuse_while_working, restore_backup
    from trialalerts.plurals import counted

    db = open_settings_database(settings_of())
    now = clock_of(db).now()
    if not force:
        refuse_while_working(db, now, "restore")
    if not yes and holds_anything(db):
        name = shown_name(db.engine.url)
        typer.confirm(f"All that {name} holds now is replaced by {file}. Do that?", abort=True)
    with show_progress("database restore") as progress:
        done = restore_backup(db, file, now=now, progress=progress)
    since = f"{done.left_since:,} of them left since and get no mail"
    kept = f"{counted(done.suppressed_since, 'suppression')} since kept"
    show(f"restored: {counted(done.subscribers, 'subscriber')}; {since}; {kept}")
    if done.held:
        show(f"{counted(done.held, 'mail')} held: let them go with: trialalerts deliveries retry --held")


@app.command()
def copy(
    *,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database: as database.url is written.")],
    force: Annotated[bool, typer.Option("--force", help="Even if a daemon seems to work.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Copy everything into an empty database of either kind; verified; run it again if it was cut off.

    Stop the daemon first. Afterwards only database.url changes: links in mails that were sent go on working.

    Example: trialalerts database copy --to postgresql+psycopg://alerts@db.example.org/alerts
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, show_json
    from trialalerts.cli.progress import show_progress
    from trialalerts.database.copying.transfer import copy_database
    from trialalerts.database.engine import open_database, shown_name
    from trialalerts.operations.backups import refuse_while_working
    from trialalerts.operations.tables import all_tables
    from trialalerts.plurals import counted

    ctx = open_context()
    if not force:
        refuse_while_working(ctx.db, ctx.clock.now(), "copy")
    with open_database(to) as target, show_progress("database copy", quiet=json) as progress:
        name = shown_name(target.engine.url)
        sums = copy_database(ctx.db, target, all_tables(), progress=progress)
        with target.write() as session:
            ctx.note("database.copied", "database", new=f"to {name}", session=session)
    if json:
        show_json({table: {"rows": each.rows, "checksum": f"{each.checksum:016x}"} for table, each in sums.items()})
        return
    rows = sum(each.rows for each in sums.values())
    show(f"{counted(rows, 'row')} of {counted(len(sums), 'table')} copied and verified; now set database.url to {name}")


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
