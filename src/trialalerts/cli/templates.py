"""``trialalerts templates``: are the operator's own templates fit to write mails with?"""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """Own templates: check."""


@app.command(epilog="Example: trialalerts templates check. It ends with 1 where a template is at fault.")
def check(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Try each own template of mails on samples in each language; name file and line of what is wrong.

    Colours of the configuration that cannot be read (``look.accent``) and a logo that cannot be shown are named too.

    A template that is at fault is not used: mails are written with the shipped one.
    """
    from trialalerts.cli.context import settings_of
    from trialalerts.cli.output import show, show_json, show_table
    from trialalerts.digests.rendering.checking import check_templates
    from trialalerts.digests.rendering.templates import TemplateFault
    from trialalerts.settings.contrast import too_faint
    from trialalerts.settings.logo import logo_fault

    settings = settings_of()
    faints: list[TemplateFault] = [
        (key, None, fault) for key, fault in (*too_faint(settings.look), *logo_fault(settings.look))
    ]
    faults = faints + check_templates(settings)
    if as_json:
        show_json([{"file": file, "line": line, "fault": fault} for file, line, fault in faults])
    elif faults:
        show_table(("file", "line", "fault"), [(file, str(line or ""), fault) for file, line, fault in faults])
    else:
        show(
            "All templates are fit." if settings.templates.folder else "There are no own templates (templates.folder)."
        )
    raise typer.Exit(1 if faults else 0)
