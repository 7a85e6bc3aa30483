"""The schema's revision: which one a database has, which one this program needs, and the way up.

Alembic takes most of a second to import; the revision is therefore read with one plain query, and
Alembic is called only when there is something to do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from trialalerts.database.engine import Database, plain_error, shown_name
from trialalerts.errors import DatabaseBehind, DatabaseTooNew

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["COPYING", "REVISION", "alembic_config", "require_revision", "revision_of", "upgrade_schema"]

REVISION = "0036"
"""The revision that this program needs; a test holds it to the newest migration."""

COPYING = "copying"
"""What stands in the place of a revision while another database is being copied into this one."""
_UPGRADE_LOCK = 7_215_041_900
"""Any number that is ours: PostgreSQL's advisory lock that lets one daemon of many do the upgrade."""


def revision_of(database: Database) -> str | None:
    """Return the revision of the database; None where it is not set up."""
    try:
        with database.engine.connect() as connection:
            connection.execution_options(trialalerts_writes=False)
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        raise plain_error(error, database.engine.url) from error


def require_revision(database: Database) -> None:
    """Let the program go on only with a database of its own revision.

    Raises:
        DatabaseBehind: it is older or not set up.
        DatabaseTooNew: it is of a revision that this program does not know.
    """
    found = revision_of(database)
    name = shown_name(database.engine.url)
    if found == REVISION:
        return
    if found is None:
        raise DatabaseBehind(f"The database {name} is not set up yet; run: trialalerts init")
    if found == COPYING:
        raise DatabaseBehind(
            f"The database {name} is half copied: run the same command again (database copy, or restore), it goes on"
        )
    if found in _known_revisions():
        raise DatabaseBehind(
            f"The database {name} has revision {found}, this program needs {REVISION}; "
            "run: trialalerts database upgrade"
        )
    raise DatabaseTooNew(
        f"The database {name} has revision {found}, which is newer than this program ({REVISION}); "
        "install the newer program, nothing was changed."
    )


def upgrade_schema(database: Database, to: str = REVISION) -> bool:
    """Bring the database up to revision ``to`` in one transaction; return whether there was anything to do.

    Raises:
        DatabaseTooNew: it is of a revision that this program does not know.
    """
    found = revision_of(database)
    if found == to:
        return False
    if found is not None and found not in _known_revisions():
        require_revision(database)
    from alembic import command

    try:
        with database.engine.connect() as connection, connection.begin():
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    except DBAPIError as error:
        raise plain_error(error, database.engine.url) from error
    return True


def alembic_config() -> Config:
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def _known_revisions() -> frozenset[str]:
    from alembic.script import ScriptDirectory

    return frozenset(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())
