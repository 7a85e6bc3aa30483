"""The tree of disease areas in memory: who is above whom, and which area a text names.

The rows come from the curated file (:func:`store_curated`), from MeSH and from the trials' own terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import orjson
import sqlalchemy
from sqlalchemy import String, cast
from sqlmodel import Session

from trialalerts.database import table_of
from trialalerts.vocabulary.areas.curated_file import store_curated
from trialalerts.vocabulary.areas.graph import Placed, parents_of, reachable
from trialalerts.vocabulary.areas.mesh_ids import DISEASES
from trialalerts.vocabulary.areas.naming.shown import AreaName
from trialalerts.vocabulary.areas.search import AreaHit, AreaNode, NameIndex
from trialalerts.vocabulary.tables import Area, AreaOrigin

__all__ = ["ANY_AREA", "AreaHit", "AreaName", "AreaNode", "AreaTree", "load_areas", "store_curated"]

_COLUMNS = ("id", "name", "names", "synonyms", "acronyms", "tree_numbers", "parents", "therapeutic", "origin")
_LISTS = ("names", "synonyms", "acronyms", "tree_numbers", "parents")
ANY_AREA = "any"
"""Stands for whatever disease in a preference; no area has this id."""


class AreaTree:
    """All disease areas, a directed graph without circles. It never changes; load it anew to see new rows."""

    def __init__(self, nodes: Iterable[AreaNode]) -> None:
        self._nodes: Mapping[str, AreaNode] = {node.id: node for node in nodes}
        self._above: dict[str, frozenset[str]] = {}
        self._shown: dict[str, AreaName] = {}

    def __contains__(self, area_id: str) -> bool:
        """Return whether there is an area with this id."""
        return area_id in self._nodes

    def __len__(self) -> int:
        """Return the number of areas."""
        return len(self._nodes)

    @property
    def nodes(self) -> tuple[AreaNode, ...]:
        """All areas: the curated first, then those of MeSH, then those of trials; by id."""
        return tuple(self._nodes.values())

    def get(self, area_id: str) -> AreaNode:
        """Return the area with this id.

        Raises:
            KeyError: there is none.
        """
        return self._nodes[area_id]

    def name(self, area_id: str, language: str = "en") -> str:
        """Return the name shown to people; the English one where ``language`` has none, the id where it is unknown."""
        return self.names(area_id).said(language)

    def names(self, area_id: str) -> AreaName:
        """Return the names shown to people in all languages; the id where it is unknown."""
        if area_id not in self._shown:
            node = self._nodes.get(area_id)
            self._shown[area_id] = AreaName(area_id, area_id) if node is None else node.shown
        return self._shown[area_id]

    def ancestors(self, area_id: str) -> frozenset[str]:
        """Return the ids of all areas above, without ``area_id`` itself; none where it is unknown."""
        if area_id not in self._above:
            self._above[area_id] = reachable(area_id, self._parents)
        return self._above[area_id]

    def children(self, area_id: str) -> tuple[str, ...]:
        """Return the ids of the areas right below."""
        return self._children.get(area_id, ())

    def with_below(self, area_id: str) -> set[str]:
        """Return an area with all that stands below it."""
        return {area_id} | reachable(area_id, self._children)

    def parents(self, area_id: str) -> tuple[str, ...]:
        """Return the ids of the areas right above."""
        return self._parents.get(area_id, ())

    def path(self, area_id: str) -> tuple[str, ...]:
        """Return the names from a top area down to this one, along the shortest way."""
        ways: list[tuple[str, ...]] = [(area_id,)]
        for way in ways:  # grows while we walk it: breadth first, so that the first end is the nearest
            parents = self._parents.get(way[0], ())
            if not parents:
                return tuple(self.name(step) for step in way)
            ways.extend((parent, *way) for parent in parents if parent not in way)
        return (self.name(area_id),)

    def find(self, text: str, language: str = "en") -> AreaNode:
        """Return the area that ``text`` names: by id, name, synonym or acronym, in whatever language.

        Case, accents, plural, hyphens, word order, British or American spelling make no difference. Where a word means
        something in several languages, ``language`` (the reader's) goes first, then English.

        Raises:
            UnknownArea: no area, or several, are called so; it carries up to three near names.
        """
        return self._names.find(text, language)

    def filed_under(self, heading: str) -> AreaNode | None:
        """Return the area that a heading of a library is, by its id or English name; None where it is no area.

        Most headings are none ("Humans"): unlike :meth:`find`, this looks for no near names.
        """
        return self._names.filed_under(heading)

    def search(self, text: str, *, limit: int = 10, language: str = "en") -> list[AreaHit]:
        """Return the areas that ``text`` may mean, the likeliest first.

        An exact name comes before an exact synonym or acronym, a beginning, all words, and a slip of the pen. What
        begins so or is half typed is looked for in ``language`` (the reader's) and in English; what is named exactly,
        in all languages.
        """
        return self._names.search(text, limit=limit, language=language)

    @cached_property
    def _names(self) -> NameIndex:
        return NameIndex(self._nodes)

    @cached_property
    def _parents(self) -> Mapping[str, tuple[str, ...]]:
        return {
            node.id: tuple(parent for parent in node.parents if parent in self._nodes) for node in self._nodes.values()
        }

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        children: dict[str, list[str]] = {}
        for id_, parents in self._parents.items():
            for parent in parents:
                children.setdefault(parent, []).append(id_)
        return {id_: tuple(ids) for id_, ids in children.items()}


def load_areas(session: Session) -> AreaTree:
    """Read all areas; parents are those stored and those that the tree numbers of all rows together give.

    Whoever reads the same rows again gets the same tree, with all that was worked out for it: names, ways upwards.
    """
    # Columns as the database gives them, lists as their texts: only the first who reads the same rows takes them apart.
    table = table_of(Area).c
    columns = [cast(table[name], String) if name in _LISTS else table[name] for name in _COLUMNS]
    rows = session.connection().execute(sqlalchemy.select(*columns).order_by(table.origin, table.id))
    plain = rows.cursor.fetchall() if rows.cursor is not None else ()
    rows.close()
    return _tree(tuple(map(tuple, plain)))


@lru_cache(maxsize=1)
def _tree(packed: tuple[tuple[Any, ...], ...]) -> AreaTree:
    """Return the tree of these rows, in the order of ``_COLUMNS``."""
    rows = [
        {name: orjson.loads(value) if name in _LISTS else value for name, value in zip(_COLUMNS, row, strict=True)}
        for row in packed
    ]
    parents = parents_of(
        [Placed(id=row["id"], parents=tuple(row["parents"]), tree_numbers=tuple(row["tree_numbers"])) for row in rows]
    )
    return AreaTree(
        AreaNode(
            id=row["id"],
            name=row["name"],
            synonyms=tuple(row["synonyms"]),
            acronyms=tuple(row["acronyms"]),
            names=tuple((language, tuple(names)) for language, names in row["names"].items()),
            parents=parents[row["id"]],
            therapeutic=bool(row["therapeutic"]),
            is_disease=not row["tree_numbers"] or any(number.startswith(DISEASES) for number in row["tree_numbers"]),
            origin=AreaOrigin(row["origin"]),
        )
        for row in rows
    )
