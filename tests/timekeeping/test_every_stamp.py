"""Every moment in the tables is known to lie in the past or in the future."""

from __future__ import annotations

import re

from tests.tables import metadata
from trialalerts.database.types import UtcDateTime
from trialalerts.operations.stamps import AHEAD_BY_NATURE, past_columns

_LIES_AHEAD = re.compile(r"until|next|not_before|due|expires|ends|again|retry")


def test_a_column_whose_name_lies_ahead_is_declared_so() -> None:
    assert [f"{table.name}.{column}" for table, column in past_columns() if _LIES_AHEAD.search(column)] == []


def test_what_is_declared_is_there() -> None:
    moments = {
        (table.name, column.name)
        for table in metadata().tables.values()
        for column in table.columns
        if isinstance(column.type, UtcDateTime)
    }
    assert moments >= AHEAD_BY_NATURE
    assert moments - AHEAD_BY_NATURE == {(table.name, column) for table, column in past_columns()}
