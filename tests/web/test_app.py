"""What holds for every page: nothing changes by looking, nothing breaks by typing, nothing is given away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.web.conftest import SECRET, World, open_world, path_of, settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.schema import upgrade_schema
from trialalerts.errors import ConfigurationError
from trialalerts.logs import log_to_standard_error
from trialalerts.settings import ServiceSettings, Settings, TemplateSettings
from trialalerts.subscribers.tables import Subscriber
from trialalerts.subscribers.tokens import Purpose, Tokens
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer

PAGES = ("confirm", "unsubscribe", "preferences", "digests")


def _paths(world: World, person: Subscriber) -> list[str]:
    links = world.links
    tokens = [links.unsubscribe(person), links.preferences(person), links.digest(1, person)]
    return [
        "/",
        "/subscribe",
        "/subscribe?area=asthma&region=Leeds",
        "/privacy",
        "/healthz",
        "/static/style.css",
        "/static/icon.svg",
        "/nowhere",
        "/confirm/broken",
        world.confirm_path(person),
        *map(path_of, tokens),
    ]


def test_looking_changes_nothing(each_world: World) -> None:
    people = [each_world.follower(confirmed=False), each_world.follower("bob@example.org")]
    before = each_world.dump()
    for person in people:
        for path in _paths(each_world, person):
            for method in ("GET", "HEAD", "OPTIONS"):
                assert each_world.client.request(method, path).status_code < 500
    assert each_world.dump() == before


def test_no_page_sets_a_cookie_or_lets_anything_from_elsewhere_in(world: World) -> None:
    person = world.follower()
    for path in _paths(world, person):
        answer = world.client.get(path)
        assert "set-cookie" not in answer.headers
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert re.sub(r'<script src="/static/script.js\?v=\w+" defer></script>', "", answer.text).count("<script") == 0
        assert not re.search(r"""(src|href)="?(https?:)?//(?!alerts\.example\.org)""", answer.text), path


def test_no_link_shows_an_address_or_a_disease(world: World) -> None:
    person = world.follower()
    for path in _paths(world, person)[9:]:
        page = world.client.get(path).text
        links = " ".join(re.findall(r'(?:href|action)="([^"]*)"', page))
        assert "ada" not in links
        assert "clerosis" not in links


def test_the_pages_behind_a_token_are_kept_by_nobody(world: World) -> None:
    person = world.follower()
    for path in _paths(world, person)[8:]:
        headers = world.client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"].startswith("noindex")


TOKENS = st.text(st.characters(codec="utf-8"), max_size=60).map(lambda token: quote(token, safe=""))


@pytest.fixture(scope="module")
def lasting_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all examples of a test."""
    db = open_database(f"sqlite:///{tmp_path_factory.mktemp('web') / 'test.db'}")
    upgrade_schema(db)
    yield from open_world(db, FrozenClock(datetime(2026, 3, 2, tzinfo=UTC)), settings_of())
    db.dispose()


@given(page=st.sampled_from(PAGES), token=TOKENS, method=st.sampled_from(["GET", "POST"]))
@example(page="confirm", token="%00", method="GET")
@example(page="unsubscribe", token="%ff%fe", method="POST")
@example(page="preferences", token="a" * 5000, method="GET")
@example(page="digests", token="..%2f..%2fetc%2fpasswd", method="GET")
@settings(max_examples=100, deadline=None)
def test_no_token_breaks_a_page(lasting_world: World, page: str, token: str, method: str) -> None:
    answer = lasting_world.client.request(method, f"/{page}/{token}")
    assert answer.status_code in {400, 404, 405}
    assert "<html lang=" in answer.text


@given(at=st.integers(min_value=0, max_value=300), letter=st.characters(codec="ascii"), page=st.sampled_from(PAGES))
@settings(max_examples=80, deadline=None)
def test_no_changed_token_opens_a_page(lasting_world: World, at: int, letter: str, page: str) -> None:
    token = Tokens(SECRET).sign(Purpose.UNSUBSCRIBE, "a-key")
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    answer = lasting_world.client.get(f"/{page}/{quote(changed, safe='')}")
    assert (answer.status_code == 200) == (page == "unsubscribe" and changed == token)


def test_a_token_for_one_thing_does_nothing_else(world: World) -> None:
    person = world.follower(confirmed=False)
    before = world.dump()
    tokens = {page: path.rpartition("/")[2] for page, path in zip(PAGES, _paths(world, person)[9:], strict=True)}
    for page in PAGES:
        for other in PAGES:
            if other != page:
                assert world.client.post(f"/{page}/{tokens[other]}", data={"action": "erase-now"}).status_code in {
                    400,
                    405,
                }
    assert world.dump() == before


FIELDS = ["address", "area", "region", "radius", "unit", "frequency", "language", "timezone", "consent"]


@given(typed=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=50)))
@settings(max_examples=40, deadline=None)
def test_nothing_typed_breaks_the_form(lasting_world: World, typed: dict[str, str]) -> None:
    body = lasting_world.form(**{name: value.encode("utf-8", "replace").decode() for name, value in typed.items()})
    lasting_world.clock.advance(lasting_world.settings.digests.confirm_within)
    assert lasting_world.client.post("/subscribe", data=body).status_code in {200, 422}


# ---- errors


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/nowhere", 404, "There is no such page"),
        ("GET", "/static/../settings.py", 404, "There is no such page"),
        ("GET", "/static/base.html", 404, "There is no such page"),
        ("POST", "/privacy", 405, "That does not work here"),
        ("DELETE", "/subscribe", 405, "That does not work here"),
        ("GET", "/preferences/abc", 400, "This link does not work"),
    ],
)
def test_an_error_is_a_friendly_page(world: World, method: str, path: str, status: int, told: str) -> None:
    answer = world.client.request(method, path)
    assert answer.status_code == status
    assert told in answer.text
    assert 'href="/subscribe?lang=en"' in answer.text


def test_too_large_a_form_is_refused(world: World) -> None:
    answer = world.client.post("/subscribe", data=world.form(area="x" * 70_000))
    assert answer.status_code == 413
    assert "That was too much" in answer.text


def test_a_fault_of_ours_shows_no_trace_and_logs_no_value(world: World) -> None:
    person = world.follower()
    with world.db.write() as session:
        session.connection().execute(text("UPDATE preference SET created_at = 'not a date'"))
    log_to_standard_error(level="info")
    with structlog.testing.capture_logs() as lines:
        answer = world.client.get(path_of(world.links.preferences(person)))
        world.server.stop()
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "Traceback" not in answer.text
    assert [line["event"] for line in lines][:2] == ["web.failed", "web.request"]
    for word in ("not a date", "ada@", person.key):
        assert word not in answer.text + str(lines)


def test_no_log_line_holds_a_token_an_address_or_a_disease(world: World) -> None:
    person = world.follower(confirmed=False)
    log_to_standard_error(level="info")
    with structlog.testing.capture_logs() as lines:
        for path in _paths(world, person):
            world.client.get(path)
        world.client.post("/subscribe", data=world.form(area="asthma", address="bob@example.org"))
        world.client.post(world.confirm_path(person))
        world.server.stop()
    logged = str(lines)
    assert "/confirm/{token}" in logged
    tokens = [path.rpartition("/")[2] for path in _paths(world, person)[9:]]
    for word in (*tokens, "ada@", "bob@", "sthma", "clerosis", "Leeds", "127.0.0.1"):
        assert word not in logged


def test_the_looks_are_served_and_may_be_kept(world: World) -> None:
    for path, kind in {
        "/static/style.css": "text/css; charset=utf-8",
        "/static/icon.svg": "image/svg+xml",
        "/favicon.ico": "image/svg+xml",
    }.items():
        answer = world.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["cache-control"] == "public, max-age=86400"


# ---- health


def test_health_is_good_while_the_database_answers(each_world: World) -> None:
    answer = each_world.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("url", ["postgresql+psycopg://user:hunter2@127.0.0.1:1/none", "sqlite:///{tmp}/empty.db"])
def test_health_is_bad_and_pages_are_friendly_while_it_does_not(tmp_path: Path, clock: FrozenClock, url: str) -> None:
    db = open_database(url.format(tmp=tmp_path))
    server = WebServer(settings_of(), create_app(settings_of(), db, clock))
    server.start()
    try:
        health = httpx.get(f"{server.url}/healthz", timeout=60)
        assert (health.status_code, health.json()) == (503, {"status": "the database does not answer"})
        page = httpx.get(server.url, headers={"Accept-Language": "en"}, timeout=60)
        assert page.status_code == 503
        assert "We will be back in a moment" in page.text
        assert "hunter2" not in health.text + page.text
    finally:
        server.stop()
        db.dispose()


# ---- the operator's own


def test_the_operators_words_templates_and_looks_win(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> None:
    own = tmp_path / "web"
    own.mkdir()
    (own / "strings.en.toml").write_text('[subscribe]\ntitle = "Trials for Exampleton"\n')
    (own / "privacy.html").write_text('{% extends "base.html" %}{% block content %}Our own words{% endblock %}')
    (own / "style.css").write_text("body { color: teal }")
    for world in open_world(sqlite_db, clock, settings_of(templates=TemplateSettings(folder=str(tmp_path)))):
        assert "Trials for Exampleton" in world.client.get("/").text
        assert "Our own words" in world.client.get("/privacy").text
        assert world.client.get("/static/style.css").text == "body { color: teal }"
        assert "Stop these mails?" in world.client.get(path_of(world.links.unsubscribe(world.follower()))).text


@pytest.mark.parametrize("broken", ["{{ nonsense }}", "{% if %}", "{{ t('no.such.text') }}", "{{ 1 / 0 }}"])
def test_a_broken_template_of_the_operator_gives_way_to_the_shipped_one(
    sqlite_db: Database, clock: FrozenClock, tmp_path: Path, broken: str
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "privacy.html").write_text(broken)
    for world in open_world(sqlite_db, clock, settings_of(templates=TemplateSettings(folder=str(tmp_path)))):
        with structlog.testing.capture_logs() as lines:
            assert "What we store" in world.client.get("/privacy").text
            world.server.stop()
        assert lines[0]["event"] == "web.template_failed"
        assert lines[0]["template"] == "privacy.html"


def test_a_service_below_a_path_links_below_it(sqlite_db: Database, clock: FrozenClock) -> None:
    service = ServiceSettings(base_url="https://example.org/alerts/", secret=SECRET)
    for world in open_world(sqlite_db, clock, settings_of(service=service)):
        page = world.client.get("/").text
        assert 'action="/alerts/subscribe?lang=en"' in page
        assert 'href="/alerts/static/style.css?v=' in page
        assert not re.search(r'(href|action|src)="/(?!alerts/)', page)


def test_without_a_secret_there_are_no_pages(sqlite_db: Database, clock: FrozenClock) -> None:
    with pytest.raises(ConfigurationError, match=r"^service\.secret: "):
        create_app(Settings(), sqlite_db, clock)
