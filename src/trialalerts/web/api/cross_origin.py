"""Which sites' pages may read the API in their readers' browsers (CORS, as the Fetch standard has it).

They may only read. A sign-up needs a key, and a key in a page is everybody's.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trialalerts.web.api.endpoints import API_PATH

__all__ = ["CrossOrigin"]

_METHODS = "GET, HEAD, OPTIONS"
_ASKED_WITH = "Accept-Language, If-None-Match"
_SHOWN = "ETag, Content-Language, Retry-After"
_REMEMBERED = "600"


class CrossOrigin:
    """Lets browsers show the API's answers to pages of the sites ``allowed``, errors included."""

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(f"{API_PATH}/"):
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        origin = asked.get("origin", "").lower()
        allowed = origin in self._allowed
        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in asked:
            await _preflight(origin if allowed else "")(scope, receive, send)
            return

        async def shown(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if allowed:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = _SHOWN
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        await self._app(scope, receive, shown)


def _preflight(origin: str) -> Response:
    """Return the answer to a browser that asks whether a page may ask; without an ``origin`` it may not."""
    headers = {"Vary": "Origin", "Cache-Control": "no-store"}
    if origin:
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _ASKED_WITH,
            "Access-Control-Max-Age": _REMEMBERED,
        }
    return Response(status_code=204, headers=headers)
