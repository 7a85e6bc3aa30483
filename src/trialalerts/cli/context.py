"""What every command needs: the settings, the database in the right revision, the clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlmodel import Session

    from trialalerts.clock import Clock
    from trialalerts.database import Database
    from trialalerts.settings import Settings

__all__ = [
    "Context",
    "chosen_config",
    "close_databases",
    "open_context",
    "open_settings_database",
    "settings_of",
    "use_config",
]

_chosen: dict[str, Path] = {}
_opened: list[Database] = []


@dataclass(frozen=True, kw_only=True)
class Context:
    """Settings, database and clock of one command."""

    settings: Settings
    db: Database
    clock: Clock

    def note(
        self,
        action: str,
        subject: str,
        *,
        old: str | None = None,
        new: str | None = None,
        session: Session | None = None,
    ) -> None:
        """Write into the audit trail what this command changed: in the transaction of ``session``, or one of its own.

        ``subject`` is a thing by its number or hash, never an address.
        """
        from trialalerts.database.audit import command_line, note_change

        if session is None:
            with self.db.write() as own:
                note_change(own, command_line(), action, subject, now=self.clock.now(), old=old, new=new)
        else:
            note_change(session, command_line(), action, subject, now=self.clock.now(), old=old, new=new)


def use_config(path: Path | None) -> None:
    """Remember the file given with ``--config`` for this process."""
    _chosen.clear()
    if path is not None:
        _chosen["config"] = path


def chosen_config() -> Path | None:
    """Return the file given with ``--config``, None where none was."""
    return _chosen.get("config")


def settings_of() -> Settings:
    """Read the configuration.

    Raises:
        ConfigurationError: it is wrong.
    """
    from trialalerts.settings import read_settings

    return read_settings(chosen_config())


def open_context() -> Context:
    """Open the database that the configuration names.

    Raises:
        ConfigurationError: the configuration is wrong.
        DatabaseBehind, DatabaseTooNew: the database is of another revision than the program.
    """
    from trialalerts.database.schema import require_revision
    from trialalerts.database.server_clock import clock_of
    from trialalerts.subscribers.signing_secret import hold_secret

    settings = settings_of()
    database = open_settings_database(settings)
    require_revision(database)
    hold_secret(database, settings.service)
    return Context(settings=settings, db=database, clock=clock_of(database))


def open_settings_database(settings: Settings) -> Database:
    """Open the database of the settings, whatever its revision; it is closed when the command ends.

    Raises:
        ConfigurationError: its URL is wrong.
    """
    from trialalerts.database.engine import open_database

    database = open_database(settings.database.url.get_secret_value())
    _opened.append(database)
    return database


def close_databases() -> None:
    """Close what the command opened."""
    while _opened:
        _opened.pop().dispose()
