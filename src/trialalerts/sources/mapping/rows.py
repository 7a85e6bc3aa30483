"""Files of records in whatever form they come: CSV, TSV, XML, JSON.

The form is told by the content, not by the name: a spreadsheet's export is called anything. What is no such file, or
breaks off, is one line that says so.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trialalerts.errors import SourceError, did_you_mean, nearest
from trialalerts.sources.mapping.columns import ColumnMap, column_key
from trialalerts.sources.reading.xml import XmlRecords
from trialalerts.sources.sweeps.answers import json_page

__all__ = ["BrokenRow", "records_in"]

_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be read: where it stands in the file, the trial's number where it has one, what is wrong."""

    row: int
    number: str
    message: str


def records_in(body: bytes, name: str, mapping: ColumnMap) -> Iterator[dict[str, str] | BrokenRow]:
    """Give what each record of a file says, by the names of facts.

    Args:
        body: the file.
        name: its name or address, without secrets, for messages.
        mapping: which column tells what.

    Raises:
        SourceError: it is no such file, breaks off, or lacks a column.
    """
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not start:
        raise SourceError(f"{name} is empty.")
    if start == b"<":
        records: Iterator[Any] = _xml_records(body, name, mapping.record)
    elif start in {b"{", b"["}:
        records = iter(json_page(body, name, records=mapping.record).records)
    else:
        yield from _csv_records(body, name, mapping)
        return
    for row, record in enumerate(records, start=1):
        yield mapping.told(record) if isinstance(record, dict) else BrokenRow(row, "", "the record is no object")


def _xml_records(body: bytes, name: str, element: str) -> Iterator[Any]:
    if not element:
        raise SourceError(f"{name} is XML; say with record = … which of its elements is a trial.")
    found = 0
    for record in XmlRecords(body, element, name):
        found += 1
        yield record
    if not found:
        raise SourceError(f"{name} holds no element {element}; mend the source's record.")


def _csv_records(body: bytes, name: str, mapping: ColumnMap) -> Iterator[dict[str, str] | BrokenRow]:
    text = _decoded(body, name)
    delimiter = _delimiter(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        headings = [column_key(heading) for heading in next(rows)]
        _check(headings, name, mapping)
        for cells in rows:
            if any(map(str.strip, cells)):
                yield _row(headings, cells, rows.line_num, mapping)
    except StopIteration:
        raise SourceError(f"{name} is empty.") from None
    except csv.Error as error:
        raise SourceError(f"{name} is no CSV from line {rows.line_num} on ({error}); is a quote not closed?") from None


def _decoded(body: bytes, name: str) -> str:
    """Return the text: UTF-8, or UTF-16 with its mark, else what Windows writes."""
    encoding = "utf-16" if body[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        text = body.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise SourceError(f"{name} is no CSV, XML or JSON; save it as one of them (a spreadsheet: as CSV UTF-8).")
    return text


def _delimiter(text: str) -> str:
    head = next(filter(str.strip, text.splitlines()), "")
    counted = Counter(character for character in head if character in _DELIMITERS)
    return max(_DELIMITERS, key=lambda character: counted[character])


def _check(headings: list[str], name: str, mapping: ColumnMap) -> None:
    missing = mapping.missing(set(headings))
    if missing:
        near = nearest(column_key(missing[0]), headings)
        raise SourceError(f"{name} has no column “{missing[0]}”.{did_you_mean(near)}")
    wanted = {column_key(column) for columns in mapping.columns.values() for column in columns}
    twice = next((heading for heading, times in Counter(headings).items() if times > 1 and heading in wanted), None)
    if twice:
        raise SourceError(f"{name} has the column “{twice}” more than once; rename one of them.")


def _row(headings: list[str], cells: list[str], line: int, mapping: ColumnMap) -> dict[str, str] | BrokenRow:
    told = mapping.told(dict(zip(headings, cells, strict=False)))
    if len(cells) < len(headings) or any(map(str.strip, cells[len(headings) :])):
        message = f"the row that ends in line {line} has {len(cells)} values, the headings are {len(headings)}"
        return BrokenRow(line, told.get("number", ""), message)
    return told
