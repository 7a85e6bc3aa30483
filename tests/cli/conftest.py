"""Owns how commands are run in the tests: in this process, in the folder of an installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.installation import Installation
from trialalerts.cli.main import main


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def run(installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``trialalerts`` with these words; no terminal is attached."""
    monkeypatch.chdir(installation.folder)

    def command(*words: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = capsys.readouterr()
        code = ended.value.code
        return Answer(
            code=code if isinstance(code, int) else 0 if code is None else 1, out=printed.out, err=printed.err
        )

    return command
