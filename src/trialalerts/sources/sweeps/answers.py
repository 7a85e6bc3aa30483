"""The reading of a JSON answer: its list of records, the way to the next page, the number of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Required, TypedDict

from trialalerts.errors import SourceError
from trialalerts.sources.reading.days import DayOrder
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.lenient_json import parse_json
from trialalerts.sources.reading.record import RecordView
from trialalerts.sources.sweeps.steps import RecordPage

__all__ = ["JsonKeys", "json_answer", "json_page"]


class JsonKeys(TypedDict, total=False):
    """Where in an answer what stands: the arguments of :func:`json_page`."""

    records: Required[str]
    next_key: str
    total: str
    key: str
    changed: Sequence[str]
    order: DayOrder


def json_page(
    body: bytes,
    url: str,
    *,
    records: str,
    next_key: str = "",
    total: str = "",
    key: str = "",
    changed: Sequence[str] = (),
    order: DayOrder = "ymd",
) -> RecordPage:
    """Read a page of records; a bare list is one too.

    Args:
        body: the answer.
        url: its address without secrets, for messages.
        records: the key of the list, of which a point parts the keys on the way.
        next_key: the key of the token or cursor of the next page; empty: there is none.
        total: the key of the number of all records.
        key: what every record has: an answer with it that holds no list is a record itself.
        changed: where a record has the days of its last changes, if the registry's order is loose.
        order: how these days are written.

    Raises:
        SourceError: it is no JSON, holds no such list, or a token that cannot be used: without it the rest would be
            lost, and the sweep would seem complete.
    """
    answer = json_answer(body, url, records)
    if isinstance(answer, list):
        return RecordPage.of(answer)
    if key and isinstance(answer, dict) and key in answer and records not in answer:
        return RecordPage.of([answer])
    found: Any = answer
    for name in records.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise SourceError(f"{url} answered with JSON that holds no list of {records}; check the source's url.")
    fields = Fields(url)
    next_token = fields.line(answer, next_key) if next_key else None
    if fields.problems:
        raise SourceError(f"{url} answered with a page token that is no text; it will be tried again.")
    newest = _newest(found, changed, order) if changed else None
    return RecordPage.of(found, next=next_token, total=_whole(answer, total), newest=newest)


def json_answer(body: bytes, url: str, expected: str) -> Any:
    """Parse an answer.

    Raises:
        SourceError: it is no JSON; ``expected`` says what was asked for.
    """
    try:
        return parse_json(body)
    except ValueError:
        pass
    beginning = body[:200].lstrip().lower()
    if beginning.startswith((b"<!doctype html", b"<html")):
        found = "an HTML page (an error, or a check for robots)"
    else:
        found = "JSON that breaks off" if beginning.startswith((b"{", b"[")) else "something that is no JSON"
    raise SourceError(f"{url} answered with {found} instead of {expected}; it will be tried again.")


def _newest(records: Iterable[Any], keys: Sequence[str], order: DayOrder) -> date | None:
    """Return the newest day of change on a page; None where a record has none: it may be new, so this is no end."""
    views = [RecordView(record if isinstance(record, dict) else {}, Fields("")) for record in records]
    days = [max(filter(None, (view.day(key, order=order) for key in keys)), default=None) for view in views]
    return max(filter(None, days), default=None) if all(days) else None


def _whole(answer: Any, path: str) -> int | None:
    node, fields = answer, Fields("")
    *outer, key = path.split(".")
    for each in outer:
        node = fields.section(node, each)
    return fields.whole(node, key) if key else None
