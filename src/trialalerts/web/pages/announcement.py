"""An announcement as a page: for those whose mails say only that there is news."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from trialalerts.delivery.outbox.notices.announcing import known_recipients
from trialalerts.delivery.outbox.notices.tables import Announcement
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.subscribers.links import READ_WITHIN
from trialalerts.subscribers.tables import id_of
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.middleware import content_policy
from trialalerts.web.site import LinkEnded, RenewableLinkTooOld, WebSite

__all__ = ["AnnouncementPage"]

_HANDOVER_WITHIN = timedelta(days=90)
"""So long it can be read that the service changes hands: until that has come to pass."""


class AnnouncementPage:
    """The page ``/announcements/{token}``."""

    def __init__(self, site: WebSite, renderer: MailRenderer) -> None:
        self._site = site
        self._renderer = renderer

    def show(self, request: Request) -> Response:
        """Show the announcement that the token names, to somebody who was told it; drawn like the mail."""
        with self._site.db.read() as session:
            subscriber, said = self._site.reader(
                session, Purpose.ANNOUNCEMENT, request.path_params["token"], max_age=_HANDOVER_WITHIN
            )
            announcement = session.get(Announcement, said.data.get("announcement"))
            to_all = announcement is not None and announcement.handover is not None
            if not to_all and self._site.clock.now() - said.signed_at > READ_WITHIN:
                raise RenewableLinkTooOld(request.path_params["token"])
            page = None
            if announcement is not None and known_recipients(session, announcement, [id_of(subscriber)]):
                words = self._renderer.words_of(subscriber)
                page = self._renderer.announcements.page(session, announcement, subscriber, words)
        if page is None:
            raise LinkEnded("This link belongs to an announcement that is no longer kept.")
        return HTMLResponse(page, headers={"Content-Security-Policy": content_policy(styles="'unsafe-inline'")})
