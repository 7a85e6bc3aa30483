"""Who opens the settings, and how sure we are of it: a link just asked for opens more than one from an old mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from trialalerts.delivery.mail.message import mail_domain
from trialalerts.delivery.outbox.notices.asking import request_link
from trialalerts.errors import TokenError
from trialalerts.subscribers.links import FRESH_WITHIN, SETTINGS_WITHIN
from trialalerts.subscribers.people import find_by_key
from trialalerts.subscribers.tables import Subscriber
from trialalerts.subscribers.tokens import Purpose, TokenTooOld
from trialalerts.web.site import LinkEnded, WebSite
from trialalerts.web.templates import Repeat, with_query

__all__ = ["Access", "access_of", "ask_for_fresh", "mail_fresh_link", "once_more", "own_path", "switch"]

_SHOWN = {"see", "edit", "rest", "step", "do"}
"""What of a query says which page is shown; what was done is not said twice."""
_RENEWABLE = (Purpose.FRESH, Purpose.PREFERENCES, Purpose.DIGEST)


@dataclass(frozen=True, kw_only=True)
class Access:
    """Whose settings a link opens; with a ``fresh`` one the address is changed, and data are fetched or erased."""

    subscriber: Subscriber
    fresh: bool


def own_path(site: WebSite, request: Request, *, within: str = "") -> str:
    """Return the path of somebody's own pages with its token, or of what is ``within``; a language asked for stays."""
    path = f"{site.pages.prefix}/preferences/{request.path_params['token']}{within}"
    asked = site.pages.languages.get(request.query_params.get("lang"))
    return with_query(path, lang=asked.code) if asked else path


def switch(
    site: WebSite,
    request: Request,
    query: Mapping[str, str] | None = None,
    *,
    sent: Mapping[str, object] | None = None,
) -> Mapping[str, Any]:
    """Return what a page needs to be had in another language: its path, and what it shows of it.

    The answer to a form is had by a ``query`` that gets the same page, or else by what was ``sent`` that could not be
    done: it is sent once more, so that nothing that was typed is forgotten.
    """
    if request.method == "POST" and query is None:
        return {"repeat": once_more(site, request, sent or {})}
    shown = query or {name: value for name, value in request.query_params.items() if name in _SHOWN}
    return {"here": _here(site, request), "here_query": shown}


def once_more(site: WebSite, request: Request, sent: Mapping[str, object]) -> Repeat:
    """Return how a form of the settings is sent once more, with what was typed."""
    return Repeat(path=_here(site, request), fields={name: str(value) for name, value in sent.items() if value})


def _here(site: WebSite, request: Request) -> str:
    return f"{site.pages.prefix}/preferences/{request.path_params['token']}"


def access_of(site: WebSite, session: Session, token: str) -> Access:
    """Return what a link to the settings opens.

    Raises:
        RenewableLinkTooOld: its time is over.
        TokenError: it is broken, or its subscriber was erased.
    """
    try:
        subscriber, _ = site.reader(session, Purpose.FRESH, token, max_age=FRESH_WITHIN)
    except (TokenTooOld, LinkEnded):
        raise
    except TokenError:
        subscriber, _ = site.reader(session, Purpose.PREFERENCES, token, max_age=SETTINGS_WITHIN)
        return Access(subscriber=subscriber, fresh=False)
    return Access(subscriber=subscriber, fresh=True)


def mail_fresh_link(site: WebSite, token: str) -> None:
    """Mail a fresh link to whoever a link belongs to, however old that one is.

    Raises:
        TokenError: it is none of ours.
    """
    with site.db.write() as session:
        subscriber = find_by_key(session, _key_of(site, token))
        if subscriber is not None:
            domain = mail_domain(site.settings.mail.sender)
            request_link(session, subscriber, now=site.clock.now(), domain=domain)


def _key_of(site: WebSite, token: str) -> str:
    for purpose in _RENEWABLE[:-1]:
        try:
            return site.tokens.read(purpose, token, max_age=None).key
        except TokenError:
            continue
    return site.tokens.read(_RENEWABLE[-1], token, max_age=None).key


def ask_for_fresh(site: WebSite, request: Request, subscriber: Subscriber, token: str, action: str = "") -> Response:
    """Show the page that offers a fresh link, for what an older one does not open: a page, or what a form asks."""
    language, back = site.pages.language(request, subscriber.reading_locale), own_path(site, request)
    shown = switch(site, request, sent={"action": action})
    return site.pages.page("fresh.html", language, token=token, back=back, address=subscriber.address, **shown)
