"""What is followed must leave something over when something is left out."""

from __future__ import annotations

import json

import pytest

from tests.installation import Run


@pytest.mark.parametrize("command", [("preferences", "estimate"), ("subscribers", "add", "anna@example.org")])
def test_leaving_out_what_stands_above_is_told_as_leaving_out_everything(run: Run, command: tuple[str, ...]) -> None:
    answer = run(*command, "--area", "multiple sclerosis", "--exclude", "Autoimmune diseases")
    assert answer.code == 2
    assert "--exclude Autoimmune diseases leaves out all of Multiple sclerosis; name something narrower" in answer.err
    assert json.loads(run("subscribers", "list", "--json").out) == []


def test_something_narrower_may_be_left_out(run: Run) -> None:
    words = ("--area", "Autoimmune diseases", "--exclude", "multiple sclerosis", "--json")
    (row,) = json.loads(run("preferences", "estimate", *words).out)
    assert row["area"] == "Autoimmune diseases"
