"""Proves the commands on regions as an operator types them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copyfile
from threading import Thread

import pytest

from trialalerts.cli.main import main
from trialalerts.vocabulary.places.postcodes import download


@pytest.fixture
def _places(initialised: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A SQLite database that holds all places, as ``init`` loads them."""
    monkeypatch.chdir(tmp_path)
    copyfile(initialised / "var" / "trialalerts.db", tmp_path / "own.db")
    monkeypatch.setenv("TRIALALERTS_DATABASE__URL", f"sqlite:///{tmp_path / 'own.db'}")


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


@pytest.mark.usefixtures("_places")
@pytest.mark.parametrize(
    ("typed", "label", "written", "radius"),
    [
        ("Skandinavien", "Scandinavia", "DK NO SE", ""),
        ("Yorkshire", "Yorkshire, GB", "Yorkshire, GB", "75.0"),
        ("New England", "New England, US", "US-CT US-MA US-ME US-NH US-RI US-VT", ""),
        ("Bakewell, GB", "Bakewell, England, GB", "Bakewell, England, GB", "50.0"),
    ],
)
def test_a_region_is_followed_and_goes_through_a_file_unchanged(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, typed: str, label: str, written: str, radius: str
) -> None:
    _run("subscribers", "add", "ann@example.org", "--area", "any", "--region", typed, "--confirmed")
    capsys.readouterr()
    before = _followed(capsys)
    assert before["region"] == label
    _run("subscribers", "export", "--output", "people.csv")
    (row,) = csv.DictReader((tmp_path / "people.csv").read_text(encoding="utf-8-sig").splitlines())
    assert (row["region"], row["radius_km"]) == (written, radius)
    _run("preferences", "remove", str(before["id"]), "--yes")
    _run("subscribers", "import", "people.csv")
    capsys.readouterr()
    moved = {name: before[name] for name in ("id", "confirmed")}
    assert _followed(capsys) | moved == before


def _run(*words: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    assert left.value.code == 0


def _followed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    _run("preferences", "list", "ann@example.org", "--json")
    (found,) = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def _lines(*countries: str) -> str:
    towns = {"GB": ("LS1 4AP", "Leeds", "England"), "DE": ("10115", "Berlin", "Berlin")}
    rows = ([country, *towns[country], *[""] * 5, "53.7971", "-1.5512", "6"] for country in countries)
    return "".join("\t".join(row) + "\n" for row in rows)


@pytest.mark.usefixtures("_places")
def test_only_the_postcodes_of_the_country_asked_for_are_imported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "all.txt").write_text(_lines("DE", "GB"))
    with pytest.raises(SystemExit) as left:
        main(["regions", "import", "--country", "de", "all.txt"])
    told = "1 postcode of DE stored, 0 lines skipped, 1 line of other countries left out\n"
    assert (left.value.code, capsys.readouterr().out) == (0, told)
    with pytest.raises(SystemExit):
        main(["regions", "import", "--country", "DE", "all.txt", "--json"])
    assert json.loads(capsys.readouterr().out) == {"stored": {"DE": 1}, "skipped": 0, "elsewhere": 1}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--country", "FR", "all.txt"], "there is no postcode of FR in this file"),
        (["--country", "Atlantis", "all.txt"], "“Atlantis” is no country"),
        (["--country", "QQ"], "“QQ” is no country"),
        ([], "Which postcodes? Name a file, an address or a country"),
        (["nowhere.txt"], "nowhere.txt: this file cannot be read"),
    ],
)
@pytest.mark.usefixtures("_places")
def test_what_cannot_be_imported_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, given: list[str], told: str
) -> None:
    (tmp_path / "all.txt").write_text(_lines("DE", "GB"))
    with pytest.raises(SystemExit) as left:
        main(["regions", "import", *given])
    out, errors = capsys.readouterr()
    assert (left.value.code, out) == (2, "")
    assert told in errors
    assert "Traceback" not in errors


@pytest.mark.usefixtures("_places")
def test_postcodes_are_fetched_from_an_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIALALERTS_HTTP__ALLOW_PRIVATE_ADDRESSES", "true")
    with _served(_lines("DE").encode()) as address:
        monkeypatch.setattr(download, "DOWNLOADS", f"{address}/zip/")
        for given in ([f"{address}/zip/DE.zip"], ["--country", "DE"]):
            with pytest.raises(SystemExit) as left:
                main(["regions", "import", *given])
            assert (left.value.code, capsys.readouterr().out) == (0, "1 postcode of DE stored, 0 lines skipped\n")
        with pytest.raises(SystemExit) as left:
            main(["regions", "import", f"{address}/gone"])
    assert left.value.code == 1
    assert "404" in capsys.readouterr().err


@contextmanager
def _served(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/zip/DE.zip"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(body if known else b"")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
