"""The lists of another program: which area and region each of them means.

A TOML file tells it: ``"MS news" = "multiple sclerosis"``, or a table of our columns (``area``, ``region``,
``topic`` …); ``false`` for a list that is none of ours. The lists of a line are written as Mailchimp writes tags
(``"MS news","Asthma"``), as JSON, or parted by commas, semicolons or bars.
"""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from trialalerts.errors import InvalidInput, did_you_mean, nearest
from trialalerts.subscribers.filters import FILTERS
from trialalerts.vocabulary.names import folded

__all__ = ["ListNames", "read_list_names"]

_COLUMNS = ("area", "region", "radius_km", "travel", *(each.column for each in FILTERS), "label")
_LEFT = frozenset({"unsubscribed", "blocklisted", "disabled"})


@dataclass(kw_only=True)
class ListNames:
    """What each list means, as cells of ours; None for a list that is left out. ``unknown`` counts the others."""

    meanings: Mapping[str, Mapping[str, str] | None]
    unknown: Counter[str] = field(default_factory=Counter)

    def rows(self, cells: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
        """Yield the cells of a line once for each of its lists; as they are where it has an area of its own.

        Raises:
            InvalidInput: none of its lists is known.
        """
        text = cells.get("lists", "").strip()
        known = [(meaning, status) for name, status in _named(text) for meaning in self._meanings_of(name)]
        if not known:
            if text and not cells.get("area"):
                raise InvalidInput(f"None of the lists “{text}” stands in the file of lists.")
            yield cells
        for meaning, status in known:
            if meaning is not None and status not in _LEFT:
                unsure = {"confirmed": "no"} if status == "unconfirmed" else {}
                yield {**cells, **unsure, **meaning}

    def _meanings_of(self, name: str) -> Iterator[Mapping[str, str] | None]:
        if folded(name) in self.meanings:
            yield self.meanings[folded(name)]
        else:
            self.unknown[name] += 1


def read_list_names(path: Path) -> ListNames:
    """Read a file of lists.

    Raises:
        InvalidInput: it cannot be read, is no TOML, or says something that makes no sense.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"{path}: the file cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{path}: this is no TOML: {error}") from None
    return ListNames(meanings={folded(name): _meaning(path, name, value) for name, value in values.items()})


def _meaning(path: Path, name: str, value: Any) -> dict[str, str] | None:
    if value is False:
        return None
    cells = {"area": value} if isinstance(value, str) else value
    if not isinstance(cells, dict) or not cells:
        raise InvalidInput(
            f'{path}: “{name}” makes no sense; write "{name}" = "a disease", a table with area and region, or false'
        )
    for column, text in cells.items():
        if column not in _COLUMNS:
            near = did_you_mean(nearest(column, _COLUMNS) or _COLUMNS)
            raise InvalidInput(f"{path}: “{name}”: a list has no “{column}”.{near}")
        if not isinstance(text, str | int | float) or isinstance(text, bool):
            raise InvalidInput(f"{path}: “{name}”: {column} must be a text")
    return {column: str(text) for column, text in cells.items()}


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each list, and what its subscription says (mostly nothing)."""
    if text.startswith(("[", "{")):
        yield from _named_in_json(text)
        return
    parting = next((sign for sign in ",;|" if sign in text), ",")
    for name in next(csv.reader([text], delimiter=parting, skipinitialspace=True), []):
        if name.strip():
            yield name.strip(), ""


def _named_in_json(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidInput(f"The lists “{text}” are no JSON.") from None
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, dict):
            yield str(each.get("name", "")), str(each.get("subscription_status", "")).lower()
        else:
            yield str(each), ""
