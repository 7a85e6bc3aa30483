"""The reader of the Disease Ontology in its OBO form (``doid.obo``), plain or gzip, as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trialalerts.errors import InvalidInput
from trialalerts.vocabulary.areas.imports.refused_names import genes_named
from trialalerts.vocabulary.areas.mesh_ids import is_mesh_id
from trialalerts.vocabulary.import_files import first_bytes, open_vocabulary_file

__all__ = ["OBO_START", "OboTerm", "read_obo"]

OBO_START = b"format-version:"
_ID = re.compile(r"DOID:\d+")
_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)" ([A-Z]+)\b')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(kw_only=True, slots=True)
class OboTerm:
    """A disease of the ontology: ``synonyms`` are said to be the same, ``mesh`` are MeSH ids, ``parents`` other terms.

    ``genes`` are the symbols of the genes that its definition names.
    """

    id: str
    name: str = ""
    synonyms: list[str] = field(default_factory=list)
    mesh: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    genes: set[str] = field(default_factory=set)
    obsolete: bool = False


def read_obo(path: Path) -> Iterator[OboTerm]:
    """Yield the terms that are in use, in the order of the file.

    Raises:
        InvalidInput: the file cannot be read, is no OBO file, is cut off, or holds no term of the Disease Ontology.
    """
    named: set[str] = set()
    ids: set[str] = set()
    with open_vocabulary_file(path) as file:
        if not first_bytes(file).startswith(OBO_START):
            raise InvalidInput(f"{path}: this is no OBO file: it does not begin with “{OBO_START.decode()}”")
        for term in _terms(path, file):
            ids.add(term.id)
            if not term.obsolete:
                named.update(term.parents)
                yield term
    if not ids:
        raise InvalidInput(f"{path}: this file holds no term of the Disease Ontology (ids such as DOID:1909)")
    if missing := named - ids:
        raise InvalidInput(f"{path}: the term {min(missing)} is missing that others stand below: the file is cut off")


def _terms(path: Path, file: IO[bytes]) -> Iterator[OboTerm]:
    term: OboTerm | None = None
    within = False
    for number, raw in enumerate(file, start=1):
        line = raw.decode("utf-8-sig").strip()
        if line.startswith("["):
            yield from _whole(path, term)
            term, within = None, line == "[Term]"
        elif within and line:
            key, colon, value = line.partition(": ")
            if not colon:
                raise InvalidInput(f"{path}: line {number}: found “{line[:40]}”, expected “key: value”")
            if key == "id":
                term = OboTerm(id=value) if _ID.fullmatch(value) else None
            elif term is not None and not _add(term, key, value):
                raise InvalidInput(f'{path}: line {number}: expected synonym: "words" SCOPE [source]')
    yield from _whole(path, term)


def _whole(path: Path, term: OboTerm | None) -> Iterator[OboTerm]:
    if term is not None:
        if not term.name:
            raise InvalidInput(f"{path}: the term {term.id} has no name: the file is cut off")
        yield term


def _add(term: OboTerm, key: str, value: str) -> bool:
    """Take up one line; return False where it is a broken synonym."""
    match key:
        case "name":
            term.name = _ESCAPED.sub(r"\1", value)
        case "synonym":
            found = _SYNONYM.match(value)
            if found is None:
                return False
            if found[2] == "EXACT":
                term.synonyms.append(_ESCAPED.sub(r"\1", found[1]).strip())
        case "def":
            term.genes = genes_named(value)
        case "xref":
            id_ = value.partition(" ")[0].removeprefix("MESH:")
            if is_mesh_id(id_):
                term.mesh.append(id_)
        case "is_a":
            term.parents.append(value.partition(" ")[0])
        case "is_obsolete":
            term.obsolete = value == "true"
        case _:
            pass
    return True
