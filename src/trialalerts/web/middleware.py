"""What stands around every page: security headers, the size of bodies, errors without traces, one log line.

Addresses and tokens never reach the log: a line names the route's template (``/confirm/{token}``), not the path.
"""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trialalerts.logs import Logger

__all__ = ["BodyCap", "Guard", "SecurityHeaders", "content_policy"]

log = Logger()


def content_policy(*, styles: str, scripts: bool = False, framed_by: Sequence[str] = ()) -> str:
    """Return the policy of a page whose styles come from ``styles``: nothing from elsewhere.

    With ``scripts`` it may load our own script, which may ask us; the origins ``framed_by`` may show it in a frame.
    """
    own = "script-src 'self'; connect-src 'self'; " if scripts else ""
    ancestors = " ".join(framed_by) or "'none'"
    return (
        f"default-src 'none'; {own}style-src {styles}; img-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )


_HEADERS = {
    "Content-Security-Policy": content_policy(styles="'self'"),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow, noarchive"}
_PUBLIC = ("/", "/subscribe", "/privacy", "/favicon.ico", "/robots.txt")
_INDEXED = ("/trials/", "/areas/", "/articles", "/sitemap")
_PLAIN_QUESTION = re.compile(rb"(?:(?:lang=[A-Za-z-]{2,12}|country=[A-Za-z]{2}|page=[0-9]{1,3})(?:&|$))*")
"""What a public page may be asked without telling anything of whoever asks: its language, a country, a page."""
_SUGGESTS = "/areas/suggest"
_SAYS_ITSELF = "/api/"
"""Each answer there says whether it may be kept; none is found by search engines."""
_A_YEAR = "max-age=31536000"


class SecurityHeaders:
    """Adds the headers that keep browsers, caches and search engines from giving anything away.

    Only the public pages may be kept by a cache or found by a search engine; and of those only what
    was asked for with GET and without a question (``?area=…``); of trials and areas, in any language too.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._always = _HEADERS | ({"Strict-Transport-Security": _A_YEAR} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        private = not _is_public(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                if "frame-ancestors 'none'" not in headers["content-security-policy"]:
                    del headers["x-frame-options"]  # it knows no origins
                for name, value in _PRIVATE.items() if private or message["status"] >= 400 else ():  # noqa: PLR2004 - an error
                    headers[name] = value
                if _has_two_lengths(scope):
                    headers["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, with_headers)


def _has_two_lengths(scope: Scope) -> bool:
    """Tell whether a request says its length twice over.

    A proxy before us may have gone by the other one, and what follows may be somebody else's request: it is refused,
    and the connection closed (RFC 9112, 6.1).
    """
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _is_public(scope: Scope) -> bool:
    path: str = scope["path"]
    if path.startswith("/static/"):
        return True
    if scope["method"] not in {"GET", "HEAD"}:
        return False
    if path.startswith(_INDEXED) and path != _SUGGESTS:
        return _PLAIN_QUESTION.fullmatch(scope["query_string"]) is not None
    if path.startswith(_SAYS_ITSELF):
        return True
    return path in _PUBLIC and not scope["query_string"]


class BodyCap:
    """Reads a request's body before anything else: at most ``limit`` bytes within ``seconds``.

    ``larger`` holds the paths where bodies may be of another size.
    """

    def __init__(self, app: ASGIApp, *, limit: int, seconds: float, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            HTTPException: 400 for a request of two lengths (RFC 9112, 6.1), 413 for a body too long, 408 for one
                that does not come.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _has_two_lengths(scope):
            raise HTTPException(status_code=400)
        if scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        body = await self._body(scope, receive)
        if body is None:
            return
        waiting = [body]

        async def replay() -> Message:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the whole body; None where the client has gone."""
        limit = self._larger.get(scope["path"], self._limit)
        declared = Request(scope).headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > limit:
            raise HTTPException(413)
        body = bytearray()
        with anyio.move_on_after(self._seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if len(body) > limit:
                    raise HTTPException(413)
                if not message.get("more_body"):
                    return bytes(body)
        raise HTTPException(408)


class Guard:
    """Answers every error with a page, writes one line for each request and counts it by ``note``.

    ``answer`` makes the page for an error. What the line says of an unforeseen error is its kind and the lines
    of code it came through, never its message, which may quote an address.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Sequence[BaseRoute],
        answer: Callable[[Request, Exception], Response],
        note: Callable[[str, str, int, float], None],
    ) -> None:
        self._app = app
        self._note = note
        self._routes = routes
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watching)
        except Exception as error:  # noqa: BLE001 - the last stop: one bad request harms only itself
            if status:
                self._record("web.broken_off", scope, error)
            else:
                response = await self._recover(scope, error)
                await response(scope, receive, watching)
        finally:
            seconds, route = time.perf_counter() - began, self._route(scope)
            self._note(route, scope["method"], status, seconds)
            log.info("web.request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))

    async def _recover(self, scope: Scope, error: Exception) -> Response:
        response = await anyio.to_thread.run_sync(self._answer, Request(scope), error)
        if response.status_code >= 500:  # noqa: PLR2004 - our fault, not the visitor's
            self._record("web.failed", scope, error)
        return response

    def _record(self, event: str, scope: Scope, error: Exception) -> None:
        log.error(event, route=self._route(scope), error=type(error).__name__, at=_trace(error))

    def _route(self, scope: Scope) -> str:
        for route in self._routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                return route.path
        return "(unknown)"


def _trace(error: BaseException) -> str:
    """Return where an error came from, innermost last, without any value."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
