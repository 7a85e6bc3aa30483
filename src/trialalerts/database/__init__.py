"""The database: engine and transactions, column types, the change counter, migrations.

The only room that builds engines. Everything is stored in one SQLite file by default, or in PostgreSQL.
"""

from __future__ import annotations

from trialalerts.database.counter import current_number, take_numbers
from trialalerts.database.engine import Database, open_database
from trialalerts.database.types import table_of

__all__ = ["Database", "current_number", "open_database", "table_of", "take_numbers"]
