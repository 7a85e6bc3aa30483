"""The doctor asks the public web address, and tries a one-click POST as mail programs do."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.delivery.post import SECRET
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.checks.outside import AskedMeanwhile
from trialalerts.operations.checks.web import web_questions
from trialalerts.settings import ServiceSettings, Settings, WebSettings
from trialalerts.web.app import create_app
from trialalerts.web.server import WebServer


def service_at(base_url: str, secret: str = SECRET) -> Settings:
    return Settings(
        service=ServiceSettings(base_url=base_url, secret=SecretStr(secret)), web=WebSettings(host="127.0.0.1", port=0)
    )


def asked(base_url: str, secret: str = SECRET) -> list[DoctorCheck]:
    return list(AskedMeanwhile(web_questions(service_at(base_url, secret)), seconds=20).answers())


@pytest.fixture
def real(sqlite_db: Database, clock: FrozenClock) -> Iterator[WebServer]:
    server = WebServer(service_at("http://x"), create_app(service_at("http://x"), sqlite_db, clock))
    server.start()
    yield server
    server.stop()


def test_a_service_that_works_is_good(real: WebServer) -> None:
    assert [(check.level, check.what) for check in asked(real.url)] == [
        ("good", f"the web pages answer at {real.url}"),
        ("good", f"one-click unsubscribing at {real.url} answers 200"),
    ]


def test_another_secret_than_the_daemons_is_found(real: WebServer) -> None:
    levels = {check.level: check for check in asked(real.url, secret="another secret, of thirty-two signs")}
    assert "one-click unsubscribing" in levels["broken"].what
    assert "HTTP 400" in levels["broken"].what
    assert "service.secret" in levels["broken"].remedy


async def _fine(request: Request) -> Response:
    del request
    return JSONResponse({})


async def _elsewhere(request: Request) -> Response:
    del request
    return RedirectResponse("https://example.org/login")


@pytest.mark.parametrize(
    ("health", "one_click", "levels"),
    [
        (_fine, _elsewhere, ["good", "broken"]),
        (_elsewhere, _fine, ["broken", "good"]),
        (_fine, None, ["good", "broken"]),
    ],
)
def test_what_stands_before_it_is_seen(health: object, one_click: object, levels: list[str]) -> None:
    routes = [Route("/healthz", health)]  # type: ignore[arg-type]
    if one_click is not None:
        routes.append(Route("/unsubscribe/{token}", one_click, methods=["POST"]))  # type: ignore[arg-type]
    server = WebServer(service_at("http://x"), Starlette(routes=routes))
    server.start()
    try:
        assert [check.level for check in asked(server.url)] == levels
    finally:
        server.stop()


def test_nobody_there_on_this_machine_is_worth_a_look_and_told_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = asked(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert [check.level for check in found] == ["look", "good"]
    assert "trialalerts run" in found[0].remedy


def test_a_name_that_nobody_knows_here_is_no_fault() -> None:
    (check, _) = asked("https://alerts.invalid")
    assert check.level == "look"


def test_nothing_is_asked_at_the_default_address() -> None:
    assert web_questions(service_at("http://127.0.0.1:8080")) == {}
