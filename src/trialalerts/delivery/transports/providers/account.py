"""The account at a mail provider, as ``scheme://KEY@host?options`` in ``mail.url`` names it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from trialalerts.delivery.transports import options_of
from trialalerts.errors import ConfigurationError

__all__ = ["ProviderAccount", "account_of", "name_in"]

_COMMON_OPTIONS = ("endpoint", "timeout", "connections", "proxy")


@dataclass(frozen=True, kw_only=True)
class ProviderAccount:
    """Whose account is used, and how. ``timeout`` is in seconds, ``batch`` how many messages one request carries."""

    provider: str
    key: str = field(repr=False)
    endpoint: str
    timeout: float = 30.0
    connections: int = 4
    batch: int = 1
    proxy: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def at(self, endpoint: str) -> ProviderAccount:
        """Return the account at another address, unless the URL names one."""
        return self if "endpoint" in self.options else replace(self, endpoint=endpoint)


def account_of(
    parts: SplitResult,
    *,
    provider: str,
    endpoint: str,
    known: Collection[str] = (),
    most: int = 1,
    batch: int = 1,
    connections: int = 4,
) -> ProviderAccount:
    """Read ``scheme://KEY@host?options`` for a provider.

    Args:
        parts: the URL.
        provider: its name as people know it.
        endpoint: where its API is; ``endpoint=`` in the URL wins.
        known: the options it has besides those that all have.
        most: how many messages a request may carry; above 1 there is an option ``batch``.
        batch: how many it carries when nothing else is said.
        connections: how many requests may be under way at once when nothing else is said.

    Raises:
        ConfigurationError: the key is missing, or an option is unknown or makes no sense. No key is shown.
    """
    options = options_of(parts, (*_COMMON_OPTIONS, *known, *(("batch",) if most > 1 else ())))
    key = unquote(parts.username or "")
    if not re.fullmatch(r"[!-~]+", key):
        raise ConfigurationError(
            f"mail.url: {parts.scheme}:// holds no key for {provider}; write {parts.scheme}://KEY@host with what is "
            "special in it as %XX"
        )
    return ProviderAccount(
        provider=provider,
        key=key,
        endpoint=_endpoint(options.get("endpoint", endpoint)),
        timeout=float(_number(options, "timeout", 30, most=600)),
        connections=_number(options, "connections", connections, most=100),
        batch=_number(options, "batch", batch, most=most),
        proxy=_proxy(options.get("proxy")),
        options=options,
    )


def name_in(value: object) -> str:
    """Return an error's name or number as a provider gave it, or nothing where it could hold anything else."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", text) else ""


def _number(options: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    given = options.get(name, str(default))
    if not re.fullmatch(r"\d{1,4}", given) or not 1 <= int(given) <= most:
        raise ConfigurationError(f"mail.url: found {name}={given}, expected a number from 1 to {most}")
    return int(given)


def _endpoint(url: str) -> str:
    """Return where to ask; a key must not travel unencrypted over a network."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or parts.username:
        raise ConfigurationError("mail.url: endpoint is no address such as https://api.example.org")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(
            f"mail.url: endpoint must start with https://; http:// is for this machine, not {host}"
        )
    return url.rstrip("/")


def _proxy(url: str | None) -> str | None:
    if url is not None and not re.fullmatch(r"https?://[^\s/?#]+/?", url):
        raise ConfigurationError("mail.url: proxy is no address such as http://proxy.example.org:3128")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
