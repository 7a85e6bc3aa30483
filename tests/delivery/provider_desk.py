"""What the desks of all fake mail providers have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tests.delivery.provider_servers import Answer, Mail, Request

__all__ = ["ADDRESS", "TAG", "BaseDesk", "Wrong", "as_json", "body_of", "expect"]

ADDRESS = re.compile(r"[!-;=?A-~]+@[a-z0-9.-]+\.[a-z]{2,}")
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Wrong(Exception):
    """What is wrong with a request; the arguments are the provider's own answer."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.answer = as_json(status, body, headers)


class BaseDesk:
    """What all desks have in common."""

    scheme = ""
    host = "default"
    secret = "s3cret"
    keeps_message_id = True
    distinct_batches = False
    idempotent = False

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.refused: dict[str, str] = {}

    def url(self, root: str) -> str:
        """Return the URL of the settings."""
        return f"{self.scheme}://{self.secret}@{self.host}?endpoint={quote(root, safe='')}"

    def answer(self, request: Request) -> Answer:
        """Obey a request, or say what is wrong with it."""
        try:
            return self.take(request)
        except Wrong as wrong:
            return wrong.answer

    def take(self, request: Request) -> Answer:
        """Obey a request. Raises Wrong."""
        raise NotImplementedError


def as_json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json", **(headers or {})}
    )


def expect(request: Request, path: str, wrong: Wrong, content_type: str = "application/json") -> None:
    if request.path != path or request.headers.get("content-type", "").partition(";")[0] != content_type:
        raise wrong
    assert request.headers.get("user-agent", "").startswith("TrialAlerts/")


def body_of(request: Request, kind: type[Any], wrong: Wrong) -> Any:
    try:
        found = json.loads(request.body)
    except ValueError:
        raise wrong from None
    if not isinstance(found, kind):
        raise wrong
    return found
