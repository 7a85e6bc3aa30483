"""``trialalerts suppressions import`` and ``export``: addresses that are never mailed, by file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from trialalerts.plurals import counted

__all__ = ["read", "write"]

_SHOWN_LINES = 10


def write(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written readable to you only.")],
) -> None:
    """Export all suppressions as CSV, for another database with the same secret; it holds hashes and no address."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show, write_file
    from trialalerts.delivery.outbox.suppression_files import export_suppressions

    ctx = open_context()
    written = io.StringIO(newline="")
    with ctx.db.read() as session:
        number = export_suppressions(session, ctx.settings.service.secrets, written)
    write_file(file, written.getvalue())
    show(f"{counted(number, 'suppression')} written to {file}")


def read(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Our own export, CSV with a column of addresses, or one a line.")
    ],
    *,
    detail: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, without an address; for lines that do not say it.")
    ] = None,
    encoding: Annotated[str, typer.Option(metavar="NAME", help="Such as cp1252; found out by itself.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; store nothing.")] = False,
) -> None:
    """Never mail the addresses of a file: our own export, or a list of unsubscribed, bounced or complained of others.

    Reasons and dates are kept where a column holds them. Lines that hold no address are refused into FILE.refused.csv;
    the others go in.
    """
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show
    from trialalerts.cli.progress import show_progress
    from trialalerts.cli.subscriber_files import content_of
    from trialalerts.delivery.outbox.suppression_files import read_suppressions, store_suppressions
    from trialalerts.subscribers.files.encodings import decode_list
    from trialalerts.subscribers.files.refused_lines import write_refused

    ctx = open_context()
    text = decode_list(content_of(file), encoding).text
    found = read_suppressions(text, ctx.settings.service.hash_keys, detail=detail, now=ctx.clock.now())
    with show_progress("suppressions import") as progress:
        new = store_suppressions(ctx.db, found, dry_run=dry_run, progress=progress)
    if not dry_run:
        ctx.note("suppressions.imported", "suppressions", new=f"{new} added, {len(found.errors)} lines refused")
    if dry_run:
        show("this was a dry run: nothing is stored")
    show(f"{counted(new, 'address', 'addresses')} suppressed, {len(found.rows) - new:,} were already")
    if found.errors:
        path = file.with_name(f"{'standard-input' if str(file) == '-' else file.name}.refused.csv")
        write_refused(path, found.columns, found.errors)
        for each in found.errors[:_SHOWN_LINES]:
            typer.echo(f"line {each.line}: {each.message}", err=True)
        typer.echo(f"{counted(len(found.errors), 'refused line')} in {path}", err=True)
        raise typer.Exit(1)
