"""The pages in a process of their own, and two empty answers beside them: ``-m benchmarks.visited DATABASE``.

``/empty`` comes through all that stands around a page; ``/bare`` is what the server itself takes. Prints its address,
then serves until its input ends.
"""

from __future__ import annotations

import sys

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from trialalerts.cli.main import collect_seldom
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.logs import configure_logs
from trialalerts.settings import ApiSettings, ServiceSettings, Settings, WebSettings
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer

__all__ = ["SETTINGS"]

SETTINGS = Settings(
    service=ServiceSettings(secret="a secret of the benchmarks"),
    api=ApiSettings(enabled=True, requests_per_minute=1_000_000),
    web=WebSettings(port=0, trusted_proxies=["127.0.0.1"]),  # the visitors are as many clients behind a proxy
)


def main() -> None:
    """Serve."""
    configure_logs(json_lines=True)
    collect_seldom()  # as the daemon does
    with open_database(sys.argv[1]) as db:
        app = create_app(SETTINGS, db, SystemClock())
        app.router.routes.insert(0, Route("/empty", _empty))
        server = WebServer(SETTINGS, _beside(app))
        server.start()
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.stop()


async def _empty(request: Request) -> Response:
    del request
    return Response()


def _beside(app: ASGIApp) -> ASGIApp:
    bare = Response()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await (bare if scope.get("path") == "/bare" else app)(scope, receive, send)

    return answer


if __name__ == "__main__":
    main()
