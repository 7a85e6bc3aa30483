"""Registries for the demo and the tests: studies found and paged as ClinicalTrials.gov's API v2 does it.

The demo's small HTTP server on this machine answers ``/api/v2/version``, ``/api/v2/studies`` (with ``query.cond``,
``filter.advanced`` by date and country, ``filter.overallStatus``, ``pageSize``, ``pageToken``, ``countTotal``),
``/api/v2/studies/NCT…`` and ``/feed.xml`` (with an ETag). Other parameters are taken and change nothing; studies are
always given whole. Below ``/isrctn`` and ``/ctis`` it answers what these registries are asked about their one record.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson

from trialalerts.demo.sample_data import SampleData

__all__ = ["FoundStudies", "SampleRegistry", "find_studies"]

_DEFAULT_PAGE, _LARGEST_PAGE = 10, 1000
_RANGE = re.compile(r"AREA\[LastUpdatePostDate\]\s*RANGE\[\s*([^,\]]+?)\s*,\s*([^,\]]+?)\s*\]")
_COUNTRY = re.compile(r'AREA\[LocationCountry\]\s*(?:"([^"]*)"|([\w ]+?)(?=\s*(?:\)|$|\bOR\b|\bAND\b)))')
_QUOTED = re.compile(r'"([^"]*)"|(\S+)')
_EDITED = re.compile(r"lastEdited GE (\S+) AND lastEdited LT (\S+)$")
_LAST_EDIT = re.compile(r'lastUpdated="([^"]+)"')
_ANSWERED_PER_PAGE = {"countTotal", "pageSize", "pageToken"}

_Study = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FoundStudies:
    """A page of studies; ``total`` is how many the query finds, where it was asked, ``next_token`` leads on."""

    studies: Sequence[_Study]
    next_token: str | None = None
    total: int | None = None


def find_studies(studies: Sequence[_Study], params: Mapping[str, str], *, stamp: str) -> FoundStudies:
    """Return the page of studies that a request asks for.

    Args:
        studies: all that the registry has.
        params: those of the request.
        stamp: the moment of the registry's data; page tokens of another one have expired.

    Raises:
        ValueError: a parameter makes no sense, or the token belongs to another query or another moment.
    """
    size = _page_size(params)
    query = sorted((name, value) for name, value in params.items() if name not in _ANSWERED_PER_PAGE)
    stamp = hashlib.sha256(repr((query, stamp)).encode()).hexdigest()[:12]
    start = _position(params.get("pageToken"), stamp)
    found = [study for study in studies if _fits(study, params)]
    more = base64.urlsafe_b64encode(f"{start + size}.{stamp}".encode()).decode()
    return FoundStudies(
        studies=found[start : start + size],
        next_token=more if start + size < len(found) else None,
        total=len(found) if params.get("countTotal") == "true" and "pageToken" not in params else None,
    )


class SampleRegistry:
    """The server; a context manager. It listens on 127.0.0.1, at a port that was free.

    Attributes:
        root: its address, without a slash at the end.
        asked: how many requests it has answered.
    """

    def __init__(self, world: SampleData) -> None:
        self._world = world
        self.asked = 0
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.registry = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="sample-registry", daemon=True
        )
        self.root = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def show(self, world: SampleData) -> None:
        """Serve another world from now on."""
        self._world = world

    def version(self) -> dict[str, str]:
        """Return the answer to ``/version``; page tokens are good for one ``dataTimestamp``."""
        return {"apiVersion": "2.0.5", "dataTimestamp": f"{max(map(_last_update, self._world.studies))}T09:00:05"}

    def study(self, number: str) -> _Study | None:
        """Return one study."""
        return next((study for study in self._world.studies if _number(study) == number), None)

    def page(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of studies.

        Raises:
            ValueError: a parameter makes no sense, or the token belongs to another query or another day.
        """
        found = find_studies(self._world.studies, params, stamp=self.version()["dataTimestamp"])
        page: dict[str, Any] = {"studies": found.studies}
        if found.total is not None:
            page["totalCount"] = found.total
        if found.next_token is not None:
            page["nextPageToken"] = found.next_token
        return page

    def feed(self) -> bytes:
        """Return the feed."""
        return self._world.feed

    def isrctn(self, question: str) -> bytes:
        """Return ISRCTN's answer: the record, where it was edited in the span that is asked for."""
        span, edited = _EDITED.search(question), _LAST_EDIT.search(self._world.isrctn)
        found = span is not None and edited is not None and span[1] <= edited[1] < span[2]
        records = self._world.isrctn if found else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<allTrials totalCount="{found:d}">{records}</allTrials>'.encode()
        )

    def ctis_list(self, question: Any) -> dict[str, Any]:
        """Return a page of EU CTIS's list: the record, where its status is asked for."""
        record, page = self._world.ctis, question["pagination"]["page"]
        fits = record["ctStatus"] in question["searchCriteria"].get("status", ())
        listed = {key: value for key, value in record.items() if key != "authorizedApplication"}
        data = [listed] if fits and page == 1 else []
        return {"showWarning": False, "pagination": {"totalRecords": int(fits), "currentPage": page}, "data": data}

    def ctis_record(self, number: str) -> dict[str, Any] | None:
        """Return a record of EU CTIS."""
        return self._world.ctis if number == self._world.ctis["ctNumber"] else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: SampleRegistry

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is no error of the demo."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer one request."""
        registry = self.server.registry
        registry.asked += 1
        parts = urlsplit(self.path)
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path == "/feed.xml":
            self._feed(registry.feed())
        elif parts.path == "/api/v2/version":
            self._json(registry.version)
        elif parts.path == "/api/v2/studies":
            self._json(lambda: registry.page(params))
        elif found := re.fullmatch(r"/api/v2/studies/(NCT\d{8})", parts.path):
            study = registry.study(found[1])
            if study is None:
                self._answer(HTTPStatus.NOT_FOUND, b"NCT number not found", "text/plain")
            else:
                self._json(lambda: study)
        elif parts.path == "/isrctn/query/format/default":
            self._answer(HTTPStatus.OK, registry.isrctn(params.get("q", "")), "application/xml")
        elif record := registry.ctis_record(parts.path.removeprefix("/ctis/retrieve/")):
            self._json(lambda: record)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"There is nothing here", "text/plain")

    def do_POST(self) -> None:
        """Answer a question to EU CTIS's list."""
        registry = self.server.registry
        registry.asked += 1
        question = orjson.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if urlsplit(self.path).path == "/ctis/search":
            self._json(lambda: registry.ctis_list(question))
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"There is nothing here", "text/plain")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def _json(self, make: Callable[[], object]) -> None:
        try:
            body = orjson.dumps(make())
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error).encode(), "text/plain")
            return
        self._answer(HTTPStatus.OK, body, "application/json")

    def _feed(self, body: bytes) -> None:
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        known = {tag.strip() for tag in self.headers.get("If-None-Match", "").split(",")}
        if etag in known:
            self._answer(HTTPStatus.NOT_MODIFIED, b"", None, ETag=etag)
        else:
            self._answer(HTTPStatus.OK, body, "application/rss+xml; charset=utf-8", ETag=etag)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str | None, **headers: str) -> None:
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _position(token: str | None, stamp: str) -> int:
    if token is None:
        return 0
    try:
        start, _, given = base64.urlsafe_b64decode(token).decode().partition(".")
        position = int(start)
    except ValueError:
        raise ValueError("`pageToken` parameter is invalid") from None
    if given != stamp:
        raise ValueError("`pageToken` parameter has expired or belongs to other parameters")
    return position


def _page_size(params: Mapping[str, str]) -> int:
    text = params.get("pageSize", str(_DEFAULT_PAGE))
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("`pageSize` parameter must be a positive number")
    return min(int(text), _LARGEST_PAGE)


def _fits(study: _Study, params: Mapping[str, str]) -> bool:
    status = _node(study, "protocolSection", "statusModule").get("overallStatus")
    wanted = set(filter(None, re.split(r"[|,]", params.get("filter.overallStatus", ""))))
    return (
        (not wanted or status in wanted)
        and _fits_condition(study, params.get("query.cond", ""))
        and _fits_advanced(study, params.get("filter.advanced", ""))
    )


def _fits_condition(study: _Study, query: str) -> bool:
    """Take ``a OR "b c"``: a study fits where it names all words of one of the alternatives."""
    if not query.strip():
        return True
    words = " ".join(_words(study)).casefold()
    return any(
        all((quoted or word).casefold() in words for quoted, word in _QUOTED.findall(alternative))
        for alternative in re.split(r"\s+OR\s+", query.strip())
    )


def _words(study: _Study) -> Iterable[str]:
    protocol = _node(study, "protocolSection")
    yield str(_node(protocol, "identificationModule").get("briefTitle") or "")
    conditions = _node(protocol, "conditionsModule")
    yield from map(str, (*(conditions.get("conditions") or ()), *(conditions.get("keywords") or ())))
    browse = _node(study, "derivedSection", "conditionBrowseModule")
    terms = (*(browse.get("meshes") or ()), *(browse.get("ancestors") or ()))
    yield from (str(term.get("term")) for term in terms if isinstance(term, dict))


def _fits_advanced(study: _Study, expression: str) -> bool:
    """Take a range of update days and an alternative of countries; anything else is refused."""
    rest = re.sub(r"[()\s]|\bAND\b|\bOR\b", "", _COUNTRY.sub("", _RANGE.sub("", expression)))
    if rest:
        raise ValueError(f"`filter.advanced` parameter has an expression that the demo does not know: {rest[:60]}")
    day = _last_update(study)
    for low, high in _RANGE.findall(expression):
        if not _bound(low, date.min) <= day <= _bound(high, date.max):
            return False
    countries = {(quoted or word).strip().casefold() for quoted, word in _COUNTRY.findall(expression)}
    sites = _node(study, "protocolSection", "contactsLocationsModule").get("locations") or ()
    return not countries or any(str(site.get("country")).casefold() in countries for site in sites)


def _bound(text: str, open_end: date) -> date:
    return open_end if text in {"MIN", "MAX"} else date.fromisoformat(text)


def _last_update(study: _Study) -> date:
    """Return the day of the last update; the earliest of all where the study does not tell it."""
    told = _node(study, "protocolSection", "statusModule", "lastUpdatePostDateStruct").get("date")
    try:
        return date.fromisoformat(str(told))
    except ValueError:
        return date.min


def _node(study: Any, *names: str) -> Mapping[str, Any]:
    """Return what lies at a path; an empty mapping where nothing does: tests serve broken studies, too."""
    for name in names:
        study = study.get(name) if isinstance(study, dict) else None
    return study if isinstance(study, dict) else {}


def _number(study: _Study) -> str:
    number: str = study["protocolSection"]["identificationModule"]["nctId"]
    return number
