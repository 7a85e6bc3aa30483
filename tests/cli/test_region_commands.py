"""Proves the commands on regions as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trialalerts.cli.main import main
from trialalerts.database import open_database
from trialalerts.vocabulary.places.loading import load_places


@pytest.fixture
def _places(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIALALERTS_DATABASE__URL", sqlite_url)
    database = open_database(sqlite_url)
    with database.write() as session:
        load_places(session)
    database.dispose()


@pytest.mark.usefixtures("_places")
def test_a_search_lists_labels_and_says_them_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["regions", "search", "leeds"])
    assert left.value.code == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split("\t") == ["label", "kind", "country", "subdivision", "population"]
    assert first.split("\t")[:4] == ["Leeds, England, GB", "city", "GB", "GB-ENG"]
    with pytest.raises(SystemExit):
        main(["regions", "search", "bavaria", "--json", "--limit", "1"])
    found = json.loads(capsys.readouterr().out)
    assert [(entry["label"], entry["kind"], entry["subdivision"]) for entry in found] == [
        ("Bavaria, DE", "subdivision", "DE-BY")
    ]


@pytest.mark.usefixtures("_places")
def test_an_import_of_postcodes_is_told_and_its_postcodes_are_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = "\t".join(["GB", "LS1 4AP", "Leeds", "England", *[""] * 5, "53.7971", "-1.5512", "6"])
    (tmp_path / "GB.txt").write_text(f"{line}\n")
    with pytest.raises(SystemExit) as left:
        main(["regions", "import", "GB.txt"])
    assert (left.value.code, capsys.readouterr().out) == (0, "1 postcode of GB stored, 0 lines skipped\n")
    with pytest.raises(SystemExit):
        main(["regions", "import", "GB.txt", "--json"])
    assert json.loads(capsys.readouterr().out) == {"stored": {"GB": 1}, "skipped": 0}
    with pytest.raises(SystemExit):
        main(["regions", "search", "LS1 4AP", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [(entry["label"], entry["kind"], entry["subdivision"]) for entry in found] == [
        ("LS1, Leeds, GB", "postcode", "GB-ENG")
    ]
