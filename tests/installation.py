"""An installation as an operator has one: a folder with configuration, secret and database, and the program."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests import programs


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command answered that was run in this process."""

    code: int
    out: str
    err: str

    @property
    def done(self) -> str:
        """What it printed; it must have succeeded."""
        assert self.code == 0, self.out + self.err
        return self.out


Run = Callable[..., Answer]
PROGRAM = str(Path(sys.executable).with_name("trialalerts"))


@dataclass(kw_only=True)
class Installation:
    """A folder in which commands are run; ``variables`` are added to the environment of each."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def configure(self, toml: str) -> None:
        """Write config/trialalerts.toml."""
        file = self.folder / "config" / "trialalerts.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(toml, encoding="utf-8")

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``trialalerts`` with these words to its end, in a process forked for it."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            started = programs.start(
                "trialalerts", *words, folder=self.folder, environment=self.environment, out=out, err=err
            )
            code = started.wait(timeout=1_200)
            return subprocess.CompletedProcess(words, code, out.read_text("utf-8"), err.read_text("utf-8"))

    def done(self, *words: str) -> str:
        """Run ``trialalerts`` with these words, which must succeed; return what it printed."""
        finished = self.command(*words)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def start(self, *words: str, program: str = "trialalerts") -> programs.Program:
        """Start a program with these words in a process forked for it; its log goes to the file ``log``."""
        log = self.folder / "log"
        log.touch()
        return programs.start(program, *words, folder=self.folder, environment=self.environment, out=log, err=log)

    def start_fresh(self, *words: str) -> subprocess.Popen[str]:
        """Start ``trialalerts`` with these words as a shell does; its log goes to the file ``log``."""
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(
                [PROGRAM, *words], cwd=self.folder, env=self.environment, stdout=log, stderr=log, text=True
            )

    def log(self) -> str:
        """Return what the started programs logged."""
        return (self.folder / "log").read_text()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the commands."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIALALERTS_")}
        return {**kept, **self.variables}
