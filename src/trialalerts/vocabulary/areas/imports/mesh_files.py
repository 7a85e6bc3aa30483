"""The readers of MeSH descriptor files: NLM's XML (``desc2026.xml``) and ASCII (``d2026.bin``), and our table.

All are read as a stream, plain or gzip, one record at a time: the XML is 300 MB. The table is the form in which the
program ships MeSH (``config/mesh_2025.tsv.gz``): id, name, tree numbers, entry terms.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trialalerts.errors import InvalidInput
from trialalerts.vocabulary.areas.mesh_ids import DISEASES, is_mesh_id
from trialalerts.vocabulary.import_files import first_bytes, open_vocabulary_file

__all__ = ["MeshDescriptor", "read_mesh"]

_TABLE = b"id\tname\ttree numbers\tentry terms"
_COLUMNS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class MeshDescriptor:
    """A disease of MeSH: ``tree_numbers`` in the branches C and F03, ``terms`` its entry terms without the name."""

    id: str
    name: str
    tree_numbers: tuple[str, ...]
    terms: tuple[str, ...]


def read_mesh(path: Path) -> Iterator[MeshDescriptor]:
    """Yield the descriptors of the branches C (diseases) and F03 (mental disorders), in the order of the file.

    Raises:
        InvalidInput: the file cannot be read, is of neither form, is cut off, or holds no disease.
    """
    count = 0
    try:
        with open_vocabulary_file(path) as file:
            for descriptor in _records(path, file):
                count += 1
                yield descriptor
    except ET.ParseError as error:
        raise InvalidInput(f"{path}: this XML is broken or cut off: {error}") from None
    if count == 0:
        raise InvalidInput(f"{path}: this file holds no MeSH descriptor of the branches C or F03")


def _records(path: Path, file: IO[bytes]) -> Iterator[MeshDescriptor]:
    start = first_bytes(file)
    if start.startswith(b"<") and b"<DescriptorRecordSet" in start:
        return _from_xml(file)
    if start.startswith(b"*NEWRECORD"):
        return _from_ascii(path, file)
    if start.startswith(_TABLE):
        return _from_table(path, file)
    raise InvalidInput(
        f"{path}: this is neither NLM's MeSH descriptor XML (desc2026.xml) or ASCII form (d2026.bin), "
        "see https://nlmpubs.nlm.nih.gov/projects/mesh/MESH_FILES/, nor the Disease Ontology (doid.obo)"
    )


def _from_xml(file: IO[bytes]) -> Iterator[MeshDescriptor]:
    # The file is the operator's own, expat loads nothing from outside and refuses exploding entities (since 2.4.1).
    events = iter(ET.iterparse(file, events=("start", "end")))  # noqa: S314 - see above
    _, root = next(events)
    for event, element in events:
        if event == "end" and element.tag == "DescriptorRecord":
            yield from _descriptor(
                element.findtext("DescriptorUI"),
                element.findtext("DescriptorName/String"),
                (number.text or "" for number in element.iterfind("TreeNumberList/TreeNumber")),
                (term.text or "" for term in element.iterfind("ConceptList/Concept/TermList/Term/String")),
            )
            root.clear()  # what was read goes at once, so that memory stays flat


def _from_ascii(path: Path, file: IO[bytes]) -> Iterator[MeshDescriptor]:
    fields: dict[str, list[str]] = {}
    finished = True
    for raw in file:
        line = raw.decode("utf-8-sig").rstrip("\r\n")
        if line.startswith("*NEWRECORD"):
            yield from _ascii_descriptor(fields)
            fields, finished = {}, False
            continue
        name, equals, value = line.partition(" = ")
        if equals:
            fields.setdefault(name.strip(), []).append(value.strip())
        finished = finished or name == "UI"
    if not finished:
        raise InvalidInput(f"{path}: this file is cut off: its last record has no UI line")
    yield from _ascii_descriptor(fields)


def _from_table(path: Path, file: IO[bytes]) -> Iterator[MeshDescriptor]:
    for number, raw in enumerate(file, start=1):
        cells = raw.decode("utf-8-sig").rstrip("\r\n").split("\t")
        if len(cells) != _COLUMNS:
            raise InvalidInput(f"{path}: line {number}: found {len(cells)} columns, expected {_COLUMNS}")
        if number == 1:
            continue
        id_, name, numbers, terms = cells
        yield from _descriptor(id_, name, numbers.split(";"), terms.split("|"))


def _ascii_descriptor(fields: dict[str, list[str]]) -> Iterator[MeshDescriptor]:
    entries = (*fields.get("PRINT ENTRY", ()), *fields.get("ENTRY", ()))
    return _descriptor(
        next(iter(fields.get("UI", ())), None),
        next(iter(fields.get("MH", ())), None),
        fields.get("MN", ()),
        (entry.partition("|")[0] for entry in entries),
    )


def _descriptor(
    id_: str | None, name: str | None, numbers: Iterable[str], terms: Iterable[str]
) -> Iterator[MeshDescriptor]:
    """Yield the descriptor if it is a disease and whole (qualifiers and publication types are not)."""
    diseases = tuple(dict.fromkeys(number.strip() for number in numbers if number.strip().startswith(DISEASES)))
    id_, name = (id_ or "").strip(), (name or "").strip()
    if diseases and name and is_mesh_id(id_):
        others = dict.fromkeys(term.strip() for term in terms if term.strip())
        others.pop(name, None)
        yield MeshDescriptor(id=id_, name=name, tree_numbers=diseases, terms=tuple(others))
