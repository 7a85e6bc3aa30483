"""The shield, tried on an application of a few pages behind a real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trialalerts.logs import log_to_standard_error
from trialalerts.settings import Settings, WebSettings
from trialalerts.web.middleware import BodyCap, Guard, SecurityHeaders
from trialalerts.web.server import WebServer

SECRET = "patient@example.org"


def _answer(request: Request, error: Exception) -> Response:
    del request
    return PlainTextResponse("sorry", error.status_code if isinstance(error, HTTPException) else 500)


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def _fails(request: Request) -> Response:
    del request
    raise ValueError(f"no such column for {SECRET}")


class _Breaks(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError(SECRET)


def _breaks(request: Request) -> Response:
    del request
    return _Breaks()


def _app(seconds: float = 10) -> Starlette:
    routes = [
        Route("/", _echo, methods=["GET", "POST"]),
        Route("/fails/{token}", _fails),
        Route("/breaks", _breaks),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _answer},
        middleware=[
            Middleware(SecurityHeaders, https=True),
            Middleware(Guard, note=lambda *_: None, routes=routes, answer=_answer),
            Middleware(BodyCap, limit=1000, seconds=seconds),
        ],
    )


@pytest.fixture
def server() -> Iterator[WebServer]:
    server = WebServer(Settings(web=WebSettings(port=0)), _app())
    server.start()
    yield server
    server.stop()


@contextmanager
def _logged(server: WebServer) -> Iterator[list[MutableMapping[str, Any]]]:
    """Give the lines that the requests within wrote: complete once the block is left, for the server has stopped."""
    found: list[MutableMapping[str, Any]] = []
    log_to_standard_error(level="info")
    with structlog.testing.capture_logs() as lines:
        yield found
        server.stop()
    found += [line for line in lines if line["event"] != "web.stopped"]


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_body_up_to_the_limit_comes_through_whole(server: WebServer, size: int) -> None:
    assert httpx.post(server.url, content=b"x" * size, timeout=60).text == str(size)


def test_a_body_that_declares_too_much_is_refused(server: WebServer) -> None:
    answer = httpx.post(server.url, content=b"x" * 1001, timeout=60)
    assert (answer.status_code, answer.text) == (413, "sorry")


def test_a_body_that_does_not_say_its_size_is_refused_once_it_is_too_long(server: WebServer) -> None:
    answer = httpx.post(server.url, content=iter([b"x" * 600, b"x" * 600]), timeout=60)
    assert answer.status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    server = WebServer(Settings(web=WebSettings(port=0)), _app(seconds=0.05))
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            assert b"408" in connection.recv(1000).partition(b"\r\n")[0]
    finally:
        server.stop()


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_request_of_two_lengths_is_refused(server: WebServer, method: str) -> None:
    request = (
        f"{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = b""
        while part := connection.recv(1000):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1, "what follows is not read as a request"


def test_an_error_shows_no_trace_and_logs_no_value(server: WebServer) -> None:
    with _logged(server) as lines:
        answer = httpx.get(f"{server.url}/fails/secret-token?area=asthma", timeout=60)
    assert (answer.status_code, answer.text) == (500, "sorry")
    failed, request = lines
    assert failed["event"] == "web.failed"
    assert failed["error"] == "ValueError"
    assert failed["at"].rpartition(" > ")[2].startswith("test_middleware.py:")
    assert (request["event"], request["route"], request["status"]) == ("web.request", "/fails/{token}", 500)
    for word in (SECRET, "secret-token", "asthma"):
        assert word not in str(lines)


def test_an_answer_that_breaks_off_is_logged_and_harms_only_itself(server: WebServer) -> None:
    with _logged(server) as lines, pytest.raises(httpx.HTTPError):
        httpx.get(f"{server.url}/breaks", timeout=60)
    assert "web.broken_off" in [line["event"] for line in lines]
    assert SECRET not in str(lines)


def test_an_answer_that_breaks_off_does_not_harm_the_next(server: WebServer) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{server.url}/breaks", timeout=60)
    assert httpx.get(server.url, timeout=60).status_code == 200


def test_a_request_writes_one_line_without_its_path(server: WebServer) -> None:
    with _logged(server) as lines:
        httpx.get(f"{server.url}/somewhere/else", timeout=60)
    assert len(lines) == 1
    assert {name: lines[0][name] for name in ("event", "method", "route", "status")} == {
        "event": "web.request",
        "method": "GET",
        "route": "(unknown)",
        "status": 404,
    }
    assert lines[0]["ms"] >= 0


@pytest.mark.parametrize("path", ["/", "/fails/x", "/nowhere"])
def test_every_answer_bears_the_security_headers(server: WebServer, path: str) -> None:
    headers = httpx.get(server.url + path, timeout=60).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "script-src" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"].startswith("max-age=")
    assert "set-cookie" not in headers


def test_only_a_public_page_that_was_asked_nothing_may_be_kept(server: WebServer) -> None:
    assert "cache-control" not in httpx.get(server.url, timeout=60).headers
    for answer in (
        httpx.get(f"{server.url}/?area=x", timeout=60),
        httpx.get(f"{server.url}/fails/x", timeout=60),
        httpx.post(server.url, timeout=60),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"].startswith("noindex")
