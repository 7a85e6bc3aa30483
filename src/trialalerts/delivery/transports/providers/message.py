"""The parts of a message as the APIs of mail providers take them: addresses, headers, tags, JSON."""

from __future__ import annotations

import re
from email.utils import parseaddr

import orjson

from trialalerts.delivery.mail.envelope import Envelope
from trialalerts.delivery.mail.message import ascii_domain

__all__ = [
    "UnwritableAddress",
    "api_mailbox",
    "headers_of",
    "json_bytes",
    "name_and_address",
    "reply_to",
    "tags_of",
    "wire_address",
]

_REPLY_TO = "reply-to"
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


class UnwritableAddress(ValueError):
    """An address that cannot be written in ASCII: none of the APIs takes another."""


def wire_address(address: str) -> str:
    """Return a bare address with its domain in ASCII.

    Raises:
        UnwritableAddress: it cannot be written so.
    """
    local, _, domain = address.rpartition("@")
    try:
        wire = f"{local}@{ascii_domain(domain)}"
    except ValueError:
        raise UnwritableAddress from None
    if not wire.isascii():
        raise UnwritableAddress
    return wire


def name_and_address(mailbox: str) -> tuple[str, str]:
    """Return the name (empty without one) and the bare address of ``Trial Alerts <alerts@example.org>``."""
    name, address = parseaddr(mailbox)
    return name, wire_address(address)


def api_mailbox(mailbox: str) -> str:
    """Return ``"Name" <address>``, the name quoted where it holds more than letters, digits and blanks."""
    name, address = name_and_address(mailbox)
    if not name:
        return address
    plain = all(sign.isalnum() or sign == " " for sign in name)
    return f"{name if plain else _quoted(name)} <{address}>"


def headers_of(envelope: Envelope) -> dict[str, str]:
    """Return the added headers (List-Unsubscribe, Auto-Submitted …), without Reply-To: the APIs have a field for it."""
    return {name: value for name, value in envelope.message.headers if name.lower() != _REPLY_TO}


def reply_to(envelope: Envelope) -> str | None:
    """Return the message's Reply-To, where it has one."""
    return next((value for name, value in envelope.message.headers if name.lower() == _REPLY_TO), None)


def tags_of(envelope: Envelope) -> list[tuple[str, str]]:
    """Return the metadata as tags: letters, digits, ``_`` and ``-``, at most 256 of them.

    Raises:
        ValueError: a name or a value does not fit.
    """
    if not all(_TAG.fullmatch(text) for pair in envelope.metadata.items() for text in pair):
        raise ValueError("metadata that fits into no tag")
    return list(envelope.metadata.items())


def json_bytes(value: object) -> bytes:
    """Return a value as JSON. Raises TypeError where a text is no valid Unicode."""
    return orjson.dumps(value)


def _quoted(name: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
