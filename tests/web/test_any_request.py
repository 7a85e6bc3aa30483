"""Whatever is asked of any route, the answer is a page in order: never a fault of ours, never the sender's markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from tests.conftest import REPOSITORY
from tests.seen.looking import html_faults
from tests.web.conftest import World, path_of
from tests.web.desk_stage import DeskWorld, fields_of, open_desk
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.web.app import create_app

MARKUP = '"><script>mark()</script>'
TYPED = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            MARKUP,
            "Asthma",
            "Leeds, GB",
            "ada@example.org",
            "-1",
            "9" * 30,
            "NaN",
            "\x00",
            "%00",
            "..%2f..",
            "NCT00000001",
            "yes",
            "save",
            "de",
            "Ａsthma",
            "\u202e",
            "' OR 1=1 --",
        ]
    ),
)
FIELDS = sorted(
    set(re.findall(r'name="(\w+)"', "".join(p.read_text() for p in (REPOSITORY / "templates/web").glob("*.html"))))
)
METHODS = st.sampled_from(["GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
FORMS = st.dictionaries(st.sampled_from(FIELDS), TYPED, max_size=8)


@pytest.fixture
def places(world: World) -> list[str]:
    """The path of each route; tokens are right where a token is asked for, so that what lies behind is tried."""
    person, links = world.follower(), world.links
    known = {"confirm": world.confirm_path(person).rpartition("/")[2]}
    for name in ("unsubscribe", "preferences"):
        known[name] = path_of(getattr(links, name)(person)).rpartition("/")[2]
    app = create_app(world.settings, world.db, world.clock)
    routes = [route for route in app.routes if isinstance(route, Route)]
    return [_filled(route.path, known) for route in routes]


def _filled(path: str, known: Mapping[str, str]) -> str:
    """Return a path with a right token where one is known, else with a hole for anything."""
    first = path.split("/")[1]
    return re.sub(r"\{token\}", known.get(first, "{}"), re.sub(r"\{(?!token)\w+(:\w+)?\}", "{}", path))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_any_request_is_answered_in_order(world: World, places: list[str], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places))
    hole = data.draw(TYPED | st.just("1") | st.just("D001249"))
    method, query, form = data.draw(METHODS), data.draw(FORMS), data.draw(FORMS)
    url = path.replace("{}", _in_a_path(hole))
    language = data.draw(st.sampled_from(["en", "de", "fr", "es", "xx, *;q=0.1", "", "\u00e9"]))
    answer = world.client.request(
        method,
        url,
        params={name: _sendable(value) for name, value in query.items()},
        data={name: _sendable(value) for name, value in form.items()} if method == "POST" else None,
        headers=[(b"Accept-Language", language.encode("latin-1"))],
    )
    assert answer.status_code < 500 or (answer.status_code == 503 and path == "/readyz"), (method, url, answer.text)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>mark" not in answer.text
    assert "Traceback" not in answer.text
    if answer.headers.get("content-type", "").startswith("text/html") and answer.text:
        assert html_faults(answer.text) == [], (method, url)


@pytest.fixture
def desk(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> Iterator[DeskWorld]:
    with open_desk(sqlite_db, clock, tmp_path / "articles") as desk:
        yield desk


DESK_PATHS = st.sampled_from(
    ["/desk", "/desk/open/{}", "/desk/leave", "/desk/articles/editors/{}", "/desk/articles/{}/tablet.md",
     "/desk/articles/editors/tablet.md", "/desk/preview/{}/editors/tablet.md", "/desk/preview/mail/editors/{}"]
)  # fmt: skip
DESK_FORMS = st.dictionaries(st.sampled_from(["address", "form", "version", "step", "day", "hour"]), TYPED, max_size=6)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_any_request_of_an_editor_is_answered_in_order(desk: DeskWorld, data: st.DataObject) -> None:
    client = desk.clients[0] if desk.clients else desk.signed_in()
    seen = client.get("/desk/articles/editors/tablet.md")
    right = fields_of(seen.text)  # so that what lies behind is tried
    url = data.draw(DESK_PATHS).replace("{}", _in_a_path(data.draw(TYPED)))
    method, query, form = data.draw(METHODS), data.draw(DESK_FORMS), data.draw(DESK_FORMS)
    typed = {name: _sendable(value) for name, value in form.items()}
    if data.draw(st.booleans()):
        typed |= right | {"step": data.draw(st.sampled_from(["approve", "publish", "schedule"]))}
    answer = client.request(
        method,
        url,
        params={name: _sendable(value) for name, value in query.items()},
        data=typed if method == "POST" else None,
    )
    assert answer.status_code < 500, (method, url, typed, answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>mark" not in answer.text
    if answer.text and "sandbox" not in answer.headers["content-security-policy"]:
        assert html_faults(answer.text) == [], (method, url)
    if url == "/desk/leave" and answer.status_code == 303:
        desk.clients.pop(0).close()  # one that nobody holds any more would be an unclosed socket in another test


def _in_a_path(typed: str) -> str:
    return quote(_sendable(typed) or "x", safe="")


def _sendable(typed: str) -> str:
    """Return a text without half surrogates, which no client can send."""
    return typed.encode("utf-8", "ignore").decode()
