"""The curated file: it is stored, it wins over the rest, and what is wrong in it is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import select

from trialalerts.database import Database
from trialalerts.errors import ConfigurationError
from trialalerts.vocabulary.areas.tree import load_areas, store_curated
from trialalerts.vocabulary.tables import Area, AreaOrigin

GOOD = """
[[area]]
id = "D009422"
name = "Nervous system diseases"
tree_numbers = ["C10"]
therapeutic = true
synonyms = ["neurology"]

[[area]]
id = "D009103"
name = "Multiple sclerosis"
tree_numbers = ["C10.114.375.500"]
acronyms = ["MS"]

[[area]]
id = "progressive-ms"
name = "Progressive multiple sclerosis"
parents = ["D009103"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of three areas."""
    path = tmp_path / "areas.toml"
    path.write_text(GOOD, "utf-8")
    return path


def _store(db: Database, file: Path) -> int:
    with db.write() as session:
        return store_curated(session, file)


def _row(db: Database, area_id: str) -> Area:
    with db.read() as session:
        return session.get_one(Area, area_id)


def test_the_areas_of_the_file_become_the_tree(db: Database, file: Path) -> None:
    assert _store(db, file) == 3
    with db.read() as session:
        tree = load_areas(session)
    assert tree.path("progressive-ms") == (
        "Nervous system diseases",
        "Multiple sclerosis",
        "Progressive multiple sclerosis",
    )
    assert tree.get("D009422").therapeutic
    assert tree.find("MS").id == "D009103"


def test_storing_the_file_again_changes_nothing(db: Database, file: Path) -> None:
    _store(db, file)
    with db.read() as session:
        before = [row.model_dump() for row in session.exec(select(Area).order_by(Area.id))]
    assert _store(db, file) == 3
    with db.read() as session:
        assert [row.model_dump() for row in session.exec(select(Area).order_by(Area.id))] == before


def test_an_area_learned_from_a_trial_becomes_curated(sqlite_db: Database, file: Path) -> None:
    with sqlite_db.write() as session:
        session.add(Area(id="D009103", name="SCLEROSIS", parents=["D009422"], origin=AreaOrigin.TRIAL))
    _store(sqlite_db, file)
    row = _row(sqlite_db, "D009103")
    assert (row.name, row.parents, row.origin) == ("Multiple sclerosis", [], AreaOrigin.CURATED)


def test_synonyms_and_tree_numbers_of_an_imported_mesh_stay(sqlite_db: Database, file: Path) -> None:
    with sqlite_db.write() as session:
        session.add(
            Area(
                id="D009422",
                name="Nervous System Diseases",
                synonyms=["Nervous System Disorders"],
                tree_numbers=["C99"],
                origin=AreaOrigin.IMPORT,
            )
        )
    _store(sqlite_db, file)
    row = _row(sqlite_db, "D009422")
    assert row.name == "Nervous system diseases"
    assert row.synonyms == ["neurology", "Nervous System Disorders"]
    assert row.tree_numbers == ["C99"]


def test_the_file_alone_says_where_an_area_stands_while_no_mesh_is_imported(sqlite_db: Database, file: Path) -> None:
    _store(sqlite_db, file)
    file.write_text(GOOD.replace("C10.114.375.500", "C10.314"), "utf-8")
    _store(sqlite_db, file)
    assert _row(sqlite_db, "D009103").tree_numbers == ["C10.314"]


def test_an_area_that_left_the_file_stays_but_is_no_shelf(sqlite_db: Database, file: Path) -> None:
    _store(sqlite_db, file)
    file.write_text('[[area]]\nid = "D001249"\nname = "Asthma"\n', "utf-8")
    assert _store(sqlite_db, file) == 1
    row = _row(sqlite_db, "D009422")
    assert (row.name, row.therapeutic, row.origin) == ("Nervous system diseases", False, AreaOrigin.TRIAL)


BAD = [
    ("not TOML", "[[area]\n", "this is not TOML"),
    ("no area", "", r"area: it is missing"),
    ("empty list", "area = []", "area: found"),
    ("another table", '[[aera]]\nid = "a"', "area: it is missing"),
    ("no id", '[[area]]\nname = "Asthma"', "area number 1: id: it is missing"),
    ("no name", '[[area]]\nid = "D001249"', "D001249: name: it is missing"),
    ("blank name", '[[area]]\nid = "D001249"\nname = " "', "D001249: name: found ' ', expected"),
    ("unknown key", '[[area]]\nid = "D001249"\nname = "A"\nsynonym = []', "synonym: there is no such key.*“synonyms”"),
    ("no list", '[[area]]\nid = "D001249"\nname = "A"\nsynonyms = "B"', "D001249: synonyms: found 'B', expected"),
    (
        "tree number",
        '[[area]]\nid = "D001249"\nname = "A"\ntree_numbers = ["C8"]',
        "D001249: tree_numbers.0: found 'C8'",
    ),
    ("bad id", '[[area]]\nid = "Big Lungs"\nname = "A"', "Big Lungs: an id is a MeSH id such as D009103"),
    ("padded id", '[[area]]\nid = "D000001249"\nname = "A"', "D000001249: an id is a MeSH id"),
    ("same id", '[[area]]\nid = "a"\nname = "A"\n' * 2, "a: this id stands twice"),
    (
        "unknown parent",
        '[[area]]\nid = "lungs"\nname = "A"\n[[area]]\nid = "b"\nname = "B"\nparents = ["lung"]',
        "b: there is no parent lung. Did you mean “lungs”",
    ),
    (
        "circle",
        '[[area]]\nid = "a"\nname = "A"\nparents = ["b"]\n[[area]]\nid = "b"\nname = "B"\nparents = ["a"]',
        "the parents go round in a circle: (a → b → a|b → a → b)",
    ),
    ("own parent", '[[area]]\nid = "a"\nname = "A"\nparents = ["a"]', "a: the parents go round in a circle: a → a"),
    (
        "circle through a tree number",
        (
            '[[area]]\nid = "a"\nname = "A"\ntree_numbers = ["C01"]\nparents = ["b"]\n'
            '[[area]]\nid = "b"\nname = "B"\ntree_numbers = ["C01.001"]'
        ),
        "in a circle",
    ),
]


@pytest.mark.parametrize(("content", "fault"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_wrong_file_is_told_in_one_line_and_stores_nothing(
    sqlite_db: Database, tmp_path: Path, content: str, fault: str
) -> None:
    path = tmp_path / "areas.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match=fault) as caught:
        _store(sqlite_db, path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    with sqlite_db.read() as session:
        assert session.exec(select(Area)).all() == []


def test_a_missing_or_binary_file_is_told(sqlite_db: Database, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the disease areas cannot be read"):
        _store(sqlite_db, tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="the disease areas cannot be read"):
        _store(sqlite_db, tmp_path / "binary.toml")
