"""The texts that the tagger is measured on, what they speak of, and the vocabularies it is given."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialalerts.database import open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.files import shipped
from trialalerts.vocabulary.areas.imports.disease_ontology import import_disease_ontology
from trialalerts.vocabulary.areas.imports.mesh import import_mesh, normal_mesh_id
from trialalerts.vocabulary.areas.imports.mesh_files import read_mesh
from trialalerts.vocabulary.areas.shipped import MESH, store_shipped
from trialalerts.vocabulary.areas.tree import AreaTree, load_areas, store_curated

__all__ = ["DATA", "HALVES", "Document", "mesh_diseases", "pubmed", "shipped_vocabulary", "trials", "vocabulary"]

_REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TRIALALERTS_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
HALVES = ("development", "held out")
_CURATED = _REPOSITORY / "config" / "disease_areas.toml"


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text and the ids of the diseases it is said to speak of; ``main`` are those marked as its main topics."""

    id: str
    title: str
    text: str
    areas: frozenset[str]
    main: frozenset[str] = frozenset()

    @property
    def half(self) -> str:
        """Which half of its corpus it belongs to, for ever: rules are made on one, and proved on the other."""
        return HALVES[zlib.crc32(self.id.encode()) % 2]


def mesh_diseases() -> frozenset[str]:
    """Return the ids of MeSH's diseases and mental disorders, of the edition that ships."""
    return frozenset(descriptor.id for descriptor in read_mesh(shipped(MESH)))


def pubmed(diseases: frozenset[str]) -> list[Document]:
    """Return title and abstract of the PubMed records that carry headings; ``diseases`` are the headings that count."""
    found: dict[str, Document] = {}
    for file in sorted((DATA / "pubmed").glob("*.xml.gz")):
        with gzip.open(file) as stream:
            for article in ET.parse(stream).getroot().iter("PubmedArticle"):  # noqa: S314 - a sample of our own
                document = _article(article, diseases)
                if document is not None:
                    found[document.id] = document
    return list(found.values())


def _article(article: ET.Element, diseases: frozenset[str]) -> Document | None:
    headings = list(article.iterfind(".//MeshHeading"))
    text = " ".join("".join(part.itertext()) for part in article.iterfind(".//Abstract/AbstractText"))
    if not headings or not text:
        return None
    areas: set[str] = set()
    main: set[str] = set()
    for heading in headings:
        descriptor = heading.find("DescriptorName")
        if descriptor is None or (id_ := descriptor.get("UI", "")) not in diseases:
            continue
        areas.add(id_)
        if any(part.get("MajorTopicYN") == "Y" for part in heading):
            main.add(id_)
    title = "".join(part for element in article.iterfind(".//ArticleTitle") for part in element.itertext())
    id_ = article.findtext(".//PMID") or ""
    return Document(id=id_, title=title, text=text, areas=frozenset(areas), main=frozenset(main))


def trials(*, conditions: bool) -> list[Document]:
    """Return the trials that carry MeSH conditions: title and summary of each, or what it names as its conditions."""
    found: dict[str, Document] = {}
    with gzip.open(DATA / "ctgov" / "ctgov_v2_studies.jsonl.gz") as lines:
        for line in lines:
            study: dict[str, Any] = json.loads(line)["study"]
            protocol = study["protocolSection"]
            terms = study.get("derivedSection", {}).get("conditionBrowseModule", {}).get("meshes", [])
            areas = frozenset(normal_mesh_id(term["id"]) for term in terms)
            id_ = protocol["identificationModule"]["nctId"]
            if areas and conditions:
                module = protocol.get("conditionsModule", {})
                words = (*module.get("conditions", ()), *module.get("keywords", ()))
                found[id_] = Document(id=id_, title="", text=". ".join(words), areas=areas)
            elif areas:
                title = protocol["identificationModule"].get("briefTitle", "")
                summary = protocol.get("descriptionModule", {}).get("briefSummary", "")
                found[id_] = Document(id=id_, title=title, text=summary, areas=areas)
    return list(found.values())


def vocabulary(*, curated: bool, mesh: bool, ontology: bool) -> AreaTree:
    """Return the areas as an installation has them that stored or imported these."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/areas.db")
        upgrade_schema(database)
        with database.write() as session:
            if curated:
                store_curated(session, _CURATED)
            if mesh:
                import_mesh(session, shipped(MESH))
            if ontology:
                import_disease_ontology(session, DATA / "vocab" / "doid_2024-01-31.obo.gz")
        with database.read() as session:
            tree = load_areas(session)
        database.dispose()
    return tree


def shipped_vocabulary() -> AreaTree:
    """Return the areas as an installation has them out of the box: the curated ones and MeSH 2025."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/areas.db")
        upgrade_schema(database)
        with database.write() as session:
            store_shipped(session)
        with database.read() as session:
            tree = load_areas(session)
        database.dispose()
    return tree
