"""``trialalerts subscribers import`` and ``export``: people by file."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialalerts.cli.preferences import AsJson
from trialalerts.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, TextIO

    from trialalerts.subscribers.files.bulk_import import LineError

__all__ = ["read", "write"]


def read(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with the columns of an export; - reads standard input.")
    ],
    *,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They agreed, unless a line says otherwise.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Import the good lines even if others are bad.")] = False,
    area: Annotated[str, typer.Option(metavar="TEXT", help="The disease for lines that name none.")] = "",
    region: Annotated[str, typer.Option(metavar="TEXT", help="The region for lines that name none.")] = "",
    maps: Annotated[
        list[str] | None, typer.Option("--map", metavar="THEIRS=OURS", help="Read a column under one of our names.")
    ] = None,
    consent: Annotated[str, typer.Option(metavar="TEXT", help="Where they agreed; kept with each of them.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; store and mail nothing.")] = False,
) -> None:
    """Import subscribers; a line that makes no sense stops it all, unless --skip-bad.

    Who is not confirmed gets a mail that asks. Exports of other programs are read too: their e-mail column is
    understood, who had left there is left out, and so are columns that are not ours.

    Example: trialalerts subscribers import members.csv --area "multiple sclerosis" --region "Leeds, GB" --dry-run
    """
    from trialalerts.cli import output
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.mail.message import mail_domain
    from trialalerts.delivery.outbox.confirmations import request_confirmation
    from trialalerts.subscribers.files.bulk_import import ImportRefused, import_csv
    from trialalerts.subscribers.files.csv_layout import mapping_of

    ctx = open_context()
    now = ctx.clock.now()
    service = ctx.settings.service
    try:
        with _reading(file) as opened, ctx.db.write() as session:
            count = import_csv(
                session,
                opened,
                locale=service.locale,
                timezone=service.timezone,
                confirmed=confirmed,
                skip_bad=skip_bad,
                area=area,
                region=region,
                mapping=mapping_of(maps or []),
                consent=consent,
                now=now,
            )
            if dry_run:
                session.rollback()
            domain = mail_domain(ctx.settings.mail.sender)
            asked = sum(
                request_confirmation(session, subscriber, ids, now=now, domain=domain)
                for subscriber, ids in (() if dry_run else count.to_confirm)
            )
    except ImportRefused as error:
        _tell_errors(error.errors[1:])
        raise
    _tell_errors(count.errors)
    if count.left_out:
        output.show(f"columns left out: {', '.join(count.left_out)}")
    if count.had_left:
        output.show(f"{counted(count.had_left, 'subscriber')} left out, who had left or could not be reached there")
    if dry_run:
        output.show("this was a dry run: nothing is stored, nobody is mailed")
    output.show(f"{counted(count.subscribers, 'subscriber')} and {counted(count.preferences, 'preference')} added")
    if count.to_confirm:
        output.show(f"{len(count.to_confirm)} must confirm; {counted(asked, 'confirmation mail')} queued")
    if count.errors:
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

    with open_context().db.read() as session, _writing(output) as opened:
        if json:
            opened.write(orjson.dumps(export_json(session), option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            export_csv(session, opened)
    if output is not None:
        typer.echo(f"{output}: written")


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[TextIO]:
    from trialalerts.errors import InvalidInput

    if str(file) == "-":
        yield _decoded(sys.stdin.buffer)
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        raise InvalidInput(f"{file}: the file cannot be read: {error.strerror}") from None
    with opened:
        yield _decoded(opened)


def _decoded(file: BinaryIO) -> TextIO:
    """Read UTF-8, or UTF-16 as spreadsheets write it; their marks at the beginning are taken off."""
    from io import BufferedReader, TextIOWrapper

    begins = file.peek(4)[:4] if isinstance(file, BufferedReader) else b""
    marks = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    unmarked = {(False, True): "utf-16-le", (True, False): "utf-16-be"}
    found = unmarked.get((begins[:1] == b"\0", begins[1:2] == b"\0"))
    return TextIOWrapper(file, encoding=marks.get(begins[:2]) or found or "utf-8-sig", newline="")


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


def _tell_errors(errors: tuple[LineError, ...]) -> None:
    for error in errors:
        typer.echo(f"line {error.line}: {error.message}", err=True)
