"""The Disease Ontology extends the areas that are there and adds what they lack."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trialalerts.database import Database
from trialalerts.errors import InvalidInput
from trialalerts.vocabulary.areas.graph import circle_in
from trialalerts.vocabulary.areas.imports import import_areas
from trialalerts.vocabulary.areas.imports.obo_files import read_obo
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.tables import Area, AreaOrigin
from trialalerts.vocabulary.tagging.tagger import Tagger

HEADER = "format-version: 1.2\nontology: doid\n\n"
DISEASE = "[Term]\nid: DOID:4\nname: disease\n"
GROUP = "[Term]\nid: DOID:7\nname: disease of anatomical entity\nis_a: DOID:4 ! disease\n"
ASTHMA = """[Term]
id: DOID:2841
name: asthma
def: "A disease: \\"wheezing\\"." [url:https\\://example.org/]
synonym: "Bronchial hyperreactivity" EXACT []
synonym: "wheezing disease" RELATED []
xref: MESH:D001249
xref: UMLS_CUI:C0004096
is_a: DOID:7 ! disease of anatomical entity
"""
INTRINSIC = """[Term]
id: DOID:9360
name: intrinsic asthma
synonym: "IASTH" EXACT []
synonym: "non-allergic \\"dry\\" asthma" EXACT OMO:0003000 []
is_a: DOID:2841 ! asthma
"""
NIGHTLY = "[Term]\nid: DOID:9361\nname: nightly intrinsic asthma\nis_a: DOID:9360 ! intrinsic asthma\n"
GONE = "[Term]\nid: DOID:9362\nname: obsolete asthma\nis_obsolete: true\n"
TYPEDEF = "[Typedef]\nid: RO:is_a\nname: is_a\n"
WHOLE = f"{HEADER}{DISEASE}\n{GROUP}\n{ASTHMA}\n{INTRINSIC}\n{NIGHTLY}\n{GONE}\n{TYPEDEF}"


@pytest.fixture
def ontology(tmp_path: Path) -> Path:
    """A small ontology in a file whose name says nothing."""
    file = tmp_path / "download"
    file.write_text(WHOLE, "utf-8")
    return file


def _store(db: Database, *rows: Area) -> None:
    with db.write() as session:
        session.add_all(rows)


def _imported(db: Database, file: Path) -> AreaTree:
    with db.write() as session:
        import_areas(session, file)
    with db.read() as session:
        return load_areas(session)


def _asthma(**more: object) -> Area:
    return Area.model_validate(
        {"id": "D001249", "name": "Asthma", "tree_numbers": ["C08.127.108"], "origin": AreaOrigin.IMPORT, **more}
    )


def test_a_term_with_a_mesh_id_gives_that_area_its_names(sqlite_db: Database, ontology: Path) -> None:
    _store(sqlite_db, _asthma())
    asthma = _imported(sqlite_db, ontology).get("D001249")
    assert (asthma.name, asthma.synonyms) == ("Asthma", ("Bronchial hyperreactivity",))


def test_a_term_of_its_own_becomes_an_area_below_the_known_ones(sqlite_db: Database, ontology: Path) -> None:
    _store(sqlite_db, _asthma())
    tree = _imported(sqlite_db, ontology)
    intrinsic = tree.get("DOID:9360")
    assert intrinsic.parents == ("D001249",)
    assert intrinsic.synonyms == ('non-allergic "dry" asthma',)
    assert intrinsic.acronyms == ("IASTH",)
    assert tree.get("DOID:9361").parents == ("DOID:9360",)
    assert tree.find("DOID:9360") is intrinsic


def test_what_only_groups_known_areas_and_what_is_obsolete_is_left_out(sqlite_db: Database, ontology: Path) -> None:
    _store(sqlite_db, _asthma())
    tree = _imported(sqlite_db, ontology)
    assert {node.id for node in tree.nodes} == {"D001249", "DOID:9360", "DOID:9361"}


def test_a_term_called_like_a_known_area_is_that_area(sqlite_db: Database, ontology: Path) -> None:
    _store(sqlite_db, Area(id="night-asthma", name="Intrinsic asthmas", origin=AreaOrigin.CURATED))
    tree = _imported(sqlite_db, ontology)
    assert "DOID:9360" not in tree
    assert tree.get("DOID:9361").parents == ("night-asthma",)


def test_a_curated_area_keeps_its_name_place_and_synonyms(sqlite_db: Database, ontology: Path) -> None:
    _store(sqlite_db, _asthma(name="Asthma and wheezing", synonyms=["puffing"], origin=AreaOrigin.CURATED))
    with sqlite_db.write() as session:
        import_areas(session, ontology)
        row = session.get_one(Area, "D001249")
        assert (row.name, row.parents, row.tree_numbers) == ("Asthma and wheezing", [], ["C08.127.108"])
        assert row.synonyms == ["puffing", "asthma", "Bronchial hyperreactivity"]


def test_a_name_that_another_area_has_is_not_given_away(sqlite_db: Database, ontology: Path) -> None:
    _store(
        sqlite_db,
        _asthma(),
        Area(id="D001986", name="Bronchi, lively", synonyms=["bronchial hyper-reactivity"], origin=AreaOrigin.IMPORT),
        Area(id="D016535", name="Hyperreactivity, Bronchial", origin=AreaOrigin.IMPORT),
    )
    assert _imported(sqlite_db, ontology).get("D001249").synonyms == ()


def test_an_unknown_mesh_id_becomes_an_area_with_that_id(sqlite_db: Database, ontology: Path) -> None:
    tree = _imported(sqlite_db, ontology)
    assert tree.get("D001249").name == "asthma"
    assert tree.get("DOID:9360").parents == ("D001249",)


def test_importing_again_changes_nothing(sqlite_db: Database, ontology: Path) -> None:
    _store(sqlite_db, _asthma())
    with sqlite_db.write() as session:
        first = import_areas(session, ontology)
    with sqlite_db.write() as session:
        again = import_areas(session, ontology)
    assert (first.new, first.updated, first.unchanged) == (2, 1, 0)
    assert (again.new, again.updated, again.unchanged) == (0, 0, 3)


def test_gzip_is_read_like_plain_text(ontology: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(WHOLE.encode()))
    assert list(read_obo(packed)) == list(read_obo(ontology))


def test_importing_mesh_again_keeps_what_the_ontology_added(
    sqlite_db: Database, ontology: Path, tmp_path: Path
) -> None:
    mesh = tmp_path / "d2026.bin"
    mesh.write_text("*NEWRECORD\nMH = Asthma\nENTRY = Asthma, Bronchial\nMN = C08.127.108\nUI = D001249\n", "utf-8")
    for file in (mesh, ontology, mesh):
        tree = _imported(sqlite_db, file)
    assert tree.get("D001249").synonyms == ("Asthma, Bronchial", "Bronchial hyperreactivity")


BROKEN = [
    ("cut in a synonym", WHOLE[: WHOLE.index("hyperreactivity")], 'expected synonym: "words" SCOPE'),
    ("cut before a name", HEADER + "[Term]\nid: DOID:4\n", "the term DOID:4 has no name"),
    ("cut before the parents", HEADER + ASTHMA, "the term DOID:7 is missing"),
    ("cut in a line", HEADER + "[Term]\nid: DOID:4\nname: disease\nis_", "line 7: found “is_”"),
    ("another ontology", HEADER + "[Term]\nid: HP:0002099\nname: asthma\n", "no term of the Disease Ontology"),
    ("circle", HEADER + DISEASE + "is_a: DOID:7\n" + GROUP, "go round in a circle"),
]


@pytest.mark.parametrize(("content", "fault"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_file_is_told_in_one_line_and_nothing_is_stored(
    sqlite_db: Database, tmp_path: Path, content: str, fault: str
) -> None:
    file = tmp_path / "doid.obo"
    file.write_text(content, "utf-8")
    with pytest.raises(InvalidInput, match=r"doid\.obo") as caught, sqlite_db.write() as session:
        import_areas(session, file)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)
    with sqlite_db.read() as session:
        assert load_areas(session).nodes == ()


def test_a_cut_off_gzip_file_is_told(sqlite_db: Database, tmp_path: Path) -> None:
    file = tmp_path / "doid.obo.gz"
    file.write_bytes(gzip.compress(WHOLE.encode())[:-40])
    with pytest.raises(InvalidInput, match="cut off or damaged"), sqlite_db.write() as session:
        import_areas(session, file)


TERMS = st.lists(
    st.tuples(st.sets(st.integers(0, 7)), st.sampled_from(["", "D001249", "D009103", "C535434"])), max_size=8
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(TERMS)
def test_no_ontology_makes_a_circle(sqlite_db: Database, tmp_path: Path, terms: list[tuple[set[int], str]]) -> None:
    lines = [DISEASE]
    for number, (parents, mesh) in enumerate(terms):
        lines.append(f"[Term]\nid: DOID:{100 + number}\nname: illness number {'x' * (number + 1)}\n")
        lines.extend(f"is_a: DOID:{100 + parent}\n" for parent in parents if parent < number)
        lines.append(f"xref: MESH:{mesh}\n" if mesh else "")
    file = tmp_path / "doid.obo"
    file.write_text(HEADER + "".join(lines), "utf-8")
    with sqlite_db.write() as session:
        import_areas(session, file)
        rows = {node.id: session.get_one(Area, node.id).parents for node in load_areas(session).nodes}
        assert circle_in(rows) is None
        session.rollback()


def test_the_whole_ontology_joins_the_curated_areas(sqlite_db: Database, shared_data: Path) -> None:
    _store(sqlite_db, _asthma())
    tree = _imported(sqlite_db, shared_data / "vocab" / "doid_2024-01-31.obo.gz")
    assert len(tree) > 8_000
    assert "D001249" in tree.ancestors(tree.find("intrinsic asthma").id)
    assert circle_in({node.id: node.parents for node in tree.nodes}) is None


def _term(number: int, name: str, *lines: str) -> str:
    return f"[Term]\nid: DOID:{number}\nname: {name}\n" + "".join(f"{line}\n" for line in lines) + "\n"


def _names(*names: str) -> list[str]:
    return [f'synonym: "{name}" EXACT []' for name in names]


def _import(db: Database, tmp_path: Path, *terms: str) -> tuple[AreaTree, dict[str, int]]:
    file = tmp_path / "doid.obo"
    file.write_text(HEADER + "".join(terms), "utf-8")
    with db.write() as session:
        count = import_areas(session, file)
    with db.read() as session:
        return load_areas(session), dict(count.refused)


def _area(id_: str, name: str, *synonyms: str) -> Area:
    return Area(id=id_, name=name, synonyms=list(synonyms), tree_numbers=["C99"], origin=AreaOrigin.IMPORT)


def test_synonyms_that_contradict_the_areas_name_are_refused(sqlite_db: Database, tmp_path: Path) -> None:
    _store(sqlite_db, _area("D006505", "Hepatitis"), _area("D006521", "Hepatitis, Chronic"))
    names = _names("acute hepatitis", "chronic persistent hepatitis", "inflammation of the liver")
    tree, refused = _import(sqlite_db, tmp_path, _term(2237, "hepatitis", *names, "xref: MESH:D006521"))
    assert tree.get("D006505").synonyms == ("chronic persistent hepatitis", "inflammation of the liver")
    assert tree.get("D006521").synonyms == ()
    assert refused == {"contradicting": 1}


def test_gene_symbols_are_refused_and_short_forms_are_taken(sqlite_db: Database, tmp_path: Path) -> None:
    dystrophy = _term(
        1,
        "epithelial recurrent erosion dystrophy",
        'def: "A dystrophy with basis in mutation in the FLNB gene on chromosome 3." []',
        *_names("COL17A1", "ERED", "FLNB", "HLA-B27"),
    )
    tree, refused = _import(sqlite_db, tmp_path, dystrophy)
    assert tree.get("DOID:1").acronyms == ("ERED",)
    assert refused == {"gene symbols": 3}


def test_a_cross_reference_between_strangers_is_refused(sqlite_db: Database, tmp_path: Path) -> None:
    _store(sqlite_db, _area("D000783", "Aneurysm"), _area("D003967", "Diarrhea"), _area("D004403", "Dysentery"))
    tree, refused = _import(
        sqlite_db,
        tmp_path,
        _term(1, "kleptomania", *_names("pathological stealing"), "xref: MESH:D000783"),
        _term(2, "diarrhea", *_names("loose stools"), "xref: MESH:D004403"),
    )
    assert tree.get("D000783").synonyms == tree.get("D004403").synonyms == ()
    assert tree.find("pathological stealing").id == "DOID:1"
    assert tree.find("loose stools").id == "D003967"
    assert refused == {"cross-references": 1}


def test_of_several_terms_with_one_mesh_id_the_one_called_so_has_it(sqlite_db: Database, tmp_path: Path) -> None:
    _store(sqlite_db, _area("D008579", "Meningioma"))
    tree, refused = _import(
        sqlite_db,
        tmp_path,
        _term(1, "meningioma", *_names("meningeal tumour"), "xref: MESH:D008579"),
        _term(2, "spinal meningioma", "is_a: DOID:1", "xref: MESH:D008579"),
        _term(3, "clear cell meningioma", "is_a: DOID:1", "xref: MESH:D008579"),
    )
    assert tree.get("D008579").synonyms == ("meningeal tumour",)
    assert tree.children("D008579") == ("DOID:2", "DOID:3")
    assert refused == {"cross-references": 2}


def test_a_cross_reference_to_another_type_is_refused(sqlite_db: Database, tmp_path: Path) -> None:
    _store(sqlite_db, _area("D003922", "Diabetes Mellitus, Type 1"))
    tree, refused = _import(
        sqlite_db, tmp_path, _term(1, "diabetes mellitus type 2", *_names("sugar of adults"), "xref: MESH:D003922")
    )
    assert tree.get("D003922").synonyms == ()
    assert tree.find("sugar of adults").id == "DOID:1"
    assert refused == {"cross-references": 1}


def test_the_faulty_synonyms_of_the_real_ontology_no_longer_mislead(
    initialised_db: Database, shared_data: Path, shared_cases: Path
) -> None:
    with initialised_db.write() as session:
        count = import_areas(session, shared_data / "vocab" / "doid_2024-01-31.obo.gz")
    assert count.refused["contradicting"] > 500
    assert count.refused["gene symbols"] > 40
    assert count.refused["cross-references"] > 300
    with initialised_db.read() as session:
        tagger = Tagger(load_areas(session))
    lines = (shared_cases / "tagging" / "texts.jsonl").read_text("utf-8").splitlines()
    texts = {text["id"]: text for text in map(json.loads, lines)}
    about = {
        id_: [tagger.areas.name(tag.area_id) for tag in tagger.tag(title=text["title"], text=text["text"])]
        for id_, text in texts.items()
    }
    assert about["acute hepatitis"] == ["Hepatitis A"]
    assert about["gene"] == about["analgesia"] == []
