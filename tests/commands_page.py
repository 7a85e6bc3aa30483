"""Docs/reference/commands.md: written from the commands' own help (``python -m tests.commands_page``)."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from trialalerts.cli.main import NOUNS, main

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "commands.md"
_INTRODUCTION = """# The command line

One noun, one verb. `--help` on each shows an example; `--json` on all that lists or shows prints JSON. Tables are
drawn for people; where the output is no terminal, lines are plain and separated by tabs. A command ends with 0 done,
1 failed, 2 wrong usage or configuration. Nothing is destroyed without `--yes` or a question.

`trialalerts --config FILE …` takes another configuration than `config/trialalerts.toml`.
"""


def help_of(*words: str) -> str:
    """Return what ``trialalerts … --help`` prints, 100 columns wide."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def verbs_of(page: str) -> list[str]:
    """Return the verbs that a noun's help page lists."""
    _, found, listed = page.partition("Commands:\n")
    indented = [line for line in listed.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return [line.split()[0] for line in indented] if found else []


def written() -> str:
    """Return the page as it should be."""
    os.environ["COLUMNS"] = os.environ["TERMINAL_WIDTH"] = "100"
    parts = [_INTRODUCTION]
    for noun, line in NOUNS.items():
        page = help_of(noun)
        parts.append(f"## {noun}\n\n{line}\n")
        commands: list[tuple[str, ...]] = [(noun, verb) for verb in verbs_of(page)]
        parts += [
            f"### trialalerts {' '.join(words)}\n\n```\n{help_of(*words)}\n```\n" for words in commands or [(noun,)]
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
