"""Proves how long commands show how far they are."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.installation import Run
from trialalerts.cli.progress import SECONDS_BETWEEN_LINES, show_progress
from trialalerts.progress import tracked


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Seconds:
    """Seconds that pass only when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_elsewhere_than_on_a_terminal_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = _Seconds()
    with show_progress("subscribers import", monotonic=seconds) as progress:
        for _ in tracked(range(2048), progress, "lines read", 2048):
            seconds.now += SECONDS_BETWEEN_LINES / 1024
        progress.stage("people stored")
        progress.advance(1_200)
        seconds.now += SECONDS_BETWEEN_LINES
        progress.advance(34)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "subscribers import: lines read: 1,024 of 2,048 (50 %)",
        "subscribers import: lines read: 2,048 of 2,048 (100 %)",
        "subscribers import: people stored: 1,234",
    ]


def test_what_is_over_soon_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("areas import", monotonic=_Seconds()) as progress:
        assert list(tracked("abc", progress, "letters", 3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("areas import") as progress:
        progress.stage("[odd] lines", 4)
        progress.advance(3)
    shown = terminal.getvalue()
    assert "[odd] lines" in shown
    assert "3/4" in shown
    assert "areas import" not in shown
    assert shown.endswith("\x1b[2K"), "the bar is wiped away"


def test_whoever_asks_for_json_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with show_progress("areas import", quiet=True) as progress:
        progress.stage("lines")
        progress.advance(1_000_000)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("words", "text", "line"),
    [
        pytest.param(
            ("regions", "import"),
            "\t".join(["GB", "LS1 4AP", "Leeds", "England", *[""] * 5, "53.7971", "-1.5512", "6"]),
            "regions import: lines read: 1",
            id="regions",
        ),
        pytest.param(
            ("areas", "import"),
            "format-version: 1.2\n\n[Term]\nid: DOID:1\nname: made-up fever\n",
            "areas import: terms stored: 1 of 1 (100 %)",
            id="areas",
        ),
    ],
)
def test_long_commands_show_how_far_they_are_and_their_answer_stays_whole(
    words: tuple[str, ...], text: str, line: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialalerts.cli.progress.SECONDS_BETWEEN_LINES", 0.0)
    file = tmp_path / "file"
    file.write_text(f"{text}\n", encoding="utf-8")
    answer = run(*words, str(file))
    assert line in answer.err.splitlines(), answer.err
    assert line not in answer.done
    assert run(*words, str(file), "--json").err == ""
