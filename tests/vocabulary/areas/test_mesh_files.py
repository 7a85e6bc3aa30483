"""NLM's descriptor files are read in both forms, plain and packed; a wrong one is told in one line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from trialalerts.database import Database
from trialalerts.errors import InvalidInput
from trialalerts.vocabulary.areas.graph import Placed, circle_in, parents_of
from trialalerts.vocabulary.areas.imports.mesh import MeshDescriptor, import_mesh, read_mesh
from trialalerts.vocabulary.areas.tree import load_areas
from trialalerts.vocabulary.import_files import VocabularyCount
from trialalerts.vocabulary.spelling import is_acronym
from trialalerts.vocabulary.tables import Area, AreaOrigin

NERVES = MeshDescriptor(id="D009422", name="Nervous System Diseases", tree_numbers=("C10",), terms=())
SCLEROSIS = MeshDescriptor(
    id="D009103",
    name="Multiple Sclerosis",
    tree_numbers=("C10.114.375.500", "C20.111.258.250.500"),
    terms=("MS (Multiple Sclerosis)", "Sclerosis, Multiple", "Multiple Scleroses", "Sclerosis, Disseminated"),
)
MANIA = MeshDescriptor(id="D000087122", name="Mania & more", tree_numbers=("F03.084",), terms=("MANIA",))
DISEASES = [NERVES, SCLEROSIS, MANIA]
NO_DISEASE = MeshDescriptor(id="D000001", name="Calcimycin", tree_numbers=("D03.633", "F02.1"), terms=("A-23187",))


def _xml(descriptors: list[MeshDescriptor]) -> str:
    return "".join(
        (
            '<?xml version="1.0"?>\n<!DOCTYPE DescriptorRecordSet SYSTEM "https://example.org/nlm.dtd">\n',
            '<DescriptorRecordSet LanguageCode="eng">\n',
            *map(_record, descriptors),
            "</DescriptorRecordSet>\n",
        )
    )


def _record(descriptor: MeshDescriptor) -> str:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;")

    terms = "".join(
        f"<Term><TermUI>T1</TermUI><String>{escaped(t)}</String></Term>" for t in (descriptor.name, *descriptor.terms)
    )
    numbers = "".join(f"<TreeNumber>{number}</TreeNumber>" for number in (*descriptor.tree_numbers, "N06.850"))
    return (
        f'<DescriptorRecord DescriptorClass = "1"><DescriptorUI>{descriptor.id}</DescriptorUI>'
        f"<DescriptorName><String>{escaped(descriptor.name)}</String></DescriptorName>"
        "<AllowableQualifiersList><AllowableQualifier><QualifierReferredTo><QualifierUI>Q000628</QualifierUI>"
        "</QualifierReferredTo></AllowableQualifier></AllowableQualifiersList>"
        f"<TreeNumberList>{numbers}</TreeNumberList>"
        f"<ConceptList><Concept><ConceptName><String>Concept</String></ConceptName>"
        f"<TermList>{terms}</TermList></Concept></ConceptList></DescriptorRecord>\n"
    )


def _ascii(descriptors: list[MeshDescriptor]) -> str:
    blocks = []
    for descriptor in descriptors:
        first, *rest = (*descriptor.terms, None)
        lines = ["*NEWRECORD", "RECTYPE = D", f"MH = {descriptor.name}", "AQ = BL CF"]
        if first is not None:
            lines.append(f"PRINT ENTRY = {first}|T047|NON|EQV|NLM (1966)|XX|abbcdef")
        lines += [f"ENTRY = {term}|T047|NON|NRW|UNK (19XX)|XX|abbcdef" for term in rest if term is not None]
        lines += [f"MN = {number}" for number in (*descriptor.tree_numbers, "N06.850")]
        blocks.append("\n".join([*lines, "MS = A scope note = with an equals sign.", f"UI = {descriptor.id}", ""]))
    return "\n".join(blocks)


def _table(descriptors: list[MeshDescriptor]) -> str:
    lines = ["id\tname\ttree numbers\tentry terms"]
    lines += ["\t".join((d.id, d.name, ";".join((*d.tree_numbers, "N06.850")), "|".join(d.terms))) for d in descriptors]
    return "\n".join((*lines, ""))


FORMS = {"xml": _xml, "ascii": _ascii, "table": _table}


@pytest.fixture(params=["xml", "ascii", "xml.gz", "ascii.gz", "table.gz"])
def form(request: pytest.FixtureRequest) -> str:
    """One of the forms in which NLM gives MeSH out, or in which it is shipped."""
    return str(request.param)


def _write(path: Path, form: str, descriptors: list[MeshDescriptor]) -> Path:
    content = FORMS[form.removesuffix(".gz")](descriptors).encode()
    path.write_bytes(gzip.compress(content) if form.endswith(".gz") else content)
    return path


def test_the_diseases_of_a_file_are_read_in_their_order(tmp_path: Path, form: str) -> None:
    path = _write(tmp_path / "mesh", form, [NO_DISEASE, *DISEASES])
    assert list(read_mesh(path)) == DISEASES


WORDS = st.text(st.characters(categories=["L", "N"], include_characters="-,&<' "), min_size=1).map(
    lambda text: " ".join(text.split())
)
DESCRIPTORS = st.lists(
    st.builds(
        MeshDescriptor,
        id=st.integers(1, 66_000).map(lambda number: f"D{number:06}"),
        name=WORDS.filter(bool),
        tree_numbers=st.lists(
            st.from_regex(r"(C\d\d|F03)(\.\d{3}){0,4}", fullmatch=True), min_size=1, max_size=4, unique=True
        ).map(tuple),
        terms=st.lists(WORDS.filter(bool), max_size=4, unique=True).map(tuple),
    ).filter(lambda descriptor: descriptor.name not in descriptor.terms),
    min_size=1,
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(descriptors=DESCRIPTORS, form=st.sampled_from(["xml", "ascii.gz", "table", "table.gz"]))
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, descriptors: list[MeshDescriptor], form: str
) -> None:
    path = _write(tmp_path_factory.mktemp("mesh") / "mesh", form, descriptors)
    assert list(read_mesh(path)) == descriptors


def test_the_import_makes_a_tree(db: Database, tmp_path: Path, form: str) -> None:
    path = _write(tmp_path / "mesh", form, [NO_DISEASE, *DISEASES])
    with db.write() as session:
        assert import_mesh(session, path) == VocabularyCount(new=3)
    with db.write() as session:
        assert import_mesh(session, path) == VocabularyCount(unchanged=3)
    with db.read() as session:
        tree = load_areas(session)
    assert tree.path("D009103") == ("Nervous System Diseases", "Multiple Sclerosis")
    assert tree.get("D009103").synonyms == ("Sclerosis, Multiple", "Sclerosis, Disseminated")
    assert tree.get("D009103").acronyms == ("MS",)
    assert tree.get("D009103").origin is AreaOrigin.IMPORT


def test_a_curated_area_keeps_what_was_written_by_hand(db: Database, tmp_path: Path) -> None:
    with db.write() as session:
        session.add(
            Area(
                id="D009103",
                name="multiple sclerosis",
                synonyms=["MS disease"],
                acronyms=["MS"],
                tree_numbers=["C10.9", "F02.830"],
                parents=["D009422"],
                therapeutic=True,
                origin=AreaOrigin.CURATED,
            )
        )
    with db.write() as session:
        assert import_mesh(session, _write(tmp_path / "mesh", "xml", DISEASES)) == VocabularyCount(new=2, updated=1)
    with db.read() as session:
        row = session.get_one(Area, "D009103")
    assert (row.name, row.parents, row.therapeutic, row.origin) == (
        *("multiple sclerosis", ["D009422"], True),
        AreaOrigin.CURATED,
    )
    assert row.synonyms == ["MS disease", "Sclerosis, Multiple", "Sclerosis, Disseminated"]
    assert row.acronyms == ["MS"]
    assert row.tree_numbers == [*SCLEROSIS.tree_numbers, "F02.830"]


def test_an_area_learned_from_trials_becomes_the_imported_one(sqlite_db: Database, tmp_path: Path) -> None:
    with sqlite_db.write() as session:
        session.add(Area(id="D009103", name="Old", parents=["D000001"], origin=AreaOrigin.TRIAL))
    with sqlite_db.write() as session:
        import_mesh(session, _write(tmp_path / "mesh", "ascii", DISEASES))
    with sqlite_db.read() as session:
        row = session.get_one(Area, "D009103")
    assert (row.name, row.parents, row.origin) == ("Multiple Sclerosis", [], AreaOrigin.IMPORT)


@pytest.mark.parametrize("term", ["MS", "COPD", "T2DM", "COVID-19", "IgAN"])
def test_an_acronym_is_told_by_its_looks(term: str) -> None:
    assert is_acronym(term)


@pytest.mark.parametrize("term", ["Asthma", "A", "McArdle", "HIV infection", "PNEUMONOULTRAMICRO", "1234"])
def test_a_word_is_no_acronym(term: str) -> None:
    assert not is_acronym(term)


def test_of_two_records_with_one_id_the_later_is_stored(
    sqlite_db: Database, tmp_path: Path, form: str, shared_cases: Path
) -> None:
    later = MeshDescriptor(id="D009422", name="Nerve Diseases", tree_numbers=("C10",), terms=("Neuropathies",))
    with sqlite_db.write() as session:
        count = import_mesh(session, _write(tmp_path / "mesh", form, [*DISEASES, later]))
        row = session.get_one(Area, "D009422")
        assert (count, row.name, row.synonyms) == (VocabularyCount(new=3), "Nerve Diseases", ["Neuropathies"])
        assert import_mesh(session, shared_cases / "tagging" / "mesh-one-id-twice.bin") == VocabularyCount(new=1)
        assert session.get_one(Area, "D064793").name == "Abnormalities, Radiation-Induced"


def test_a_table_whose_line_has_other_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mesh.tsv"
    path.write_text("id\tname\ttree numbers\tentry terms\nD009103\tMultiple Sclerosis\tC10.114\n", "utf-8")
    with pytest.raises(InvalidInput, match="line 2: found 3 columns, expected 4"):
        list(read_mesh(path))


XML = _xml([*DISEASES, NO_DISEASE]).encode()
WRONG = [
    ("empty", b"", "neither NLM's MeSH descriptor XML"),
    ("page", b"<!DOCTYPE html><html><body>Not found</body></html>", "neither NLM's MeSH descriptor XML"),
    ("other XML", b'<?xml version="1.0"?><rss></rss>', "neither NLM's"),
    ("table", b"ui\tname\nD009103\tMultiple Sclerosis\n", "neither NLM's"),
    ("cut XML", XML[:-200], "broken or cut off"),
    ("broken XML", XML.replace(b"</DescriptorUI>", b"", 1), "broken or cut off"),
    ("cut gzip", gzip.compress(XML * 5)[:-40], "cut off or damaged"),
    ("damaged gzip", gzip.compress(XML)[:30] + b"\x00" * 60 + gzip.compress(XML)[90:], "cannot be read|damaged"),
    ("cut ASCII", _ascii(DISEASES).encode()[:-20], "cut off: its last record has no UI line"),
    ("Latin-1", _ascii([SCLEROSIS]).replace("Multiple", "Ménière").encode("latin-1"), "no UTF-8 text"),
    ("no disease", _ascii([NO_DISEASE]).encode(), "holds no MeSH descriptor of the branches C or F03"),
]


@pytest.mark.parametrize(("content", "fault"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_file_is_told_in_one_line_and_stores_nothing(
    sqlite_db: Database, tmp_path: Path, content: bytes, fault: str
) -> None:
    path = tmp_path / "mesh"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=fault) as caught, sqlite_db.write() as session:
        import_mesh(session, path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    with sqlite_db.read() as session:
        assert session.exec(select(Area)).all() == []


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        list(read_mesh(tmp_path / "nowhere"))


def test_the_whole_of_mesh_becomes_a_tree_without_circles(
    sqlite_db: Database, shared_data: Path, tmp_path: Path
) -> None:
    with gzip.open(shared_data / "vocab" / "mesh_2017_MeshTree.txt.gz", "rt", encoding="utf-8-sig") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if line.startswith(("C", "F03"))]
    numbers: dict[str, list[str]] = {}
    for number, id_, *_ in rows:
        numbers.setdefault(id_, []).append(number)
    descriptors = [
        MeshDescriptor(id=id_, name=name, tree_numbers=tuple(numbers[id_]), terms=())
        for id_, name in {id_: name for _, id_, name, *_ in rows}.items()
    ]
    with sqlite_db.write() as session:
        count = import_mesh(session, _write(tmp_path / "mesh", "xml.gz", descriptors))
    assert count == VocabularyCount(new=len(numbers))
    placed = [Placed(id=descriptor.id, tree_numbers=descriptor.tree_numbers) for descriptor in descriptors]
    assert circle_in(parents_of(placed, open_circles=False)) is None
    with sqlite_db.read() as session:
        tree = load_areas(session)
    assert all(tree.find(descriptor.name).name == descriptor.name for descriptor in descriptors)
    assert "D009422" in tree.ancestors("D009103")
