"""What a forge reads: the workflow, the hooks, the version and its changelog."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import trialalerts

yaml: Any = import_module("yaml")  # comes with python-frontmatter, without types
TOP = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.quick


def test_the_workflow_calls_the_same_two_commands_as_everybody() -> None:
    jobs = yaml.safe_load((TOP / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert runs == [".ci/run"]
    commands = (TOP / ".ci" / "run").read_text().strip().splitlines()
    assert commands[-1] == "make --jobs=2 check test"


def test_the_hooks_call_what_make_check_calls() -> None:
    hooks = yaml.safe_load((TOP / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    made = (TOP / "Makefile").read_text()
    for hook in hooks:
        tool, *rest = hook["entry"].split()
        words = " ".join([tool.replace(".venv/bin", "$(BIN)"), *(word for word in rest if word != "--fix")])
        assert f"\t{words}" in made


def test_the_version_is_one_and_heads_the_changelog() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert project["version"] == trialalerts.__version__
    released = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert released[0] == trialalerts.__version__
    assert set(project["urls"]) >= {"Homepage", "Source", "Issues", "Changelog"}
