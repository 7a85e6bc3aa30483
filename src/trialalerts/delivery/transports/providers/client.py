"""The HTTP of the mail providers: one client a channel, and what can be said of a request that got no answer.

A request that never left is told apart from one that left and got no answer: only the first is sure not to have
sent anything. Redirects are not followed, proxies of the environment are not used (``proxy=`` in ``mail.url`` names
one), an answer is read no further than it may be long, nor longer than it may take, and none of it reaches a log or
an error as it is: providers repeat addresses in their texts.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx
import orjson

from trialalerts import __version__
from trialalerts.clock import Clock, SystemClock
from trialalerts.delivery.transports import options_of
from trialalerts.errors import ConfigurationError
from trialalerts.redaction import without_secrets

__all__ = [
    "Garbled",
    "NoAnswer",
    "NotConnected",
    "ProviderAccount",
    "ProviderClient",
    "ProviderReply",
    "ProviderRequest",
    "account_of",
    "name_in",
]

_LONGEST_ANSWER = 2_000_000
_LONGEST_WAIT = 86_400.0
_IDLE = 20.0  # seconds; providers hang up after 60 or more: a connection that may be half closed is not used again
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-sib-ratelimit-reset")
_A_DATE = 1_000_000_000  # a reset beyond this is a moment in seconds since 1970, not a number of seconds to wait
_FINE = range(200, 300)
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


@dataclass(frozen=True, kw_only=True)
class ProviderRequest:
    """One POST request."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Garbled(Exception):
    """An answer that is not what the provider's documentation says."""


class NotConnected(Exception):
    """The request never left: nothing was sent. The text is the reason."""


class NoAnswer(Exception):
    """The request left and no answer came: whether it was obeyed, nobody knows. The text is the reason."""


@dataclass(frozen=True, kw_only=True)
class ProviderReply:
    """An answer. ``headers`` have lower-case names; ``whole`` is false where the body broke off or was too long."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    whole: bool = True

    @property
    def fine(self) -> bool:
        """Whether the status says that the request was obeyed."""
        return self.status in _FINE

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            Garbled: it is none, or not all of it came.
        """
        try:
            if self.whole:
                return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            pass
        raise Garbled

    def mapping(self) -> Mapping[str, Any]:
        """Return the body where it is a JSON object, else an empty one: for reading what an error says."""
        try:
            found = self.json()
        except Garbled:
            return {}
        return found if isinstance(found, dict) else {}

    def retry_after(self, clock: Clock | None = None) -> float | None:
        """Return how many seconds the provider asks to wait, at most a day; None where it does not say.

        A date is measured from the answer's own date, so that our clock need not be right.
        """
        given = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", given):
            return min(float(given), _LONGEST_WAIT)
        if given and (at := _moment(given)) is not None:
            return _bounded(at - self._now(clock))
        for name in _RESETS:
            reset = self.headers.get(name, "").strip()
            if re.fullmatch(r"\d{1,11}(\.\d{1,6})?", reset):
                seconds = float(reset)
                return _bounded(seconds - self._now(clock) if seconds > _A_DATE else seconds)
        return None

    def seconds_until(self, text: str, clock: Clock | None = None) -> float | None:
        """Return how many seconds from now a date in words is, at most a day; None where it is none."""
        at = _moment(text) or _iso_moment(text)
        return None if at is None else _bounded(at - self._now(clock))

    def _now(self, clock: Clock | None) -> float:
        said = _moment(self.headers.get("date", ""))
        return said if said is not None else (clock or SystemClock()).now().timestamp()


class ProviderClient:
    """Asks one provider, over a connection that stays open; used by one thread at a time."""

    def __init__(self, account: ProviderAccount, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._account = account
        self._monotonic = monotonic
        self._client: httpx.Client | None = None

    def post(self, call: ProviderRequest) -> ProviderReply:
        """Make a request.

        Raises:
            NotConnected: no connection was made, so that nothing was sent.
            NoAnswer: the request left, at least in part, and no answer came.
        """
        if self._client is None:
            self._client = _client(self._account)
        try:
            with self._client.stream("POST", call.url, content=call.body, headers=call.headers) as response:
                return self._reply(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._not_connected(error) from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise self._not_connected(error) from None
        except httpx.TimeoutException:
            self.close()
            raise NoAnswer(f"did not answer within {self._account.timeout:g} seconds") from None
        except httpx.HTTPError:
            self.close()
            raise NoAnswer("broke the connection off before it answered") from None

    def close(self) -> None:
        """Close the connections; the next request opens them again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _reply(self, response: httpx.Response) -> ProviderReply:
        """Read the body as far as it may go. The status alone says much: a body that breaks off does not undo it."""
        body, whole = bytearray(), True
        deadline = self._monotonic() + self._account.timeout
        try:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > _LONGEST_ANSWER or self._monotonic() > deadline:
                    whole = False
                    break
        except httpx.HTTPError:
            whole = False
        unpacked = _unpacked(bytes(body), response.headers.get("content-encoding", "").strip().lower())
        return ProviderReply(
            status=response.status_code,
            headers=dict(response.headers),
            body=(unpacked or b"").replace(self._account.key.encode(), b"***"),  # some repeat the key they refuse
            whole=whole and unpacked is not None,
        )

    def _not_connected(self, error: httpx.HTTPError) -> NotConnected:
        self.close()
        if isinstance(error, httpx.TimeoutException):
            return NotConnected(f"no connection within {self._account.timeout:g} seconds")
        words = without_secrets(" ".join(str(error).split()), self._account.proxy or "")
        return NotConnected(words[:200] or type(error).__name__)


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


def _client(account: ProviderAccount) -> httpx.Client:
    return httpx.Client(
        verify=_ssl_context(),
        headers={
            "User-Agent": f"TrialAlerts/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # answers are short; one that is packed all the same is unpacked with care
        },
        timeout=account.timeout,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE),
        follow_redirects=False,
        trust_env=False,
        proxy=account.proxy,
    )


@cache
def _ssl_context() -> SSLContext:
    """Return what checks certificates; reading the trusted ones takes longer than a request."""
    return httpx.create_ssl_context()


def _unpacked(packed: bytes, encoding: str) -> bytes | None:
    """Return a body as it was before it was packed; None where that is not known, or more than may be."""
    if encoding in {"", "identity"}:
        return packed
    if encoding not in {"gzip", "deflate"}:
        return None
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, whichever it is
    try:
        body = unpacking.decompress(packed, _LONGEST_ANSWER)
    except zlib.error:
        return None
    return body if unpacking.eof else None


def _moment(text: str) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()


def _iso_moment(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), _LONGEST_WAIT)
