"""The pages for machines: does this process live, does anything stand still, the figures."""

from __future__ import annotations

import hmac
import time
from ipaddress import ip_address
from threading import Lock

import anyio
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trialalerts.database import Database
from trialalerts.errors import DatabaseBehind, DatabaseUnavailable, DatabaseUnusable
from trialalerts.operations.metrics import RequestMetrics, ServiceMetrics
from trialalerts.operations.watch.standstills import Standstill, find_standstills
from trialalerts.operations.watch.words import words_for
from trialalerts.web.site import WebSite

__all__ = ["StatusPages"]

_PATIENCE_SECONDS = 5.0
_WRITES_EVERY_SECONDS = 5.0
_DATABASE_ERRORS = (DatabaseUnavailable, DatabaseUnusable, DatabaseBehind)
_FORWARDED = ("x-forwarded-for", "forwarded", "via", "x-real-ip")
_DOMAINS = {"mail-held", "mail-refused"}
"""Kinds whose subject is a recipient's domain, which may be a person's own: not for everybody to read."""


class StatusPages:
    """``/healthz``, ``/readyz`` and ``/metrics``; ``requests`` are the figures of this process."""

    def __init__(self, site: WebSite, requests: RequestMetrics) -> None:
        self._site = site
        self._requests = requests
        self._metrics = ServiceMetrics(site.settings, site.db, site.clock)
        self._lock = Lock()
        self._wrote: tuple[float, bool] | None = None

    async def health(self, request: Request) -> Response:
        """Answer 200 where this process lives and its database can be written."""
        del request
        writes = False
        with anyio.move_on_after(_PATIENCE_SECONDS):
            writes = await anyio.to_thread.run_sync(self._can_write, abandon_on_cancel=True)
        if writes:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "the database does not answer"}, status_code=503)

    def ready(self, request: Request) -> Response:
        """Answer 503 where something stands still, with a list of it; no address, no disease."""
        del request
        try:
            found = find_standstills(self._site.settings, self._site.db, self._site.clock)
        except _DATABASE_ERRORS:
            still = [{"kind": "database", "text": "The database does not answer"}]
            return JSONResponse({"ready": False, "stands_still": still}, status_code=503)
        still = [_shown(each) for each in found if each.blocks]
        return JSONResponse({"ready": not still, "stands_still": still}, status_code=503 if still else 200)

    def metrics(self, request: Request) -> Response:
        """Answer with the figures, to loopback or to who brings ``web.metrics_token``; to others there is no page."""
        if not self._may_read(request):
            raise HTTPException(404)
        return Response(self._metrics.exposition(self._requests), media_type=CONTENT_TYPE_LATEST)

    def _may_read(self, request: Request) -> bool:
        """A proxy on this machine comes from loopback, too: what it passes on is somebody else's."""
        token = self._site.settings.web.metrics_token.get_secret_value()
        given = request.headers.get("authorization", "")
        if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return True
        passed_on = any(name in request.headers for name in _FORWARDED)
        return not passed_on and request.client is not None and _is_loopback(request.client.host)

    def _can_write(self) -> bool:
        """Write a row as it is: seldom, so that who asks all the time keeps nobody from the database."""
        with self._lock:
            now = time.monotonic()
            if self._wrote is None or not self._wrote[1] or now - self._wrote[0] >= _WRITES_EVERY_SECONDS:
                self._wrote = (now, _writes(self._site.db))
            return self._wrote[1]


def _shown(each: Standstill) -> dict[str, str]:
    """Return what anybody may read of a standstill."""
    subject = {"subject": each.subject} if _may_show(each.kind, each.subject) else {}
    said = words_for(each.kind).says if each.kind in _DOMAINS else each.text
    return {"kind": each.kind, **subject, "since": each.since.isoformat(), "text": said, "remedy": each.command}


def _writes(db: Database) -> bool:
    try:
        with db.write() as session:
            session.connection().execute(text("UPDATE alembic_version SET version_num = version_num"))
    except _DATABASE_ERRORS:
        return False
    return True


def _may_show(kind: str, subject: str) -> bool:
    return bool(subject) and kind not in _DOMAINS and words_for(kind).names_subject


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
