"""Postcodes are read, kept coarse, and found as people write them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlmodel import Session, col, select

from trialalerts.database import Database, open_database
from trialalerts.errors import AmbiguousRegion, InvalidInput, UnknownRegion
from trialalerts.operations.backups import back_up
from trialalerts.vocabulary.places.loading import load_places
from trialalerts.vocabulary.places.postcodes import search as module
from trialalerts.vocabulary.places.postcodes.search import PostcodeCount, import_postcodes, postcode_label, town_code
from trialalerts.vocabulary.places.regions import find_region, search_places
from trialalerts.vocabulary.places.site_names import SiteLocator
from trialalerts.vocabulary.tables import Postcode


def line(country: str, code: str, name: str, area: str, latitude: object, longitude: object) -> str:
    return "\t".join([country, code, name, area, "", "", "", "", "", str(latitude), str(longitude), "4"])


LINES = [
    line("AT", "1010", "Wien, Innere Stadt", "Wien", 48.2077, 16.3705),
    line("DE", "10115", "Berlin", "Land Berlin", 52.5323, 13.3846),
    line("GB", "LS1 4AP", "Leeds", "England", 53.7971, -1.5512),
    line("GB", "LS1 3EX", "Leeds", "England", 53.8011, -1.5532),
    line("GB", "LS10 1AB", "Hunslet", "England", 53.7800, -1.5300),
    line("GB", "SW1A", "Westminster", "England", 51.5010, -0.1420),
    line("JP", "100-0001", "Chiyoda", "Tokyo To", 35.6840, 139.7530),
    line("NL", "1010", "Amsterdam", "Noord-Holland", 52.3700, 4.9000),
    line("US", "02139", "Cambridge", "Massachusetts", 42.3647, -71.1042),
    line("US", "10115", "New York City", "New York", 40.8111, -73.9642),
]


def written(folder: Path, lines: list[str]) -> Path:
    file = folder / "postcodes.txt"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def stocked(placed: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that holds a few postcodes beside all places; tests read it only."""
    folder = tmp_path_factory.mktemp("stocked")
    back_up(placed, folder / "places.db")
    with open_database(f"sqlite:///{folder / 'places.db'}") as database:
        with database.write() as session:
            import_postcodes(session, written(folder, LINES))
        yield database


@pytest.fixture
def imported(stocked: Database) -> Iterator[Session]:
    """A reading session on a few postcodes and all places."""
    with stocked.read() as session:
        yield session


@pytest.fixture(scope="module")
def scratch(placed: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with all places into which tests import; each says what it needs."""
    file = tmp_path_factory.mktemp("scratch") / "places.db"
    back_up(placed, file)
    with open_database(f"sqlite:///{file}") as database:
        yield database


@pytest.fixture
def _one_locator(scratch: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read the names of all subdivisions once: each import does, and for a few lines it is nine tenths of the time."""
    with scratch.read() as session:
        locator = SiteLocator(session)
        monkeypatch.setattr(module, "SiteLocator", lambda _: locator)
        yield


FOUND = [
    ("LS1 4AP, GB", "LS1, Leeds, GB"),
    ("ls14ap, uk", "LS1, Leeds, GB"),
    ("LS1 4AP", "LS1, Leeds, GB"),
    ("LS1 4AP UK", "LS1, Leeds, GB"),
    ("LS1 9ZZ, United Kingdom", "LS1, Leeds, GB"),
    ("LS1 4, GB", "LS1, Leeds, GB"),
    ("LS1", "LS1, Leeds, GB"),
    ("LS1, Leeds, GB", "LS1, Leeds, GB"),
    ("LS1, England", "LS1, Leeds, GB"),
    ("SW1A 1AA, London, GB", None),
    ("SW1A 1AA", "SW1A, Westminster, GB"),
    ("10115, DE", "10115, Berlin, DE"),
    ("10115 Berlin", "10115, Berlin, DE"),
    ("DE-10115", "10115, Berlin, DE"),
    ("10115 Berlin, Germany", "10115, Berlin, DE"),
    ("10115, NY, US", "10115, New York City, US"),
    ("02139, US", "02139, Cambridge, US"),
    ("02139-4307, US", "02139, Cambridge, US"),
    ("02139 MA", "02139, Cambridge, US"),
    ("1010 Wien", "1010, Wien Innere Stadt, AT"),
    ("1010 AB, NL", "1010, Amsterdam, NL"),
    ("100-0001, Japan", "100-0001, Chiyoda, JP"),
    ("1000001, JP", "100-0001, Chiyoda, JP"),
]


@pytest.mark.parametrize(("text", "label"), FOUND, ids=[text for text, _ in FOUND])
def test_a_postcode_is_found_as_people_write_it(imported: Session, text: str, label: str | None) -> None:
    if label is None:
        with pytest.raises(UnknownRegion):
            find_region(imported, text)
        return
    region = find_region(imported, text)
    assert (region.kind, region.label, region.radius_km) == ("place", label, 50.0)


def test_a_region_around_a_postcode_has_all_that_a_town_has(imported: Session) -> None:
    region = find_region(imported, "LS1 4AP, GB", radius_km=20)
    assert (region.country, region.subdivision, region.radius_km) == ("GB", "GB-ENG", 20)
    assert (region.latitude, region.longitude) == (53.8, -1.55)


def test_nothing_finer_than_a_district_is_kept(imported: Session) -> None:
    kept = imported.exec(select(Postcode).where(col(Postcode.country) == "GB").order_by(col(Postcode.code))).all()
    assert [entry.code for entry in kept] == ["LS1", "LS10", "SW1A"]
    assert all(round(value, 2) == value for entry in kept for value in (entry.latitude, entry.longitude))


def test_a_postcode_of_several_countries_is_asked_back(imported: Session) -> None:
    with pytest.raises(AmbiguousRegion) as caught:
        find_region(imported, "10115")
    assert caught.value.choices == ("10115, Berlin, DE", "10115, New York City, US")
    with pytest.raises(AmbiguousRegion):
        find_region(imported, "1010")


def test_without_postcodes_of_the_country_the_way_to_import_them_is_told(imported: Session) -> None:
    with pytest.raises(
        UnknownRegion, match=r"no postcodes of FR are imported.*run: trialalerts regions import FR\.zip"
    ):
        find_region(imported, "75001 Paris, FR")


def test_a_postcode_that_is_not_there_is_unknown(imported: Session) -> None:
    with pytest.raises(UnknownRegion, match="No region is called “99999, DE”"):
        find_region(imported, "99999, DE")


@pytest.mark.parametrize("text", ["Leeds, GB", "Springfield, MO", "Bavaria"])
def test_names_are_found_as_before(imported: Session, session: Session, text: str) -> None:
    assert find_region(imported, text) == find_region(session, text)


def test_a_search_finds_postcodes_by_their_beginning(imported: Session) -> None:
    assert [hit.label for hit in search_places(imported, "ls1")] == ["LS1, Leeds, GB", "LS10, Hunslet, GB"]
    assert [hit.label for hit in search_places(imported, "1011, de")] == ["10115, Berlin, DE"]
    assert [hit.label for hit in search_places(imported, "LS1 4AP", limit=1)] == ["LS1, Leeds, GB"]
    assert search_places(imported, "ls1", limit=0) == []


@pytest.mark.usefixtures("_one_locator")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GB", "US", "DE", "NL", "PL", "LV"]),
            st.from_regex(r"\A(?:[A-Z]{1,2}[0-9]{1,2} [0-9][A-Z]{2}|[0-9]{2}-?[0-9]{3}|LV-[0-9]{4})\Z"),
            st.text(max_size=30).filter(lambda name: "\t" not in name and "\n" not in name and "\r" not in name),
            st.floats(-90, 90),
            st.floats(-180, 180),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_label_finds_its_postcode_again(
    scratch: Database, tmp_path: Path, rows: list[tuple[str, str, str, float, float]]
) -> None:
    lines = [line(country, code, name, "", *point) for country, code, name, *point in sorted(rows)]
    with scratch.write() as session:
        session.connection().execute(delete(Postcode))
        import_postcodes(session, written(tmp_path, [text.encode(errors="replace").decode() for text in lines]))
        for entry in session.exec(select(Postcode)).all():
            region = find_region(session, postcode_label(entry))
            assert (region.label, region.country) == (postcode_label(entry), entry.country)
            assert (region.latitude, region.longitude) == (entry.latitude, entry.longitude)


@given(st.sampled_from(["GB", "US", "CA", "IE", "NL", "PT", "LV", "DE", ""]), st.text("ABLSV0123456789 -", max_size=12))
def test_the_key_of_a_key_is_itself(country: str, text: str) -> None:
    assert town_code(country, town_code(country, text)) == town_code(country, text)


@pytest.mark.usefixtures("large_cities")
def test_an_import_replaces_a_country_and_leaves_the_others(db: Database, tmp_path: Path) -> None:
    with db.write() as session:
        load_places(session)
        count = import_postcodes(session, written(tmp_path, [*LINES, line("QQ", "1", "Nowhere", "", 1, 1)]))
        assert count == PostcodeCount(stored={"AT": 1, "DE": 1, "GB": 3, "JP": 1, "NL": 1, "US": 2}, skipped=1)
        again = [line("US", "02140", "Cambridge", "Massachusetts", 42.39, -71.13), line("US", "X", "", "", "", "")]
        assert import_postcodes(session, written(tmp_path, again)) == PostcodeCount(stored={"US": 1}, skipped=1)
        codes = session.exec(select(Postcode.code).order_by(col(Postcode.code))).all()
        assert sorted(codes) == sorted(["1010", "1010", "1000001", "10115", "LS1", "LS10", "SW1A", "02140"])
        assert find_region(session, "02140, US").subdivision == "US-MA"
        assert [hit.label for hit in search_places(session, "ls1")] == ["LS1, Leeds, GB", "LS10, Hunslet, GB"]


@pytest.mark.usefixtures("large_cities")
def test_places_on_both_sides_of_the_date_line_lie_between(sqlite_db: Database, tmp_path: Path) -> None:
    rows = [line("DE", "1", "East", "", 10, 179.9), line("DE", "1", "West", "", 10, -179.7)]
    with sqlite_db.write() as session:
        load_places(session)
        import_postcodes(session, written(tmp_path, rows))
        assert session.exec(select(Postcode.longitude)).one() == -179.9


def packed(how: str, text: bytes) -> bytes:
    if how == "gzip":
        return gzip.compress(text)
    if how == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("readme.txt", "Read me")
            archive.writestr("GB.txt", text)
        return buffer.getvalue()
    return text


@pytest.mark.parametrize("how", ["plain", "gzip", "zip"])
def test_a_file_may_be_packed(scratch: Database, tmp_path: Path, how: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(packed(how, "\n".join(LINES).encode()))
    with scratch.write() as session:
        assert sum(import_postcodes(session, file).stored.values()) == 9


TWO = [line("GB", "LS1", "", "", 1, 1), line("US", "02139", "", "", 1, 1), line("GB", "LS2", "", "", 1, 1)]
WRONG = [
    (b"", "there is no postcode in this file"),
    (b"hello\n", "line 1 is no postcode"),
    (line("GB", "LS1", "Leeds", "", "north", 1).encode(), "line 1: latitude and longitude must be numbers"),
    (line("GB", "LS1", "Leeds", "", "nan", "inf").encode(), "there is no postcode in this file"),
    ("\n".join(TWO).encode(), "the lines of GB stand in two places"),
    (b"GB\tLS1\t\xff", "no UTF-8"),
    (packed("zip", b"x")[:-30], "this zip file is damaged or locked"),
    (packed("zip", b"x").replace(b"readme.txt", b"others.txt"), "found 2"),
    (packed("gzip", b"x" * 99)[:-9], "cut off or damaged"),
]


@pytest.mark.parametrize(("content", "fault"), WRONG, ids=[fault for _, fault in WRONG])
def test_a_wrong_file_is_told_in_one_line(scratch: Database, tmp_path: Path, content: bytes, fault: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=fault) as caught, scratch.write() as session:
        import_postcodes(session, file)
    assert "\n" not in str(caught.value)
