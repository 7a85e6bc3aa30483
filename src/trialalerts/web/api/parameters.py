"""What questions may ask: each parameter by a model, which describes it, too; and the cursors of long lists."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from trialalerts.errors import did_you_mean, nearest
from trialalerts.web.api.problems import ApiProblem

__all__ = [
    "ArticleQuestion", "ArticlesQuestion", "Cursor", "LanguageQuestion", "SearchQuestion", "TrialQuestion",
    "TrialsQuestion", "checked_id", "checked_moment", "is_text", "read_cursor", "read_question", "write_cursor",
]  # fmt: skip

_LONGEST = 200
_MOST_ASKED = 20
_LARGEST_ID = 1 << 62
_TEXT = r"^[^\x00-\x1f\x7f]*$"
"""One line: no control characters."""
_CODED = r"^[A-Za-z0-9_-]+$"
_LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
_MEANT = {
    _TEXT: "one line without control characters",
    _CODED: "next of the answer before",
    _LANGUAGE: "a language such as de",
}
"""What each pattern asks for, in words."""
Cursor = Annotated[str, Field(pattern=_CODED, max_length=_LONGEST, min_length=1)]
_Question = TypeVar("_Question", bound=BaseModel)
_Read = TypeVar("_Read")


class LanguageQuestion(BaseModel):
    """A question that may say the language of its answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lang: str | None = Field(
        default=None,
        pattern=_LANGUAGE,
        description="The language of the answer, such as `de`; else what `Accept-Language` asks for.",
        examples=["de"],
    )


class SearchQuestion(LanguageQuestion):
    """What was typed."""

    q: str = Field(
        min_length=1,
        max_length=80,
        pattern=_TEXT,
        description="What was typed; of one letter nothing is found.",
        examples=["multip"],
    )


class TrialQuestion(LanguageQuestion):
    """Which way to tell one trial."""

    near: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=_TEXT,
        description="A town or postcode: distances are told from there. Used once, neither kept nor logged.",
        examples=["Leeds, GB"],
    )


class TrialsQuestion(TrialQuestion):
    """Which open trials."""

    area: str = Field(
        min_length=1,
        max_length=_LONGEST,
        pattern=_TEXT,
        description="A disease by its id or name; what stands below it counts.",
        examples=["D009103"],
    )
    region: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=_TEXT,
        description="Only trials with an open site in this country, or this part of one.",
        examples=["GB"],
    )
    radius_km: float | None = Field(
        default=None,
        ge=1,
        le=1_000,
        allow_inf_nan=False,
        description="With `near`: only trials with an open site within so many kilometres; else 600.",
        examples=[80],
    )
    limit: int = Field(default=20, ge=1, le=50, description="So many at most.")
    cursor: Cursor | None = Field(default=None, description="`next` of the answer before.")


class ArticlesQuestion(LanguageQuestion):
    """Which articles."""

    limit: int = Field(default=20, ge=1, le=50, description="So many at most.")
    cursor: Cursor | None = Field(default=None, description="`next` of the answer before.")


class ArticleQuestion(LanguageQuestion):
    """Which way to tell one article."""


def is_text(typed: str) -> bool:
    """Tell whether a text is one line without control characters."""
    return all(" " <= sign != "\x7f" for sign in typed)


def read_question(request: Request, model: type[_Question]) -> _Question:
    """Return what the query of a request asks.

    Raises:
        ApiProblem: 400 for a parameter that is unknown, stands twice or makes no sense.
    """
    asked = request.query_params.multi_items()
    names = [name for name, _ in asked]
    for name in names[: _MOST_ASKED + 1]:
        if name not in model.model_fields:
            meant = did_you_mean(nearest(name[:_LONGEST], list(model.model_fields)))
            raise ApiProblem(400, "unknown-parameter", f"There is no parameter {_shown(name)} here.{meant}")
        if names.count(name) > 1:
            raise ApiProblem(400, "bad-parameter", f"The parameter {name} stands twice; give it once")
    try:
        return model.model_validate(dict(asked))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = str(fault["loc"][0]) if fault["loc"] else "a parameter"
        if fault["type"] == "missing":
            raise ApiProblem(400, "missing-parameter", f"The parameter {name} is missing; give it") from None
        said = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        expected = _MEANT.get(str(fault.get("ctx", {}).get("pattern")), said)
        line = f"{name}: found {_shown(str(fault['input']))}, expected {expected[:1].lower()}{expected[1:]}"
        raise ApiProblem(400, "bad-parameter", line) from None


def _shown(value: str) -> str:
    clean = "".join(sign if sign.isprintable() else "�" for sign in value[:60])
    return f"“{clean}{'…' if len(value) > len(clean) else ''}”"


def write_cursor(question: object, *position: object) -> str:
    """Return where a list goes on, for the same question only."""
    return urlsafe_b64encode(orjson.dumps([_mark(question), *position])).rstrip(b"=").decode()


def read_cursor(cursor: str, question: object, read: Callable[..., _Read]) -> _Read:
    """Return what ``read`` makes of the position that a cursor holds.

    Raises:
        ApiProblem: 400 for one that was not written for this question.
    """
    try:
        mark, *position = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if mark == _mark(question):
            return read(*position)
    except (ValueError, TypeError, OverflowError):
        pass
    line = "The cursor belongs to another question, or is none; leave it out to begin anew"
    raise ApiProblem(400, "bad-cursor", line)


def checked_id(value: object) -> int:
    """Return a number of an item that a cursor holds.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, int) or not 0 <= value <= _LARGEST_ID:
        raise ValueError("no number of an item")
    return value


def checked_moment(value: object) -> datetime:
    """Return a moment that a cursor holds.

    Raises:
        ValueError, OverflowError: it is none.
    """
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("no moment")
    return moment.astimezone(UTC)


def _mark(question: object) -> str:
    return blake2b(orjson.dumps(question), digest_size=6).hexdigest()
