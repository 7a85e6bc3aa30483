"""The API described as OpenAPI 3.1, from the models that read the questions and write the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from trialalerts import __version__
from trialalerts.settings import Settings
from trialalerts.web.api.answers import ProblemDetails
from trialalerts.web.api.endpoints import API_PATH, READING, SIGNING_UP, Reading, Writing
from trialalerts.web.api.problems import MEDIA_TYPE

__all__ = ["describe_api"]

_Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_ABOUT = (
    "Open trials, articles and sign-ups of a service that tells people by e-mail about clinical trials. Reading is "
    "open and shows what the public pages show; signing up needs a key. No answer holds anything about a subscriber. "
    "An error is problem details (RFC 9457)."
)
_KEY = "Made by `trialalerts api-keys add NAME`. Keys are for servers: one in a page is everybody's."
_SAID = {
    304: "It is as it was when you had it last.",
    400: "A parameter, or the body, makes no sense.",
    401: "The key is missing, unknown or revoked.",
    403: "The key is for something else.",
    404: "Nothing is known by this name or number.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Something in the body makes no sense: `errors` says what.",
    429: "Too many requests; `Retry-After` says when to ask again.",
    503: "The database does not answer.",
}


def describe_api(settings: Settings) -> _Json:
    """Return the description of the API of a service."""
    models: list[type[BaseModel]] = [*(each.model for each in READING), SIGNING_UP.model, ProblemDetails]
    written: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "serialization") for model in models]
    _, defined = models_json_schema([*written, (SIGNING_UP.body, "validation")], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": settings.service.name, "version": __version__, "summary": "Version 1", "description": _ABOUT},
        "servers": [{"url": settings.service.base_url + API_PATH}],
        "paths": {each.path: {"get": _reading(each)} for each in READING}
        | {SIGNING_UP.path: {"post": _writing(SIGNING_UP)}},
        "components": {
            "schemas": {name: _plain(schema) for name, schema in sorted(defined["$defs"].items())},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": _KEY}},
        },
    }


def _reading(operation: Reading) -> _Json:
    schema = operation.question.model_json_schema()
    needed = schema.get("required", [])
    parameters = [_parameter(name, each, needed) for name, each in schema["properties"].items()]
    if "{number}" in operation.path:
        parameters.insert(0, {"name": "number", "in": "path", "required": True, "schema": _NUMBER[operation.name]})
    answer = {
        "description": "What was asked for.",
        "headers": _headers("Content-Language", "Cache-Control"),
        "content": _content(operation.model),
    }
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {"200": answer, "304": {"description": _SAID[304]}, **problems_told((*operation.problems, 503))},
    }


def _writing(operation: Writing) -> _Json:
    schema = operation.question.model_json_schema()
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "security": [{"key": []}],
        "parameters": [_parameter(name, each, ()) for name, each in schema["properties"].items()],
        "requestBody": {"required": True, "content": _content(operation.body)},
        "responses": {
            "202": {
                "description": "It was taken.",
                "headers": _headers("Content-Language"),
                "content": _content(operation.model),
            },
            **problems_told((*operation.problems, 503)),
        },
    }


def _content(model: type[BaseModel]) -> _Json:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}


_NUMBER = {
    "showTrial": {"type": "string", "minLength": 1, "maxLength": 100, "examples": ["NCT90000001"]},
    "showArticle": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
}


def problems_told(statuses: Iterable[int]) -> _Json:
    """Return the answers that tell of problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=ProblemDetails.__name__)}}}
    told: _Json = {}
    for status in sorted(statuses):
        told[str(status)] = {"description": _SAID[status], "content": content}
        if status == 429:  # noqa: PLR2004 - too many requests
            told[str(status)]["headers"] = _headers("Retry-After")
    return told


_HEADERS = {
    "Content-Language": ("The language of our texts.", {"type": "string"}),
    "Cache-Control": ("How long it may be kept; `no-store` where it holds what somebody typed.", {"type": "string"}),
    "Retry-After": ("Seconds.", {"type": "integer", "minimum": 1}),
}


def _headers(*names: str) -> _Json:
    return {name: {"description": _HEADERS[name][0], "schema": _HEADERS[name][1]} for name in names}


def _parameter(name: str, schema: Mapping[str, Any], needed: Iterable[str]) -> _Json:
    """Return a parameter; that one may be left out is no value of its own, as null would be."""
    told = {key: value for key, value in schema.items() if key not in {"title", "description", "anyOf", "default"}}
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            told |= choice
    if schema.get("default") is not None:
        told["default"] = schema["default"]
    return {
        "name": name,
        "in": "query",
        "required": name in needed,
        "description": schema.get("description", ""),
        "schema": told,
    }


def _plain(schema: Any) -> Any:
    """Return a schema without the titles that repeat the names."""
    if isinstance(schema, dict):
        return {key: _plain(each) for key, each in schema.items() if key != "title" or isinstance(each, dict)}
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema
