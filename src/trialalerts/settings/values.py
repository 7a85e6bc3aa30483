"""How values of the configuration are written: durations, sizes, addresses, hours."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from email.utils import parseaddr
from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator

__all__ = [
    "Clock24",
    "Colour",
    "Duration",
    "Hours",
    "Mailbox",
    "Network",
    "OptionalMailbox",
    "Origin",
    "Rate",
    "Recipients",
    "Size",
    "WebUrl",
    "key_from",
]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "y": 365 * 86_400}
_SIZES = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def _duration(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d{1,9})\s*([smhdy])\s*", value)):
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError("a duration such as 30s, 15m, 6h or 2d")


def _size(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+)\s*(B|kB|MB|GB)\s*", value)):
        return int(found[1]) * _SIZES[found[2]]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a size such as 500kB or 50MB")


def _web_url(value: object) -> object:
    if isinstance(value, str) and re.match(r"https?://[^/\s]+", value):
        return value.rstrip("/")
    raise ValueError("a web address that starts with https:// or http://")


def key_from(giver: str) -> BeforeValidator:
    """Return what looks at a key without which a source answers nothing; ``giver`` is the address that gives one."""

    def is_key(value: object) -> object:
        if isinstance(value, str) and re.fullmatch(r"[!-~]+", value):
            return value
        raise ValueError(f"a key without blanks, which {giver} gives to who asks")

    return BeforeValidator(is_key)


def _origin(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"https?://[a-z0-9.-]+(:\d{1,5})?", value.strip().rstrip("/").lower()):
        return value.strip().rstrip("/").lower()
    raise ValueError("the origin of a site such as https://www.example.org")


def _hours(value: object) -> object:
    if value == "" or (
        isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d", value)
    ):
        return value
    raise ValueError("a span of hours such as 22:00-07:00, or nothing")


def _mailbox(value: object) -> object:
    if (
        isinstance(value, str)
        and re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1])
        and not re.search(r"[\r\n]", value)
    ):
        return value
    raise ValueError("an address such as Trial Alerts <alerts@example.org>")


def _optional_mailbox(value: object) -> object:
    return value if value == "" else _mailbox(value)


def _recipients(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[^@\s<>,;*]*@[^@\s<>,;*]+", value.strip()):
        return value.strip()
    raise ValueError("an address such as me@example.org, or a domain such as @example.org")


def _network(value: object) -> object:
    with suppress(ValueError):
        if isinstance(value, str):
            return str(ip_network(value.strip(), strict=False))
    raise ValueError("an address or a network such as 10.0.0.5, 10.1.0.0/16 or fd00::/8")


def _clock24(value: object) -> object:
    if value == "" or (isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value)):
        return value
    raise ValueError("a time of the day such as 07:00, or nothing")


def _rate(value: object) -> object:
    found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(s|m|min|h)\s*", value) if isinstance(value, str) else None
    if found and int(found[1]):
        return int(found[1]) / _UNITS[found[2][0]]
    if isinstance(value, float) and value > 0:
        return value
    raise ValueError("how often it may be asked, such as 3/s or 20/m")


def _colour(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"#[0-9A-Fa-f]{6}", value.strip()):
        return value.strip().lower()
    raise ValueError("a colour such as #0b6470")


Colour = Annotated[str, BeforeValidator(_colour)]
"""A colour as six hexadecimal digits, written ``#0b6470``."""
Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A span of time, written ``30s``, ``15m``, ``6h``, ``2d`` or ``1y``."""
Rate = Annotated[float, BeforeValidator(_rate)]
"""How often a second, written ``3/s``, ``20/m`` or ``100/h``."""
Size = Annotated[int, BeforeValidator(_size)]
"""A number of bytes, written ``500kB`` or ``50MB``."""
WebUrl = Annotated[str, BeforeValidator(_web_url)]
Hours = Annotated[str, BeforeValidator(_hours)]
"""A span of local time, written ``22:00-07:00``; it may go over midnight."""
Mailbox = Annotated[str, BeforeValidator(_mailbox)]
OptionalMailbox = Annotated[str, BeforeValidator(_optional_mailbox)]
"""A mailbox, or nothing."""
Recipients = Annotated[str, BeforeValidator(_recipients)]
"""An address, or ``@`` and a domain: everybody there."""
Origin = Annotated[str, BeforeValidator(_origin)]
"""Scheme, host and port of a site, without a path."""
Network = Annotated[str, BeforeValidator(_network)]
"""An IP address or a network, kept as a network: ``10.0.0.5`` is ``10.0.0.5/32``."""
Clock24 = Annotated[str, BeforeValidator(_clock24)]
"""A time of the day, written ``07:00``, or nothing."""
