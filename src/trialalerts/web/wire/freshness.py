"""Public answers that caches may keep: for how long, and that they are as they were (RFC 9110, 13)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["cacheable"]

_PERIOD = "public, max-age=600"


def cacheable(request: Request, response: Response, *, updated: datetime | None = None) -> Response:
    """Return an answer that caches may keep, or that it is as it was when whoever asks had it last.

    Args:
        request: what was asked.
        response: the whole answer; its language may follow from what the browser asks for.
        updated: when what it tells changed last (aware); None: nobody knows.
    """
    tag = f'"{blake2b(bytes(response.body), digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": _PERIOD, "Vary": "Accept-Language"}
    if updated is not None:
        headers["Last-Modified"] = format_datetime(updated.astimezone(UTC).replace(microsecond=0), usegmt=True)
    asked = request.headers.get("if-none-match")
    if asked is not None:
        fresh = asked.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in asked.split(",")}
    else:
        fresh = updated is not None and _not_since(request.headers.get("if-modified-since"), updated)
    if fresh:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def _not_since(header: str | None, updated: datetime) -> bool:
    try:
        return header is not None and parsedate_to_datetime(header) >= updated.replace(microsecond=0)
    except (ValueError, TypeError):
        return False
