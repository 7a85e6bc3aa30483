"""The shipped vocabulary is whole after ``init``, is stored once, and leaves alone what the operator imported."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from sqlmodel import select

from trialalerts.bootstrap import prepare
from trialalerts.database import Database, open_database
from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.settings import Settings
from trialalerts.vocabulary.areas import shipped as module
from trialalerts.vocabulary.areas.imports import import_areas
from trialalerts.vocabulary.areas.imports.mesh_files import read_mesh
from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id
from trialalerts.vocabulary.areas.shipped import CURATED, MESH, store_shipped
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.spelling import name_key, name_orders
from trialalerts.vocabulary.tables import Area, AreaOrigin
from trialalerts.vocabulary.tagging.tagger import Tagger

HEADER = "id\tname\ttree numbers\tentry terms\n"
CURATED_FILE = """
[[area]]
id = "D009422"
name = "Diseases of the nerves"
tree_numbers = ["C10"]
therapeutic = true

[[area]]
id = "D001943"
name = "Breast cancer"
parents = ["D009422"]
acronyms = ["BC"]

[[area]]
id = "storms"
name = "Cytokine release syndrome"
synonyms = ["CRS after treatment"]
"""
MESH_ROWS = (
    "D009422\tNervous System Diseases\tC10\tNervous System Disorders\n"
    "D001943\tBreast Neoplasms\tC04.588.180\tBreast Cancer|Breast Tumors\n"
    "D009103\tMultiple Sclerosis\tC10.114\tSclerosis, Multiple|MS (Multiple Sclerosis)\n"
)


@pytest.fixture
def curated(tmp_path: Path) -> Path:
    """A curated file of three areas."""
    file = tmp_path / "areas.toml"
    file.write_text(CURATED_FILE, "utf-8")
    return file


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    """A small MeSH in the form that is shipped."""
    return _mesh(tmp_path / "mesh.tsv.gz", MESH_ROWS)


def _mesh(path: Path, rows: str) -> Path:
    path.write_bytes(gzip.compress((HEADER + rows).encode()))
    return path


def _stored(db: Database, curated: Path, mesh: Path) -> AreaTree:
    with db.write() as session:
        number = store_shipped(session, curated=curated, mesh=mesh)
    with db.read() as session:
        tree = load_areas(session)
    assert len(tree) == number
    return tree


def _rows(db: Database) -> list[dict[str, object]]:
    with db.read() as session:
        return [row.model_dump() for row in session.exec(select(Area).order_by(Area.id))]


def test_the_curated_areas_and_mesh_become_one_tree(db: Database, curated: Path, mesh: Path) -> None:
    tree = _stored(db, curated, mesh)
    assert tree.path("D009103") == ("Diseases of the nerves", "Multiple Sclerosis")
    assert tree.get("D001943").name == "Breast cancer"
    assert tree.get("D001943").synonyms == ("Breast Neoplasms", "Breast Tumors")
    assert tree.get("D001943").origin is AreaOrigin.CURATED
    assert tree.get("D009103").origin is AreaOrigin.IMPORT
    assert tree.find("sclerosis multiple").id == tree.find("MS").id == "D009103"


def test_mesh_gives_no_area_the_name_of_a_curated_one(sqlite_db: Database, curated: Path, tmp_path: Path) -> None:
    rows = "D009103\tMultiple Sclerosis\tC10.114\tBreast Cancers|BC|MS|CRS after Treatment\n"
    tree = _stored(sqlite_db, curated, _mesh(tmp_path / "mesh.tsv", rows))
    assert (tree.get("D009103").synonyms, tree.get("D009103").acronyms) == ((), ("MS",))


ULCERS = """
[[area]]
id = "D010437"
name = "Stomach and duodenal ulcer"
tree_numbers = ["C06"]
synonyms = ["gastric ulcer", "marginal sore"]
"""
ULCER_ROWS = (
    "D010437\tPeptic Ulcer\tC06.640\tMarginal Ulcer\n"
    "D013276\tStomach Ulcer\tC06.640.50\tUlcer, Gastric|Gastric Ulcers|Peptic Ulcers of the Stomach\n"
    "D000001\tSore of Another Place\tC07.100\tMarginal Sore\n"
)


def test_a_synonym_of_a_curated_area_is_shared_by_the_descriptor_below_that_mesh_calls_so(
    sqlite_db: Database, tmp_path: Path
) -> None:
    curated = tmp_path / "ulcers.toml"
    curated.write_text(ULCERS, "utf-8")
    tree = _stored(sqlite_db, curated, _mesh(tmp_path / "mesh.tsv.gz", ULCER_ROWS))
    assert tree.get("D013276").synonyms == ("Gastric Ulcer", "Peptic Ulcers of the Stomach")
    assert tree.get("D000001").synonyms == ()
    assert tree.find("gastric ulcer").id == tree.find("Ulcer, Gastric").id == "D010437"
    assert [tag.area_id for tag in Tagger(tree).tag(title="Healing gastric ulcers", text="")] == ["D013276"]
    assert [tag.area_id for tag in Tagger(tree).tag(title="Stomach and duodenal ulcer", text="")] == ["D010437"]


NARROWER = [
    ("gastric ulcer", "D013276", "D010437"),
    ("sleepwalking", "D013009", "D020447"),
    ("athlete's foot", "D014008", "D014005"),
    ("kala-azar", "D007898", "D007896"),
    ("molar pregnancy", "D006828", "D031901"),
    ("black lung", "D055008", "D011009"),
    ("critical limb ischemia", "D000089802", "D058729"),
    ("non-muscle-invasive bladder cancer", "D000093284", "D001749"),
    ("heroin addiction", "D006556", "D009293"),
]


@pytest.mark.parametrize(("said", "narrower", "curated"), NARROWER, ids=[said for said, _, _ in NARROWER])
def test_a_text_means_the_narrower_area_where_a_search_finds_the_curated_one(
    shipped_areas: AreaTree, shipped_tagger: Tagger, said: str, narrower: str, curated: str
) -> None:
    assert [tag.area_id for tag in shipped_tagger.tag(title=f"A trial in {said}", text="")] == [narrower]
    assert curated in shipped_areas.ancestors(narrower)
    assert shipped_areas.find(said).id == shipped_areas.search(said, limit=1)[0].node.id == curated


def test_no_synonym_of_a_curated_area_hides_what_mesh_calls_so_below_it(
    shipped_areas: AreaTree, shipped_tagger: Tagger
) -> None:
    """Two areas that are both curated are called what their editor wrote; so is one that has its own name of it."""
    hidden = [
        (term, descriptor.id)
        for descriptor in read_mesh(shipped(MESH))
        if shipped_areas.get(descriptor.id).origin is not AreaOrigin.CURATED
        for term in descriptor.terms
        if (key := name_key([*name_orders(term)][-1], shipped_tagger.folder))
        and (found := shipped_tagger.dictionary.names.get(key, descriptor.id)) != descriptor.id
        and is_mesh_id(found)
        and found in shipped_areas.ancestors(descriptor.id)
        and name_key(shipped_areas.name(found), shipped_tagger.folder) != key
    ]
    assert hidden == []


def test_a_descriptor_called_like_a_curated_area_of_another_id_stands_below_it(
    sqlite_db: Database, curated: Path, tmp_path: Path
) -> None:
    rows = "D000080424\tCytokine Release Syndrome\tC23.550\tCytokine Storm\n"
    for _ in range(2):
        tree = _stored(sqlite_db, curated, _mesh(tmp_path / "mesh.tsv", rows))
        assert tree.parents("D000080424") == ("storms",)
        assert tree.find("cytokine storm").id == tree.find("Cytokine release syndrome").id == "storms"
        curated.write_text(CURATED_FILE + "\n# a remark\n", "utf-8")


def test_what_is_stored_already_is_not_stored_again(db: Database, curated: Path, mesh: Path) -> None:
    _stored(db, curated, mesh)
    with db.write() as session:
        session.get_one(Area, "D009103").name = "Touched"
    assert _stored(db, curated, mesh).name("D009103") == "Touched"


def test_a_change_of_either_file_is_stored_at_the_next_start(
    sqlite_db: Database, curated: Path, mesh: Path, tmp_path: Path
) -> None:
    _stored(sqlite_db, curated, mesh)
    curated.write_text(CURATED_FILE.replace("Breast cancer", "Cancer of the breast"), "utf-8")
    assert _stored(sqlite_db, curated, mesh).name("D001943") == "Cancer of the breast"
    newer = _mesh(tmp_path / "newer.tsv.gz", MESH_ROWS + "D099999\tNew Disease\tC10.2\t\n")
    tree = _stored(sqlite_db, curated, newer)
    assert tree.path("D099999") == ("Diseases of the nerves", "New Disease")


def test_storing_changed_files_and_the_old_ones_again_comes_to_the_same(
    sqlite_db: Database, curated: Path, mesh: Path
) -> None:
    _stored(sqlite_db, curated, mesh)
    before = _rows(sqlite_db)
    curated.write_text(CURATED_FILE + "\n# a remark\n", "utf-8")
    _stored(sqlite_db, curated, mesh)
    assert _rows(sqlite_db) == before


def test_an_area_of_mesh_that_becomes_curated_keeps_its_heading_as_a_name(
    sqlite_db: Database, curated: Path, mesh: Path
) -> None:
    _stored(sqlite_db, curated, mesh)
    curated.write_text(CURATED_FILE + '[[area]]\nid = "D009103"\nname = "MS in plain words"\n', "utf-8")
    tree = _stored(sqlite_db, curated, mesh)
    assert tree.get("D009103").name == "MS in plain words"
    assert tree.find("Multiple Sclerosis").id == "D009103"


def test_an_area_that_leaves_the_curated_file_is_one_of_mesh_again(
    sqlite_db: Database, curated: Path, mesh: Path
) -> None:
    _stored(sqlite_db, curated, mesh)
    curated.write_text('[[area]]\nid = "D009422"\nname = "Nerves"\n', "utf-8")
    tree = _stored(sqlite_db, curated, mesh)
    assert tree.get("D001943").name == "Breast Neoplasms"
    assert tree.get("D001943").origin is AreaOrigin.IMPORT


def test_what_trials_taught_and_other_imports_brought_stays(sqlite_db: Database, curated: Path, mesh: Path) -> None:
    with sqlite_db.write() as session:
        session.add(Area(id="C999999", name="Rare thing", parents=["D009103"], origin=AreaOrigin.TRIAL))
        session.add(Area(id="D009103", name="Multiple Sclerosis", parents=["D001943"], origin=AreaOrigin.TRIAL))
        session.add(Area(id="DOID:1", name="rare nerve disease", parents=["D009422"], origin=AreaOrigin.IMPORT))
    tree = _stored(sqlite_db, curated, mesh)
    assert tree.path("C999999") == ("Diseases of the nerves", "Multiple Sclerosis", "Rare thing")
    assert tree.get("DOID:1").parents == ("D009422",)
    assert tree.get("D009103").origin is AreaOrigin.IMPORT


def test_a_newer_edition_that_the_operator_imported_is_not_taken_back(
    sqlite_db: Database, curated: Path, mesh: Path, tmp_path: Path
) -> None:
    newer = MESH_ROWS.replace("Multiple Sclerosis\tC10.114", "Sclerosis of Nerves\tC10.999")
    file = _mesh(tmp_path / "next.tsv.gz", newer + "D000099999\tNew Disease\tC10.999.1\t\n")
    with sqlite_db.write() as session:
        import_areas(session, file)
    tree = _stored(sqlite_db, curated, mesh)
    assert tree.name("D009103") == "Sclerosis of Nerves"
    assert tree.path("D000099999") == ("Diseases of the nerves", "Sclerosis of Nerves", "New Disease")


def test_an_older_edition_that_the_operator_imported_is_brought_up_to_date(
    sqlite_db: Database, curated: Path, mesh: Path, tmp_path: Path
) -> None:
    older = _mesh(tmp_path / "old.tsv.gz", "D009103\tDisseminated Sclerosis\tC21.1\tInsular Sclerosis\n")
    with sqlite_db.write() as session:
        import_areas(session, older)
    tree = _stored(sqlite_db, curated, mesh)
    assert tree.path("D009103") == ("Diseases of the nerves", "Multiple Sclerosis")
    assert tree.find("insular sclerosis").id == "D009103"


def test_a_curated_file_that_is_wrong_or_missing_stores_nothing(sqlite_db: Database, curated: Path, mesh: Path) -> None:
    _stored(sqlite_db, curated, mesh)
    before = _rows(sqlite_db)
    curated.write_text("[[area]]\nid = 1", "utf-8")
    for file in (curated, curated.with_name("nowhere.toml")):
        with pytest.raises(ConfigurationError, match=file.name), sqlite_db.write() as session:
            store_shipped(session, curated=file, mesh=mesh)
    assert _rows(sqlite_db) == before


def test_two_that_start_at_once_store_it_once(
    database_url: str, curated: Path, mesh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Barrier, Thread

    stored: list[Path] = []
    monkeypatch.setattr(module, "import_mesh", lambda _, file: stored.append(file))
    barrier, faults = Barrier(2), list[BaseException]()

    def start() -> None:
        try:
            with open_database(database_url) as db:
                barrier.wait(10)
                with db.write() as session:
                    store_shipped(session, curated=curated, mesh=mesh)
        except BaseException as error:  # noqa: BLE001 - told below
            faults.append(error)

    threads = [Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (faults, stored) == ([], [mesh])


def test_preparing_stores_the_whole_vocabulary_and_the_next_start_reads_one_row(
    initialised_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "store_curated", lambda *_: pytest.fail("the curated file was read again"))
    monkeypatch.setattr(module, "import_mesh", lambda *_: pytest.fail("MeSH was read again"))
    assert prepare(initialised_db, Settings()).areas > 5_000  # ``init`` has prepared it


def test_the_shipped_mesh_is_the_branches_of_diseases_of_2025() -> None:
    descriptors = list(read_mesh(shipped(MESH)))
    assert len(descriptors) == len({descriptor.id for descriptor in descriptors}) == 5_155
    assert all(number.startswith(("C", "F03")) for descriptor in descriptors for number in descriptor.tree_numbers)
    notice = shipped(CURATED).parent.parent / "NOTICE"
    if notice.exists():  # a wheel keeps it among its licences
        assert "U.S. National Library of Medicine" in notice.read_text("utf-8")
        assert MESH in notice.read_text("utf-8")


def test_every_disease_of_mesh_is_there_below_an_area_of_the_curated_file(shipped_areas: AreaTree) -> None:
    shelves = {node.id for node in shipped_areas.nodes if node.therapeutic}
    lost = [
        descriptor.name
        for descriptor in read_mesh(shipped(MESH))
        if not shelves & {descriptor.id, *shipped_areas.ancestors(descriptor.id)}
    ]
    assert len(lost) < 5_155 * 0.05, lost[:20]
