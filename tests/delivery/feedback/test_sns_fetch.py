"""Getting a certificate: a bounded page from one address, and a clear word when it cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trialalerts.delivery.feedback.events import Unverifiable
from trialalerts.delivery.feedback.webhooks.sns import fetch

PAGES = {"/right": (200, b"a certificate"), "/large": (200, b"x" * 70_000), "/moved": (302, b""), "/broken": (500, b"")}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = PAGES.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Location", "/right")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        del format, args


@pytest.fixture
def server() -> Iterator[str]:
    """A web server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_a_page_is_got(server: str) -> None:
    assert fetch(f"{server}/right") == b"a certificate"


def test_a_page_that_is_not_there_is_none(server: str) -> None:
    assert fetch(f"{server}/elsewhere") is None


@pytest.mark.parametrize("path", ["/moved", "/broken", "/large"])
def test_an_answer_that_is_no_page_is_for_another_time(server: str, path: str) -> None:
    with pytest.raises(Unverifiable):
        fetch(server + path)


def test_nobody_there_is_for_another_time() -> None:
    with pytest.raises(Unverifiable, match="cannot be reached"):
        fetch("http://127.0.0.1:1/right")
