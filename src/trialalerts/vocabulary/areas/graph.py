"""Who is whose parent: from what an area says of itself and from MeSH's tree numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

__all__ = ["Placed", "circle_in", "nearest_only", "parents_of", "reachable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """Where an area says it belongs: ``parents`` are ids, ``tree_numbers`` such as ``C10.114``."""

    id: str
    parents: tuple[str, ...] = ()
    tree_numbers: tuple[str, ...] = ()


def parents_of(areas: Collection[Placed], *, open_circles: bool = True) -> dict[str, tuple[str, ...]]:
    """Return the parents of every area: those it names, then the nearest area above each of its tree numbers.

    A parent that is not among the areas is left out. Where editions of MeSH are mixed, tree numbers
    can contradict one another; a parent that would close a circle is left out too, unless ``open_circles``
    is false.
    """
    ids = {area.id for area in areas}
    named = {area.id: [parent for parent in area.parents if parent in ids] for area in areas}
    parents = {id_: dict.fromkeys(ids_) for id_, ids_ in named.items()}
    owners = _owners(areas)
    for area in areas:
        for number in area.tree_numbers:
            above = _above(number, owners)
            if above is not None and above != area.id:
                parents[area.id].setdefault(above)
    if open_circles:
        _open_circles(parents, named)
    return {id_: tuple(ids_) for id_, ids_ in parents.items()}


def circle_in(parents: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """Return one circle as ``(a, b, …, a)``, each the parent of the one before; None where there is none."""
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return tuple(reversed(found))
    return None


def reachable(start: str, edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return all that can be reached from ``start`` along ``edges``, without ``start`` itself."""
    seen: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        found = waiting.pop()
        if found not in seen:
            seen.add(found)
            waiting.extend(edges.get(found, ()))
    seen.discard(start)
    return frozenset(seen)


def nearest_only(ancestors: Iterable[str], parents: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return those of ``ancestors`` that stand above no other of them, sorted."""
    found = set(ancestors)
    above: set[str] = set()
    for ancestor in found:
        above |= reachable(ancestor, parents)
    return tuple(sorted(found - above))


def _owners(areas: Iterable[Placed]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for area in areas:
        for number in area.tree_numbers:
            owners.setdefault(number, area.id)
    return owners


def _above(number: str, owners: Mapping[str, str]) -> str | None:
    while "." in number:
        number = number.rpartition(".")[0]
        if number in owners:
            return owners[number]
    return None


def _open_circles(parents: Mapping[str, dict[str, None]], named: Mapping[str, Collection[str]]) -> None:
    """Take one edge out of each circle: one that comes from tree numbers where there is one."""
    while (circle := circle_in(parents)) is not None:
        edges = list(pairwise(circle))
        derived = [(child, parent) for child, parent in edges if parent not in named[child]]
        child, parent = min(derived or edges)
        del parents[child][parent]
