"""The reading of a JSON answer: its list of records, the way to the next page, the number of all."""

from __future__ import annotations

from typing import Any

from trialalerts.errors import SourceError
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.reading.lenient_json import parse_json
from trialalerts.sources.sweeps.steps import RecordPage

__all__ = ["json_answer", "json_page"]


def json_page(body: bytes, url: str, *, records: str, next_key: str = "", total: str = "") -> RecordPage:
    """Read a page of records; a bare list is one too.

    Args:
        body: the answer.
        url: its address without secrets, for messages.
        records: the key of the list, of which a point parts the keys on the way.
        next_key: the key of the token or cursor of the next page; empty: there is none.
        total: the key of the number of all records.

    Raises:
        SourceError: it is no JSON, holds no such list, or a token that cannot be used: without it the rest would be
            lost, and the sweep would seem complete.
    """
    answer = json_answer(body, url, records)
    if isinstance(answer, list):
        return RecordPage.of(answer)
    found: Any = answer
    for key in records.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise SourceError(f"{url} answered with JSON that holds no list of {records}; check the source's url.")
    fields = Fields(url)
    next_token = fields.line(answer, next_key) if next_key else None
    if fields.problems:
        raise SourceError(f"{url} answered with a page token that is no text; it will be tried again.")
    return RecordPage.of(found, next=next_token, total=_whole(answer, total))


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


def _whole(answer: Any, path: str) -> int | None:
    node, fields = answer, Fields("")
    *outer, key = path.split(".")
    for each in outer:
        node = fields.section(node, each)
    return fields.whole(node, key) if key else None
