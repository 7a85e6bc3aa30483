"""The made-up replies that lie beside the checkout, each with the class that it has to have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from tests.conftest import REPOSITORY

__all__ = ["ROWS", "TABLE", "Row", "rows"]

TABLE = Path(os.environ.get("TRIALALERTS_TEST_REFERENCE", REPOSITORY.parent / "shared" / "reference")) / "replies.tsv"


class Row(NamedTuple):
    """One reply: where it is heard, what is said, its class, and why."""

    where: str
    said: str
    expected: str
    why: str


ROWS = [Row(*line.split("\t")) for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]] if TABLE.exists() else []


def rows(where: str) -> list[tuple[str, str]]:
    """What is said at one place (door, dsn, webhook), with its class."""
    return [(row.said, row.expected) for row in ROWS if row.where == where]
