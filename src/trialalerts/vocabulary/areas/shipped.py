"""The disease areas that ship with the program: the curated ones, the diseases of MeSH, their names elsewhere.

They are stored together once, and anew when a file of them has changed: by a newer program or by the operator. A
start that finds them as they were reads one row.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from sqlmodel import Session, col, func, select

from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.vocabulary.areas.curated_file import store_curated
from trialalerts.vocabulary.areas.imports.mesh import import_mesh
from trialalerts.vocabulary.areas.imports.mesh_files import read_mesh
from trialalerts.vocabulary.areas.naming.files import name_files, store_area_names
from trialalerts.vocabulary.stored_files import lock_digest, note_digest
from trialalerts.vocabulary.tables import Area, AreaOrigin

__all__ = ["CURATED", "MESH", "store_shipped"]

CURATED = "config/disease_areas.toml"
MESH = "config/mesh_2025.tsv.gz"
_NAME = "areas"
_WAY = b"2"
"""Goes up when the same files are to be stored in another way."""


def store_shipped(
    session: Session, *, curated: Path | None = None, mesh: Path | None = None, names: Path | None = None
) -> int:
    """Store the curated areas, MeSH and other languages' names where still to be done; return how many areas there are.

    What was imported otherwise stays. Where that is a newer edition of MeSH than the shipped one, the shipped one is
    not stored: the areas would go back to their old names and places.

    Args:
        session: a writing session; others that store the same wait until it commits.
        curated: the curated file; None: the shipped one.
        mesh: a MeSH file; None: the shipped one.
        names: a folder of names in other languages whose lines win over the shipped ones; None: there is none.

    Raises:
        ConfigurationError: the curated file or one of names is wrong; nothing is stored.
    """
    curated, mesh = curated or shipped(CURATED), mesh or shipped(MESH)
    named = name_files(names)
    digest = _digest((curated, mesh, *named))
    if lock_digest(session, _NAME) != digest:
        store_curated(session, curated)
        if not _has_newer_mesh(session, mesh):
            import_mesh(session, mesh)
        store_area_names(session, named)
        note_digest(session, _NAME, digest)
    return session.exec(select(func.count(col(Area.id)))).one()


def _digest(read: Iterable[Path]) -> str:
    try:
        files = [sha256(file.read_bytes()).digest() for file in read]
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: the disease areas cannot be read: {error.strerror}") from None
    return sha256(b"".join((_WAY, *files))).hexdigest()


def _has_newer_mesh(session: Session, mesh: Path) -> bool:
    """Tell whether an edition after the file's was imported: NLM numbers new descriptors ever higher."""
    asked = select(Area.id, Area.tree_numbers).where(Area.origin == AreaOrigin.IMPORT)
    imported = [_number(id_) for id_, numbers in session.exec(asked) if numbers]
    return bool(imported) and max(imported) > max(_number(descriptor.id) for descriptor in read_mesh(mesh))


def _number(mesh_id: str) -> int:
    return int(mesh_id[1:]) if mesh_id.startswith("D") and mesh_id[1:].isdigit() else 0
