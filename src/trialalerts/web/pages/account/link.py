"""“Send me my link”: the same answer for any address."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.asking import request_link_for
from trialalerts.delivery.outbox.request_limits import RequestLimits
from trialalerts.web.clients.limits import client_of
from trialalerts.web.forms import Form
from trialalerts.web.languages import Language
from trialalerts.web.pages.account.access import mail_fresh_link
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat

__all__ = ["LinkPage", "link_sent"]

_SENT = "sent"


def link_sent(site: WebSite, language: Language) -> Response:
    """Say that a link is on its way."""
    repeat = Repeat(path=f"{site.pages.prefix}/link", name="action", value=_SENT)
    return site.pages.message("link_sent", language, repeat=repeat)


class LinkPage:
    """The page ``/link``."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._limits = RequestLimits.of(site.settings)

    def show(self, request: Request) -> Response:
        """Show the form."""
        return self._form(Form.filled({}), self._site.pages.language(request))

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Mail the link to whoever has the address, or to whom an old link (``token``) belongs; always say the same."""
        site = self._site
        language = site.pages.language(request)
        if typed.get("action") == _SENT:
            return link_sent(site, language)
        client = client_of(request.client.host if request.client else None)
        if wait := site.sign_ups.wait(client):
            return site.pages.message("limit", language, status=429, headers={"Retry-After": str(wait)})
        if token := typed.get("token"):
            mail_fresh_link(site, str(token))
            return link_sent(site, language)
        form = Form.filled(typed)
        address = form.address()
        if form.errors:
            return self._form(form, language, status=422)
        with site.db.write() as session:
            domain = mail_domain(site.settings.mail.sender)
            request_link_for(session, address, now=site.clock.now(), domain=domain, limits=self._limits)
        return link_sent(site, language)

    def _form(self, form: Form, language: Language, *, status: int = 200) -> Response:
        here = f"{self._site.pages.prefix}/link"
        return self._site.pages.page("link.html", language, status=status, form=form, here=here)
