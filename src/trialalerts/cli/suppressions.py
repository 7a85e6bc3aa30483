"""Owns ``trialalerts suppressions``: addresses that are never mailed, whatever else is known of them."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@app.command("list", epilog="Example: trialalerts suppressions list")
def list_(*, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List suppressions; addresses are known by a hash only."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.delivery.suppressions import list_suppressions

    with open_context().db.read() as session:
        found = list_suppressions(session)
    if json:
        show_json([each.model_dump() for each in found])
        return
    show_table(
        ("hash", "reason", "detail", "since"),
        [(each.address_hash[:12], each.reason, each.detail, each.since) for each in found],
    )


@app.command(epilog='Example: trialalerts suppressions add anna@example.org --detail "asked by phone"')
def add(
    email: Email,
    *,
    detail: Annotated[str | None, typer.Option(help="Why, without the address.", metavar="TEXT")] = None,
) -> None:
    """Never mail an address again, until it is lifted."""
    from trialalerts.cli.context import open_context
    from trialalerts.delivery.suppressions import suppress
    from trialalerts.subscribers.addresses import checked_address

    ctx = open_context()
    address = checked_address(email)
    secret = ctx.settings.service.secret.get_secret_value()
    with ctx.db.write() as session:
        new = suppress(session, secret, address, reason="operator", detail=detail, now=ctx.clock.now())
    typer.echo("suppressed" if new else "was suppressed already")


@app.command(epilog="Example: trialalerts suppressions lift anna@example.org")
def lift(email: Email, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Let an address be mailed again; a subscriber whose mail bounced gets digests again."""
    from trialalerts.cli.context import open_context
    from trialalerts.delivery import suppressions
    from trialalerts.errors import NotFound
    from trialalerts.subscribers.addresses import checked_address

    ctx = open_context()
    address = checked_address(email)
    secret = ctx.settings.service.secrets
    with ctx.db.read() as session:
        found = suppressions.is_suppressed(session, secret, address)
    if found is None:
        raise NotFound(f"“{address}” is not suppressed; see: trialalerts suppressions list")
    if not yes:
        typer.confirm(f"It was suppressed as {found.reason} on {found.since:%Y-%m-%d}. Mail it again?", abort=True)
    with ctx.db.write() as session:
        lifted = suppressions.lift(session, secret, address, how="operator", now=ctx.clock.now())
    typer.echo("lifted; the subscriber gets digests again" if lifted.resumed else "lifted")
    if found.reason == "listed":
        typer.echo(f"The provider has it on a list of its own ({found.detail}): take it off there, too.")
