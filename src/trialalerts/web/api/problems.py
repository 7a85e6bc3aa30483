"""What a program is told when it cannot have what it asks for: problem details (RFC 9457), each with one clear line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trialalerts.errors import DatabaseBehind, DatabaseUnavailable, DatabaseUnusable
from trialalerts.web.api.answers import ProblemDetails, WrongField

__all__ = ["MEDIA_TYPE", "ApiProblem", "problem_answer"]

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "Bad request",
    401: "A key is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "The request did not come",
    413: "Too large",
    415: "Unsupported content type",
    422: "Something in the body makes no sense",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Not available just now",
}
_LINES = {
    404: "There is nothing at this address; /api/v1/openapi.json says what there is",
    405: "This address does not take this method; the header Allow says which it takes",
    408: "The body did not arrive in time; send it again",
    413: "The body has more than 64,000 bytes; send less",
    500: "The service failed; it has noted where; try again later",
    503: "The database does not answer; try again in a minute",
}
_UNAVAILABLE = (DatabaseUnavailable, DatabaseUnusable, DatabaseBehind)


class ApiProblem(Exception):
    """What is asked for cannot be had: a status, a short name for programs, one line for people.

    ``fields`` say what is wrong with each part of a body.
    """

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[WrongField] = (),
    ) -> None:
        self.status = status
        self.name = name
        self.headers = dict(headers or {})
        self.fields = tuple(fields)
        super().__init__(detail)


def problem_answer(error: Exception) -> Response:
    """Return the answer that tells of an error, whatever it is; of one that nobody foresaw no more than that."""
    problem = error if isinstance(error, ApiProblem) else _problem_of(error)
    told = ProblemDetails(
        type=f"urn:trialalerts:problem:{problem.name}",
        title=_TITLES.get(problem.status, _TITLES[400]),
        status=problem.status,
        detail=str(problem),
        errors=list(problem.fields),
    )
    body = told.model_dump_json(exclude=None if told.errors else {"errors"})
    return Response(body, problem.status, media_type=MEDIA_TYPE, headers=problem.headers)


def _problem_of(error: Exception) -> ApiProblem:
    if isinstance(error, HTTPException):
        line = _LINES.get(error.status_code, "The request makes no sense; /api/v1/openapi.json says what does")
        name = _TITLES.get(error.status_code, _TITLES[400]).lower().replace(" ", "-")
        return ApiProblem(error.status_code, name, line, headers=error.headers)
    if isinstance(error, _UNAVAILABLE):
        return ApiProblem(503, "unavailable", _LINES[503], headers={"Retry-After": "60"})
    return ApiProblem(500, "failed", _LINES[500])
