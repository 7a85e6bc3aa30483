"""One page by itself, as a file: with its styles in it, without a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp

__all__ = ["page_alone"]

_STYLES = re.compile(r'<link rel="stylesheet" href="[^"]*/static/([^"?]+)[^"]*">')


def page_alone(app: ASGIApp, path: str, language: str) -> str:
    """Return the HTML of a page of an application as a reader of a language (ISO 639-1) gets it."""

    def asked(address: str, query: str = "") -> str:
        return asyncio.run(_answer(app, address, query))

    html = asked(path, f"lang={language}")
    return _STYLES.sub(lambda found: f"<style>{asked(f'/static/{found[1]}')}</style>", html)


async def _answer(app: ASGIApp, path: str, query: str) -> str:
    body = bytearray()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        body.extend(message.get("body", b""))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 0), "server": ("localhost", 443),
    }  # fmt: skip
    await app(scope, receive, send)
    return body.decode()
