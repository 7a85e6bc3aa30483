"""The import of MeSH into the table of disease areas."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session, select

from trialalerts.progress import NO_PROGRESS, ProgressMeter, tracked
from trialalerts.vocabulary.areas.imports.mesh_files import MeshDescriptor, read_mesh
from trialalerts.vocabulary.areas.mesh_ids import normal_mesh_id, with_mesh_numbers
from trialalerts.vocabulary.import_files import VocabularyCount
from trialalerts.vocabulary.spelling import WordFolder, is_acronym, name_key, name_orders
from trialalerts.vocabulary.tables import Area, AreaOrigin

__all__ = ["MeshDescriptor", "VocabularyCount", "import_mesh", "normal_mesh_id", "read_mesh"]

_Key = tuple[str, ...]
_WITH_LONG_FORM = re.compile(r"(\S+) \([^()]+\)")
"""MeSH tells acronyms that are not unique apart by their long form: ``MS (Multiple Sclerosis)``."""


class _Owner(NamedTuple):
    """A curated area that is called so; ``numbers`` are its tree numbers where it is a synonym, not its own name."""

    id: str
    numbers: tuple[str, ...] = ()

    def keeps_from(self, descriptor: MeshDescriptor, row: Area | None) -> bool:
        """Tell whether a descriptor may not be called so: one that stands below may share a synonym.

        "Gastric ulcer" may be looked for under stomach and duodenal ulcers; a text that says it means the narrower.
        A descriptor that is curated too is called what its editor wrote.
        """
        if row is not None and row.origin is AreaOrigin.CURATED:
            return self.id != descriptor.id
        above = tuple(f"{number}." for number in self.numbers)
        return self.id != descriptor.id and not any(number.startswith(above) for number in descriptor.tree_numbers)


def import_mesh(session: Session, path: Path, progress: ProgressMeter = NO_PROGRESS) -> VocabularyCount:
    """Store the diseases of a MeSH file (see :func:`read_mesh`).

    A curated area keeps its name, acronyms, parents and synonyms; it gets MeSH's entry terms as further
    synonyms and MeSH's tree numbers. A descriptor that is called like a curated area of another id stands below it.
    Of the entry terms that differ in spelling alone, one is stored; of the records of one id, the last.

    Raises:
        InvalidInput: the file is no whole MeSH file; the transaction of ``session`` must not be committed then,
            and is not when the error leaves ``Database.write()``.
    """
    folder = WordFolder()
    descriptors = {descriptor.id: descriptor for descriptor in tracked(read_mesh(path), progress, "diseases read")}
    rows = {row.id: row for row in session.exec(select(Area))}
    curated = {name_key(row.name, folder): row for row in rows.values() if row.origin is AreaOrigin.CURATED}
    owners = _owners(curated.values(), descriptors, folder)
    new = updated = 0
    for descriptor in tracked(descriptors.values(), progress, "diseases stored", len(descriptors)):
        row = rows.get(descriptor.id)
        names, acronyms = _sorted_terms(descriptor, row, owners, folder)
        parents = _below_namesake(descriptor, curated.get(name_key(descriptor.name, folder)))
        if row is None:
            session.add(_new_row(descriptor, names, acronyms, parents))
            new += 1
            continue
        before = row.model_dump()
        _update(row, descriptor, names, acronyms, parents)
        updated += row.model_dump() != before
    session.flush()
    return VocabularyCount(new=new, updated=updated, unchanged=len(descriptors) - new - updated)


def _owners(
    curated: Collection[Area], descriptors: Mapping[str, MeshDescriptor], folder: WordFolder
) -> dict[_Key, _Owner]:
    """Return whose the names and acronyms of the curated areas are."""
    owners: dict[_Key, _Owner] = {}
    for row in curated:
        numbers = descriptors[row.id].tree_numbers if row.id in descriptors else ()
        synonym = _Owner(row.id, (*row.tree_numbers, *numbers))
        owners.update(dict.fromkeys((key for name in row.synonyms for key in _keys(name, folder)), synonym))
    for row in curated:
        own = _Owner(row.id)
        owners.update(dict.fromkeys(_keys(row.name, folder), own))
        owners.update(dict.fromkeys(((acronym,) for acronym in row.acronyms), own))
    return owners


def _sorted_terms(
    descriptor: MeshDescriptor, row: Area | None, owners: Mapping[_Key, _Owner], folder: WordFolder
) -> tuple[list[str], list[str]]:
    """Return the names that say something new, and the acronyms among the entry terms.

    To a curated area, MeSH's own heading is one name more. What a curated area is called, no other gets, but for
    synonyms that belong to a narrower one in MeSH.
    """
    nobody = _Owner(descriptor.id)
    names: list[str] = []
    acronyms: list[str] = []
    terms: tuple[str, ...] = descriptor.terms
    known: tuple[str, ...] = (descriptor.name,)
    if row is not None and row.origin is AreaOrigin.CURATED:
        known, terms = (row.name, *row.synonyms), (descriptor.name, *terms)
    seen = {key for name in known for key in _keys(name, folder)}
    for term in (_WITH_LONG_FORM.sub(_acronym_alone, term) for term in terms):
        if is_acronym(term):
            if not owners.get((term,), nobody).keeps_from(descriptor, row):
                acronyms.append(term)
        elif not seen.issuperset(keys := _keys(term, folder)):
            others = [owner for key in keys if (owner := owners.get(key, nobody)).id != descriptor.id]
            if any(owner.keeps_from(descriptor, row) for owner in others) or (others and not seen.isdisjoint(keys)):
                continue
            # Not turned round, what is shared would be found under its narrower area alone: "ulcer, gastric".
            names.append([*name_orders(term)][-1] if others else term)
            seen.update(keys)
    return names, list(dict.fromkeys(acronyms))


def _acronym_alone(found: re.Match[str]) -> str:
    return found[1] if is_acronym(found[1]) else found[0]


def _keys(name: str, folder: WordFolder) -> list[tuple[str, ...]]:
    return [name_key(order, folder) for order in name_orders(name)]


def _below_namesake(descriptor: MeshDescriptor, namesake: Area | None) -> list[str]:
    """Return as parent the curated area that is called like a descriptor and has another id, unless it stands below.

    The curated file named a disease before MeSH did: who follows it is told what registries file under the descriptor.
    """
    if namesake is None or namesake.id == descriptor.id:
        return []
    above = tuple(f"{number}." for number in descriptor.tree_numbers)
    return [] if any(number.startswith(above) for number in namesake.tree_numbers) else [namesake.id]


def _new_row(descriptor: MeshDescriptor, names: list[str], acronyms: list[str], parents: list[str]) -> Area:
    return Area(
        id=descriptor.id,
        name=descriptor.name,
        synonyms=names,
        acronyms=acronyms,
        tree_numbers=list(descriptor.tree_numbers),
        parents=parents,
        origin=AreaOrigin.IMPORT,
    )


def _update(
    row: Area, descriptor: MeshDescriptor, names: Iterable[str], acronyms: Iterable[str], parents: list[str]
) -> None:
    if row.origin is AreaOrigin.CURATED:
        row.tree_numbers = with_mesh_numbers(row.tree_numbers, descriptor.tree_numbers)
        row.synonyms = [*row.synonyms, *names]
        row.acronyms = list(dict.fromkeys((*row.acronyms, *acronyms)))
        return
    if row.origin is AreaOrigin.TRIAL:
        row.synonyms, row.acronyms = [], []
    # What the Disease Ontology added to an imported area stays.
    row.name = descriptor.name
    row.synonyms = list(dict.fromkeys((*names, *_without(row.name, row.synonyms))))
    row.acronyms = list(dict.fromkeys((*acronyms, *row.acronyms)))
    row.tree_numbers = list(descriptor.tree_numbers)
    row.parents = parents
    row.origin = AreaOrigin.IMPORT


def _without(name: str, terms: Iterable[str]) -> list[str]:
    return [term for term in terms if term.casefold() != name.casefold()]
