"""The files of the areas' names in other languages (``config/area_names``): reading, checking, storing them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import StringConstraints, TypeAdapter, ValidationError
from sqlmodel import Session, select

from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.vocabulary.areas.naming.shown import BEHIND_MIT
from trialalerts.vocabulary.spelling import WordFolder, name_key
from trialalerts.vocabulary.tables import Area

__all__ = ["SHIPPED_NAMES", "name_files", "read_area_names", "store_area_names"]

SHIPPED_NAMES = "config/area_names"
_MIT = "mit"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Checked = TypeVar("_Checked")
_NAMES = TypeAdapter(dict[str, list[_Text]])
_FORMS = TypeAdapter(dict[str, _Text])


def name_files(own: Path | None = None) -> list[Path]:
    """Return the files to read, the shipped ones first; an own folder's lines win over them, one by one."""
    folders = [shipped(SHIPPED_NAMES), *([own] if own else [])]
    return [file for folder in folders for file in sorted(folder.glob("*.toml"))]


def read_area_names(files: Iterable[Path]) -> dict[str, dict[str, list[str]]]:
    """Return of each area the names by language, the one shown first; the form behind "mit" under its own key.

    Raises:
        ConfigurationError: a file cannot be read or holds something else; one line names file, area and fault.
    """
    names: dict[str, dict[str, list[str]]] = {}
    for file in files:
        content = _content(file)
        forms = content.pop(_MIT, {})
        listed = _checked(file, _NAMES, content)
        _check_shared(file, listed)
        for area_id, own in listed.items():
            if own:
                names.setdefault(area_id, {})[file.stem] = own
        for area_id, form in _checked(file, _FORMS, forms).items():
            names.setdefault(area_id, {})[BEHIND_MIT] = [form]
    return names


def store_area_names(session: Session, files: Sequence[Path]) -> int:
    """Make the areas be called what the files say; return the number of areas with a name in another language.

    Raises:
        ConfigurationError: a file is wrong; nothing is stored.
    """
    names = read_area_names(files)
    stored = 0
    for row in session.exec(select(Area)):
        own = names.get(row.id, {})
        stored += bool(own)
        if row.names != own:
            row.names = own
    session.flush()
    return stored


def _content(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: the names of the areas cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: this is not TOML: {error}") from None


def _checked(file: Path, form: TypeAdapter[_Checked], content: object) -> _Checked:
    try:
        return form.validate_python(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        found = f"found {fault['input']!r}, expected"
        raise ConfigurationError(f"{file}: {where}: {found} names in quotes and brackets") from None


def _check_shared(file: Path, listed: Mapping[str, Sequence[str]]) -> None:
    """Refuse a name that two areas have: nobody could tell which is meant."""
    folder = WordFolder()
    owners: dict[tuple[str, ...], str] = {}
    for area_id, name in _each(listed):
        owner = owners.setdefault(name_key(name, folder), area_id)
        if owner != area_id:
            raise ConfigurationError(f"{file}: {area_id}: {owner} is called “{name}” too; a name belongs to one area")


def _each(listed: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    return ((area_id, name) for area_id, names in listed.items() for name in names)
