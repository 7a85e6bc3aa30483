"""The image, built step by step in a clean root: the Dockerfile's own commands, and what they leave."""

from __future__ import annotations

import os
import site
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.clean_root import CleanRoot, Stage, can_run, instructions
from tests.conftest import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
LARGEST = 350_000_000
PIP = f"""#!{sys.base_prefix}/bin/python3
# Installs what is locked from the packages of the machine that runs the tests, and all else as pip does.
import os, re, shutil, sys
from importlib.metadata import distributions
from pathlib import Path
words = sys.argv[1:]
if "-r" not in words:
    os.execv("/python/bin/python", ["/python/bin/python", "-m", "pip", *words])
assert "--require-hashes" in words and "--only-binary" in words, words
locked = Path(words[words.index("-r") + 1]).read_text()
names = set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))
assert names and locked.count("--hash=sha256:") >= len(names), "a lock without hashes"
python = words[words.index("--python") + 1] if "--python" in words else "/python/bin/python"
into = next(Path(python).parent.parent.glob("lib/python*/site-packages"))
for each in distributions(path=["/packages"]):
    if re.sub("[-_.]+", "-", each.metadata["Name"]).lower() in names:
        for name in {{file.parts[0] for file in each.files if file.parts[0] not in ("..", "__pycache__")}}:
            here, there = Path("/packages", name), into / name
            if here.is_dir() and not there.exists():
                shutil.copytree(here, there)
            elif here.is_file():
                shutil.copy(here, there)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CleanRoot:
    """The image and its stages; with packages from the index in the soak, else with those of this environment."""
    # What a machine allows is no matter of what is installed: many a runner lets nobody have a root of their own.
    if os.geteuid() or not can_run():
        pytest.skip("a root of one's own needs Linux, root's rights, unshare, and a machine that allows it")
    here = {site.getsitepackages()[0]: "/packages"}
    folder = tmp_path_factory.mktemp("image")
    builder = CleanRoot(folder, REPOSITORY) if SOAK else CleanRoot(folder, REPOSITORY, pip=PIP, shared=here)
    builder.build(DOCKERFILE)
    return builder


@pytest.fixture(scope="module")
def image(built: CleanRoot) -> Stage:
    """The image."""
    return list(built.stages.values())[-1]


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.soak
def test_every_step_of_the_dockerfile_was_run(built: CleanRoot) -> None:
    assert built.ran == [rest for word, rest in instructions(DOCKERFILE) if word == "RUN"]
    assert len(built.ran) >= 4


@pytest.mark.soak
def test_the_environment_of_the_image_is_small(image: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    size = size_of(image.root / "opt" / "trialalerts")
    if SOAK:
        with capsys.disabled():
            sys.stdout.write(f"\nthe virtual environment of the image: {size / 1e6:.0f} MB\n")
    assert 50_000_000 < size <= LARGEST


@pytest.mark.soak
def test_the_image_runs_as_nobody_special(image: Stage) -> None:
    who = image.run(["id", "-u"])
    assert who.stdout.strip() == "10001"
    assert image.run(["touch", "/opt/trialalerts/anything"]).returncode != 0
    assert image.run(["touch", "/data/anything"]).returncode == 0


@pytest.mark.soak
def test_the_image_answers_by_its_entrypoint(image: Stage) -> None:
    helped = image.run([*image.entrypoint, "--help"])
    assert helped.returncode == 0, helped.stderr
    assert "subscribers" in helped.stdout
    assert image.run(image.health).returncode != 0, "nothing runs, and it says that it is well"


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="a service that begins takes long; `make soak` tries it")
def test_the_image_serves_and_says_that_it_is_well(image: Stage) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    made = image.run([*image.entrypoint, "init"])
    assert made.returncode == 0, made.stderr
    here = {"TRIALALERTS_WEB__PORT": port, "TRIALALERTS_WEB__HOST": "127.0.0.1"}
    daemon = image.start([*image.entrypoint, *image.command], **here)
    try:
        until = time.monotonic() + 120
        while image.run(image.health, **here).returncode:
            assert daemon.poll() is None, "the daemon ended"
            assert time.monotonic() < until, "it never said that it is well"
    finally:
        daemon.kill()
        daemon.wait()
