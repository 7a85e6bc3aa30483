"""The bulk import: subscribers from CSV. Importing an export gives the same export again.

First the whole file is read and checked, then people are stored batch by batch, each batch a transaction: the daemon
waits for none of them, and an import that was cut off goes on when it is run again, since who is there already with all
that the file says is left alone.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TextIO

from sqlmodel import Session, col, select

from trialalerts.database import Database
from trialalerts.database.bulk import in_chunks
from trialalerts.errors import InvalidInput
from trialalerts.plurals import counted
from trialalerts.progress import NO_PROGRESS, ProgressMeter, tracked
from trialalerts.subscribers.addresses import address_key, checked_address
from trialalerts.subscribers.erasure import former_hash
from trialalerts.subscribers.files.bulk_store import HOW, store_people
from trialalerts.subscribers.files.csv_layout import Layout, read_layout
from trialalerts.subscribers.files.csv_rows import CsvRow, CsvRowReader
from trialalerts.subscribers.files.list_names import ListNames
from trialalerts.subscribers.follows.trials import MOST_FOLLOWED
from trialalerts.subscribers.preferences import MOST_PREFERENCES
from trialalerts.subscribers.tables import Consent, ConsentAction, FormerSubscriber, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = [
    "Asks",
    "ImportRefused",
    "LineError",
    "StoredList",
    "SubscriberImport",
    "SubscriberList",
    "import_csv",
    "read_csv",
    "store_list",
]

_AT_ONCE = 1_000
_LEFT = {SubscriberState.UNSUBSCRIBED, SubscriberState.COMPLAINED, SubscriberState.BOUNCED}


@dataclass(frozen=True, kw_only=True)
class LineError:
    """What is wrong with one line of a file (the first line is 1), and its cells as they were."""

    line: int
    message: str
    cells: tuple[str, ...] = ()


class ImportRefused(InvalidInput):
    """Lines make no sense, and nothing was imported; ``errors`` says which and why."""

    def __init__(self, errors: Iterable[LineError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        wrong = len(self.errors) - 1
        more = f" ({counted(wrong, 'more line')} {'is' if wrong == 1 else 'are'} wrong too)" if wrong else ""
        super().__init__(f"line {first.line}: {first.message}{more}; nothing was imported")


@dataclass(kw_only=True)
class SubscriberList:
    """A file that was read: its people, each with a row for each preference, and what was not taken.

    ``errors`` are lines that make no sense; ``left_since`` those of people whom a file once brought, and who have left;
    ``left_out`` the columns that were not read; ``had_left`` people who had left where the list comes from;
    ``on_others`` counts the lines of lists that are none of ours.
    """

    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    people: dict[str, list[CsvRow]] = field(default_factory=dict)
    errors: list[LineError] = field(default_factory=list)
    left_since: list[LineError] = field(default_factory=list)
    had_left: set[str] = field(default_factory=set)
    on_others: int = 0

    @property
    def follow_nothing(self) -> int:
        """How many people follow nothing by any of their lines."""
        return sum(all(row.columns is None for row in rows) for rows in self.people.values())

    def refuse_if_wrong(self) -> None:
        """Raise :class:`ImportRefused` where a line makes no sense."""
        if self.errors:
            raise ImportRefused(self.errors)


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
    """Read a list (see :func:`read_csv`) and store its people in the caller's transaction.

    Who is not confirmed becomes pending, see :attr:`SubscriberImport.to_confirm`. Who has left stays gone, whatever a
    file says.

    Raises:
        ImportRefused: a line makes no sense and ``skip_bad`` is not given; nothing is stored.
        InvalidInput: the file is no CSV with these columns; nothing is stored.
    """
    reader = CsvRowReader(
        session,
        load_areas(session),
        locale=locale,
        timezone=timezone,
        confirmed=confirmed,
        now=now,
        others={"area": area, "region": region, "consent": consent},
    )
    found = read_csv(session, reader, file, mapping=mapping or {}, needs_area=not area)
    if not skip_bad:
        found.refuse_if_wrong()
    batches = in_chunks(found.people.items(), _AT_ONCE)
    stored = [each for people in batches for each in store_people(session, people, now)]
    return SubscriberImport(
        subscribers=sum(each.created for each in stored),
        preferences=sum(each.added for each in stored),
        to_confirm=tuple((each.subscriber, each.waiting) for each in stored if each.subscriber),
        errors=tuple(found.errors),
        left_out=found.left_out,
        had_left=len(found.had_left),
    )


def read_csv(
    session: Session,
    reader: CsvRowReader,
    file: TextIO,
    *,
    mapping: Mapping[str, str],
    needs_area: bool,
    lists: ListNames | None = None,
    secrets: Sequence[str] = (),
    total: int | None = None,
    progress: ProgressMeter = NO_PROGRESS,
) -> SubscriberList:
    """Read and check a whole list: CSV with the columns of an export; commas, semicolons or tabs part them.

    Lines of one address belong to one subscriber. Nothing is stored.

    Args:
        session: reads who has left.
        reader: knows what stands in for what a line leaves out.
        file: the list.
        mapping: which columns of another program's export are ours (lower-case name in the file → our column); its
            other columns are left out.
        needs_area: lines must name an area.
        lists: what the names in the column ``lists`` mean.
        secrets: ``service.secret`` and the previous ones, by which who left long ago is known.
        total: how many lines there are, where that is known.
        progress: counts lines.

    Raises:
        InvalidInput: the file is no CSV with these columns.
    """
    with _explained():
        layout, delimiter, before = read_layout(
            file, mapping, needs_area=needs_area and lists is None, has_lists=lists is not None
        )
    found = SubscriberList(columns=layout.written, left_out=layout.left_out)
    gone = _Gone(session, secrets)
    for number, row in tracked(_rows_of(file, delimiter, before), progress, "lines read", total):
        try:
            _read_line(layout, row, reader, lists, found, gone)
        except _LeftSince as error:
            where = found.left_since if gone.may_come_by_file(error.key) else found.errors
            where.append(LineError(line=number, message=str(error), cells=tuple(row)))
        except InvalidInput as error:
            found.errors.append(LineError(line=number, message=str(error), cells=tuple(row)))
    for key in found.had_left:
        found.people.pop(key, None)
    return found


class _LeftSince(InvalidInput):
    """Somebody has left here."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("This subscriber has left or cannot be reached; a file does not bring anybody back.")


def _read_line(
    layout: Layout,
    row: list[str],
    reader: CsvRowReader,
    lists: ListNames | None,
    found: SubscriberList,
    gone: _Gone,
) -> None:
    """Add what a line says to the people.

    Raises:
        InvalidInput: it makes no sense; then nothing of it is added.
    """
    cells = layout.cells(row)
    if layout.has_left(row):
        found.had_left.add(address_key(checked_address(cells.get("address", ""))))
        return
    records = [reader.read(each) for each in (lists.rows(cells) if lists else (cells,))]
    if not records:
        found.on_others += 1
        return
    key = address_key(records[0].person.address)
    if key in gone:
        if records[0].state in _LEFT:
            return
        raise _LeftSince(key)
    others = found.people.get(key, [])
    for record in records:
        _belongs(record, others or records[:1])
    trials = sum(each.trial is not None for each in (*others, *records))
    if len(others) + len(records) - trials > MOST_PREFERENCES:
        raise InvalidInput(f"One subscriber has at most {MOST_PREFERENCES} preferences.")
    if trials > MOST_FOLLOWED:
        raise InvalidInput(f"One subscriber follows at most {MOST_FOLLOWED} trials.")
    found.people.setdefault(key, []).extend(records)


def _belongs(record: CsvRow, others: list[CsvRow]) -> None:
    if replace(record.person, address=others[0].person.address) != others[0].person:
        raise InvalidInput("An earlier line of the same address has another language or schedule; make them the same.")
    if record.tastes != others[0].tastes:
        raise InvalidInput(
            "An earlier line of the same address has another heartbeat, discreet, area_in_subject, announcements or "
            "distance_unit; "
            "make them the same."
        )
    if (record.state, record.paused_until) != (others[0].state, others[0].paused_until):
        raise InvalidInput("An earlier line of the same address has another state; make them the same.")


def _rows_of(file: TextIO, delimiter: str, before: int) -> Iterator[_Line]:
    """Yield each line that holds anything, with its number.

    Raises:
        InvalidInput: this is no CSV, or not in UTF-8.
    """
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


class _Gone:
    """Who has left: no file brings them back. Those whose address was erased since are known by its hash."""

    def __init__(self, session: Session, secrets: Sequence[str]) -> None:
        left = select(Subscriber.address_key).where(col(Subscriber.state).in_(_LEFT))
        by_file = select(Consent.subscriber_id).where(
            col(Consent.how) == HOW, col(Consent.action) == ConsentAction.SIGNED_UP
        )
        self._left = set(session.exec(left))
        self._brought = set(session.exec(left.where(col(Subscriber.id).in_(by_file))))
        self._secrets = [secret for secret in secrets if secret]
        self._hashes = set(session.exec(select(FormerSubscriber.address_hash)))
        self._known = set(session.exec(select(Subscriber.address_key))) if self._hashes else set()

    def __contains__(self, key: str) -> bool:
        return key in self._left or self._is_former(key)

    def may_come_by_file(self, key: str) -> bool:
        """Tell whether a file brought somebody once, who is passed over when it comes again, or nobody knows."""
        return key in self._brought or key not in self._left

    def _is_former(self, key: str) -> bool:
        """Tell whether somebody left long ago and has not signed up anew."""
        if not self._hashes or key in self._known:
            return False
        return any(former_hash(secret, key) in self._hashes for secret in self._secrets)


@dataclass(kw_only=True)
class StoredList:
    """What storing a list came to: people and preferences that are new, how many must confirm, how many were asked."""

    subscribers: int = 0
    preferences: int = 0
    to_confirm: int = 0
    asked: int = 0


Asks = Callable[[Session, Sequence[tuple[Subscriber, tuple[int, ...]]]], int]
"""Queues a mail that asks each of these to confirm what waits for it; returns how many will come."""


def store_list(
    db: Database,
    found: SubscriberList,
    *,
    ask: Asks,
    now: datetime,
    dry_run: bool = False,
    progress: ProgressMeter = NO_PROGRESS,
) -> StoredList:
    """Store the people of a list, batch by batch; with ``dry_run`` each batch is taken back.

    Cut off in the middle and run again, it goes on: whoever is there with all that the list says is neither added nor
    asked again.
    """
    count = StoredList()
    progress.stage("people tried" if dry_run else "people stored", len(found.people))
    for people in in_chunks(found.people.items(), _AT_ONCE):
        with db.write() as session:
            stored = store_people(session, people, now)
            waiting = [(each.subscriber, each.waiting) for each in stored if each.subscriber]
            count.asked += ask(session, waiting)
            if dry_run:
                session.rollback()
        count.subscribers += sum(each.created for each in stored)
        count.preferences += sum(each.added for each in stored)
        count.to_confirm += len(waiting)
        progress.advance(len(people))
    return count
