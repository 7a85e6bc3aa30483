"""What the API answers, held against what it says of itself."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from tests.web.conftest import World, settings_of
from trialalerts.settings import Settings
from trialalerts.web.api.description import describe_api

__all__ = ["BASE", "ask", "description", "faults"]

BASE = "/api/v1"
_PROBLEM = "application/problem+json"


@cache
def description() -> dict[str, Any]:
    """Return what the API says of itself with the settings of the tests."""
    settings: Settings = settings_of()
    return describe_api(settings)


def ask(world: World, path: str, *, method: str = "GET", status: int = 200, **how: Any) -> httpx.Response:
    """Return an answer that has the status, and is as it is described."""
    answer = world.client.request(method, BASE + path, **how)
    assert answer.status_code == status, answer.text
    assert faults(answer) == []
    return answer


def faults(answer: httpx.Response) -> list[str]:
    """Return what of an answer is not as its operation describes it; what is not described may only be a problem."""
    asked = answer.request
    path = asked.url.path.removeprefix(BASE)
    kind = answer.headers.get("content-type", "")
    operation = _operation(path, asked.method)
    told = operation.get("responses", {}).get(str(answer.status_code))
    if asked.method == "HEAD" or answer.status_code in {204, 304}:
        return [f"it has {kind}"] if answer.content else []
    if told is None:
        always = {404, 405, 408, 500} if operation else {404, 405}
        if answer.status_code not in always or kind != _PROBLEM:
            return [f"{answer.status_code} is not described"]
        schema = {"$ref": "#/components/schemas/ProblemDetails"}
    else:
        if kind not in told["content"]:
            return [f"{kind} is not described"]
        schema = told["content"][kind]["schema"]
    whole = schema | {"components": description()["components"]}
    return [each.message for each in jsonschema_rs.validator_for(whole).iter_errors(answer.json())]


def _operation(path: str, method: str) -> dict[str, Any]:
    paths = description()["paths"]
    first = "/" + path.split("/")[1] if "/" in path else path
    known = path if path in paths else f"{first}/{{number}}"
    found: dict[str, Any] = paths.get(known, {}).get("get" if method == "HEAD" else method.lower(), {})
    return found
