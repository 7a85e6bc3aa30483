"""Trials teach areas that the table lacks, with parents only where these are certain."""

from __future__ import annotations

import pytest

from trialalerts.database import Database
from trialalerts.vocabulary.areas.learning import learn_terms
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas
from trialalerts.vocabulary.tables import Area, AreaOrigin


@pytest.fixture
def stocked(db: Database) -> Database:
    """A database with a curated and an imported area."""
    with db.write() as session:
        session.add(Area(id="D009422", name="Nerves", tree_numbers=["C10"], origin=AreaOrigin.CURATED))
        session.add(Area(id="D003711", name="Demyelination", tree_numbers=["C10.314"], origin=AreaOrigin.IMPORT))
    return db


def _learn(db: Database, terms: dict[str, str], parents: dict[str, set[str]] | None = None) -> int:
    with db.write() as session:
        return learn_terms(session, terms, parents or {})


def _tree(db: Database) -> AreaTree:
    with db.read() as session:
        return load_areas(session)


def test_a_new_term_becomes_an_area_of_its_name(stocked: Database) -> None:
    assert _learn(stocked, {"D000086382": "COVID-19", "C000657245": "Long name", "D000009103": "Padded"}) == 3
    tree = _tree(stocked)
    assert tree.name("D000086382") == "COVID-19"
    assert tree.get("D009103").origin is AreaOrigin.TRIAL
    assert tree.get("D009103").parents == ()


def test_the_nearest_of_the_certain_ancestors_become_parents(stocked: Database) -> None:
    terms = {"D009103": "Multiple Sclerosis", "D099999": "Immune things"}
    _learn(stocked, terms, {"D009103": {"D009422", "D003711", "D099999", "D088888"}})
    tree = _tree(stocked)
    assert tree.get("D009103").parents == ("D003711", "D099999")
    assert tree.ancestors("D009103") == {"D009422", "D003711", "D099999"}


def test_terms_learned_together_lie_above_one_another(stocked: Database) -> None:
    terms = {"D009103": "Multiple Sclerosis", "D020529": "Relapsing"}
    certain = {"D020529": {"D009103", "D003711", "D009422"}, "D009103": {"D003711", "D009422"}}
    assert _learn(stocked, terms, certain) == 2
    assert _tree(stocked).get("D020529").parents == ("D009103",)
    assert _tree(stocked).get("D009103").parents == ("D003711",)


def test_curated_and_imported_areas_stay_as_they_are(stocked: Database) -> None:
    assert _learn(stocked, {"D009422": "X", "D003711": "Y"}, {"D003711": {"D009103"}}) == 0
    tree = _tree(stocked)
    assert [tree.name("D009422"), tree.name("D003711")] == ["Nerves", "Demyelination"]
    assert tree.get("D003711").parents == ("D009422",)


def test_a_place_in_the_tree_is_learned_later(stocked: Database) -> None:
    assert _learn(stocked, {"D009103": "Multiple Sclerosis"}) == 1
    assert _learn(stocked, {"D009103": "Renamed"}, {"D009103": {"D009422", "D003711"}}) == 0
    assert _tree(stocked).get("D009103").parents == ("D003711",)
    assert _tree(stocked).name("D009103") == "Multiple Sclerosis"


def test_what_is_no_mesh_term_is_not_learned(stocked: Database) -> None:
    assert _learn(stocked, {"": "Nothing", "NCT1": "No id", "D009103": "  "}) == 0
    assert _learn(stocked, {}) == 0
    assert len(_tree(stocked)) == 2
