"""A clean root for the steps of the Dockerfile, where there is no engine to build images.

A stage is a folder that becomes ``/`` by chroot in a mount namespace of its own. It has the machine's ``/usr`` to read
from and nothing else of it; the image's Python is a virtual environment of ours, so that what a step installs beside it
stays in the stage. Comments and what only an engine reads (labels, ports) are passed over.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CleanRoot", "Stage", "can_run", "instructions"]

_SHARED = ("usr", "bin", "sbin", "lib", "lib32", "lib64")
_PYTHON = Path(sys.base_prefix)
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
_NETWORK = (
    *("PIP_CERT", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "SSL_CERT_FILE"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
"""What pip is told of the way to its index."""


def can_run() -> bool:
    """Tell whether this machine lets us have a root of our own: all that a stage does is tried."""
    if not all(shutil.which(program) for program in ("unshare", "chroot", "mount")):
        return False
    tried = (
        "mount --bind /usr /usr && mount -o remount,ro,bind /usr && mount --rbind /dev /mnt && mount -t proc proc /proc"
    )
    words = [*_APART, "sh", "-c", f"{tried} && chroot --userspec=10001:10001 / true"]
    return not subprocess.run(words, check=False, capture_output=True).returncode


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction with what stands behind it; lines that go on are joined.

    >>> list(instructions("# why\\nRUN a \\\\\\n # not this\\n && b\\nUSER c"))
    [('RUN', 'a  && b'), ('USER', 'c')]
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", "", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


@dataclass
class Stage:
    """A root, and what the instructions so far said of how its programs run."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    shared: Mapping[str, str] = field(default_factory=dict)

    def run(self, words: Sequence[str], **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the root and wait for it."""
        return subprocess.run(self._started(words, env), capture_output=True, text=True, check=False, timeout=1_800)

    def start(self, words: Sequence[str], **env: str) -> subprocess.Popen[bytes]:
        """Start a program in the root. To kill it kills all it started: its namespace ends with it."""
        return subprocess.Popen(self._started(words, env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _started(self, words: Sequence[str], env: Mapping[str, str]) -> list[str]:
        given = {"PATH": "/python/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", **self.env, **env}  # noqa: S108
        given |= {name: os.environ[name] for name in _NETWORK if name in os.environ}
        mounted = "\n".join(_mounts(self.root, self.shared))
        enter = f"cd {shlex.quote(self.folder)} && exec {shlex.join(words)}"
        program = ["env", "-i", *(f"{name}={value}" for name, value in given.items()), "sh", "-c", enter]
        script = (
            f"set -e\n{mounted}\nexec chroot --userspec={self.user} {shlex.quote(str(self.root))} {shlex.join(program)}"
        )
        return [*_APART, "sh", "-c", script]


def _mounts(root: Path, more: Mapping[str, str]) -> Iterator[str]:
    """Yield what puts the machine's programs, to be read only, and a few devices into a root."""
    own = [Path("/", name) for name in _SHARED if Path("/", name).is_dir() and not Path("/", name).is_symlink()]
    own += [] if _PYTHON.is_relative_to("/usr") else [_PYTHON]
    for path, inside in {**{str(each): str(each) for each in own}, **more}.items():
        target = shlex.quote(f"{root}{inside}")
        yield f"mount --bind {shlex.quote(path)} {target} && mount -o remount,ro,bind {target}"
    yield f"mount --rbind /dev {shlex.quote(f'{root}/dev')}"
    yield f"mount -t proc proc {shlex.quote(f'{root}/proc')}"


class CleanRoot:
    """Carries out a Dockerfile step by step.

    Args:
        folder: for the stages' roots.
        context: what is sent to the builder.
        pip: a program to stand for ``pip`` of the image, for tests without a network; None: pip.
        shared: folders of this machine that the stages may read, each with its name there.

    Attributes:
        stages: by name, in their order; the last one is the image.
        ran: the commands of the steps that were run.
    """

    def __init__(
        self, folder: Path, context: Path, *, pip: str | None = None, shared: Mapping[str, str] | None = None
    ) -> None:
        self._folder, self._context, self._pip, self._shared = folder, context, pip, shared or {}
        self.stages: dict[str, Stage] = {}
        self.ran: list[str] = []

    def build(self, dockerfile: str) -> Stage:
        """Carry out all instructions; return the image.

        Raises:
            AssertionError: a step failed; says which, and what it printed.
        """
        before = os.umask(0o022)  # a builder's own: a command that ran in this process may have left a narrower one
        try:
            for part in dockerfile.split("\nFROM ")[1:]:
                (first, *others) = instructions(f"FROM {part}")
                self._begin(first[1], needs_pip=any(word == "RUN" and "pip" in rest for word, rest in others))
                for word, rest in others:
                    self._carry_out(word, rest, self._stage)
        finally:
            os.umask(before)
        return self._stage

    @property
    def _stage(self) -> Stage:
        return list(self.stages.values())[-1]

    def _begin(self, rest: str, *, needs_pip: bool) -> None:
        name = rest.partition(" AS ")[2] or str(len(self.stages))
        root = self._folder / name
        self.stages[name] = Stage(root=root, shared=self._shared)
        for made in ("tmp", "opt", "root", "dev", "proc", "var", "run"):
            (root / made).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        for shared in _SHARED:
            here = Path("/", shared)
            if here.is_symlink():
                (root / shared).symlink_to(here.readlink())
            elif here.is_dir():
                (root / shared).mkdir()
        if not _PYTHON.is_relative_to("/usr"):
            Path(f"{root}{_PYTHON}").mkdir(parents=True, exist_ok=True)
        for inside in self._shared.values():
            Path(f"{root}{inside}").mkdir(parents=True)
        shutil.copytree("/etc", root / "etc", symlinks=True)
        made_here = self._stage.run(
            [f"{_PYTHON}/bin/python3", "-m", "venv", *([] if needs_pip else ["--without-pip"]), "/python"]
        )
        assert made_here.returncode == 0, made_here.stderr
        if self._pip and needs_pip:
            (root / "python" / "bin" / "pip").write_text(self._pip)

    def _carry_out(self, word: str, rest: str, stage: Stage) -> None:
        if word == "RUN":
            self._run(rest, stage)
        elif word == "COPY":
            self._copy(shlex.split(rest), stage)
        elif word == "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(rest))
            stage.env |= {name: value.replace("$PATH", "/python/bin:/usr/bin:/bin") for name, _, value in pairs}
        elif word == "WORKDIR":
            stage.folder = rest
            Path(f"{stage.root}{rest}").mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = rest
        elif word == "ENTRYPOINT":
            stage.entrypoint = _words(rest)
        elif word == "HEALTHCHECK":
            stage.health = _words(rest.partition(" CMD ")[2])
        elif word == "CMD":
            stage.command = _words(rest)

    def _run(self, command: str, stage: Stage) -> None:
        done = stage.run(["sh", "-c", command])
        self.ran.append(command)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2_000:]}\n{done.stderr[-4_000:]}"

    def _copy(self, words: list[str], stage: Stage) -> None:
        *sources, target = (word for word in words if not word.startswith("--"))
        other = next((word.partition("=")[2] for word in words if word.startswith("--from=")), None)
        into = stage.root / (target if target.startswith("/") else f"{stage.folder}/{target}").lstrip("/")
        for source in sources:
            path = self.stages[other].root / source.lstrip("/") if other else self._context / source
            if path.is_dir():
                left_out = None if other else shutil.ignore_patterns("__pycache__")
                shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True, ignore=left_out)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, into)


def _words(text: str) -> list[str]:
    return [str(word) for word in json.loads(text)]
