"""Moving subscribers in and out: CSV in, CSV and JSON out. Importing an export gives the same export again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TextIO

from sqlmodel import Session, col, select

from trialalerts.errors import InvalidInput
from trialalerts.plurals import counted
from trialalerts.subscribers.addresses import address_key, checked_address
from trialalerts.subscribers.csv_layout import Layout, read_layout
from trialalerts.subscribers.intake import store_people
from trialalerts.subscribers.preferences import MOST_PREFERENCES
from trialalerts.subscribers.records import COLUMNS, Record, RecordReader, written
from trialalerts.subscribers.tables import Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["ImportCount", "ImportRefused", "LineError", "export_csv", "export_json", "import_csv"]

_LEFT = {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.BOUNCED}
_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class LineError:
    """What is wrong with one line of a file (the first line is 1)."""

    line: int
    message: str


class ImportRefused(InvalidInput):
    """Lines make no sense, and nothing was imported; ``errors`` says which and why."""

    def __init__(self, errors: Iterable[LineError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        wrong = len(self.errors) - 1
        more = f" ({counted(wrong, 'more line')} {'is' if wrong == 1 else 'are'} wrong too)" if wrong else ""
        super().__init__(f"line {first.line}: {first.message}{more}; nothing was imported")


@dataclass(frozen=True, kw_only=True)
class ImportCount:
    """What an import came to; ``to_confirm`` are those who must be asked, with the ids of what waits for them.

    ``left_out`` are the columns that were not read, ``had_left`` how many people had left where the list comes from.
    """

    subscribers: int
    preferences: int
    to_confirm: tuple[tuple[Subscriber, tuple[int, ...]], ...]
    errors: tuple[LineError, ...]
    left_out: tuple[str, ...] = ()
    had_left: int = 0


@dataclass(kw_only=True)
class _Lines:
    groups: dict[str, list[Record]] = field(default_factory=dict)
    errors: list[LineError] = field(default_factory=list)
    left: set[str] = field(default_factory=set)


_Line = tuple[int, list[str]]
"""The number of a line, and its cells."""


def import_csv(
    session: Session,
    file: TextIO,
    *,
    locale: str,
    timezone: str,
    confirmed: bool = False,
    skip_bad: bool = False,
    area: str = "",
    region: str = "",
    mapping: Mapping[str, str] | None = None,
    consent: str = "",
    now: datetime,
) -> ImportCount:
    """Import subscribers from CSV with the columns of an export; commas, semicolons or tabs part them.

    Only ``address`` and ``area`` are required. ``locale``, ``timezone``, ``area`` and ``region`` stand in where a
    line has none. ``mapping`` says which columns of another program's export are ours (lower-case name in the file →
    our column); its other columns are left out. ``consent`` says where people agreed, and is kept with them.
    Lines of one address belong to one subscriber. Who is not confirmed (``confirmed``: those without a word on
    it are) becomes pending, see :attr:`ImportCount.to_confirm`. Who has left stays gone, whatever a file says.

    Raises:
        ImportRefused: a line makes no sense and ``skip_bad`` is not given; nothing is stored.
        InvalidInput: the file is no CSV with these columns; nothing is stored.
    """
    defaults = {"area": area, "region": region}
    reader = RecordReader(
        session, load_areas(session), locale=locale, timezone=timezone, confirmed=confirmed, now=now, others=defaults
    )
    layout, lines = _lines(file, mapping or {}, needs_area=not area)
    found = _read(session, reader, lines, layout)
    if found.errors and not skip_bad:
        raise ImportRefused(found.errors)
    stored = store_people(session, found.groups, now, consent=consent)
    return ImportCount(
        subscribers=sum(each.created for each in stored),
        preferences=sum(each.added for each in stored),
        to_confirm=tuple((each.subscriber, each.waiting) for each in stored if each.waiting),
        errors=tuple(found.errors),
        left_out=layout.left_out,
        had_left=len(found.left),
    )


def export_csv(session: Session, file: TextIO) -> int:
    """Write all subscribers but the erased, one line for each preference; return the number of lines."""
    area_name = load_areas(session).name
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    count = 0
    for subscriber, preference in _rows(session):
        writer.writerow(written(subscriber, preference, area_name))
        count += 1
    return count


def export_json(session: Session) -> list[dict[str, Any]]:
    """Return all subscribers but the erased, each with its preferences."""
    people: dict[int | None, dict[str, Any]] = {}
    for subscriber, preference in _rows(session):
        hidden = {"id", "cursor"}
        person = people.setdefault(subscriber.id, {**subscriber.model_dump(exclude=hidden), "preferences": []})
        if preference is not None:
            person["preferences"].append(preference.model_dump(exclude={"subscriber_id"}))
    return list(people.values())


def _rows(session: Session) -> Iterator[tuple[Subscriber, Preference | None]]:
    rows = (
        select(Subscriber, Preference)
        .join(Preference, col(Preference.subscriber_id) == col(Subscriber.id), isouter=True)
        .where(col(Subscriber.state) != SubscriberState.ERASED)
        .order_by(col(Subscriber.id), col(Preference.id))
    )
    yield from session.exec(rows).yield_per(_AT_ONCE)


def _read(session: Session, reader: RecordReader, lines: Iterable[_Line], layout: Layout) -> _Lines:
    """Read all lines into groups of one address each, and what is wrong with the others."""
    found = _Lines()
    gone = _gone(session)
    for number, row in lines:
        try:
            cells = layout.cells(row)
            if layout.has_left(row):
                found.left.add(_key(cells))
                continue
            record = reader.read(cells)
            key = address_key(record.person.address)
            _belongs(record, found.groups.get(key, []), is_gone=key in gone)
        except InvalidInput as error:
            found.errors.append(LineError(line=number, message=str(error)))
        else:
            found.groups.setdefault(key, []).append(record)
    for key in found.left:
        found.groups.pop(key, None)
    return found


def _key(cells: Mapping[str, str]) -> str:
    return address_key(checked_address(cells.get("address", "")))


def _lines(file: TextIO, mapping: Mapping[str, str], *, needs_area: bool) -> tuple[Layout, Iterator[_Line]]:
    """Return the layout of a file, and each line that holds anything, with its number.

    Raises:
        InvalidInput: this is no CSV in UTF-8, or its columns are not ours.
    """
    with _explained():
        layout, delimiter, before = read_layout(file, mapping, needs_area=needs_area)
    return layout, _rows_of(file, delimiter, before)


def _rows_of(file: TextIO, delimiter: str, before: int) -> Iterator[_Line]:
    with _explained():
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield rows.line_num + before, cells


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise InvalidInput("The file is not UTF-8; save it as “CSV UTF-8”.") from None
    except csv.Error as error:
        raise InvalidInput(f"The file is no CSV: {error}.") from None


def _gone(session: Session) -> set[str]:
    """Return the keys of those who have left: no file brings them back."""
    return set(session.exec(select(Subscriber.address_key).where(col(Subscriber.state).in_(_LEFT))))


def _belongs(record: Record, others: list[Record], *, is_gone: bool) -> None:
    if is_gone:
        raise InvalidInput("This subscriber has left or cannot be reached; a file does not bring anybody back.")
    if others and replace(record.person, address=others[0].person.address) != others[0].person:
        raise InvalidInput("An earlier line of the same address has another language or schedule; make them the same.")
    if others and (record.state, record.paused_until) != (others[0].state, others[0].paused_until):
        raise InvalidInput("An earlier line of the same address has another state; make them the same.")
    if len(others) >= MOST_PREFERENCES:
        raise InvalidInput(f"One subscriber has at most {MOST_PREFERENCES} preferences.")
