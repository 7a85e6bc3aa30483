"""Forms that other sites send: refused, where no token proves that the sender may.

Our pages say ``Referrer-Policy: no-referrer``, and so browsers send ``Origin: null`` with our own forms. Therefore
``Sec-Fetch-Site`` goes first, which browsers set by themselves; ``Origin`` counts where it is lacking. Who sends
neither is no browser that somebody else could misuse. What carries a token (one-click unsubscribing comes from mail
programs of any origin) or is signed (webhooks) is not looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["OriginCheck", "origin_of"]

_OWN = {"same-origin", "none"}
_SAFE = {"GET", "HEAD", "OPTIONS"}


def origin_of(url: str) -> str:
    """Return the origin of an address.

    >>> origin_of("https://alerts.example.org/trials/")
    'https://alerts.example.org'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class OriginCheck:
    """Refuses what changes something and comes from elsewhere.

    ``allowed`` are the origins that may send, ``proven`` how paths begin that prove by themselves who sends.
    """

    def __init__(self, app: ASGIApp, *, allowed: Collection[str], proven: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._proven = proven

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            HTTPException: 403 for what another site sends.
        """
        passes = scope["type"] != "http" or scope["method"] in _SAFE or scope["path"].startswith(self._proven)
        if not passes and self._is_foreign(Request(scope)):
            raise HTTPException(403)
        await self._app(scope, receive, send)

    def _is_foreign(self, request: Request) -> bool:
        origin = request.headers.get("origin", "").lower()
        if origin in self._allowed:
            return False
        if site := request.headers.get("sec-fetch-site", ""):
            return site not in _OWN
        if origin in {"", "null"}:
            return False
        return urlsplit(origin).netloc != request.headers.get("host", "").lower()
