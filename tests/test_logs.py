"""How libraries' lines look beside ours: one line each, in the form that was asked for."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from trialalerts import logs
from trialalerts.logs import Logger, configure_logs


@pytest.fixture(autouse=True)
def _handlers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield
    root.handlers[:] = kept
    root.setLevel(level)


def test_a_library_speaks_json_where_we_do(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(json_lines=True)
    error = ValueError("of https://user:hush@example.org/x")
    logging.getLogger("some.library").error("it failed", exc_info=error)
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["level"], told["event"], told["library"]) == ("error", "library", "some.library")
    assert "it failed" in told["message"]
    assert "hush" not in line


def test_else_it_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    logging.getLogger("some.library").warning("odd")
    assert capsys.readouterr().err == "level=warning event=library odd\n"


def test_only_the_first_line_hides_a_module_and_only_while_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(*names: str) -> None:
        raise AssertionError(f"{names} are hidden from all threads")

    monkeypatch.setattr(logs, "modules_hidden", hidden)
    Logger().warning("test.line")


@pytest.mark.parametrize(("level", "written"), [("debug", 3), ("info", 2), ("warning", 1)])
def test_the_level_says_which_lines_are_written(capsys: pytest.CaptureFixture[str], level: str, written: int) -> None:
    for before in ("debug", "warning"):  # whatever was written before
        configure_logs(level=before)
        configure_logs(level=level)
        Logger().debug("test.fine")
        Logger().info("test.done")
        Logger().warning("test.odd")
        lines = [line.split("event=")[1] for line in capsys.readouterr().err.splitlines()]
        assert lines == ["test.fine", "test.done", "test.odd"][-written:]


def test_what_nobody_configured_is_written_whatever_its_level() -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        Logger().debug("test.fine")
    assert [line["event"] for line in lines] == ["test.fine"]


def test_a_line_waits_for_another_threads_first_one() -> None:
    """structlog is half imported then: it has its name, and not yet what is in it."""
    program = """
import sys, threading, time
from importlib.abc import MetaPathFinder
from trialalerts.logs import Logger

class Slow(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.startswith("structlog."):
            begun.set()
            time.sleep(0.5)
            sys.meta_path.remove(self)

begun = threading.Event()
sys.meta_path.insert(0, Slow())
first = threading.Thread(target=Logger().info, args=["test.first"])
first.start()
begun.wait()
Logger().debug("test.second")
first.join()
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Traceback" not in told.stderr
