"""The bulk import: subscribers from CSV. Importing an export gives the same export again.

Known people go the way of everybody who signs up. New ones, mostly thousands, are written in batches: row by row an
import holds SQLite's one writer for minutes, and the daemon waits.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TextIO

from sqlmodel import Session, col, select

from trialalerts.database.counter import CHANGES, current_number
from trialalerts.errors import InvalidInput
from trialalerts.plurals import counted
from trialalerts.subscribers.addresses import address_key, checked_address
from trialalerts.subscribers.consent import record_consent
from trialalerts.subscribers.files.csv_layout import Layout, read_layout
from trialalerts.subscribers.files.csv_rows import CsvRow, CsvRowReader
from trialalerts.subscribers.people import activate, add_subscriber, confirm, new_subscriber
from trialalerts.subscribers.preferences import MOST_PREFERENCES, add_preference, columns_of, same_preference
from trialalerts.subscribers.tables import ConsentAction, Preference, Subscriber, SubscriberState, id_of
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["ImportRefused", "LineError", "SubscriberImport", "import_csv"]

_HOW = "import"
_AT_ONCE = 500
_LEFT = {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.BOUNCED}
_ASKED = {SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED}


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
class SubscriberImport:
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
    groups: dict[str, list[CsvRow]] = field(default_factory=dict)
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
) -> SubscriberImport:
    """Import subscribers from CSV with the columns of an export; commas, semicolons or tabs part them.

    Only ``address`` and ``area`` are required. ``locale``, ``timezone``, ``area`` and ``region`` stand in where a
    line has none. ``mapping`` says which columns of another program's export are ours (lower-case name in the file →
    our column); its other columns are left out. ``consent`` says where people agreed, and is kept with them.
    Lines of one address belong to one subscriber. Who is not confirmed (``confirmed``: those without a word on
    it are) becomes pending, see :attr:`SubscriberImport.to_confirm`. Who has left stays gone, whatever a file says.

    Raises:
        ImportRefused: a line makes no sense and ``skip_bad`` is not given; nothing is stored.
        InvalidInput: the file is no CSV with these columns; nothing is stored.
    """
    defaults = {"area": area, "region": region}
    reader = CsvRowReader(
        session, load_areas(session), locale=locale, timezone=timezone, confirmed=confirmed, now=now, others=defaults
    )
    layout, lines = _lines(file, mapping or {}, needs_area=not area)
    found = _read(session, reader, lines, layout)
    if found.errors and not skip_bad:
        raise ImportRefused(found.errors)
    stored = _store_people(session, found.groups, now, consent=consent)
    return SubscriberImport(
        subscribers=sum(each.created for each in stored),
        preferences=sum(each.added for each in stored),
        to_confirm=tuple((each.subscriber, each.waiting) for each in stored if each.waiting),
        errors=tuple(found.errors),
        left_out=layout.left_out,
        had_left=len(found.left),
    )


def _read(session: Session, reader: CsvRowReader, lines: Iterable[_Line], layout: Layout) -> _Lines:
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


def _belongs(record: CsvRow, others: list[CsvRow], *, is_gone: bool) -> None:
    if is_gone:
        raise InvalidInput("This subscriber has left or cannot be reached; a file does not bring anybody back.")
    if others and replace(record.person, address=others[0].person.address) != others[0].person:
        raise InvalidInput("An earlier line of the same address has another language or schedule; make them the same.")
    if others and (record.state, record.paused_until) != (others[0].state, others[0].paused_until):
        raise InvalidInput("An earlier line of the same address has another state; make them the same.")
    if len(others) >= MOST_PREFERENCES:
        raise InvalidInput(f"One subscriber has at most {MOST_PREFERENCES} preferences.")


@dataclass(frozen=True, kw_only=True)
class _Imported:
    """What became of one person: how many preferences are new, and the ids of those that wait for a confirmation."""

    subscriber: Subscriber
    created: bool
    added: int
    waiting: tuple[int, ...]


def _store_people(
    session: Session, groups: Mapping[str, list[CsvRow]], now: datetime, *, consent: str = ""
) -> list[_Imported]:
    """Store people with all they follow; each key of an address has its rows, one for each preference.

    ``consent`` says where they agreed; it is kept in the log of each.
    """
    known = set(session.exec(select(Subscriber.address_key)))
    stored = [_store_known(session, rows, now, consent) for key, rows in groups.items() if key in known]
    new = [rows for key, rows in groups.items() if key not in known]
    for start in range(0, len(new), _AT_ONCE):
        stored += _store_new(session, new[start : start + _AT_ONCE], now, consent)
    return stored


def _store_new(session: Session, people: list[list[CsvRow]], now: datetime, consent: str) -> Iterator[_Imported]:
    last_change = current_number(session, CHANGES)
    subscribers = [new_subscriber(rows[0].person, now) for rows in people]
    session.add_all(subscribers)
    session.flush()
    followed = [_preferences(id_of(each), rows, now) for each, rows in zip(subscribers, people, strict=True)]
    session.add_all(preference for preferences in followed for preference in preferences)
    session.flush()
    for subscriber, rows, preferences in zip(subscribers, people, followed, strict=True):
        record_consent(session, subscriber, ConsentAction.SIGNED_UP, how=_HOW, what=consent, now=now)
        for each in preferences:
            action = ConsentAction.CONFIRMED if each.confirmed_at else ConsentAction.CHANGED
            record_consent(session, subscriber, action, how=_HOW, what=f"preference {each.id} added", now=now)
        agreed = any(each.confirmed_at for each in preferences)
        _set_state(session, subscriber, rows[0], agreed=agreed, now=now, last_change=last_change)
        waiting = [each for each in preferences if each.confirmed_at is None]
        yield _imported(subscriber, created=True, added=len(preferences), waiting=waiting)
    session.flush()


def _preferences(subscriber_id: int, rows: list[CsvRow], now: datetime) -> list[Preference]:
    """Make a row for each different preference; of two lines that say the same, one that is confirmed counts."""
    made: list[Preference] = []
    for row in rows:
        if row.preference is None:
            continue
        columns = columns_of(row.preference)
        same = next((each for each in made if same_preference(each, columns)), None)
        if same is None:
            made.append(Preference(subscriber_id=subscriber_id, created_at=now, confirmed_at=row.confirmed, **columns))
        else:
            same.confirmed_at = same.confirmed_at or row.confirmed
    return made


def _store_known(session: Session, rows: list[CsvRow], now: datetime, consent: str) -> _Imported:
    """Add what is new to somebody known; who never confirmed may do so by this file."""
    subscriber = add_subscriber(session, rows[0].person, confirmed=False, how=_HOW, now=now).subscriber
    found = [
        add_preference(session, subscriber, each.preference, confirmed=each.confirmed is not None, how=_HOW, now=now)
        for each in rows
        if each.preference is not None
    ]
    if consent:
        record_consent(session, subscriber, ConsentAction.CHANGED, how=_HOW, what=consent, now=now)
    agreed = [each.preference.id or 0 for each in found if each.preference.confirmed_at]
    if subscriber.state is SubscriberState.PENDING and agreed:
        confirm(session, subscriber, agreed, how=_HOW, now=now)
    waiting = [each.preference for each in found if each.preference.confirmed_at is None]
    return _imported(subscriber, created=False, added=sum(each.new for each in found), waiting=waiting)


def _set_state(
    session: Session, subscriber: Subscriber, row: CsvRow, *, agreed: bool, now: datetime, last_change: int
) -> None:
    """Give somebody new the state that the file names; without one, who agreed to anything is active."""
    state = row.state or (SubscriberState.ACTIVE if agreed else SubscriberState.PENDING)
    if state in {SubscriberState.ACTIVE, SubscriberState.PAUSED}:
        activate(subscriber, now, last_change=last_change)
    if state in {SubscriberState.PENDING, SubscriberState.ACTIVE}:
        return
    subscriber.state = state
    subscriber.paused_until = row.paused_until
    subscriber.next_due_at = None
    action = ConsentAction.PAUSED if state is SubscriberState.PAUSED else ConsentAction.UNSUBSCRIBED
    record_consent(session, subscriber, action, how=_HOW, now=now)


def _imported(subscriber: Subscriber, *, created: bool, added: int, waiting: list[Preference]) -> _Imported:
    ids = tuple(each.id or 0 for each in waiting) if subscriber.state in _ASKED else ()
    return _Imported(subscriber=subscriber, created=created, added=added, waiting=ids)
