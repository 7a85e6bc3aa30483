"""``trialalerts audit``: who changed what."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def audit() -> None:
    """Who changed what, and when."""


@app.command("list", epilog="Example: trialalerts audit list --since 2026-03-02 --action subscriber")
def list_(
    *,
    since: Annotated[str | None, typer.Option(help="Only since then: a day or a moment (UTC).")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only this: “subscriber 7”, “source news”; or a subscriber's address.")
    ] = None,
    action: Annotated[str | None, typer.Option(help="Only these: subscriber.paused, or all of subscriber.")] = None,
    who: Annotated[
        str | None, typer.Option(help="Only by: web, daemon, command line; or “command line (anna)”.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List every change that somebody made: by command line, on the pages, by a link. It is only ever added to."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.cli.times import moment_of
    from trialalerts.database.audit import list_changes
    from trialalerts.subscribers.people import find_subscriber

    with open_context().db.read() as session:
        if subject is not None and "@" in subject:
            subject = f"subscriber {find_subscriber(session, subject).id}"
        found = list_changes(
            session, since=moment_of("--since", since), subject=subject, action=action, who=who, limit=limit
        )
    if json:
        show_json([each.model_dump() for each in found])
        return
    columns = ("at", "who", "action", "subject", "old", "new")
    show_table(columns, [tuple(getattr(each, name) for name in columns) for each in found])
