"""The serving of the demo's page on this machine, until somebody presses Ctrl-C."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trialalerts.demo.output import say

__all__ = ["page_server", "serve_page"]


def page_server(page: Path) -> ThreadingHTTPServer:
    """Return a server on 127.0.0.1, at a port that was free, that gives the page at ``/`` and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Give the page."""
            found = self.path.partition("?")[0] == "/"
            body = page.read_bytes() if found else b"There is nothing here"
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8" if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def serve_page(page: Path) -> None:
    """Serve the page until Ctrl-C."""
    with page_server(page) as server:
        say(f"The mails are at http://127.0.0.1:{server.server_port}/ until you press Ctrl-C.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")
