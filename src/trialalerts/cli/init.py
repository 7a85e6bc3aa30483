"""``trialalerts init``: a configuration to begin with, a secret, the database with areas and places."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["EPILOG", "command"]

EPILOG = "Example: trialalerts init. What is there already is kept."

_SECRET = "TRIALALERTS_SERVICE__SECRET"  # noqa: S105 - the name of the variable


def command(
    *,
    accept_secret: Annotated[
        bool,
        typer.Option(
            "--accept-secret",
            help="Go on with a new secret where the old one is lost: links in sent mails are dead from then on, and "
            "suppressed addresses are not known again.",
        ),
    ] = False,
) -> None:
    """Write what is missing, then prepare the database."""
    from trialalerts.bootstrap import prepare
    from trialalerts.cli.context import open_settings_database, settings_of
    from trialalerts.cli.output import show
    from trialalerts.database.engine import shown_name

    for line in (_write_config(Path("config/trialalerts.toml")), _write_secret(Path(".env"))):
        show(line)
    settings = settings_of()
    database = open_settings_database(settings)
    done = prepare(database, settings, accept_secret=accept_secret)
    name = shown_name(database.engine.url)
    show(f"{name}: {'set up' if done.upgraded else 'was set up already'}, {done.areas:,} disease areas")
    show(f"{done.places} places loaded" if done.places else "places were loaded already")
    show("Next: edit config/trialalerts.toml, then: trialalerts doctor")


def _write_config(path: Path) -> str:
    from trialalerts.errors import ConfigurationError
    from trialalerts.files import shipped

    if path.exists():
        return f"{path}: kept as it is"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shipped("config/trialalerts.toml"), path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written here: {error.strerror}") from None
    return f"{path}: written, every key with its default"


def _write_secret(path: Path) -> str:
    from trialalerts.errors import ConfigurationError

    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if any(line.split("=")[0].strip() == _SECRET for line in old.splitlines()):
            return f"{path}: has a secret already, kept"
        path.touch(mode=0o600)
        new = f"{_SECRET}={secrets.token_urlsafe(32)}\n"
        path.write_text(old + ("" if not old or old.endswith("\n") else "\n") + new, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written here: {error.strerror}") from None
    return f"{path}: a new secret written; keep it, the links in sent mails depend on it"
