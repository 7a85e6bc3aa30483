"""The reading of a page of ClinicalTrials.gov studies: an answer of the API, or a bulk download's bare list."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from trialalerts.errors import SourceError
from trialalerts.sources.fields import Fields
from trialalerts.sources.lenient_json import parse_json

__all__ = ["StudyPage", "read_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPage:
    """A page: its records as they came, the token of the next page, the number of all records where it was told."""

    records: deque[object]
    next_token: str | None
    total: int | None


def read_page(body: bytes, url: str) -> StudyPage:
    """Read a page.

    Raises:
        SourceError: it is no JSON, or no page of studies; ``url`` (without secrets) says whose it is.
    """
    value = _parsed(body, url)
    if isinstance(value, list):
        return StudyPage(records=deque(value), next_token=None, total=None)
    if not isinstance(value, dict) or not isinstance(value.get("studies"), list):
        raise SourceError(f"{url} answered with JSON that holds no list of studies; check the source's url.")
    fields = Fields(url)
    token = fields.line(value, "nextPageToken")
    total = fields.whole(value, "totalCount")
    if fields.problems and fields.problems[0].field == "nextPageToken":
        # Without it the rest would be lost and the sweep would seem complete.
        raise SourceError(f"{url} answered with a page token that is no text; it will be tried again.")
    return StudyPage(records=deque(value["studies"]), next_token=token, total=total)


def _parsed(body: bytes, url: str) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        pass
    beginning = body[:200].lstrip().lower()
    if beginning.startswith((b"<!doctype html", b"<html")):
        found = "an HTML page (an error, or a check for robots)"
    else:
        found = "JSON that breaks off" if beginning.startswith((b"{", b"[")) else "something that is no JSON"
    raise SourceError(f"{url} answered with {found} instead of studies; it will be tried again.")
