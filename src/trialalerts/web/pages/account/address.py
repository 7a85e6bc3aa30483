"""The page that a mail to a new address leads to: a button, since mail scanners open links."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from trialalerts.subscribers.account.moving import move
from trialalerts.subscribers.links import FRESH_WITHIN
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.site import LinkEnded, WebSite
from trialalerts.web.templates import Repeat

__all__ = ["AddressPage"]


class AddressPage:
    """The page ``/address/{token}``."""

    def __init__(self, site: WebSite) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """Show the button; changes nothing."""
        site, token = self._site, request.path_params["token"]
        with site.db.read() as session:
            subscriber, _ = site.holder(session, Purpose.ADDRESS, token, max_age=FRESH_WITHIN)
            language = site.pages.language(request, subscriber.reading_locale)
        return site.pages.page("address.html", language, token=token, here=f"{site.pages.prefix}/address/{token}")

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Write to the new address from now on; a second time does nothing more and says the same."""
        del typed
        site, token = self._site, request.path_params["token"]
        with site.db.write() as session:
            subscriber, said = site.holder(session, Purpose.ADDRESS, token, max_age=FRESH_WITHIN)
            if not move(session, subscriber, said.data.get("asked", 0), now=site.clock.now()):
                raise LinkEnded("This link belongs to a wish that is over.")
            language = site.pages.language(request, subscriber.reading_locale)
            address, link = subscriber.address, site.links.preferences(subscriber)
        repeat = Repeat(path=f"{site.pages.prefix}/address/{token}")
        return site.pages.page("moved.html", language, address=address, settings_url=link, repeat=repeat)
