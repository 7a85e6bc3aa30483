"""The examples in docstrings: each gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import trialalerts

SOURCE = Path(trialalerts.__file__).parent
WITH_EXAMPLES = sorted(
    f"trialalerts.{'.'.join(path.relative_to(SOURCE).with_suffix('').parts)}"
    for path in SOURCE.rglob("*.py")
    if "    >>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_run(module: str) -> None:
    outcome = doctest.testmod(importlib.import_module(module.removesuffix(".__init__")))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_most_used_functions_have_one() -> None:
    assert len(WITH_EXAMPLES) >= 10
