"""The choice of the reader for a vocabulary file: by what the file holds, never by its name."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session

from trialalerts.vocabulary.disease_ontology import import_disease_ontology
from trialalerts.vocabulary.import_files import ImportCount, first_bytes, opened
from trialalerts.vocabulary.mesh import import_mesh
from trialalerts.vocabulary.obo_files import OBO_START

__all__ = ["import_areas"]


def import_areas(session: Session, path: Path) -> ImportCount:
    """Store the diseases of a MeSH or Disease Ontology file.

    Raises:
        InvalidInput: the file is neither, or broken; the transaction of ``session`` must not be committed then.
    """
    with opened(path) as file:
        is_obo = first_bytes(file).startswith(OBO_START)
    return import_disease_ontology(session, path) if is_obo else import_mesh(session, path)
