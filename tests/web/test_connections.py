"""Nobody who holds connections, or drips bytes into them, keeps others from unsubscribing."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.web.conftest import World, path_of
from trialalerts.settings import Settings, WebSettings
from trialalerts.subscribers.tables import SubscriberState
from trialalerts.web import server
from trialalerts.web.clients import connections
from trialalerts.web.server import WebServer


@contextlib.contextmanager
def idle(server: WebServer, number: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open connections and say no more than ``first`` on each."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(number):
            opened.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20)))
            opened[-1].sendall(first)
        yield opened


def is_closed(connection: socket.socket, within: float) -> bool:
    connection.settimeout(within)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.fixture
def small(request: pytest.FixtureRequest) -> Iterator[WebServer]:
    """A server of one page; ``request.param`` are its trusted proxies."""

    def page(asked: Request) -> Response:
        del asked
        return PlainTextResponse("here")

    server = WebServer(
        Settings(web=WebSettings(port=0, trusted_proxies=getattr(request, "param", ()))),
        Starlette(routes=[Route("/", page, methods=["GET", "POST"])]),
    )
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    "first", [b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"]
)
def test_six_hundred_idle_connections_of_one_client_keep_nobody_from_unsubscribing(world: World, first: bytes) -> None:
    ada = world.follower()
    with idle(world.server, 600, first):
        began = time.monotonic()
        answer = httpx.post(
            world.server.url + path_of(world.links.unsubscribe(ada)),
            data={"List-Unsubscribe": "One-Click"},
            timeout=20,
        )
        took = time.monotonic() - began
    assert answer.status_code == 200
    assert took < 5
    assert world.again(ada).state is SubscriberState.UNSUBSCRIBED


def test_one_client_holds_so_many_connections_and_the_oldest_go(small: WebServer) -> None:
    with idle(small, connections.MOST_BY_CLIENT + 2) as opened:
        assert httpx.get(small.url, timeout=20).text == "here"
        assert [is_closed(each, 5) for each in opened[:3]] == [True, True, True]
        assert not is_closed(opened[-1], 0.2)


@pytest.mark.parametrize("small", [("127.0.0.1",)], indirect=True)
def test_a_trusted_proxy_holds_as_many_as_it_needs(small: WebServer) -> None:
    with idle(small, connections.MOST_BY_CLIENT + 20) as opened:
        assert httpx.get(small.url, timeout=20).text == "here"
        assert not is_closed(opened[0], 0.2)


HEAD_SECONDS = 3.0
"""So long a head may take in these tests, which wait for it."""


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connections.HEAD_SECONDS == 10
    monkeypatch.setattr(server, "connection_class", partial(connections.connection_class, head_seconds=HEAD_SECONDS))


@pytest.mark.usefixtures("_hasty")
def test_a_head_that_drips_is_cut_off(small: WebServer) -> None:
    began = time.monotonic()
    with idle(small, 1, b"GET / HTTP/1.1\r\nX-Long: ") as (slow,):
        closed = False
        while not closed and time.monotonic() - began < 10 * HEAD_SECONDS:
            closed = is_closed(slow, 0.5)
            with contextlib.suppress(ConnectionError):
                slow.sendall(b"x")
        assert closed
        assert time.monotonic() - began >= HEAD_SECONDS - 0.5


@pytest.mark.usefixtures("_hasty")
def test_a_second_request_on_a_connection_must_come_in_time_too(small: WebServer) -> None:
    with idle(small, 1, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as (slow,):
        slow.settimeout(20)
        assert b"200 OK" in slow.recv(4096)
        began, closed = time.monotonic(), False
        slow.sendall(b"GET / HT")
        while not closed and time.monotonic() - began < 10 * HEAD_SECONDS:
            closed = is_closed(slow, 0.5)
            with contextlib.suppress(ConnectionError):
                slow.sendall(b"T")
        assert closed


def test_a_connection_serves_one_request_after_the_other(small: WebServer) -> None:
    with httpx.Client(base_url=small.url, timeout=60) as client:
        assert [client.post("/", content=b"x" * 50_000).text for _ in range(5)] == ["here"] * 5
