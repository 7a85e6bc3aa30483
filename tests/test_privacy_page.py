"""The page on privacy names every table, and the periods are those of the configuration."""

from __future__ import annotations

import re
from pathlib import Path

from trialalerts.operations.tables import all_tables
from trialalerts.settings import RetentionSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "privacy.md"
PERSONAL = {"subscriber_id", "address_hash", "address"}
"""A table with one of these columns is about a person."""


def rows() -> list[tuple[str, ...]]:
    """Return the cells of the table of what is stored: tables, whose, what, how long."""
    part = PAGE.read_text("utf-8").partition("## What is stored where, and how long")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return [tuple(line) for line in lines[2:]]


def named() -> dict[str, tuple[str, ...]]:
    """Return each table with its row of the page."""
    return {name: row for row in rows() for name in re.findall(r"`([a-z_]+)`", row[0])}


def test_every_table_stands_on_the_page_once() -> None:
    names = [name for row in rows() for name in re.findall(r"`([a-z_]+)`", row[0])]
    assert sorted(names) == sorted(table.name for table in all_tables())


def test_a_table_about_people_is_said_to_be_so() -> None:
    about = {table.name for table in all_tables() if PERSONAL & set(table.columns.keys())}
    page = named()
    assert {name for name in about if page[name][1] == "nobody"} == {"due_taken"}  # a place in a row, no more


def test_each_period_is_the_default_of_its_key() -> None:
    text = PAGE.read_text("utf-8")
    told = dict(re.findall(r"`retention\.([a-z_]+)` \((\d+) days\)", text))
    defaults = RetentionSettings()
    keys = type(defaults).model_fields
    assert told == {name: str(getattr(defaults, name).days) for name in keys}
