"""A small server that speaks like ClinicalTrials.gov's API v2 and serves feeds, and can be told to misbehave.

It knows the parameters that TrialAlerts sends: paging with tokens that expire, ``fields``, the filters by
date, status and country, and the search by condition. A program may run it in a process of its own::

    python -m tests.sources.registry_server STUDIES.jsonl.gz
"""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson

from tests.sources.registry_fields import UnknownField, pruned
from trialalerts.demo.registry import find_studies

__all__ = [
    "Fault",
    "Handler",
    "Page",
    "RegistryServer",
    "Request",
    "State",
    "cut",
    "hang_up",
    "new_day",
    "pour",
    "read_studies",
    "respond",
    "stall",
]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is served at a path."""

    body: bytes
    content_type: str = "application/xml"
    etag: str | None = None
    last_modified: str | None = None


@dataclass(kw_only=True)
class State:
    """What the server serves. ``day`` is the day of its data: page tokens of another day have expired."""

    studies: Sequence[Any] = ()
    pages: dict[str, Page] = field(default_factory=dict)
    day: int = 1


@dataclass(kw_only=True)
class Fault:
    """What the server does instead of answering, ``times`` times, where ``when`` says so."""

    act: Callable[[Handler], None]
    when: Callable[[Request], bool] = lambda _: True
    times: int = 1


class RegistryServer:
    """The server; a context manager. ``faults`` are taken in their order, each when it fits a request.

    Attributes:
        url: the address of the API.
        root: the address of everything else.
        state: what it serves; may be changed between requests.
        faults: what goes wrong with the next requests.
        requests: what was asked so far.
    """

    def __init__(self, studies: Sequence[Any] = (), *, port: int = 0) -> None:
        self.state = State(studies=studies)
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self._rendered: dict[tuple[int, str], bytes] = {}
        self._http = _Server(("127.0.0.1", port), Handler)
        self._http.registry = self
        self.root = f"http://127.0.0.1:{self._http.server_port}"
        self.url = f"{self.root}/api/v2"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def reset(self, studies: Sequence[Any]) -> None:
        """Serve these studies as on the first day, and nothing of what was served or asked before."""
        self.state = State(studies=studies)
        self.faults.clear()
        self.requests.clear()
        self._rendered.clear()  # its keys are worth nothing once the studies are gone

    def serve(self, path: str, body: bytes, **more: Any) -> str:
        """Serve ``body`` at ``path``; return its address."""
        self.state.pages[path] = Page(body=body, **more)
        return self.root + path

    def fault_for(self, request: Request) -> Fault | None:
        """Take the first fault that fits the request."""
        for fault in self.faults:
            if fault.when(request):
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                return fault
        return None

    def study(self, study: Any, fields: str) -> bytes:
        """Return a study as JSON with only the given fields."""
        key = (id(study), fields)
        if key not in self._rendered:
            self._rendered[key] = orjson.dumps(pruned(study, fields))
        return self._rendered[key]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: RegistryServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are what is tested."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 milliseconds for the client's word that the head has come
    server: _Server

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the moment at which the tests' clock begins: the waits that are asked for are measured from it."""
        del timestamp
        return "Mon, 02 Mar 2026 09:30:00 GMT"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer a question that came in a body; only faults and pages know any."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer a request, or misbehave."""
        parts = urlsplit(self.path)
        request = Request(
            path=parts.path,
            params=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            method=self.command,
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        registry = self.server.registry
        registry.requests.append(request)
        fault = registry.fault_for(request)
        if fault is not None:
            fault.act(self)
        elif request.path == "/api/v2/studies":
            self.answer_studies(registry, request)
        elif request.path in registry.state.pages:
            self._page(registry.state.pages[request.path], request)
        else:
            self.answer(404, b"Not found", {"Content-Type": "text/plain"})

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _page(self, page: Page, request: Request) -> None:
        headers = {"Content-Type": page.content_type}
        if page.etag:
            headers["ETag"] = page.etag
        if page.last_modified:
            headers["Last-Modified"] = page.last_modified
        asked = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
        if (page.etag and asked[0] == page.etag) or (page.last_modified and asked[1] == page.last_modified):
            self.send_response(304)
            self.end_headers()
            return
        self.answer(200, page.body, headers)

    def answer_studies(self, registry: RegistryServer, request: Request) -> None:
        """Answer with a page of studies."""
        try:
            body = _answer(registry, request.params)
        except (UnknownField, ValueError) as error:
            self.answer(400, str(error).encode(), {"Content-Type": "text/plain"})
            return
        headers = {"Content-Type": "application/json"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        self.answer(200, body, headers)


def _answer(registry: RegistryServer, params: Mapping[str, str]) -> bytes:
    found = find_studies(registry.state.studies, params, stamp=str(registry.state.day))
    studies = b",\n".join(registry.study(study, params.get("fields", "")) for study in found.studies)
    more = b""
    if found.next_token is not None:
        more += b',"nextPageToken":' + orjson.dumps(found.next_token)
    if found.total is not None:
        more += b',"totalCount":' + str(found.total).encode()
    return b'{"studies":[' + studies + b"]" + more + b"}"


def read_studies(path: Path) -> list[Any]:
    """Read the studies of a file with one ``{"study": …}`` a line."""
    with gzip.open(path) as lines:
        return [orjson.loads(line)["study"] for line in lines]


def respond(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Callable[[Handler], None]:
    """Answer with a status."""
    return lambda handler: handler.answer(status, body, headers)


def stall(beginning: bytes = b"{", *, length: int = 1000) -> Callable[[Handler], None]:
    """Promise ``length`` bytes, send a beginning, then nothing until the client hangs up."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(beginning)
        handler.wfile.flush()
        handler.connection.recv(1)

    return act


def cut(beginning: bytes, *, length: int) -> Callable[[Handler], None]:
    """Promise ``length`` bytes, send fewer, and hang up."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(beginning)
        handler.close_connection = True

    return act


def new_day(handler: Handler) -> None:
    """Publish new data: tokens given until now have expired, this request's among them."""
    registry = handler.server.registry
    registry.state.day += 1
    handler.answer_studies(registry, registry.requests[-1])


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def pour(pieces: Iterable[bytes], headers: Mapping[str, str] | None = None) -> Callable[[Handler], None]:
    """Send pieces without telling their length, until the client hangs up."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(piece)
        handler.close_connection = True

    return act


if __name__ == "__main__":
    server = RegistryServer(read_studies(Path(sys.argv[1])))
    with server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
