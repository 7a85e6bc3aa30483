"""The commands on areas, run as an operator runs them."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.catalog.samples import NOW, article, trial
from trialalerts.catalog.draft import AreaTag
from trialalerts.catalog.store import store_items
from trialalerts.cli.main import main
from trialalerts.database import Database
from trialalerts.vocabulary.tables import Area, AreaOrigin

MESH = """*NEWRECORD
MH = Asthma
ENTRY = Bronchial Asthma|T047
MN = C08.127.108
UI = D001249
"""


class Terminal:
    """Runs commands on one database."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int | str | None, str, str]:
        """Return exit code, standard output and standard error."""
        with pytest.raises(SystemExit) as stopped:
            main(["areas", *arguments])
        out, err = self._capsys.readouterr()
        return stopped.value.code, out, err

    def output(self, *arguments: str) -> str:
        """Return standard output of a command that must go well."""
        code, out, err = self.run(*arguments)
        assert (code, err) == (0, "")
        return out


@pytest.fixture
def terminal(
    sqlite_db: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    """A terminal with a database of three areas."""
    with sqlite_db.write() as session:
        session.add(
            Area(
                id="D009422",
                name="Nervous system diseases",
                tree_numbers=["C10"],
                therapeutic=True,
                origin=AreaOrigin.CURATED,
            )
        )
        session.add(
            Area(
                id="D009103",
                name="Multiple sclerosis",
                synonyms=["disseminated sclerosis"],
                acronyms=["MS"],
                tree_numbers=["C10.114"],
                origin=AreaOrigin.CURATED,
            )
        )
        session.add(Area(id="D001943", name="Breast Neoplasms", origin=AreaOrigin.TRIAL))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIALALERTS_DATABASE__URL", f"sqlite:///{sqlite_db.engine.url.database}")
    return Terminal(capsys)


def test_search_prints_a_line_for_each_area(terminal: Terminal) -> None:
    assert terminal.output("search", "ms").splitlines() == [
        "id\tname\tmatched\topen trials\tpath",
        "D009103\tMultiple sclerosis\tMS\t0\tNervous system diseases › Multiple sclerosis",
    ]


def test_search_prints_json(terminal: Terminal) -> None:
    assert json.loads(terminal.output("search", "breast cancer", "--json", "--limit", "1")) == [
        {
            "id": "D001943",
            "name": "Breast Neoplasms",
            "matched": "Breast Neoplasms",
            "score": 95.0,
            "path": ["Breast Neoplasms"],
            "open_trials": 0,
        }
    ]


def test_search_that_finds_nothing_prints_an_empty_list(terminal: Terminal) -> None:
    assert json.loads(terminal.output("search", "zzzz", "--json")) == []


def test_show_prints_an_area_and_its_relatives(terminal: Terminal) -> None:
    lines = terminal.output("show", "disseminated sclerosis").splitlines()
    assert "name\tMultiple sclerosis" in lines
    assert "parents\tNervous system diseases (D009422, 0 open)" in lines
    shown = json.loads(terminal.output("show", "D009422", "--json"))
    assert shown["therapeutic"] is True
    assert shown["children"] == [{"id": "D009103", "name": "Multiple sclerosis", "open_trials": 0}]


def test_open_trials_are_counted_in_their_areas_and_all_above(terminal: Terminal, sqlite_db: Database) -> None:
    tags = [AreaTag(id="D009103", in_title=True)]
    drafts = [
        replace(trial("NCT00000001"), areas=tags, ancestors=["D000002"]),
        replace(trial("NCT00000002"), areas=tags, ancestors=["D001943"]),
        replace(trial("NCT00000003"), areas=[AreaTag(id="D001943", in_title=True), *tags], ancestors=["D009422"]),
        replace(trial("NCT00000004", status="COMPLETED"), areas=tags),
        replace(article(), areas=tags),
    ]
    with sqlite_db.write() as session:
        store_items(session, drafts, baseline=True, now=NOW)
    found = json.loads(terminal.output("show", "Nervous system diseases", "--json"))
    assert (found["open_trials"], found["children"][0]["open_trials"]) == (3, 3)
    assert json.loads(terminal.output("search", "breast cancer", "--json"))[0]["open_trials"] == 2
    assert "open trials\t3" in terminal.output("show", "ms").splitlines()


def test_an_unknown_area_is_asked_back(terminal: Terminal) -> None:
    assert terminal.run("show", "multipel sclerosis") == (
        2,
        "",
        "trialalerts: No disease area is called “multipel sclerosis”. Did you mean “Multiple sclerosis”?\n",
    )


def test_import_adds_the_diseases_of_a_file(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "d2026.bin"
    file.write_text(MESH, "utf-8")
    assert terminal.output("import", str(file)) == "1 area read: 1 new, 0 updated, 0 unchanged\n"
    assert json.loads(terminal.output("import", str(file), "--json")) == {
        "total": 1,
        "new": 0,
        "updated": 0,
        "unchanged": 1,
    }
    assert "D001249\tAsthma\tBronchial Asthma\t0\tAsthma" in terminal.output("search", "bronchial asthma")


def test_import_of_a_wrong_file_fails_in_one_line(terminal: Terminal, tmp_path: Path) -> None:
    code, out, err = terminal.run("import", str(tmp_path / "nowhere"))
    assert (code, out) == (2, "")
    assert err == f"trialalerts: {tmp_path / 'nowhere'}: this file cannot be read: No such file or directory\n"


def test_tag_reads_a_text_a_file_or_standard_input(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = "id\tname\tin title\tabout\tfound\nD009103\tMultiple sclerosis\tno\tyes\tmultiple sclerosis\n"
    text = "On multiple sclerosis"
    (tmp_path / "text.txt").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert terminal.output("tag", "--text", text) == expected
    assert terminal.output("tag", "--file", str(tmp_path / "text.txt")) == expected
    assert terminal.output("tag", "--file", "-") == expected


def test_tag_prints_json_and_heeds_a_title(terminal: Terminal) -> None:
    assert json.loads(terminal.output("tag", "--text", "", "--title", "Breast cancer", "--json")) == [
        {"id": "D001943", "name": "Breast Neoplasms", "in_title": True, "about": True, "found": "Breast cancer"}
    ]


def test_tag_answers_each_line_with_a_line(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(
        '{"id": 7, "title": "MS", "text": "multiple sclerosis"}\n\n{"id": "b", "title": null}\n',
        "utf-8",
    )
    assert [json.loads(line) for line in terminal.output("tag", "--jsonl", str(file)).splitlines()] == [
        {"id": 7, "areas": [{"id": "D009103", "name": "Multiple sclerosis", "in_title": True, "about": True}]},
        {"id": "b", "areas": []},
    ]


SIDE = ("--title", "A breast cancer medicine in multiple sclerosis", "--text", "Nobody had no multiple sclerosis.")


def test_tag_leaves_out_what_stands_in_passing(terminal: Terminal) -> None:
    listed = json.loads(terminal.output("tag", *SIDE, "--json"))
    assert [(area["name"], area["about"]) for area in listed] == [("Multiple sclerosis", True)]
    assert json.loads(terminal.output("tag", *SIDE, "--json", "--about")) == listed


def test_tag_explains_what_it_keeps_and_what_not(terminal: Terminal) -> None:
    lines = [line.split("\t") for line in terminal.output("tag", *SIDE, "--explain").splitlines()]
    assert lines[0] == ["id", "name", "in title", "about", "score", "reason", "found"]
    assert [line[1:4] for line in lines[1:]] == [
        ["Multiple sclerosis", "yes", "yes"],
        ["Breast Neoplasms", "yes", "no"],
    ]
    assert lines[2][5] == "in the title, only in passing"


def test_tag_tells_what_a_long_text_only_mentions(terminal: Terminal) -> None:
    text = (
        "Multiple sclerosis is studied. " + "We walk on and on. " * 20 + "A breast cancer was seen. " + "And on. " * 60
    )
    listed = json.loads(terminal.output("tag", "--title", "Multiple sclerosis", "--text", text, "--json"))
    assert [(area["name"], area["about"]) for area in listed] == [
        ("Multiple sclerosis", True),
        ("Breast Neoplasms", False),
    ]
    assert (
        len(json.loads(terminal.output("tag", "--title", "Multiple sclerosis", "--text", text, "--json", "--about")))
        == 1
    )


def test_gaps_lists_what_items_without_an_area_name(terminal: Terminal, sqlite_db: Database) -> None:
    drafts = [trial(f"NCT0000000{n}", conditions=("Examplitis", f"Kind {n}")) for n in range(1, 4)]
    bare = [replace(draft, areas=[], ancestors=[]) for draft in drafts]
    with sqlite_db.write() as session:
        store_items(session, [*bare, replace(article(categories=["Editorial"]), areas=[])], baseline=True, now=NOW)
    listed = json.loads(terminal.output("gaps", "--json", "--limit", "2"))
    assert listed == {
        "open_trials": 3,
        "articles": 1,
        "names": [
            {"kind": "trial", "name": "examplitis", "items": 3},
            {"kind": "article", "name": "editorial", "items": 1},
        ],
    }
    assert "3\ttrial\texamplitis" in terminal.output("gaps")


BROKEN = [
    ('{"id": 2', "line 2: this is not JSON"),
    ("[2]", 'line 2: expected {"id": …'),
    ('{"title": "x"}', 'line 2: expected {"id": …'),
    ('{"id": 2, "text": 5}', "line 2: title and text must be texts"),
]


@pytest.mark.parametrize(("line", "fault"), BROKEN, ids=[line for line, _ in BROKEN])
def test_tag_stops_at_a_broken_line_and_names_it(terminal: Terminal, tmp_path: Path, line: str, fault: str) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(f'{{"id": 1}}\n{line}\n{{"id": 3}}\n', "utf-8")
    code, out, err = terminal.run("tag", "--jsonl", str(file))
    assert (code, out) == (2, '{"id":1,"areas":[]}\n')
    assert err.startswith(f"trialalerts: {file}: {fault}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("--text", "x", "--file", "y")], ids=["none", "two"])
def test_tag_wants_exactly_one_input(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    code, out, err = terminal.run("tag", *arguments)
    assert (code, out) == (2, "")
    assert "exactly one of --text, --file and --jsonl" in err


@pytest.mark.parametrize("command", ["search", "show", "import", "gaps", "tag"])
def test_every_command_has_an_example_in_its_help(terminal: Terminal, command: str) -> None:
    assert f"Example: trialalerts areas {command} " in terminal.output(command, "--help")
