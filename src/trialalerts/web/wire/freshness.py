"""Public answers that caches may keep: for how long, and that they are as they were (RFC 9110, 13)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Version", "cacheable"]

_PERIOD = "public, max-age=600"
_LANGUAGE = "Accept-Language"
"""What an answer may follow from, beside its address."""


class Version:
    """What tells a cache which version of an answer it has.

    Args:
        body: the whole answer; its language may follow from what the browser asks for.
        updated: when what it tells changed last (aware); None: nobody knows.
    """

    def __init__(self, body: bytes, *, updated: datetime | None = None) -> None:
        self._tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        self._updated = updated
        self.headers = {"ETag": self._tag, "Cache-Control": _PERIOD, "Vary": _LANGUAGE}
        if updated is not None:
            moment = updated.astimezone(UTC).replace(microsecond=0)
            self.headers["Last-Modified"] = format_datetime(moment, usegmt=True)

    def is_known_to(self, request: Request) -> bool:
        """Tell whether whoever asks has this version."""
        asked = request.headers.get("if-none-match")
        if asked is not None:
            return asked.strip() == "*" or self._tag in {each.strip().removeprefix("W/") for each in asked.split(",")}
        return self._updated is not None and _not_since(request.headers.get("if-modified-since"), self._updated)

    def unchanged(self) -> Response:
        """Return that it is as it was."""
        return Response(status_code=304, headers=self.headers)


def cacheable(request: Request, response: Response, *, updated: datetime | None = None) -> Response:
    """Return an answer that caches may keep, or that it is as it was when whoever asks had it last.

    Args:
        request: what was asked.
        response: the whole answer; its language may follow from what the browser asks for.
        updated: when what it tells changed last (aware); None: nobody knows.
    """
    version = Version(bytes(response.body), updated=updated)
    if version.is_known_to(request):
        return version.unchanged()
    response.headers.update(version.headers)
    return response


def _not_since(header: str | None, updated: datetime) -> bool:
    try:
        return header is not None and parsedate_to_datetime(header) >= updated.replace(microsecond=0)
    except (ValueError, TypeError):
        return False
