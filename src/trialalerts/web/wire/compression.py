"""Compressed answers, but for pages behind a token.

Where a page holds a secret and shows what a stranger made it show, the length of the compressed page can betray the
secret (BREACH, https://www.breachattack.com). Ours need the token before they show anything, so nobody but its owner
can have such a page made; they go uncompressed all the same, since they are small and few.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Compression", "Packed", "behind_token"]

_WORTH_IT = 700
_LEVEL = 5
_IN_PATH = "{token"


def behind_token(routes: Sequence[BaseRoute]) -> tuple[str, ...]:
    """Return how the paths begin that carry a token."""
    paths = (route.path for route in routes if isinstance(route, Route) and _IN_PATH in route.path)
    return tuple({path.partition(_IN_PATH)[0] for path in paths})


class Compression:
    """Compresses what browsers take compressed, unless the path begins with one of ``plain``."""

    def __init__(self, app: ASGIApp, *, plain: tuple[str, ...]) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=_WORTH_IT, compresslevel=_LEVEL)
        self._plain = plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not scope["path"].startswith(self._plain):
            await self._compressing(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Packed:
    """An answer that is the same for many, kept ready in both forms."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        varies = ", ".join(filter(None, [headers.get("Vary"), "Accept-Encoding"]))
        self._plain = Response(body, headers={**headers, "Vary": varies})
        packed = gzip.compress(body, 9, mtime=0)
        self._packed = Response(packed, headers={**headers, "Vary": varies, "Content-Encoding": "gzip"})

    def answer(self, request: Request) -> Response:
        """Return the form that the client takes."""
        takes = "gzip" in request.headers.get("accept-encoding", "")
        kept = self._packed if takes else self._plain
        answer = Response(status_code=200)
        answer.body, answer.raw_headers = kept.body, list(kept.raw_headers)
        return answer
