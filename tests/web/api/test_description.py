"""The description of the API: OpenAPI 3.1, whole, and kept to whatever a program sends (by schemathesis)."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import CheckFunction
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.web.api.described import BASE, description
from tests.web.api.test_signing_up import made
from tests.web.conftest import World, settings_of
from tests.web.test_area_page import furnish
from tests.web.test_article import store
from tests.web.test_trial_page import NOW
from trialalerts.clock import FrozenClock
from trialalerts.web.api.description import describe_api
from trialalerts.web.app import create_app


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def _operations() -> list[tuple[str, str]]:
    return [(path, method) for path, known in description()["paths"].items() for method in known]


def test_the_description_is_served_as_it_is(world: World) -> None:
    answer = world.client.get(f"{BASE}/openapi.json")
    assert answer.json() == describe_api(world.settings) == describe_api(settings_of())
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["servers"] == [{"url": "https://alerts.example.org/api/v1"}]


def test_each_route_of_the_api_is_described(world: World) -> None:
    app = create_app(world.settings, world.db, world.clock)
    routes = {
        (getattr(route, "path", "").removeprefix(BASE).replace(":path", ""), method.lower())
        for route in app.routes
        if getattr(route, "path", "").startswith(f"{BASE}/")
        for method in getattr(route, "methods", None) or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    assert routes - {("/openapi.json", "get")} == set(_operations())


@pytest.mark.parametrize("kind", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize(("path", "method"), _operations(), ids=[f"{m} {p}" for p, m in _operations()])
def test_whatever_is_sent_is_answered_as_described(world: World, path: str, method: str, kind: GenerationMode) -> None:
    furnish(world)
    store(world.db)
    key = made(world, rate=100_000)
    operation = schemathesis.openapi.from_dict(description())[path][method.upper()]
    # No schema says which cursors we wrote, and which names of areas and places mean something in a body.
    has_cursor = any(each["name"] == "cursor" for each in description()["paths"][path][method].get("parameters", ()))
    opaque: list[CheckFunction] = [positive_data_acceptance] if has_cursor or method == "post" else []

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(data=st.data())
    def tried(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=kind))
        case.call_and_validate(base_url=world.server.url + BASE, headers=key, excluded_checks=opaque)

    tried()
