"""The import of the Disease Ontology into the table of disease areas.

A term that is called like a known area, or names its MeSH id, gives that area its names as synonyms. A term of
its own becomes an area (``DOID:0050428``) below the nearest known areas above it. Terms that only group known
areas ("disease of anatomical entity") are left out: known areas keep their parents, so that such a group
would hold next to nothing.

Not all that the file calls the same is the same. Names are refused that contradict the area's own, gene symbols, and
cross-references to MeSH whose names differ (see :mod:`~trialalerts.vocabulary.areas.imports.refused_names`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from sqlmodel import Session, select

from trialalerts.errors import InvalidInput
from trialalerts.progress import NO_PROGRESS, ProgressMeter, tracked
from trialalerts.vocabulary.areas.graph import circle_in, nearest_only, reachable
from trialalerts.vocabulary.areas.imports.obo_files import OboTerm, read_obo
from trialalerts.vocabulary.areas.imports.refused_names import NameJudge
from trialalerts.vocabulary.areas.tree import load_areas
from trialalerts.vocabulary.import_files import VocabularyCount
from trialalerts.vocabulary.spelling import WordFolder, is_acronym, name_key, name_orders
from trialalerts.vocabulary.tables import Area, AreaOrigin

__all__ = ["import_disease_ontology"]

_Key = tuple[str, ...]
_CONTRADICTING = "contradicting"
_GENE = "gene symbols"
_NO_DISEASE = "words that are no disease"
_REFERENCE = "cross-references"
_KINDS = (_CONTRADICTING, _GENE, _NO_DISEASE, _REFERENCE)


def import_disease_ontology(session: Session, path: Path, progress: ProgressMeter = NO_PROGRESS) -> VocabularyCount:
    """Store the terms of a Disease Ontology file (see :func:`read_obo`).

    A known area keeps all it has and only gains synonyms, of those that no other area has already. Import MeSH
    first: the terms then find the areas that they belong to.

    Raises:
        InvalidInput: the file is no whole OBO file; nothing is stored.
    """
    terms = {term.id: term for term in tracked(read_obo(path), progress, "terms read")}
    circle = circle_in({term.id: term.parents for term in terms.values()})
    if circle is not None:
        raise InvalidInput(f"{path}: {circle[0]}: the terms go round in a circle: {' → '.join(circle)}")
    above = {node.id: node.parents for node in load_areas(session).nodes}
    rows = {row.id: row for row in session.exec(select(Area))}
    judge = _Judge({gene for term in terms.values() for gene in term.genes})
    names = _Names(rows.values(), judge)
    areas = _areas_of(terms, rows, names)
    added = _add_new(session, terms, rows, areas)
    changed: set[str] = set()
    for term in tracked(terms.values(), progress, "terms stored", len(terms)):
        if (row := rows.get(areas.get(term.id, ""))) is not None and names.give(row, term):
            changed.add(row.id)
    _place(above, terms, rows, areas, changed)
    session.flush()
    known = set(areas.values())
    return VocabularyCount(
        new=len(added),
        updated=len(changed & known - added),
        unchanged=len(known) - len(added | (changed & known)),
        refused=judge.refused(),
    )


class _Judge(NameJudge):
    """Counts what is refused, each name of an area once."""

    def __init__(self, genes: Collection[str]) -> None:
        super().__init__(genes)
        self._refused: dict[str, set[tuple[str, str]]] = {kind: set() for kind in _KINDS}

    def refuses(self, name: str, row: Area, term: OboTerm) -> bool:
        """Tell whether an area cannot have a term's name."""
        if self.is_gene(name, (row.name, term.name, *row.synonyms, *term.synonyms)):
            kind = _GENE
        elif self.is_no_disease(name):
            kind = _NO_DISEASE
        elif self.contradicts(name, row.name) or self.contradicts(name, term.name):
            kind = _CONTRADICTING
        else:
            return False
        self._refused[kind].add((row.id, name))
        return True

    def refuse_reference(self, term: OboTerm, mesh: str) -> None:
        """Count a term that is not the area of the MeSH id that it names."""
        self._refused[_REFERENCE].add((term.id, mesh))

    def refused(self) -> dict[str, int]:
        """Return how many were refused of each kind."""
        return {kind: len(found) for kind, found in self._refused.items() if found}


class _Names:
    """Who is called what: a name belongs to the first area that has it."""

    def __init__(self, rows: Iterable[Area], judge: _Judge) -> None:
        self.judge = judge
        self._folder = WordFolder()
        self._owners: dict[_Key, str] = {}
        rows = sorted(rows, key=lambda row: (row.origin.value, row.id))
        for row in rows:
            self._take(row.name, row.id)
        for row in rows:
            for synonym in row.synonyms:
                self._take(synonym, row.id)

    def owner(self, name: str) -> str | None:
        """Return the id of the area called so."""
        return self._owners.get(name_key(name, self._folder))

    def owned_by(self, id_: str, names: Iterable[str]) -> bool:
        """Tell whether one of the names is one of the area's."""
        return any(self.owner(name) == id_ for name in names)

    def akin(self, term: OboTerm, row: Area) -> bool:
        """Tell whether a term can be the area of a MeSH id that it names."""
        own = (row.name, *row.synonyms)
        strangers = self.judge.are_strangers((term.name, *term.synonyms), own)
        return not strangers and not any(self.judge.contradicts(term.name, name) for name in own)

    def give(self, row: Area, term: OboTerm) -> bool:
        """Give an area the names of a term that nobody has yet; return whether there were any."""
        synonyms, acronyms = list(row.synonyms), list(row.acronyms)
        for name in (term.name, *term.synonyms):
            if not name or (name != row.name and self.judge.refuses(name, row, term)):
                continue
            if is_acronym(name):
                if name not in acronyms:
                    acronyms.append(name)
            elif name_key(name, self._folder) not in self._owners:
                self._take(name, row.id)
                if name != row.name:
                    synonyms.append(name)
        changed = len(synonyms) > len(row.synonyms) or len(acronyms) > len(row.acronyms)
        if changed:  # a list that is changed in place would not be stored
            row.synonyms, row.acronyms = synonyms, acronyms
        return changed

    def _take(self, name: str, id_: str) -> None:
        for order in name_orders(name):
            self._owners.setdefault(name_key(order, self._folder), id_)


def _areas_of(terms: Mapping[str, OboTerm], rows: Mapping[str, Area], names: _Names) -> dict[str, str]:
    """Return of each term the id of its area; those that only group known areas have none."""
    claims = Counter(id_ for term in terms.values() for id_ in term.mesh)
    areas: dict[str, str] = {}
    for term in terms.values():
        id_ = term.id if term.id in rows else names.owner(term.name) or _mesh_of(term, rows, names, claims)
        if id_ is not None:
            areas[term.id] = id_
    above = {term.id: term.parents for term in terms.values()}
    groups: set[str] = set()
    for known, id_ in areas.items():
        if id_ != known and not groups.issuperset(above[known]):
            groups |= reachable(known, above)
    return areas | {id_: id_ for id_ in terms if id_ not in areas and id_ not in groups}


def _mesh_of(term: OboTerm, rows: Mapping[str, Area], names: _Names, claims: Mapping[str, int]) -> str | None:
    """Return the MeSH id whose area a term is; None where those that it names are others'.

    An id that several terms name is that of the one whose names the area has: the others stand below it. A known
    area that a term alone names has to share a telling word with it, and its name must not contradict.
    """
    for id_ in term.mesh:
        row = rows.get(id_)
        if row is not None and names.owned_by(id_, term.synonyms):
            return id_
        if claims[id_] == 1 and (row is None or names.akin(term, row)):
            return id_
        names.judge.refuse_reference(term, id_)
    return None


def _add_new(
    session: Session, terms: Mapping[str, OboTerm], rows: dict[str, Area], areas: Mapping[str, str]
) -> set[str]:
    new: set[str] = set()
    for term_id, id_ in areas.items():
        if id_ not in rows:
            rows[id_] = _new_row(id_, terms[term_id].name)
            session.add(rows[id_])
            new.add(id_)
    return new


def _new_row(id_: str, name: str) -> Area:
    # Every list is given: where SQLModel makes a default one, an area takes a millisecond.
    return Area(id=id_, name=name, synonyms=[], acronyms=[], tree_numbers=[], parents=[], origin=AreaOrigin.IMPORT)


def _place(
    above: Mapping[str, tuple[str, ...]],
    terms: Mapping[str, OboTerm],
    rows: Mapping[str, Area],
    areas: Mapping[str, str],
    changed: set[str],
) -> None:
    """Give parents to the areas that have no place yet; an edge that would close a circle is left out."""
    known = {term_id: (id_,) for term_id, id_ in areas.items()}
    placed: dict[str, tuple[str, ...]] = {}
    for term_id, id_ in areas.items():
        row = rows[id_]
        if row.origin is AreaOrigin.CURATED or row.tree_numbers or (row.parents and id_ != term_id):
            continue
        candidates = _known_above(terms, term_id, known) - {id_}
        placed[id_] = nearest_only(candidates, above) if len(candidates) > 1 else tuple(candidates)
    while (circle := circle_in({**above, **placed})) is not None:
        child, parent = next(edge for edge in pairwise(circle) if edge[0] in placed)
        placed[child] = tuple(other for other in placed[child] if other != parent)
    for id_, parents in placed.items():
        if parents and list(parents) != rows[id_].parents:
            rows[id_].parents = list(parents)
            changed.add(id_)


def _known_above(terms: Mapping[str, OboTerm], term_id: str, known: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return the nearest areas above a term: through terms without one up to those that have one."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(terms[term_id].parents)
    while waiting:
        parent = waiting.pop()
        if parent in seen or parent not in terms:
            continue
        seen.add(parent)
        if parent in known:
            found.update(known[parent])
        else:
            waiting.extend(terms[parent].parents)
    return found
