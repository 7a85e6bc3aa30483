"""The command ``trialalerts feedback``: what a mail that came back is taken for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trialalerts.delivery.feedback.events import Event
    from trialalerts.delivery.feedback.explaining import Explained

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _noun() -> None:
    """Bounces: what is a mail taken for, and why?"""


@app.command(epilog="Example: trialalerts feedback classify bounce.eml")
def classify(
    files: Annotated[
        list[Path],
        typer.Argument(help="A mail, an mbox, or a text with one SMTP reply a line.", metavar="FILE…"),
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what each mail is taken for: class, rule, and the words or the code that it hung on; stores nothing."""
    from trialalerts.cli.output import show_json, show_table

    told = [(_name(path, each), each.events) for path in files for each in _explained(path)]
    if json:
        show_json([{"file": name, "events": [_fields(event) for event in events]} for name, events in told])
        return
    show_table(
        ("file", "kind", "reason", "class", "rule", "code", "evidence"),
        [
            (name, event.kind, event.reason, event.bounce_class, event.rule, event.code, event.evidence)
            for name, events in told
            for event in events
        ],
    )


def _explained(path: Path) -> list[Explained]:
    from trialalerts.delivery.feedback.events import Malformed
    from trialalerts.delivery.feedback.explaining import Explained, explain
    from trialalerts.errors import InvalidInput

    try:
        return explain(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"“{path}” cannot be read: {error.strerror}.") from None
    except Malformed:
        return [Explained(number=None, events=[])]


def _name(path: Path, explained: Explained) -> str:
    return str(path) if explained.number is None else f"{path}:{explained.number}"


def _fields(event: Event) -> dict[str, object]:
    return {
        "kind": event.kind.value,
        "reason": event.reason.value if event.reason else None,
        "hard": event.hard,
        "class": event.bounce_class.value if event.bounce_class else None,
        "rule": event.rule,
    }
