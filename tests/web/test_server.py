from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trialalerts.errors import ConfigurationError
from trialalerts.settings import Settings, WebSettings
from trialalerts.web.server import WebServer


def _settings(port: int = 0, host: str = "127.0.0.1") -> Settings:
    return Settings(web=WebSettings(host=host, port=port))


class _SlowApp:
    """One page that waits until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()
        self.app = Starlette(routes=[Route("/", self.page), Route("/slow", self.slow)])

    def page(self, request: Request) -> Response:
        del request
        return PlainTextResponse("here")

    def slow(self, request: Request) -> Response:
        del request
        self.asked.set()
        self.let_go.wait(30)
        return PlainTextResponse("finished")


@pytest.fixture
def slow_app() -> Iterator[_SlowApp]:
    app = _SlowApp()
    yield app
    app.let_go.set()


def _ask_slowly(server: WebServer, answers: list[str]) -> threading.Thread:
    def ask() -> None:
        try:
            answers.append(httpx.get(server.url + "/slow", timeout=30).text)
        except httpx.HTTPError as error:
            answers.append(type(error).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_it_serves_on_a_free_port_and_says_which(slow_app: _SlowApp) -> None:
    server = WebServer(_settings(), slow_app.app)
    server.start()
    try:
        assert server.port > 0
        assert server.running
        assert httpx.get(server.url, timeout=60).text == "here"
    finally:
        server.stop()
    assert not server.running


def test_it_can_be_started_again_after_a_stop(slow_app: _SlowApp) -> None:
    server = WebServer(_settings(), slow_app.app)
    for _ in range(2):
        server.start()
        assert httpx.get(server.url, timeout=60).status_code == 200
        server.stop()


def test_stopping_what_never_started_is_fine(slow_app: _SlowApp) -> None:
    WebServer(_settings(), slow_app.app).stop()


def test_a_request_in_flight_is_finished_before_the_end(slow_app: _SlowApp) -> None:
    server = WebServer(_settings(), slow_app.app)
    server.start()
    answers: list[str] = []
    asking = _ask_slowly(server, answers)
    assert slow_app.asked.wait(10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    slow_app.let_go.set()
    stopping.join(10)
    asking.join(10)
    assert answers == ["finished"]


def test_a_request_that_never_ends_does_not_hold_up_the_stop(slow_app: _SlowApp) -> None:
    server = WebServer(_settings(), slow_app.app)
    server.start()
    answers: list[str] = []
    asking = _ask_slowly(server, answers)
    assert slow_app.asked.wait(10)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5.5
    slow_app.let_go.set()
    asking.join(10)


def test_an_idle_connection_does_not_hold_up_the_stop(slow_app: _SlowApp) -> None:
    server = WebServer(_settings(), slow_app.app)
    server.start()
    with httpx.Client(timeout=60) as client:
        client.get(server.url)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 3


def test_a_port_that_is_taken_is_told_in_one_line(slow_app: _SlowApp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^web\.port: 127\.0\.0\.1:{port} cannot be had: .+$"):
            WebServer(_settings(port), slow_app.app).start()


def test_a_host_that_does_not_exist_is_told_in_one_line(slow_app: _SlowApp) -> None:
    with pytest.raises(ConfigurationError, match=r"^web\.port: 192\.0\.2\.1:0 cannot be had"):
        WebServer(_settings(host="192.0.2.1"), slow_app.app).start()


def test_the_answer_does_not_name_the_server(slow_app: _SlowApp) -> None:
    server = WebServer(_settings(), slow_app.app)
    server.start()
    try:
        assert "server" not in httpx.get(server.url, timeout=60).headers
    finally:
        server.stop()


def test_head_and_body_of_an_answer_leave_at_once(slow_app: _SlowApp) -> None:
    server = WebServer(_settings(), slow_app.app)
    server.start()
    try:
        listening = vars(server)["_socket"]
        with socket.create_connection(("127.0.0.1", server.port)):
            assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    finally:
        server.stop()
