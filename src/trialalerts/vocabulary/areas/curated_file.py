"""The file of curated disease areas (``config/disease_areas.toml``): reading, checking, storing it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlmodel import Session, select

from trialalerts.errors import ConfigurationError, did_you_mean, nearest
from trialalerts.vocabulary.areas.graph import Placed, circle_in, parents_of
from trialalerts.vocabulary.areas.mesh_ids import DISEASES, is_mesh_id, with_mesh_numbers
from trialalerts.vocabulary.tables import Area, AreaOrigin

__all__ = ["read_curated", "store_curated"]

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class CuratedArea(BaseModel):
    """One ``[[area]]`` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _Text
    name: _Text
    tree_numbers: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]\d{2}(\.\d{3})*$")], ...] = ()
    therapeutic: bool = False
    parents: tuple[_Text, ...] = ()
    synonyms: tuple[_Text, ...] = ()
    acronyms: tuple[_Text, ...] = ()


class _CuratedFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    area: tuple[CuratedArea, ...] = Field(min_length=1)


def read_curated(file: Path) -> tuple[CuratedArea, ...]:
    """Read and check the file.

    Raises:
        ConfigurationError: it cannot be read, or an area in it is wrong; one line names file, area and fault.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
        areas = _CuratedFile.model_validate(content).area
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: the disease areas cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: this is not TOML: {error}") from None
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_fault(error, content)}") from None
    _check(file, areas)
    return areas


def store_curated(session: Session, file: Path) -> int:
    """Insert or update the areas of the file; return their number.

    Synonyms that MeSH added stay; so do its tree numbers once it was imported, for an edition only agrees with
    itself. An area that left the file loses its place among the curated ones, but not its row:
    somebody may follow it.

    Raises:
        ConfigurationError: the file is wrong; nothing is stored.
    """
    areas = read_curated(file)
    known = {row.id: row for row in session.exec(select(Area))}
    has_mesh = any(row.origin is AreaOrigin.IMPORT for row in known.values())
    for area in areas:
        row = known.get(area.id)
        if row is None:
            session.add(_new_row(area))
        else:
            _update(row, area, has_mesh=has_mesh)
    current = {area.id for area in areas}
    for row in known.values():
        if row.origin is AreaOrigin.CURATED and row.id not in current:
            row.origin = AreaOrigin.TRIAL
            row.therapeutic = False
    session.flush()
    return len(areas)


def _new_row(area: CuratedArea) -> Area:
    return Area(
        id=area.id,
        name=area.name,
        synonyms=list(area.synonyms),
        acronyms=list(area.acronyms),
        tree_numbers=list(area.tree_numbers),
        parents=list(area.parents),
        therapeutic=area.therapeutic,
        origin=AreaOrigin.CURATED,
    )


def _update(row: Area, area: CuratedArea, *, has_mesh: bool) -> None:
    heading = [row.name] if row.origin is AreaOrigin.IMPORT and row.name.casefold() != area.name.casefold() else []
    row.name = area.name
    row.synonyms = list(dict.fromkeys((*area.synonyms, *heading, *row.synonyms)))
    row.acronyms = list(dict.fromkeys((*area.acronyms, *row.acronyms)))
    row.parents = list(area.parents)
    row.therapeutic = area.therapeutic
    row.origin = AreaOrigin.CURATED
    imported = [number for number in row.tree_numbers if has_mesh and number.startswith(DISEASES)]
    row.tree_numbers = with_mesh_numbers(area.tree_numbers, imported) if imported else list(area.tree_numbers)


def _check(file: Path, areas: Sequence[CuratedArea]) -> None:
    ids: set[str] = set()
    for area in areas:
        if area.id in ids:
            raise ConfigurationError(f"{file}: {area.id}: this id stands twice; each area needs its own")
        ids.add(area.id)
        _check_id(file, area)
    for area in areas:
        for parent in area.parents:
            if parent not in ids:
                raise ConfigurationError(f"{file}: {area.id}: there is no parent {parent}.{_near(parent, ids)}")
    _check_circles(file, areas)


def _check_id(file: Path, area: CuratedArea) -> None:
    slug = area.id.replace("-", "a")
    if not is_mesh_id(area.id) and not (slug.isascii() and slug.isalnum() and slug.islower()):
        raise ConfigurationError(
            f"{file}: {area.id}: an id is a MeSH id such as D009103 or lower-case words such as rare-diseases"
        )


def _check_circles(file: Path, areas: Sequence[CuratedArea]) -> None:
    circle = circle_in({area.id: area.parents for area in areas}) or circle_in(_with_tree_numbers(areas))
    if circle is not None:
        raise ConfigurationError(f"{file}: {circle[0]}: the parents go round in a circle: {' → '.join(circle)}")


def _with_tree_numbers(areas: Sequence[CuratedArea]) -> dict[str, tuple[str, ...]]:
    placed = [Placed(id=area.id, parents=area.parents, tree_numbers=area.tree_numbers) for area in areas]
    return parents_of(placed, open_circles=False)


def _fault(error: ValidationError, content: dict[str, object]) -> str:
    """Say the first fault in one line: the area's id (or its place in the file), the key, found, expected."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    match (fault["loc"], content):
        case (("area", int(place), *rest), {"area": [*entries]}):
            entry = entries[place]
            id_ = entry.get("id") if isinstance(entry, dict) else None
            where = f"{id_ or f'area number {place + 1}'}: {'.'.join(str(part) for part in rest)}".removesuffix(": ")
        case _:
            pass
    if fault["type"] == "extra_forbidden":
        keys = CuratedArea.model_fields if fault["loc"][0] == "area" else _CuratedFile.model_fields
        return f"{where}: there is no such key.{_near(str(fault['loc'][-1]), keys)}"
    if fault["type"] == "missing":
        return f"{where}: it is missing"
    return f"{where}: found {fault['input']!r}, expected {fault['msg'].removeprefix('Input should be ')}"


def _near(word: str, known: Iterable[str]) -> str:
    return did_you_mean(nearest(word, sorted(known)))
