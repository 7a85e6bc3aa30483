"""One object of a record, read by paths; JSON and XML alike.

A path names the way through inner objects: ``statusModule.startDateStruct.date``. What is missing is None, what is
wrong is noted once under its path, and the rest is read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, TypeVar

from trialalerts.catalog.draft import FieldProblem
from trialalerts.catalog.facts import PartialDate
from trialalerts.sources.reading.days import DayOrder, day_in, partial_date
from trialalerts.sources.reading.fields import Fields, cleaned, is_filler
from trialalerts.sources.reading.people import NO_LIMIT, days_of_age

__all__ = ["RecordView"]

_Meaning = TypeVar("_Meaning")
_EXAMPLES: Mapping[DayOrder, str] = {
    "ymd": "a date such as 2026-01-15 or 2026-01", "dmy": "a date such as 15/01/2026",
    "mdy": "a date such as 01/15/2026",
}  # fmt: skip


class RecordView:
    """An object inside a record.

    Args:
        node: the object as it was parsed.
        fields: reads the values, and collects the problems of the whole record.
        where: the path of ``node`` in the record with a dot behind it; empty for the record itself.
    """

    __slots__ = ("_inner", "fields", "node", "where")

    def __init__(self, node: Mapping[str, Any], fields: Fields, where: str = "") -> None:
        self.fields = fields
        self.node = node
        self.where = where
        self._inner: dict[str, RecordView] | None = None  # most objects have none that is asked for

    def __bool__(self) -> bool:
        """Tell whether the object holds anything."""
        return bool(self.node)

    @property
    def problems(self) -> tuple[FieldProblem, ...]:
        """What was wrong with the record so far."""
        return tuple(self.fields.problems)

    def at(self, path: str) -> RecordView:
        """Return an inner object; an empty one where there is none."""
        if self._inner is None:
            self._inner = {}
        view = self._inner.get(path)
        if view is None:
            outer, key = _parted(path)
            holder = self.at(outer) if outer else self
            section = self.fields.section(holder.node, key, holder.where)
            view = self._inner[path] = RecordView(section, self.fields, f"{holder.where}{key}.")
        return view

    def apart(self, path: str) -> RecordView:
        """Return an inner object whose problems bear no path of the objects around it."""
        inner = self.at(path)
        return RecordView(inner.node, self.fields)

    def each(self, path: str) -> list[RecordView]:
        """Return the objects of a list; a single one counts as a list of one."""
        node, key, where = self._find(path)
        return [RecordView(found, self.fields, path) for path, found in self.fields.records(node, key, where)]

    def items(self, path: str) -> list[Any]:
        """Return a list as it stands."""
        return self.fields.items(*self._find(path))

    def text(self, path: str) -> str | None:
        """Return a text as it stands; None where it is missing or blank."""
        return self.fields.text(*self._find(path))

    def line(self, path: str) -> str | None:
        """Return a name or number on one clean line."""
        outer, key = _parted(path)
        holder = self.at(outer) if outer else self
        value = holder.node.get(key)
        if type(value) is str:  # nearly all are written as usual
            return cleaned(value) or None
        return None if value is None else self.fields.line(holder.node, key, holder.where)

    def lines(self, path: str) -> tuple[str, ...]:
        """Return a list of names on clean lines, each once."""
        return self.fields.lines(*self._find(path))

    def flag(self, path: str) -> bool | None:
        """Return a boolean."""
        return self.fields.flag(*self._find(path))

    def whole(self, path: str) -> int | None:
        """Return a whole number."""
        return self.fields.whole(*self._find(path))

    def number(self, path: str) -> float | None:
        """Return a number."""
        return self.fields.number(*self._find(path))

    def code(self, path: str) -> str | None:
        """Return a code as text: some registries write it as a number now, and as a text then."""
        node, key, _ = self._find(path)
        value = node.get(key)
        return str(value) if type(value) is int else self.line(path)

    def each_line(self, path: str, key: str, *, by: str = "") -> tuple[str, ...]:
        """Return a line or code of each object of a list, each once; in the order of the number that ``by`` names."""
        found = sorted(self.each(path), key=lambda each: each.whole(by) or 0) if by else self.each(path)
        return tuple(dict.fromkeys(line for each in found if (line := each.code(key))))

    def told(self, path: str) -> str | None:
        """Return a text; None where it only fills a field that may not be empty (“Nil known”, “-”)."""
        text = self.text(path)
        return None if text is None or is_filler(text) else text

    def word(
        self, path: str, meanings: Mapping[str, _Meaning], expected: str, *, is_due: bool = False
    ) -> _Meaning | None:
        """Return what a word of the registry means; case does not matter.

        Args:
            path: where the word, or a code that is a number, stands.
            meanings: by the word in capitals.
            expected: says, for the operator, what would have been understood.
            is_due: whether a record without it is noted.
        """
        word = self.code(path)
        if word is None and not is_due:
            return None
        meaning = meanings.get((word or "").upper())
        if meaning is None:
            self.wrong(path, word, expected)
        return meaning

    def known_word(self, path: str, known: Collection[str], expected: str) -> str | None:
        """Return a word of a list; a new one is kept and noted, so that somebody looks at it."""
        word = self.line(path)
        if word is not None and word not in known:
            self.wrong(path, word, expected)
        return word

    def known_words(self, path: str, known: Collection[str], expected: str) -> tuple[str, ...]:
        """Return words of a list; new ones are kept and noted."""
        words = self.lines(path)
        for word in words:
            if word not in known:
                self.wrong(path, word, expected)
        return words

    def age(self, path: str) -> tuple[str | None, int | None]:
        """Return an age as written and in whole days, rounded down; nothing for “no limit”."""
        words = self.line(path)
        if words is None or words.lower() in NO_LIMIT:
            return None, None
        days = days_of_age(words)
        if days is None:
            self.wrong(path, words, "an age such as 18 Years")
            return None, None
        return words, days

    def partial_day(self, path: str, kind: Any = None, *, order: DayOrder = "ymd") -> PartialDate | None:
        """Return a date as exact as the record has it.

        Args:
            path: where it stands.
            kind: whether it is ``actual`` or ``estimated``.
            order: how the registry writes days; ISO 8601 is always understood.
        """
        value = self.line(path)
        if value is None:
            return None
        found = partial_date(value, kind, order=order)
        if found is None:
            self.wrong(path, value, _EXAMPLES[order])
        return found

    def day(self, path: str, *, order: DayOrder = "ymd") -> date | None:
        """Return a date that must be exact to the day."""
        found = self.partial_day(path, order=order)
        if found is None:
            return None
        exact = day_in(found)
        if exact is None:
            self.wrong(path, found.value, "a date exact to the day")
        return exact

    def note(self, path: str, message: str) -> None:
        """Note a problem."""
        self.fields.note((self.where + path).rstrip("."), message)

    def wrong(self, path: str, found: object, expected: str) -> None:
        """Note what was found in place of what was expected."""
        self.fields.wrong(self.where + path, found, expected)

    def first_line(self, paths: Sequence[str]) -> str | None:
        """Return the first line that there is."""
        return next(filter(None, map(self.line, paths)), None)

    def _find(self, path: str) -> tuple[Mapping[str, Any], str, str]:
        outer, key = _parted(path)
        holder = self.at(outer) if outer else self
        return holder.node, key, holder.where


@cache
def _parted(path: str) -> tuple[str, str]:
    outer, _, key = path.rpartition(".")
    return outer, key
