"""The command ``trialalerts api-keys``: keys by which other programs sign people up."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.callback()
def api_keys() -> None:
    """Keys of other programs for the API: add, list, revoke."""


@app.command(epilog="Example: trialalerts api-keys add website --rate 120")
def add(
    name: Name,
    *,
    scope: Annotated[list[str] | None, typer.Option(help="What it is for: sign-up.")] = None,
    rate: Annotated[int, typer.Option(min=1, max=100_000, help="So many sign-ups in a quarter of an hour.")] = 60,
) -> None:
    """Make a key for a program and show it, this once: only a hash of it is kept."""
    from trialalerts.cli.context import open_context
    from trialalerts.operations.api_keys import SCOPES, add_key

    ctx = open_context()
    secret = ctx.settings.service.secret.get_secret_value()
    with ctx.db.write() as session:
        key = add_key(session, secret, name, scope or SCOPES, rate=rate, now=ctx.clock.now())
        ctx.note("api_key.added", f"api key {name}", new=f"{', '.join(scope or SCOPES)}; {rate}", session=session)
    typer.echo(key)
    typer.echo("It is not shown again: put it where the program keeps its secrets, never into a page.", err=True)
    if not ctx.settings.api.enabled:
        typer.echo("The API is closed: set api.enabled = true to open it.", err=True)


@app.command("list", epilog="Example: trialalerts api-keys list")
def list_(*, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the keys by their names; what they are nobody can tell."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.operations.api_keys import list_keys

    with open_context().db.read() as session:
        found = [each.model_dump(exclude={"id", "key_hash"}) for each in list_keys(session)]
    if json:
        show_json(found)
        return
    columns = ("name", "scopes", "rate", "created_at", "revoked_at")
    show_table(columns, [tuple(each[name] for name in columns) for each in found])


@app.command(epilog="Example: trialalerts api-keys revoke website")
def revoke(name: Name) -> None:
    """Let a key work no more, at once and for good."""
    from trialalerts.cli.context import open_context
    from trialalerts.operations.api_keys import revoke_key

    ctx = open_context()
    with ctx.db.write() as session:
        worked = revoke_key(session, name, now=ctx.clock.now())
        if worked:
            ctx.note("api_key.revoked", f"api key {name}", session=session)
    typer.echo("revoked" if worked else "was revoked already")
