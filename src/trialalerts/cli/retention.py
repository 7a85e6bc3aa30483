"""``trialalerts retention``: letting go what is older than its period."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def retention() -> None:
    """Let go what is no more needed."""


@app.command(epilog="Example: trialalerts retention run --dry-run")
def run(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go; change nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Let go now what the daemon lets go each night: what is older than its period in [retention]."""
    from trialalerts.cli.context import open_context
    from trialalerts.cli.output import show_json, show_table
    from trialalerts.operations.retention.pruning import prune
    from trialalerts.operations.timekeeping import require_steady

    ctx = open_context()
    require_steady(ctx.db, ctx.clock)
    went = prune(ctx.db, ctx.settings, ctx.clock.now(), dry_run=dry_run)
    if not dry_run:
        gone = ", ".join(f"{number} {what}" for what, number in went.items() if number)
        ctx.note("retention.run", "database", new=gone or "nothing")
    if json:
        show_json(went)
        return
    show_table(("what", "would go" if dry_run else "went"), went.items())
