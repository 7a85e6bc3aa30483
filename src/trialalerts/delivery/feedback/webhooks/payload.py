"""Reading what providers send: their JSON, without trusting its shape, and what of it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import orjson

from trialalerts.delivery.feedback.events import Malformed, SendAgain
from trialalerts.delivery.mail.verp import METADATA_KEY

__all__ = [
    "at",
    "cleaned",
    "exact_moment",
    "fingerprint",
    "first_moment",
    "go_again",
    "items",
    "kept",
    "mapping",
    "moment",
    "names",
    "parsed",
    "text",
    "token_in",
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_LONGEST_TEXT = 500
_LONGEST_RAW = 16_000
_MILLISECONDS = 100_000_000_000
"""Epochs beyond this (year 5138 in seconds) are meant in milliseconds."""
_QUOTA = re.compile(
    r"quota|\bcredits?\b|\b(daily|monthly|hourly|sending|plan|package|account)\W{0,2}limit|over (package|plan|limit)",
    re.IGNORECASE,
)
_MAILBOXES = re.compile(r"mail ?box|\binbox|storage|\bdisk", re.IGNORECASE)
_UNKEPT = {"headers", "commonheaders", "subject", "content", "signature", "storage", "useragent", "ip"}
"""What the mail itself said, or tells of the person's machine: of no use here, so it is not stored."""


def parsed(body: bytes) -> object:
    """Return the JSON value of a body.

    Raises:
        Malformed: this is no JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("The body is no JSON.") from None


def mapping(value: object) -> Mapping[str, object]:
    """Return the value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Return the value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def at(value: object, *path: str) -> object:
    """Return what stands at a path of keys; None where there is nothing."""
    for key in path:
        value = mapping(value).get(key)
    return value


def text(value: object, *path: str) -> str:
    """Return the text (or number) at a path, in one line of at most 500 characters; empty where there is none."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return cleaned(str(found))


def cleaned(words: str) -> str:
    """Return words in one line of at most 500 characters that every database can store."""
    return _CONTROL.sub(" ", words[:_LONGEST_TEXT]).encode(errors="replace").decode().strip()


def moment(value: object, now: datetime) -> datetime:
    """Return the moment that an ISO text or an epoch (seconds or milliseconds) names; ``now`` where none can be read.

    Nothing happens later than now: a provider's clock that goes ahead must not reach into the future.
    """
    found = exact_moment(value)
    return now if found is None else min(found, now)


def first_moment(values: Iterable[object], now: datetime) -> datetime:
    """Return the moment that the first readable one of several values names (see :func:`moment`)."""
    found = (exact_moment(value) for value in values)
    return moment(next((each.isoformat() for each in found if each is not None), None), now)


def names(*values: object) -> tuple[str, ...]:
    """Return what a provider calls a mail, without ``<>``, blanks and what is no text."""
    found = (cleaned(str(value)).strip("<> ") for value in values if isinstance(value, str))
    return tuple(dict.fromkeys(each for each in found if each))


def go_again(words: str) -> SendAgain:
    """Return when a mail goes again that a provider took and did not send: not today where its quota is used up."""
    return SendAgain.TOMORROW if _QUOTA.search(words) and not _MAILBOXES.search(words) else SendAgain.LATER


def exact_moment(value: object) -> datetime | None:
    """Return the moment that an ISO text or an epoch names; None where none can be read."""
    try:
        return _moment(value)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def token_in(value: object) -> str | None:
    """Return our token from metadata: an object, an object written as JSON, or the token itself."""
    if isinstance(value, str):
        written = mapping(_json(value))
        if not written:
            return cleaned(value) or None
        value = written
    found = at(value, METADATA_KEY)
    if isinstance(found, list):  # tags may come as a list of values
        found = next(iter(found), None)
    return cleaned(found) if isinstance(found, str) else None


def fingerprint(value: object) -> str:
    """Return a digest that is the same for the same value, for providers that number nothing."""
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def kept(value: object) -> str:
    """Return what is stored of an event: its JSON without what the mail itself said, at most 16,000 characters."""
    return orjson.dumps(_without_content(value)).decode()[:_LONGEST_RAW]


def _json(words: str) -> object:
    try:
        return orjson.loads(words)
    except orjson.JSONDecodeError:
        return None


def _without_content(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_content(part) for key, part in value.items() if key.lower() not in _UNKEPT}
    if isinstance(value, list):
        return [_without_content(part) for part in value]
    return value


def _moment(value: object) -> datetime:
    if isinstance(value, str) and not re.fullmatch(r"\d+(\.\d+)?", value):
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    seconds = float(value)
    return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS else seconds, tz=UTC)
