"""The digest as a page: what a mail said, whole, for those whose mail program cuts it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest
from trialalerts.subscribers.links import READ_WITHIN
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.middleware import content_policy
from trialalerts.web.site import LinkEnded, WebSite

__all__ = ["DigestPage"]


class DigestPage:
    """The page ``/digests/{token}``."""

    def __init__(self, site: WebSite, renderer: MailRenderer) -> None:
        self._site = site
        self._renderer = renderer

    def show(self, request: Request) -> Response:
        """Show the digest that the token names, drawn like the mail: with its styles within, and no scripts."""
        with self._site.db.read() as session:
            subscriber, said = self._site.reader(
                session, Purpose.DIGEST, request.path_params["token"], max_age=READ_WITHIN
            )
            digest = session.get(Digest, said.data.get("digest"))
            if digest is None or digest.subscriber_id != subscriber.id:
                raise LinkEnded("This link belongs to a digest that is no longer kept.")
            page = self._renderer.digest_page(session, digest, subscriber)
        return HTMLResponse(page, headers={"Content-Security-Policy": content_policy(styles="'unsafe-inline'")})
