"""The lenient reading of records: one field at a time, what is wrong is noted, the rest is kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from trialalerts.catalog.draft import FieldProblem
from trialalerts.catalog.text import clean_line

__all__ = ["UNNAMED", "XML_TEXT", "Fields", "cleaned", "is_filler"]

UNNAMED = "without number: "
"""Begins the id under which a record without a usable number of its own is reported."""
XML_TEXT = "#"
"""The key of an XML element's text where the element has attributes beside it."""

_SHOWN = 60
_FILLERS = frozenset({
    "", "-", "n/a", "nil", "nil known", "no", "none", "not applicable", "not provided at time of registration",
})  # fmt: skip

cleaned = lru_cache(maxsize=32_768)(clean_line)
"""Cleans a name: countries, towns, statuses and terms come again and again, and looking is five times as quick."""


class Fields:
    """Reads the fields of one record and collects what is wrong with them.

    A missing or null field is no problem. A scalar inside a list of its own is taken out of it: some
    programs write JSON so. ``where`` is the path before the field's name in the record.
    """

    __slots__ = ("_noted", "external_id", "problems")

    def __init__(self, external_id: str) -> None:
        self.external_id = external_id
        self.problems: list[FieldProblem] = []
        self._noted: set[tuple[str, str]] = set()

    def note(self, field: str, message: str) -> None:
        """Note a problem with a field; one that is looked at twice has it once."""
        if (field, message) not in self._noted:
            self._noted.add((field, message))
            self.problems.append(FieldProblem(external_id=self.external_id, field=field, message=message))

    def wrong(self, field: str, found: object, expected: str) -> None:
        """Note what was found in place of what was expected."""
        self.note(field, f"found {_shown(found)}, expected {expected}")

    def section(self, node: Mapping[str, Any], key: str, where: str = "") -> Mapping[str, Any]:
        """Return an inner object; an empty one where there is none."""
        value = node.get(key)
        if isinstance(value, dict):
            return value
        value = _unboxed(value)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.wrong(where + key, value, "an object")
        return {}

    def text(self, node: Mapping[str, Any], key: str, where: str = "") -> str | None:
        """Return a text as it stands; None where it is missing or blank."""
        value = node.get(key)
        if not isinstance(value, str):
            value = _unboxed(value)
            if not isinstance(value, str):
                if value is not None:
                    self.wrong(where + key, value, "a text")
                return None
        return value if value and not value.isspace() else None

    def line(self, node: Mapping[str, Any], key: str, where: str = "") -> str | None:
        """Return a name or number on one clean line; None where it is missing or blank."""
        value = node.get(key)
        if type(value) is not str:
            value = self.text(node, key, where)
        return (cleaned(value) or None) if value else None

    def flag(self, node: Mapping[str, Any], key: str, where: str = "") -> bool | None:
        """Return a boolean."""
        value = _unboxed(node.get(key))
        if value is None or isinstance(value, bool):
            return value
        self.wrong(where + key, value, "true or false")
        return None

    def whole(self, node: Mapping[str, Any], key: str, where: str = "") -> int | None:
        """Return a whole number that is not negative and fits a column."""
        value = _unboxed(node.get(key))
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53:
            return value
        self.wrong(where + key, value, "a whole number")
        return None

    def number(self, node: Mapping[str, Any], key: str, where: str = "") -> float | None:
        """Return a number."""
        value = node.get(key)
        if not isinstance(value, float):
            value = _unboxed(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 53:
            return float(value)
        if value is not None:
            self.wrong(where + key, value, "a number")
        return None

    def lines(self, node: Mapping[str, Any], key: str, where: str = "") -> tuple[str, ...]:
        """Return a list of names on clean lines, each once; a single name counts as a list of one."""
        kept: dict[str, None] = {}
        for number, boxed in enumerate(self.items(node, key, where)):
            value = _unboxed(boxed)
            if isinstance(value, str):
                kept[clean_line(value)] = None
            elif value is not None:
                self.wrong(f"{where}{key}[{number}]", value, "a text")
        kept.pop("", None)
        return tuple(kept)

    def records(self, node: Mapping[str, Any], key: str, where: str = "") -> list[tuple[str, Mapping[str, Any]]]:
        """Return a list of objects, each with its own path (``locations[3].``)."""
        found: list[tuple[str, Mapping[str, Any]]] = []
        for number, value in enumerate(self.items(node, key, where)):
            if isinstance(value, dict):
                found.append((f"{where}{key}[{number}].", value))
            elif value is not None:
                self.wrong(f"{where}{key}[{number}]", value, "an object")
        return found

    def items(self, node: Mapping[str, Any], key: str, where: str = "") -> list[Any]:
        """Return a list as it stands; a single text or object counts as a list of one."""
        value = node.get(key)
        if isinstance(value, list):
            return value
        if value is None:
            return []
        if isinstance(value, str | dict):
            return [value]
        self.wrong(where + key, value, "a list")
        return []


def is_filler(text: str) -> bool:
    """Tell whether a text says nothing, and only fills a field that may not be empty."""
    return text.strip().rstrip(".").lower() in _FILLERS


def _unboxed(value: Any) -> Any:
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and XML_TEXT in value:
        return value[XML_TEXT]
    return None if value == [] else value


def _shown(value: object) -> str:
    """Say what was found: its kind, and of short plain values the value (a record may hold people's names)."""
    if isinstance(value, bool | int | float) or value is None:
        return str(value)[:_SHOWN]
    if isinstance(value, str):
        return f"“{clean_line(value)[:_SHOWN]}”"
    return {"list": "a list", "dict": "an object"}.get(type(value).__name__, type(value).__name__)
