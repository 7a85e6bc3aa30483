"""Which path of the editors' desk leads to which page; there are none unless the role ``desk`` is on."""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import Route
from starlette.types import ASGIApp

from trialalerts.database import Database
from trialalerts.operations.desk.logins import require_editors
from trialalerts.web.desk.articles import DeskPages
from trialalerts.web.desk.door import DeskDoor
from trialalerts.web.desk.previews import DeskPreviews
from trialalerts.web.forms import reads_form
from trialalerts.web.site import WebSite

__all__ = ["DESK_PATH", "desk_routes"]

DESK_PATH = "/desk"


def desk_routes(site: WebSite, pages_of: Callable[[Database], ASGIApp]) -> list[Route]:
    """Return the routes of the desk. The link of a mail is no ``{token}``: forms behind it are checked as all others.

    ``pages_of`` gives the pages for readers that a database makes: previews show one of them.

    Raises:
        ConfigurationError: nobody may come in.
    """
    require_editors(site.settings)
    door = DeskDoor(site)
    pages = DeskPages(site, door)
    article, opened = f"{DESK_PATH}/articles/{{source}}/{{name:path}}", f"{DESK_PATH}/open/{{link}}"
    return [
        Route(DESK_PATH, pages.show_list, methods=["GET"]),
        Route(DESK_PATH, reads_form(door.ask, lenient=True), methods=["POST"]),
        Route(opened, door.show_link, methods=["GET"]),
        Route(opened, reads_form(door.open, lenient=True), methods=["POST"]),
        Route(f"{DESK_PATH}/leave", reads_form(door.leave, lenient=True), methods=["POST"]),
        Route(article, pages.show_article, methods=["GET"]),
        Route(article, reads_form(pages.take_step, lenient=True), methods=["POST"]),
        Route(f"{DESK_PATH}/preview/{{kind}}/{{source}}/{{name:path}}", DeskPreviews(site, door, pages_of).show),
    ]
