"""“I am interested”: a message to the organisation's own nurse, shown as the mail it becomes before it leaves."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from email.utils import parseaddr

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.catalog.tables import Item
from trialalerts.delivery.mail.message import header_line, mail_domain, new_message_id
from trialalerts.delivery.outbox.notices.handing_off import hand_off
from trialalerts.delivery.outbox.notices.tables import Handoff
from trialalerts.delivery.outbox.request_limits import RequestLimits
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.subscribers.tables import Subscriber, SubscriberState, id_of
from trialalerts.web.languages import Language
from trialalerts.web.preference_text import trial_named
from trialalerts.web.site import WebSite
from trialalerts.web.templates import Repeat
from trialalerts.web.trials.follow import meant_trial

__all__ = ["HandoffPage", "may_ask"]

_MAY_ASK = frozenset({SubscriberState.ACTIVE, SubscriberState.PAUSED})
"""Who may write: answers go to an address that its owner has confirmed."""
_MESSAGE, _LINE = 1_000, 80
_ONCE = re.compile(r"[0-9a-f]{32}")


def may_ask(site: WebSite, reader: Subscriber | None) -> bool:
    """Tell whether a reader may write to the nurse: whether there is one, and whose address answers would go to."""
    return bool(site.settings.handoff.address) and reader is not None and reader.state in _MAY_ASK


class HandoffPage:
    """``/ask/{token}``: a form, then the mail as it would leave, then its sending."""

    def __init__(self, site: WebSite, mails: MailRenderer) -> None:
        self._site = site
        self._mails = mails
        self._limits = RequestLimits.of(site.settings)

    def show(self, request: Request) -> Response:
        """Show the form; nothing of the reader stands in it."""
        item, reader = self._meant(request)
        if reader is None:
            return self._ended(request)
        return self._form(request, item, reader, self._written(item, reader, {}))

    def take(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Show the mail as it would leave; send it once it was seen so; or show the form again."""
        item, reader = self._meant(request)
        if reader is None:
            return self._ended(request)
        written, step, once = self._written(item, reader, typed), typed.get("step"), str(typed.get("once", ""))
        if step == "change":
            return self._form(request, item, reader, written)
        if step == "send" and _ONCE.fullmatch(once):
            return self._send(request, item, reader, written, once)
        return self._look(request, reader, written)

    def _form(
        self, request: Request, item: Item, reader: Subscriber, written: Handoff, *, refused: bool = False
    ) -> Response:
        language, again = self._language(request, reader), request.method != "GET"
        return self._site.pages.page(
            "ask.html",
            language,
            status=429 if refused else 200,
            token=request.path_params["token"],
            path=self._path(request),
            trial=trial_named(item, self._site.wordings.of(language.locale)),
            written=written,
            refused=refused,
            here=None if again else self._path(request),
            repeat=Repeat(path=self._path(request), form="ask", name="step", value="change", enter="look")
            if again
            else None,
        )

    def _look(self, request: Request, reader: Subscriber, written: Handoff) -> Response:
        settings = self._site.settings
        to, name = parseaddr(settings.handoff.address)[1], new_message_id(mail_domain(settings.mail.sender))
        fields = {"message": written.message, "name": written.name, "phone": written.phone}
        return self._site.pages.page(
            "ask_look.html",
            self._language(request, reader),
            path=self._path(request),
            mail=self._mails.handoffs.mail(written, reader, to, name),
            mail_language=settings.service.locale,
            answers=reader.address,
            fields={**fields, "once": secrets.token_hex(16)},
            repeat=Repeat(path=self._path(request), form="ask", name="step", value="look", enter="send"),
        )

    def _send(self, request: Request, item: Item, reader: Subscriber, written: Handoff, once: str) -> Response:
        site = self._site
        with site.db.write() as session:
            sent = hand_off(
                session,
                reader,
                written,
                once=once,
                per_person=site.settings.handoff.per_person,
                limits=self._limits,
                now=site.clock.now(),
                domain=mail_domain(site.settings.mail.sender),
            )
        if not sent:
            return self._form(request, item, reader, written, refused=True)
        token, language = request.path_params["token"], self._language(request, reader)
        again = Repeat(path=self._path(request), fields={"step": "send", "once": once})
        return site.pages.page("asked.html", language, token=token, address=reader.address, repeat=again)

    def _written(self, item: Item, reader: Subscriber, typed: Mapping[str, object]) -> Handoff:
        """Return what was typed as a message: texts of bounded length, with line ends in the message alone."""
        lines = str(typed.get("message", ""))[:_MESSAGE].splitlines()
        return Handoff(
            subscriber_id=id_of(reader),
            number=item.external_id,
            message="\n".join(header_line(line) for line in lines).strip(),
            name=header_line(str(typed.get("name", "")))[:_LINE],
            phone=header_line(str(typed.get("phone", "")))[:_LINE],
            created_at=self._site.clock.now(),
        )

    def _meant(self, request: Request) -> tuple[Item, Subscriber | None]:
        """Return the trial, and who may write about it by this link.

        Raises:
            HTTPException: nobody answers such messages.
        """
        if not self._site.settings.handoff.address:
            raise HTTPException(404)
        with self._site.db.read() as session:
            item, reader = meant_trial(self._site, session, request)
            return item, reader if may_ask(self._site, reader) else None

    def _ended(self, request: Request) -> Response:
        return self._site.pages.message("link_expired", self._site.pages.language(request), status=410, again=True)

    def _language(self, request: Request, reader: Subscriber) -> Language:
        return self._site.pages.language(request, reader.reading_locale)

    def _path(self, request: Request) -> str:
        return f"{self._site.pages.prefix}/ask/{request.path_params['token']}"
