"""An organisation's own list is read whatever its headings, form and packing; what is no list is one clear line."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import select

from tests.sources.poll_stage import items_of, poll, problems_of, settings_of, state_of
from tests.sources.registry_server import Fault, RegistryServer, respond
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.base import Position
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds.file import FileSettings, FileSource

COLUMNS = {
    "number": "Kennung", "title": "Titel der Studie", "status": "Stand", "conditions": "Erkrankung",
    "countries": "Land", "city": "Ort", "minimum_age": "Alter von", "maximum_age": "bis (No.)", "sex": "Wer",
    "registered": "Seit", "contact_email": "E-Mail", "url": "Seite",
}  # fmt: skip
WORDS = {"läuft": "RECRUITING", "fertig": "COMPLETED"}
TABLE = (
    "Kennung;titel_der_studie;Stand;Erkrankung;Land;Ort;Alter von;bis (No.);Wer;Seit;E-Mail;Seite\n"
    'mk-1;"Müde; trotz Schlaf";Läuft;Asthma;United Kingdom;Leeds;18;65 Jahre;Females;03.02.2026;a@example.org;'
    "https://example.org/mk-1\n"
    "MK-2;Übung bei Asthma;fertig;Asthma;United Kingdom;;;;Both;2026-01-05;;\n"
)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]


def own(http: HttpSettings, path: Path, **more: Any) -> Settings:
    source = {"name": "ours", "kind": "file", "path": str(path), "columns": COLUMNS, "words": WORDS, **more}
    return settings_of(http, source)


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as pack:
        for name, body in files.items():
            pack.writestr(name.replace("_", "."), body)
    return made.getvalue()


def first(db: Database) -> tuple[Item, TrialFacts]:
    with db.read() as session:
        item = session.exec(select(Item).where(Item.external_id == "MK-1")).one()
    return item, TrialFacts.model_validate(item.facts)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_spreadsheet_is_read_with_its_own_headings(
    encoding: str, tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    path = tmp_path / "Liste.txt"
    path.write_bytes(TABLE.replace("\n", "\r\n").encode(encoding))
    count = poll(sqlite_world, own(http_settings, path), clock)
    assert (count.error, count.new, count.problems) == (None, 2, 0), problems_of(sqlite_world)
    item, facts = first(sqlite_world)
    assert (item.registry_name, item.title, item.url) == ("ours", "Müde; trotz Schlaf", "https://example.org/mk-1")
    assert (facts.status, facts.sex, facts.minimum_age, facts.maximum_age) == (
        "RECRUITING", "female", "18 Years", "65 Years",
    )  # fmt: skip
    assert facts.first_posted == date(2026, 2, 3)
    assert [(site.city, site.country) for site in facts.sites] == [("Leeds", "GB")]
    assert facts.contacts[0].email == "a@example.org"
    assert item.areas["direct"][0]["id"] == "D001249"


FORMS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "tabs": (b"ID\tName\nA-1\tOne\nA-2\tTwo\n", {}),
    "commas and quotes": (b'"ID","Name"\n"A-1","One, and\na half"\n"A-2","Two"\n', {}),
    "xml": (
        b"<list><meta/><study><id>A-1</id><t><n>One</n></t></study><study><id>A-2</id><t><n>Two</n></t></study></list>",
        {"record": "study", "columns": {"number": "id", "title": "t.n"}},
    ),
    "json": (
        b'{"data": {"trials": [{"ID": "A-1", "Name": "One"}, {"ID": "A-2", "Name": ["Two"]}]}}',
        {"record": "data.trials"},
    ),
    "a bare list in json": (b'[{"ID": "A-1", "Name": "One"}, {"ID": "A-2", "Name": "Two"}]', {}),
    "gzip": (gzip.compress(b"ID,Name\nA-1,One\nA-2,Two\n"), {}),
    "zip of two": (zipped(one_csv=b"ID,Name\nA-1,One\n", two_tsv=b"ID\tName\nA-2\tTwo\n", liesmich_md=b"no"), {}),
}


@pytest.mark.parametrize(("body", "more"), FORMS.values(), ids=FORMS)
def test_the_form_is_told_by_the_content(
    body: bytes, more: dict[str, Any], tmp_path: Path, sqlite_world: Database, clock: FrozenClock,
    http_settings: HttpSettings,
) -> None:  # fmt: skip
    path = tmp_path / "list"
    path.write_bytes(body)
    more = {"columns": {"number": "ID", "title": "Name"}, "words": {}, **more}
    count = poll(sqlite_world, own(http_settings, path, **more), clock)
    assert (count.error, count.problems) == (None, 0), problems_of(sqlite_world)
    assert set(items_of(sqlite_world)) == {"A-1", "A-2"}


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b" \n", "is empty"),
    "a missing column": (b"Kenung,Name\nA-1,One\n", "has no column “ID”"),
    "a misspelt column": (b"ID,Nane\nA-1,One\n", "has no column “Name”. Did you mean “nane”?"),
    "a column twice": (b"ID,Name,name\nA-1,One,Uno\n", "has the column “name” more than once"),
    "an open quote": (b'ID,Name\nA-1,"One\nA-2,Two\n', "is a quote not closed"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is no CSV, XML or JSON"),
    "a web page": (b"<!doctype html><html><p>Please log in</html>", "HTML page"),
    "xml that breaks off": (b"<list><study><id>A-1</id>", "breaks off"),
    "xml of something else": (b"<list><thing/></list>", "holds no element study"),
    "json that breaks off": (b'[{"ID": "A-1"', "breaks off"),
    "json without the list": (b'{"other": []}', "holds no list of study"),
    "a broken zip": (zipped(a_csv=b"ID,Name\nA-1,One\n")[:60], "zip file that is broken"),
    "a zip without lists": (zipped(a_pdf=b"%PDF"), "zip file without any"),
    "a broken gzip": (gzip.compress(b"ID,Name\nA-1,One\n" * 99)[:30], "gzip file that is broken"),
}


@pytest.mark.parametrize(("body", "said"), BAD.values(), ids=BAD)
def test_what_is_no_list_is_one_clear_line(
    body: bytes, said: str, tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(body)
    plain = {"columns": {"number": "ID", "title": "Name"}, "words": {}, "record": "study"}
    count = poll(sqlite_world, own(http_settings, path, **plain), clock)
    assert count.error is not None
    assert said in count.error
    assert "list.csv" in count.error
    assert "\n" not in count.error
    assert items_of(sqlite_world) == {}


def test_a_broken_row_is_noted_under_its_number_and_the_others_are_read(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("ID,Name,Age\nA-1,One,18\nA-2,Two\nA-3,Three,18,more\n,Nameless,18\n\nA-4,Four,old\nA-5,Five,\n")
    columns = {"number": "ID", "title": "Name", "minimum_age": "Age"}
    count = poll(sqlite_world, own(http_settings, path, columns=columns), clock)
    assert (count.error, set(items_of(sqlite_world))) == (None, {"A-1", "A-4", "A-5"})
    assert problems_of(sqlite_world) == [
        ("A-2", "row"), ("A-3", "row"), ("A-4", "minimum_age"), ("without number: page 1, record 4", "number"),
    ]  # fmt: skip


def test_a_folder_takes_what_is_dropped_and_the_youngest_file_wins(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    settings = own(http_settings, folder, columns={"number": "ID", "title": "Name"}, words={})
    for age, (name, body) in enumerate(
        {"b.csv": "ID,Name\nA-1,Old\nA-2,Two\n", "a.csv": "ID,Name\nA-1,New\n", "c.csv": "ID;\n"}.items()
    ):
        (folder / name).write_text(body)
        os.utime(folder / name, (1_700_000_000 + age, 1_700_000_000 + age))
    assert poll(sqlite_world, settings, clock).new == 2
    assert problems_of(sqlite_world) == [("file c.csv", "row")]
    with sqlite_world.read() as session:
        assert sorted(session.exec(select(Item.title))) == ["New", "Two"]
    (folder / "d.csv").write_text("ID,Name\nA-3,Three\n")
    count = poll(sqlite_world, settings, clock)
    assert (count.new, count.changes) == (1, 1)


def test_an_address_that_serves_the_same_is_not_read_again(
    server: RegistryServer, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    columns = {"number": "ID", "title": "Name"}
    settings = settings_of(http_settings, {"name": "ours", "kind": "file", "url": server.root, "columns": columns})
    serve(server, respond(200, b"ID,Name\nA-1,One\n", {"ETag": '"v1"'}))
    assert poll(sqlite_world, settings, clock).new == 1
    cursor = state_of(sqlite_world, "ours").cursor
    serve(server, respond(304, b"", {"ETag": '"v1"'}))
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.new, count.unchanged) == (None, 0, 0)
    assert server.requests[-1].headers["if-none-match"] == '"v1"'
    assert state_of(sqlite_world, "ours").cursor == cursor
    serve(server, respond(200, b"ID,Name\nA-1,Another name\n", {"ETag": '"v2"'}))
    assert poll(sqlite_world, settings, clock).updated == 1


def serve(server: RegistryServer, act: Any) -> None:
    server.faults.append(Fault(act=act))


def test_many_records_come_in_batches_of_which_only_the_last_ends_the_sweep(
    tmp_path: Path, context: SourceContext
) -> None:
    path = tmp_path / "long.csv"
    path.write_text("ID,Name\n" + "".join(f"A-{n},Name {n}\n" for n in range(2500)))
    columns = {"number": "ID", "title": "Name"}
    reader = FileSource(FileSettings(name="ours", kind="file", path=str(path), columns=columns))
    batches = list(reader.batches(Position(), context))
    assert [(len(batch.drafts), batch.ends_sweep) for batch in batches] == [(1000, False), (1000, False), (500, True)]
    assert len({draft.external_id for batch in batches for draft in batch.drafts}) == 2500
    # Whoever is cut off in the middle begins the file anew, in the same sweep.
    again = list(reader.batches(Position(cursor=batches[1].cursor), context))
    assert [len(batch.drafts) for batch in again] == [1000, 1000, 500]
    assert again[-1].baseline
    assert again[-1].sweep_began == batches[0].sweep_began
    (nothing,) = reader.batches(Position(cursor=again[-1].cursor), context)
    assert (list(nothing.drafts), nothing.ends_sweep, nothing.cursor) == ([], True, again[-1].cursor)


def test_a_sample_shows_what_the_columns_give(context: SourceContext) -> None:
    reader = FileSource(FileSettings(name="ours", kind="file", path="x", columns=COLUMNS, words=WORDS))
    batch = reader.sample(TABLE.encode() + b"MK-3;cut off", "list.csv", context)
    assert [draft.external_id for draft in batch.drafts] == ["MK-1", "MK-2"]
    assert [problem.external_id for problem in batch.problems] == ["MK-3"]


@pytest.mark.parametrize(("keys", "said"), [
    ({}, "either a path"),
    ({"path": "x", "url": "https://example.org"}, "either a path"),
    ({"path": "x"}, "columns must say"),
    ({"path": "x", "columns": {"number": "ID"}}, "columns must say"),
    ({"path": "x", "columns": {"number": "ID", "titel": "Name"}}, "Did you mean “title”"),
    ({"path": "x", "mapping": "who_ictrp", "words": {"open": "RECRUTING"}}, "Did you mean “RECRUITING”"),
    ({"path": "x", "mapping": "drks"}, "who_ictrp"),
])  # fmt: skip
def test_a_configuration_that_cannot_work_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FileSettings.model_validate({"name": "ours", "kind": "file", **keys})


def test_a_missing_file_is_told(
    tmp_path: Path, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    error = poll(sqlite_world, own(http_settings, tmp_path / "none.csv"), clock).error
    assert error is not None
    assert "there is no file or folder" in error
