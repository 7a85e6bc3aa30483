"""The way into the editors' desk and out of it: a mailed link, a button, a cookie.

Opening the link shows a button and changes nothing, so that programs that look at links in mails use none up. The
cookie names a row and is signed; pages of other sites cannot send it, and forms carry a word of their session besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trialalerts.database.audit import note_change
from trialalerts.errors import TokenError
from trialalerts.operations.desk.logins import (
    LINK_WORKS,
    SESSION_LASTS,
    Editor,
    ask_for_login,
    editor_signed_in,
    open_login,
    sign_out,
    unused_login,
)
from trialalerts.subscribers.tokens import Purpose
from trialalerts.web.clients.limits import client_of
from trialalerts.web.forms import Form
from trialalerts.web.languages import Language
from trialalerts.web.site import WebSite

__all__ = ["DeskDoor", "EditorVisit"]


@dataclass(frozen=True, kw_only=True)
class EditorVisit:
    """An editor who is signed in: ``key`` names the session, ``form`` is what its forms carry."""

    editor: Editor
    key: str
    form: str


class DeskDoor:
    """Signing in, and the look at who is signed in."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._https = site.settings.service.base_url.startswith("https://")
        self._cookie = f"{'__Secure-' if self._https else ''}trialalerts-desk"
        self.path = f"{site.pages.prefix}/desk"

    @property
    def language(self) -> Language:
        """The language of the desk: English, as the commands' words are that it repeats."""
        languages = self._site.pages.languages
        return languages.get("en") or languages.all[0]

    def visit(self, request: Request) -> EditorVisit | None:
        """Return who is signed in; None where nobody is."""
        site, key = self._site, self._key(Purpose.DESK_SESSION, request.cookies.get(self._cookie, ""))
        if not key:
            return None
        with site.db.read() as session:
            editor = editor_signed_in(session, site.settings, key, now=site.clock.now())
        if editor is None:
            return None
        return EditorVisit(editor=editor, key=key, form=site.tokens.sign(Purpose.DESK_FORM, key))

    def visit_of_form(self, request: Request, typed: Mapping[str, object]) -> EditorVisit | None:
        """Return who is signed in and sent a form that this session showed."""
        visit = self.visit(request)
        return visit if visit and self._key(Purpose.DESK_FORM, str(typed.get("form", ""))) == visit.key else None

    def sign_in(self, *, status: int = 200, **values: object) -> Response:
        """Show the form that asks for an address."""
        shown = {"address": "", "error": "", "ended": False} | values
        return self._site.pages.page("desk/sign_in.html", self.language, status=status, visit=None, **shown)

    def refuse(self, request: Request) -> Response:
        """Answer somebody who is not signed in: a page leads to the form, and a form changes nothing."""
        if request.method == "POST":
            return self.sign_in(status=403, ended=True)
        return RedirectResponse(self.path, status_code=303)

    def ask(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Take an address; the answer is the same for all."""
        site = self._site
        if wait := site.sign_ups.wait(client_of(request.client.host if request.client else None)):
            return site.pages.message("limit", self.language, status=429, headers={"Retry-After": str(wait)})
        form = Form.filled(typed)
        address = form.address()
        if not address:
            error = "This is no e-mail address; write one such as anna@example.org"
            return self.sign_in(status=422, address=form.values["address"], error=error)
        with site.db.write() as session:
            ask_for_login(session, site.settings, address, now=site.clock.now())
        minutes = LINK_WORKS.seconds // 60
        return site.pages.page("desk/asked.html", self.language, visit=None, minutes=minutes)

    def show_link(self, request: Request) -> Response:
        """Show the button that opens the desk."""
        site, key = self._site, self._key(Purpose.DESK_LINK, request.path_params["link"])
        with site.db.read() as session:
            editor = unused_login(session, site.settings, key, now=site.clock.now()) if key else None
        if editor is None:
            return self._spent()
        hours = SESSION_LASTS.seconds // 3600
        return site.pages.page("desk/open.html", self.language, visit=None, action=request.url.path, hours=hours)

    def open(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Use the link up, and let its editor in."""
        del typed
        site, now = self._site, self._site.clock.now()
        key = self._key(Purpose.DESK_LINK, request.path_params["link"])
        with site.db.write() as session:
            editor = open_login(session, site.settings, key, now=now) if key else None
            if editor is not None:
                note_change(session, editor.who, "desk.opened", "desk", now=now)
        if editor is None:
            return self._spent()
        answer = RedirectResponse(self.path, status_code=303)
        answer.set_cookie(
            self._cookie,
            site.tokens.sign(Purpose.DESK_SESSION, key),
            max_age=int(SESSION_LASTS.total_seconds()),
            path=self.path,
            secure=self._https,
            httponly=True,
            samesite="strict",
        )
        return answer

    def leave(self, request: Request, typed: Mapping[str, object]) -> Response:
        """End the session, here and wherever else its cookie lies."""
        visit = self.visit_of_form(request, typed)
        if visit is None:
            return self.refuse(request)
        with self._site.db.write() as session:
            sign_out(session, visit.key)
        answer = RedirectResponse(self.path, status_code=303)
        answer.delete_cookie(self._cookie, path=self.path, secure=self._https, httponly=True, samesite="strict")
        return answer

    def _spent(self) -> Response:
        return self.sign_in(status=410, error="This link was used, or it is too old; ask for a new one")

    def _key(self, purpose: Purpose, token: str) -> str:
        """Return which row a signed word names; empty where it is none of ours, or too old."""
        try:
            age = LINK_WORKS if purpose is Purpose.DESK_LINK else SESSION_LASTS
            return self._site.tokens.read(purpose, token, max_age=age).key
        except TokenError:
            return ""
