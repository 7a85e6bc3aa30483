"""The tests of ``config/disease_areas.toml``: each rule of its head, and that its MeSH facts are MeSH's."""

from __future__ import annotations

import csv
import gzip
import json
import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from trialalerts.files import shipped

LEFT_OUT: Mapping[str, frozenset[str]] = {
    "D007246": frozenset({"C12.294.365", "C13.351.500.365"}),
    "D009135": frozenset({"C10.668.491"}),
    "D012220": frozenset({"C08.730.674"}),
    "D012735": frozenset({"C12.294.644", "C13.351.500.665"}),
    "D012749": frozenset({"C02.800", "C12.294.668", "C13.351.500.711"}),
}
"""Tree numbers of MeSH that the file leaves out, and says why: what lies below these areas does not all lie
below what these numbers lie below, but "is above" goes from area to area. Hay fever would be an infection."""


class Area(BaseModel):
    """One ``[[area]]`` of the file, as written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: str
    tree_numbers: tuple[str, ...] = ()
    therapeutic: bool = False
    parents: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    acronyms: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Descriptor:
    """What the vocabularies say of one MeSH id."""

    names: set[str] = field(default_factory=set)
    tree_numbers: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def areas() -> tuple[Area, ...]:
    content = tomllib.loads(shipped("config/disease_areas.toml").read_text("utf-8"))
    return tuple(Area.model_validate(entry) for entry in content["area"])


@pytest.fixture(scope="module")
def mesh(shared_data: Path) -> Mapping[str, Descriptor]:
    """MeSH of 2017 whole, and what the branches C and F03 of a later edition add; those come without places."""
    descriptors: defaultdict[str, Descriptor] = defaultdict(Descriptor)
    folder = shared_data / "vocab"
    for row in _rows(folder / "mesh_2017_MeshTree.txt.gz"):
        descriptor = descriptors[row["Desc Ui"]]
        descriptor.names.add(row["Term"])
        descriptor.tree_numbers.add(row["Tree Number"])
    for row in _rows(folder / "mesh_C_F03_descriptors.tsv.gz"):
        descriptors[row["ui"]].names.add(row["name_2017_or_2015"])
    for row in _rows(folder / "mesh_c_f03_tree_dismanet.tsv.gz"):
        descriptors[row["MESH_ID"]].names.add(row["MESH_NAME"])
    return descriptors


@pytest.fixture(scope="module")
def on_trials(shared_data: Path) -> Mapping[str, str]:
    """The MeSH terms of real trials, by id with the registry's padding taken off."""
    terms: dict[str, str] = {}
    with gzip.open(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line)["study"].get("derivedSection", {}).get("conditionBrowseModule", {})
            for term in (*found.get("meshes", ()), *found.get("ancestors", ())):
                terms[re.sub(r"^D000(?=0[0-5]|06[0-5])", "D", term["id"])] = term["term"]
    return terms


def test_the_file_has_shelves_and_conditions_enough(areas: tuple[Area, ...]) -> None:
    assert sum(area.therapeutic for area in areas) >= 40
    assert sum(not area.therapeutic for area in areas) >= 400


def test_no_id_stands_twice(areas: tuple[Area, ...]) -> None:
    assert _shared((area.id, [area.id, number]) for number, area in enumerate(areas)) == {}


def test_an_id_is_a_mesh_id_or_lower_case_words(areas: tuple[Area, ...]) -> None:
    shape = re.compile(r"[DC]\d{6}|[DC]\d{9}|[a-z0-9]+(-[a-z0-9]+)*")
    assert [area.id for area in areas if not shape.fullmatch(area.id)] == []


def test_no_registry_s_padding_is_left_on_an_id(areas: tuple[Area, ...]) -> None:
    assert [area.id for area in areas if re.fullmatch(r"D0000[0-5]\d{4}", area.id)] == []


def test_no_name_stands_twice(areas: tuple[Area, ...]) -> None:
    assert _shared((area.name.casefold(), [area.id]) for area in areas) == {}


def test_no_name_or_synonym_means_two_areas(areas: tuple[Area, ...]) -> None:
    assert _shared((_key(name), [area.id]) for area in areas for name in (area.name, *area.synonyms)) == {}


def test_no_acronym_means_two_areas(areas: tuple[Area, ...]) -> None:
    assert _shared((acronym, [area.id]) for area in areas for acronym in area.acronyms) == {}


def test_no_acronym_is_the_name_of_another_area(areas: tuple[Area, ...]) -> None:
    owners = {_key(name): area.id for area in areas for name in (area.name, *area.synonyms)}
    strays = [(area.id, acronym) for area in areas for acronym in area.acronyms]
    assert [(id_, acronym) for id_, acronym in strays if owners.get(_key(acronym), id_) != id_] == []


def test_a_synonym_is_not_the_name_again(areas: tuple[Area, ...]) -> None:
    assert [(area.id, name) for area in areas for name in area.synonyms if _key(name) == _key(area.name)] == []


def test_no_synonym_stands_twice_in_one_area(areas: tuple[Area, ...]) -> None:
    keys = {area.id: [_key(name) for name in area.synonyms] for area in areas}
    assert [id_ for id_, names in keys.items() if len(set(names)) < len(names)] == []


def test_texts_have_no_stray_blanks_and_are_not_empty(areas: tuple[Area, ...]) -> None:
    texts = [text for area in areas for text in (area.name, *area.synonyms, *area.acronyms)]
    assert [text for text in texts if not text or " ".join(text.split()) != text] == []


def test_every_area_has_other_names(areas: tuple[Area, ...]) -> None:
    assert [area.id for area in areas if not 2 <= len(area.synonyms) <= 8] == []


def test_every_parent_is_in_the_file(areas: tuple[Area, ...]) -> None:
    ids = {area.id for area in areas}
    assert [(area.id, parent) for area in areas for parent in area.parents if parent not in ids] == []


def test_the_parents_go_round_in_no_circle(areas: tuple[Area, ...]) -> None:
    order = TopologicalSorter(_parents(areas)).static_order()
    assert len(list(order)) == len(areas)


def test_every_condition_stands_on_a_shelf(areas: tuple[Area, ...]) -> None:
    parents = _parents(areas)
    shelves = {area.id for area in areas if area.therapeutic}
    assert [area.name for area in areas if area.id not in shelves and not shelves & _above(area.id, parents)] == []


def test_no_tree_number_belongs_to_two_areas(areas: tuple[Area, ...]) -> None:
    assert _shared((number, [area.id]) for area in areas for number in area.tree_numbers) == {}


def test_tree_numbers_are_mesh_s(areas: tuple[Area, ...], mesh: Mapping[str, Descriptor]) -> None:
    wrong = {
        area.id: sorted(mesh[area.id].tree_numbers ^ {*area.tree_numbers, *LEFT_OUT.get(area.id, ())})
        for area in areas
        if area.id in mesh and mesh[area.id].tree_numbers != {*area.tree_numbers, *LEFT_OUT.get(area.id, ())}
    }
    assert wrong == {}


def test_only_areas_that_the_edition_knows_have_tree_numbers(
    areas: tuple[Area, ...], mesh: Mapping[str, Descriptor]
) -> None:
    assert [area.id for area in areas if area.tree_numbers and area.id not in mesh] == []


def test_mesh_s_own_name_is_among_the_names(areas: tuple[Area, ...], mesh: Mapping[str, Descriptor]) -> None:
    wrong = {
        area.id: sorted(mesh[area.id].names)
        for area in areas
        if area.id in mesh
        and {_key(name) for name in mesh[area.id].names}.isdisjoint(map(_key, (area.name, *area.synonyms)))
    }
    assert wrong == {}


def test_an_id_newer_than_the_edition_is_the_one_on_trials(
    areas: tuple[Area, ...], mesh: Mapping[str, Descriptor], on_trials: Mapping[str, str]
) -> None:
    newer = [area for area in areas if area.id in on_trials and area.id not in mesh]
    assert len(newer) > 20
    assert [
        (area.id, on_trials[area.id])
        for area in newer
        if _key(on_trials[area.id]) not in map(_key, (area.name, *area.synonyms))
    ] == []


def test_no_id_that_registries_give_by_a_mistaken_acronym_is_an_area(areas: tuple[Area, ...]) -> None:
    """ClinicalTrials.gov puts "Epilepsy, Idiopathic Generalized" on asthma trials for their IgE, and more such."""
    assert {area.id for area in areas}.isdisjoint({"C562694", "C565324"})


def test_most_areas_are_mesh_s(areas: tuple[Area, ...], mesh: Mapping[str, Descriptor]) -> None:
    assert sum(area.id in mesh for area in areas) > 0.9 * len(areas)


def test_what_patients_call_their_disease_is_there(areas: tuple[Area, ...]) -> None:
    names = {_key(name) for area in areas for name in (area.name, *area.synonyms)}
    asked = (
        "heart attack", "Lou Gehrig's disease", "sugar disease", "high blood pressure", "Crohn's disease", "hay fever",
        "triple-negative breast cancer", "glioblastoma", "type 1 diabetes", "long COVID", "brittle bone disease",
        "Dravet syndrome", "slipped disc", "cluster headache", "butterfly skin", "Phelan-McDermid syndrome",
    )  # fmt: skip
    assert [name for name in asked if _key(name) not in names] == []


@pytest.mark.parametrize(
    ("acronym", "name"),
    [
        ("MS", "Multiple sclerosis"),
        ("CF", "Cystic fibrosis"),
        ("IBD", "Inflammatory bowel disease"),
        ("IBS", "Irritable bowel syndrome"),
        ("PPMS", "Primary progressive multiple sclerosis"),
        ("TNBC", "Triple-negative breast cancer"),
    ],
)
def test_an_acronym_means_what_patients_mean_by_it(areas: tuple[Area, ...], acronym: str, name: str) -> None:
    assert [area.name for area in areas if acronym in area.acronyms] == [name]


@pytest.mark.parametrize(
    ("condition", "shelf"),
    [
        ("Glioblastoma", "Cancer"),
        ("Primary progressive multiple sclerosis", "Nervous system diseases"),
        ("Spinal disc degeneration", "Spine and back conditions"),
        ("Cystic fibrosis", "Rare diseases"),
        ("Wilms tumour", "Childhood cancers"),
        ("COVID-19", "Infections"),
        ("Phenylketonuria", "Genetic conditions"),
    ],
)
def test_a_condition_lies_where_people_look_for_it(areas: tuple[Area, ...], condition: str, shelf: str) -> None:
    ids = {area.name: area.id for area in areas}
    assert ids[shelf] in _above(ids[condition], _parents(areas))


@pytest.mark.parametrize(
    ("condition", "shelf"),
    [
        ("Hay fever", "Infections"),
        ("HIV", "Women's health"),
        ("Erectile dysfunction", "Women's health"),
        ("Syphilis", "Viral infections"),
        ("Tennis elbow", "Nervous system diseases"),
    ],
)
def test_a_condition_lies_below_no_shelf_that_misleads(areas: tuple[Area, ...], condition: str, shelf: str) -> None:
    ids = {area.name: area.id for area in areas}
    assert ids[shelf] not in _above(ids[condition], _parents(areas))


def _key(text: str) -> str:
    """Fold a name: case, accents and punctuation off."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w+]|_", " ", bare).split())


def _shared(owners: Iterable[tuple[str, list[object]]]) -> dict[str, list[list[object]]]:
    """Return what several owners have, with the owners."""
    found: defaultdict[str, list[list[object]]] = defaultdict(list)
    for thing, owner in owners:
        if owner not in found[thing]:
            found[thing].append(owner)
    return {thing: several for thing, several in found.items() if len(several) > 1}


def _parents(areas: Iterable[Area]) -> dict[str, set[str]]:
    """Return the parents of each area: those it names, and the nearest area above each of its tree numbers."""
    areas = tuple(areas)
    owners = {number: area.id for area in areas for number in area.tree_numbers}
    return {
        area.id: {*area.parents, *(near for number in area.tree_numbers if (near := _nearest(number, owners)))}
        - {area.id}
        for area in areas
    }


def _nearest(number: str, owners: Mapping[str, str]) -> str | None:
    while "." in number:
        number = number.rpartition(".")[0]
        if number in owners:
            return owners[number]
    return None


def _above(id_: str, parents: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [id_]
    while waiting:
        new = parents[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
