"""``trialalerts subscribers import`` and ``export``: people by file."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialalerts.cli.preferences import AsJson
from trialalerts.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from trialalerts.subscribers.files.bulk_import import SubscriberList
    from trialalerts.subscribers.files.list_names import ListNames

__all__ = ["content_of", "read", "write"]

_SHOWN_LINES = 10


def read(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with the columns of an export; - reads standard input.")
    ],
    *,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They agreed, unless a line says otherwise.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Import the good lines even if others are bad.")] = False,
    area: Annotated[str, typer.Option(metavar="TEXT", help="The disease for lines that name none.")] = "",
    region: Annotated[str, typer.Option(metavar="TEXT", help="The region for lines that name none.")] = "",
    lists: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Which area each of their lists or tags means.")
    ] = None,
    maps: Annotated[
        list[str] | None, typer.Option("--map", metavar="THEIRS=OURS", help="Read a column under one of our names.")
    ] = None,
    consent: Annotated[str, typer.Option(metavar="TEXT", help="Where they agreed; kept with each of them.")] = "",
    encoding: Annotated[str, typer.Option(metavar="NAME", help="Such as cp1252; found out by itself.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; store and mail nothing.")] = False,
) -> None:
    """Import subscribers; a line that makes no sense stops it all, unless --skip-bad.

    Refused lines, with the reason, go into FILE.refused.csv. Who is not confirmed gets a mail that asks. Exports of
    other programs are read too: their e-mail column is understood, who had left there is left out, and so are columns
    that are not ours. Cut off in the middle and run again, it goes on.

    Example: trialalerts subscribers import members.csv --area "multiple sclerosis" --region "Leeds, GB" --dry-run
    """
    from trialalerts.cli import output
    from trialalerts.cli.context import open_context
    from trialalerts.cli.progress import show_progress
    from trialalerts.delivery.mail.message import mail_domain
    from trialalerts.delivery.outbox.confirmations import request_confirmations
    from trialalerts.subscribers.files.bulk_import import read_csv, store_list
    from trialalerts.subscribers.files.csv_layout import mapping_of
    from trialalerts.subscribers.files.csv_rows import CsvRowReader
    from trialalerts.subscribers.files.encodings import decode_list
    from trialalerts.subscribers.files.list_names import read_list_names
    from trialalerts.vocabulary.areas.tree import load_areas

    ctx = open_context()
    now = ctx.clock.now()
    mapping = mapping_of(maps or [])
    names = read_list_names(lists) if lists else None
    decoded = decode_list(content_of(file), encoding)
    if not decoded.certain:
        typer.echo(
            f"{file}: read as {decoded.encoding}; if names look wrong, say which it is with --encoding", err=True
        )
    with show_progress("subscribers import") as progress:
        with ctx.db.read() as session:
            reader = CsvRowReader(
                session,
                load_areas(session),
                locale=ctx.settings.service.locale,
                timezone=ctx.settings.service.timezone,
                confirmed=confirmed,
                now=now,
                others={"area": area, "region": region, "consent": consent},
            )
            found = read_csv(
                session,
                reader,
                io.StringIO(decoded.text, newline=""),
                mapping=mapping,
                needs_area=not area,
                lists=names,
                secrets=ctx.settings.service.hash_keys,
                total=decoded.text.count("\n"),
                progress=progress,
            )
        _tell_refused(file, found, stops=not skip_bad)
        if not skip_bad:
            found.refuse_if_wrong()
        count = store_list(
            ctx.db,
            found,
            ask=partial(request_confirmations, now=now, domain=mail_domain(ctx.settings.mail.sender)),
            now=now,
            dry_run=dry_run,
            progress=progress,
        )
    _tell_left_out(found, names)
    if not dry_run:
        added = f"{count.subscribers} subscribers, {count.preferences} preferences, {count.asked} asked"
        ctx.note("subscribers.imported", "subscribers", new=f"{added}; {len(found.errors)} lines refused")
    if dry_run:
        output.show("this was a dry run: nothing is stored, nobody is mailed")
    output.show(f"{counted(count.subscribers, 'subscriber')} and {counted(count.preferences, 'preference')} added")
    if count.to_confirm:
        output.show(f"{count.to_confirm} must confirm; {counted(count.asked, 'confirmation mail')} queued")
    if confirmed and not any(row.consent for rows in found.people.values() for row in rows):
        typer.echo("No line says where they agreed; keep it with --consent TEXT or a column “consent”", err=True)
    if found.errors:
        raise typer.Exit(1)


def write(
    *,
    output: Annotated[
        Path | None, typer.Option(help="Write to this file, readable by you only.", metavar="FILE")
    ] = None,
    json: AsJson = False,
) -> None:
    """Export all subscribers with what they follow, as CSV (which import reads) or JSON. This is health data."""
    import orjson

    from trialalerts.cli.context import open_context
    from trialalerts.subscribers.files.export import export_csv, export_json

    ctx = open_context()
    with ctx.db.read() as session, _writing(output) as opened:
        if json:
            opened.write(orjson.dumps(export_json(session), option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            export_csv(session, opened)
    ctx.note("subscribers.exported", "subscribers")
    if output is not None:
        typer.echo(f"{output}: written")


def content_of(file: Path) -> bytes:
    """Return what a file, or standard input (-), holds.

    Raises:
        InvalidInput: it cannot be read.
    """
    from trialalerts.errors import InvalidInput

    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file}: the file cannot be read: {error.strerror}") from None


@contextlib.contextmanager
def _writing(file: Path | None) -> Iterator[TextIO]:
    """Open a file that nobody else may read, or standard output."""
    from trialalerts.errors import InvalidInput

    if file is None:
        yield sys.stdout
        return
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise InvalidInput(f"{file}: the file cannot be written: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as opened:
        yield opened


def _tell_refused(file: Path, found: SubscriberList, *, stops: bool) -> None:
    """Write the refused lines into a file of their own, and tell the first of them."""
    from trialalerts.errors import InvalidInput
    from trialalerts.subscribers.files.refused_lines import write_refused

    refused = [*found.errors, *found.left_since]
    if not refused:
        return
    name = "standard-input" if str(file) == "-" else file.name
    path, shown = file.with_name(f"{name}.refused.csv"), _SHOWN_LINES
    try:
        write_refused(path, found.columns, refused)
    except InvalidInput as error:
        typer.echo(str(error), err=True)
        shown = len(refused)
    for each in refused[1 if stops and found.errors else 0 : shown]:
        typer.echo(f"line {each.line}: {each.message}", err=True)
    if shown < len(refused):
        typer.echo(f"… and {len(refused) - shown} more", err=True)
    if path.exists():
        remedy = "; mend them there, or import the others with --skip-bad" if stops and found.errors else ""
        typer.echo(f"{counted(len(refused), 'refused line')} in {path}{remedy}", err=True)


def _tell_left_out(found: SubscriberList, names: ListNames | None) -> None:
    from trialalerts.cli import output

    if found.left_out:
        output.show(f"columns left out: {', '.join(found.left_out)}")
    if names is not None and names.unknown:
        listed = ", ".join(f"{name} ({counted(number, 'line')})" for name, number in names.unknown.most_common(20))
        output.show(f"lists left out, which the file of lists does not name: {listed}")
    if found.on_others:
        output.show(f"{counted(found.on_others, 'line')} left out, on none of our lists")
    if nothing := found.follow_nothing:
        output.show(f"{counted(nothing, 'subscriber')} with no area, who will follow nothing")
    if found.had_left:
        people = counted(len(found.had_left), "subscriber")
        output.show(f"{people} left out, who had left or could not be reached there")
    if found.left_since:
        people = counted(len(found.left_since), "line")
        output.show(f"{people} left out, of people who have left here since a file brought them")
