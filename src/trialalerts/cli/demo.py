"""``trialalerts demo``: the main job on made-up records, from sources to mails that can be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["EPILOG", "command"]

EPILOG = "Example: trialalerts demo --serve"


def command(
    *,
    serve: Annotated[bool, typer.Option("--serve", help="Keep a page with the mails up until Ctrl-C.")] = False,
    folder: Annotated[Path, typer.Option(help="Where to leave the mails.", metavar="FOLDER")] = Path("var/demo"),
) -> None:
    """Run the demo."""
    from trialalerts.demo.scenario import run

    raise typer.Exit(run(folder, serve=serve))
