"""The choice of the reader for a vocabulary file: by what the file holds, never by its name."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session

from trialalerts.progress import NO_PROGRESS, ProgressMeter
from trialalerts.vocabulary.areas.imports.disease_ontology import import_disease_ontology
from trialalerts.vocabulary.areas.imports.mesh import import_mesh
from trialalerts.vocabulary.areas.imports.obo_files import OBO_START
from trialalerts.vocabulary.import_files import VocabularyCount, first_bytes, open_vocabulary_file

__all__ = ["import_areas"]


def import_areas(session: Session, path: Path, progress: ProgressMeter = NO_PROGRESS) -> VocabularyCount:
    """Store the diseases of a MeSH or Disease Ontology file.

    Raises:
        InvalidInput: the file is neither, or broken; the transaction of ``session`` must not be committed then.
    """
    with open_vocabulary_file(path) as file:
        is_obo = first_bytes(file).startswith(OBO_START)
    read = import_disease_ontology if is_obo else import_mesh
    return read(session, path, progress)
