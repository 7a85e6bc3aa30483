"""The list of articles, one article, and the steps that an editor takes with it.

The steps are those of the commands, with their errors in their words, and stand in the trail of changes under the
editor's address. Each is taken for the version that was seen: what was changed meanwhile is shown again instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trialalerts.database.audit import note_change
from trialalerts.errors import InvalidInput, SourceError
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.approvals import approve_article
from trialalerts.sources.editors.steps import (
    EditedArticle,
    find_article,
    moment_to_publish,
    publish_article,
    settle_review,
)
from trialalerts.web.desk.door import DeskDoor, EditorVisit
from trialalerts.web.desk.showing import desk_rows, path_in_folder, seen_version, shown_article
from trialalerts.web.site import WebSite

__all__ = ["DeskPages"]

_DONE = {
    "approved": "You approved this version.",
    "published": "It is free to go.",
    "scheduled": "Its hour is set.",
}
_CHANGED = "The article was changed since you looked at it. This is how it stands now: look again, then decide."


class DeskPages:
    """``/desk`` and ``/desk/articles/…``, for who is signed in."""

    def __init__(self, site: WebSite, door: DeskDoor) -> None:
        self._site = site
        self._door = door

    def show_list(self, request: Request) -> Response:
        """Show all articles by how they stand; who is not signed in gets the form that asks for an address."""
        site, visit = self._site, self._door.visit(request)
        if visit is None:
            return self._door.sign_in()
        with SourceContext(site.db, site.settings, site.clock) as context:
            groups, errors = desk_rows(site, context)
        return self._page("list.html", visit, groups=groups, errors=errors, zone=site.settings.service.timezone)

    def show_article(self, request: Request) -> Response:
        """Show one article."""
        visit = self._door.visit(request)
        if visit is None:
            return self._door.refuse(request)
        done = _DONE.get(request.query_params.get("done", ""), "")
        return self._article(request, visit, done=done)

    def take_step(self, request: Request, typed: Mapping[str, object]) -> Response:
        """Approve, publish or schedule the version that was seen."""
        visit = self._door.visit_of_form(request, typed)
        if visit is None:
            return self._door.refuse(request)
        try:
            path = path_in_folder(self._site, request)
            article = find_article(self._site.settings, path)
            if seen_version(article.file) != typed.get("version"):
                return self._article(request, visit, error=_CHANGED, status=409)
            done = self._take(visit, article, typed)
        except (InvalidInput, SourceError) as error:
            return self._article(request, visit, error=str(error), status=409)
        return RedirectResponse(f"{self._path(request)}?done={done}", status_code=303)

    def _take(self, visit: EditorVisit, article: EditedArticle, typed: Mapping[str, object]) -> str:
        site, step = self._site, typed.get("step")
        zone, now = ZoneInfo(site.settings.service.timezone), site.clock.now()
        written = " ".join(str(typed.get(name, ""))[:40] for name in ("day", "hour")).strip()
        at = moment_to_publish(written, zone, now) if written and step != "publish" else None
        if step == "approve":
            other_hour = "day" in typed and at != _hour_of(article, now)
            if other_hour and article.file.status != "draft":  # which a review refuses
                self._schedule(visit, article, at, now)
            return self._approve(visit, article, now)
        if step == "schedule" and at is None:
            raise InvalidInput("no day is given; write the day and the hour at which the article goes out")
        if step not in {"publish", "schedule"}:
            raise InvalidInput("no step is named; press one of the buttons")
        self._schedule(visit, article, at, now)
        return "scheduled" if at else "published"

    def _approve(self, visit: EditorVisit, article: EditedArticle, now: datetime) -> str:
        source, file, name = article.source.name if article.source else "", article.file, visit.editor.name
        settle_review(find_article(self._site.settings, article.path), name, now)  # it may have another hour by now
        with self._site.db.write() as session:
            approve_article(session, source, file.name, file.digest, by=name, now=now)
            subject = f"article {source}/{file.name}"
            note_change(session, visit.editor.who, "article.approved", subject, now=now, new=f"by {name}")
        return "approved"

    def _schedule(self, visit: EditorVisit, article: EditedArticle, at: datetime | None, now: datetime) -> None:
        publish_article(article, at)
        source, file = article.source.name if article.source else "", article.file
        subject, how = f"article {source}/{file.name}", at.isoformat() if at else "at once"
        with self._site.db.write() as session:
            note_change(session, visit.editor.who, "article.published", subject, now=now, old=file.status, new=how)

    def _article(
        self, request: Request, visit: EditorVisit, *, error: str = "", done: str = "", status: int = 200
    ) -> Response:
        """Show an article as it stands now; one that nobody can read with what is wrong."""
        site, shown, unread = self._site, None, ""
        try:
            article = find_article(site.settings, path_in_folder(site, request))
            shown = shown_article(site, article, self._door.language)
        except (InvalidInput, SourceError) as fault:
            unread = str(fault)
        source = request.path_params["source"]
        every = next((each.every for each in site.settings.sources if each.name == source), None)
        return self._page(
            "article.html" if shown else "unread.html",
            visit,
            status=status,
            shown=shown,
            unread=unread,
            file_name=request.path_params["name"],
            place=quote(f"{source}/{request.path_params['name']}"),
            preview=shown and quote(f"{source}/{shown.whole}"),
            error=error,
            done=done,
            every=_words(every),
            zone=site.settings.service.timezone,
            today=site.clock.now().astimezone(ZoneInfo(site.settings.service.timezone)).date().isoformat(),
        )

    def _page(self, template: str, visit: EditorVisit, *, status: int = 200, **values: object) -> Response:
        return self._site.pages.page(f"desk/{template}", self._door.language, status=status, visit=visit, **values)

    def _path(self, request: Request) -> str:
        return f"{self._door.path}/articles/{quote(request.path_params['source'])}/{quote(request.path_params['name'])}"


def _words(every: timedelta | None) -> str:
    """Say how often a folder is read: “every hour”, “every 6 hours”; empty where nobody knows."""
    if not every:
        return ""
    hours, minutes = divmod(round(every.total_seconds() / 60), 60)
    number, unit = (hours, "hour") if not minutes else (hours * 60 + minutes, "minute")
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _hour_of(article: EditedArticle, now: datetime) -> datetime | None:
    """Return the hour to come that an article's file names; None where it names none."""
    at = article.file.publish_at
    return at if at is not None and at > now else None
