"""What trials teach: MeSH terms on their records that the table of areas lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlmodel import Session, col, select

from trialalerts.database.bulk import insert_into
from trialalerts.vocabulary.areas.graph import nearest_only
from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id, normal_mesh_id
from trialalerts.vocabulary.areas.tree import load_areas
from trialalerts.vocabulary.tables import Area, AreaOrigin

__all__ = ["learn_terms"]


def learn_terms(session: Session, terms: Mapping[str, str], parents: Mapping[str, Collection[str]]) -> int:
    """Add the areas that trials name and the table lacks; return how many there were.

    Curated and imported areas stay as they are; an area learned before without parents gets them when they
    become known.

    Args:
        session: a writing session.
        terms: the terms seen on records, ancestors included: MeSH id → name.
        parents: all ancestors of a term, for those terms whose ancestors are certain: a record with a single
            condition term gives exactly the ancestors of that one. Stored are the nearest of them.
    """
    wanted = {normal_mesh_id(id_): name.strip() for id_, name in terms.items() if name.strip()}
    wanted = {id_: name for id_, name in wanted.items() if is_mesh_id(id_)}
    certain = {normal_mesh_id(id_): {normal_mesh_id(above) for above in ids} for id_, ids in parents.items() if ids}
    known = _origins(session, {*wanted, *certain})
    new = [id_ for id_ in wanted if id_ not in known]
    orphans = [id_ for id_, (origin, placed) in known.items() if origin is AreaOrigin.TRIAL and not placed]
    to_place = [id_ for id_ in (*new, *orphans) if id_ in certain]
    placed = _nearest(session, wanted, {id_: certain[id_] for id_ in to_place}) if to_place else {}
    if new:
        _insert(session, [_row(id_, wanted[id_], placed.get(id_, ())) for id_ in new])
    for id_ in orphans:
        if placed.get(id_):
            row = session.get_one(Area, id_)
            row.parents = list(placed[id_])
    session.flush()
    return len(new)


def _origins(session: Session, ids: Collection[str]) -> dict[str, tuple[AreaOrigin, bool]]:
    """Return of each stored id its origin and whether it has a place in the tree."""
    query = select(col(Area.id), col(Area.origin), col(Area.parents), col(Area.tree_numbers))
    found: dict[str, tuple[AreaOrigin, bool]] = {}
    for id_, origin, parents, numbers in session.exec(query):
        if id_ in ids:
            found[id_] = (origin, bool(parents or numbers))
    return found


def _nearest(
    session: Session, wanted: Mapping[str, str], ancestors: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, ...]]:
    """Return of each term the nearest ancestors; nearness is known from the stored tree and from ``ancestors``."""
    tree = load_areas(session)
    above = {node.id: node.parents for node in tree.nodes}
    for id_, ids in ancestors.items():
        above[id_] = tuple(ancestor for ancestor in sorted(ids) if ancestor != id_)
    return {
        id_: nearest_only((parent for parent in ids if parent != id_ and (parent in tree or parent in wanted)), above)
        for id_, ids in ancestors.items()
    }


def _row(id_: str, name: str, parents: Collection[str]) -> dict[str, object]:
    return {
        "id": id_,
        "name": name,
        "synonyms": [],
        "acronyms": [],
        "tree_numbers": [],
        "parents": list(parents),
        "therapeutic": False,
        "origin": AreaOrigin.TRIAL,
    }


def _insert(session: Session, rows: list[dict[str, object]]) -> None:
    """Insert the rows; another daemon may learn the same terms at the same moment."""
    session.connection().execute(insert_into(session, Area).on_conflict_do_nothing(), rows)
