"""The words of the house: one meaning each, and none of the private tongue that it once spoke."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from benchmarks.structure import SEAMS, SOURCE, House, read_house

GIVEN_UP = {
    "Ahead", "Answers", "Asker", "Desk", "Filler", "Follows", "Forged", "HeedCount", "Hole", "Instead", "Keeper",
    "Ledger", "Letter", "Line", "Meant", "News", "Outlook", "Overtaken", "Pieces", "Returned", "Rhythm", "Room",
    "Served", "Shells", "Shelf", "Slices", "Told", "Turn", "Verdict", "Wish",
    "among", "arranged", "bench", "benched", "benching", "break_off", "confirming", "describing", "desk", "following",
    "heed", "helpers", "judge", "last_check", "leaving", "ledger", "line_up", "looking", "managing", "many",
    "mishaps", "placequeries", "preparation", "reading_page", "reporting", "shield", "standing", "stuffed", "taking",
    "unwelcome", "upkeep", "verdicts",
}  # fmt: skip
"""Names that were given up for the field's own; docs/explanation/words.md has those."""


@cache
def house() -> House:
    """Return what is read of the whole program."""
    return read_house()


def definitions() -> list[tuple[str, str]]:
    """Return each module's name, class and function, private ones included, with its file."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        found.append((path.stem, module))
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        found += [(node.name.lstrip("_"), module) for node in nodes if isinstance(node, kinds)]
    return found


def test_no_name_of_the_private_tongue_is_defined() -> None:
    assert [each for each in definitions() if each[0] in GIVEN_UP] == []


def test_no_public_name_means_two_things() -> None:
    assert house().ambiguous_names == {}


@pytest.mark.parametrize("name", SEAMS)
def test_a_name_that_may_stand_in_several_modules_does(name: str) -> None:
    assert len(house().shared_names[name]) > 1


def test_no_folder_is_crowded_and_no_prefix_stands_for_one() -> None:
    assert house().crowded == {}
    assert house().families == {}


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    assert {module: lines for module, lines in house().lines.items() if lines > 400} == {}


def test_what_is_read_is_this_program() -> None:
    assert Path(__file__).parent.parent / "src" / "trialalerts" == SOURCE
