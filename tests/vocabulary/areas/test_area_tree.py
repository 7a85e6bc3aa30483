"""The tree of areas: parents from the rows and from tree numbers, ancestors, children, paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.database import Database
from trialalerts.vocabulary.areas.graph import Placed, circle_in, nearest_only, parents_of, reachable
from trialalerts.vocabulary.areas.tree import AreaNode, AreaTree, load_areas
from trialalerts.vocabulary.tables import Area, AreaOrigin

TREE = AreaTree(
    [
        AreaNode(id="D009422", name="Nervous system diseases", therapeutic=True),
        AreaNode(id="D001327", name="Autoimmune diseases", therapeutic=True),
        AreaNode(id="D020274", name="Autoimmune diseases of the nervous system", parents=("D009422", "D001327")),
        AreaNode(id="D009103", name="Multiple sclerosis", parents=("D020274", "D000000")),
        AreaNode(id="D020529", name="Relapsing-remitting multiple sclerosis", parents=("D009103",)),
    ]
)


def test_an_area_knows_all_above_it_and_those_right_below() -> None:
    assert TREE.ancestors("D009103") == {"D020274", "D009422", "D001327"}
    assert TREE.children("D009103") == ("D020529",)


def test_a_path_leads_from_a_top_area_down() -> None:
    assert TREE.path("D009103") == (
        "Nervous system diseases",
        "Autoimmune diseases of the nervous system",
        "Multiple sclerosis",
    )


def test_an_unknown_area_has_its_id_as_name_and_no_relatives() -> None:
    assert "C000001" not in TREE
    assert TREE.name("C000001") == "C000001"
    assert TREE.path("C000001") == ("C000001",)
    assert TREE.ancestors("C000001") == frozenset()
    assert TREE.children("C000001") == ()
    with pytest.raises(KeyError):
        TREE.get("C000001")


def test_parents_come_from_the_nearest_tree_number_above() -> None:
    areas = [
        Placed(id="nerves", tree_numbers=("C10",)),
        Placed(id="demyelination", tree_numbers=("C10.314",)),
        Placed(id="sclerosis", tree_numbers=("C10.114.375.500", "C10.314.350.500", "C20.111")),
        Placed(id="rare", parents=("sclerosis", "nowhere")),
    ]
    assert parents_of(areas) == {
        "nerves": (),
        "demyelination": ("nerves",),
        "sclerosis": ("nerves", "demyelination"),
        "rare": ("sclerosis",),
    }


def test_a_tree_number_is_no_child_of_a_longer_first_part() -> None:
    areas = [Placed(id="a", tree_numbers=("C10.1",)), Placed(id="b", tree_numbers=("C10.111.2",))]
    assert parents_of(areas) == {"a": (), "b": ()}


def test_tree_numbers_that_contradict_one_another_make_no_circle() -> None:
    areas = [Placed(id="a", tree_numbers=("C01", "C02.5")), Placed(id="b", tree_numbers=("C02", "C01.3"))]
    assert circle_in(parents_of(areas)) is None
    assert circle_in(parents_of(areas, open_circles=False)) is not None


def test_a_named_parent_wins_over_a_tree_number_that_contradicts_it() -> None:
    areas = [Placed(id="a", parents=("b",), tree_numbers=("C01",)), Placed(id="b", tree_numbers=("C01.3",))]
    assert parents_of(areas) == {"a": ("b",), "b": ()}


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3)))
def test_no_tree_has_a_circle(edges: dict[str, list[str]]) -> None:
    parents = parents_of([Placed(id=id_, parents=tuple(above)) for id_, above in edges.items()])
    assert circle_in(parents) is None
    assert all(id_ not in reachable(id_, parents) for id_ in parents)


@given(st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdef"))))
def test_the_nearest_ancestors_lead_to_all_of_them(edges: dict[str, frozenset[str]]) -> None:
    parents = parents_of([Placed(id=id_, parents=tuple(sorted(above))) for id_, above in edges.items()])
    for id_ in parents:
        ancestors = reachable(id_, parents)
        nearest = nearest_only(ancestors, parents)
        assert set(nearest).union(*(reachable(parent, parents) for parent in nearest)) == ancestors
        assert not any(one in reachable(other, parents) for one in nearest for other in nearest)


def test_the_stored_areas_become_a_tree(db: Database) -> None:
    with db.write() as session:
        session.add(Area(id="D009422", name="Nerves", tree_numbers=["C10"], origin=AreaOrigin.IMPORT))
        session.add(Area(id="D009103", name="MS", tree_numbers=["C10.114.375"], origin=AreaOrigin.CURATED))
        session.add(Area(id="rare", name="Rare", parents=["D009103"], therapeutic=True, origin=AreaOrigin.CURATED))
    with db.read() as session:
        tree = load_areas(session)
    assert [node.id for node in tree.nodes] == ["D009103", "rare", "D009422"]
    assert tree.path("rare") == ("Nerves", "MS", "Rare")
    assert tree.get("rare").therapeutic
    assert len(tree) == 3
