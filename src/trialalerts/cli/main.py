"""The entry point: a noun's module is imported only when it is called; errors become one line and an exit code."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trialalerts import __version__
from trialalerts.cli.context import close_databases, use_config
from trialalerts.errors import ConfigurationError, InvalidInput, TrialAlertsError
from trialalerts.redaction import without_secrets

__all__ = ["NOUNS", "application", "collect_seldom", "main"]

NOUNS: dict[str, str] = {
    "init": "Write the configuration, set up the database.",
    "run": "Run the daemon; with --once, one round.",
    "demo": "Show the main job on sample data.",
    "doctor": "Is everything ready to send? What mends it?",
    "report": "What was polled, matched, sent, bounced.",
    "sources": "Registries, feeds, folders: list, check, poll.",
    "areas": "Disease areas: search, show, import, tag.",
    "topics": "Topics beside diseases: search, show.",
    "regions": "Places: search; import postcodes.",
    "items": "Trials and articles: show, and whom they reached.",
    "articles": "Editors' articles: check, approve, publish …",
    "announcements": "To all who follow X in Y: send, pause, cancel …",
    "subscribers": "People: add, list, explain, edit, pause, import …",
    "preferences": "What people follow: list, add, remove, estimate.",
    "follows": "Single trials that people follow: list, add, remove.",
    "digests": "Digests: due, preview, send, show, replay.",
    "deliveries": "Outbox: list, show, retry.",
    "suppressions": "Never mailed: list, add, lift, import.",
    "feedback": "Bounces: what is a mail taken for, and why?",
    "templates": "Own templates: check.",
    "locales": "Languages: what is missing in each?",
    "api-keys": "Keys of other programs: add, list, revoke.",
    "webhooks": "Other programs are told: add, list, test, replay.",
    "audit": "Who changed what, and when.",
    "retention": "What is old: let it go.",
    "service": "A change of hands: tell, export, import.",
    "database": "Database: check, backup, restore, copy …",
}
_SINGLE = {"init": "init", "run": "run", "demo": "demo", "doctor": "doctor", "report": "report"}
_WITH_VALUE = {"--config"}


def application(noun: str | None) -> typer.Typer:
    """Return the command line with the module of ``noun`` loaded; of the others it knows the first line of help.

    Importing all of them takes most of a second; ``--help`` and a quick look-up should not.
    """
    app = typer.Typer(
        name="trialalerts",
        help="TrialAlerts tells people by e-mail about clinical trials and research in their disease area, near them.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for name, line in NOUNS.items():
        if name != noun:
            app.command(name, help=line)(_not_loaded)
        elif name in _SINGLE:
            module = importlib.import_module(f"trialalerts.cli.{_SINGLE[name]}")
            app.command(name, help=f"{line}\n\n{module.EPILOG}")(module.command)
        else:
            module = importlib.import_module(f"trialalerts.cli.{name.replace('-', '_')}")
            app.add_typer(module.app, name=name, help=line)
    return app


def collect_seldom() -> None:
    """Let the garbage collector look for circles more seldom than Python does by itself.

    Modules, windows and cards that are kept for long are many objects: looking through them takes a tenth of a start, a
    fifth of the time of sending, and half of an estimate.
    """
    gc.set_threshold(50_000, 20, 50)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 0 done, 1 failed, 2 wrong usage or configuration."""
    collect_seldom()
    os.umask(0o077)  # what is written holds addresses and what people follow: it is nobody else's
    given = list(sys.argv[1:] if arguments is None else arguments)
    usual, threading.excepthook = threading.excepthook, _fail_in_thread
    try:
        application(_noun_in(given))(args=given, prog_name="trialalerts")
    except (ConfigurationError, InvalidInput) as error:
        _fail(error, 2)
    except TrialAlertsError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - nobody foresaw it: its trace is for a report, which must hold no secret
        _fail_unforeseen(error)
    finally:
        close_databases()
        threading.excepthook = usual


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _options(
    *,
    config: Annotated[Path | None, typer.Option(help="The configuration file.", metavar="FILE")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    del version
    use_config(config)


def _noun_in(arguments: Sequence[str]) -> str | None:
    """Return the first argument that is neither an option nor an option's value."""
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _WITH_VALUE:
            skip = True
        elif not argument.startswith("-"):
            return argument
    return None


def _not_loaded() -> None:
    """Stand in for a command on the page of all commands."""


def _fail(error: Exception, code: int) -> None:
    typer.echo(f"trialalerts: {without_secrets(str(error))}", err=True)
    sys.exit(code)


def _fail_unforeseen(error: BaseException) -> None:
    _show_trace(error)
    sys.exit(1)


def _fail_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        _show_trace(failed.exc_value)


def _show_trace(error: BaseException) -> None:
    trace = "".join(traceback.format_exception(error))
    typer.echo(f"{without_secrets(trace)}trialalerts: this was not foreseen; please report it", err=True)


if __name__ == "__main__":
    main()
