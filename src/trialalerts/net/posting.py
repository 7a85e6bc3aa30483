"""Posting: one client for mail providers and for programs that are told of news, and what a lost answer leaves known.

A request that never left is told apart from one that left and got no answer: only the first is sure not to have
sent anything. Redirects are not followed, proxies of the environment are not used, an answer is read no further than
it may be long, nor longer than it may take, and none of it reaches a log or an error as it is: providers repeat
addresses in their texts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from trialalerts.clock import Clock
from trialalerts.net.decompression import BrokenBody, TooLarge, unpacked
from trialalerts.net.guard import Interrupted, PrivateAddress, PublicNetwork, TookTooLong
from trialalerts.net.http import GuardedTransport, httpx, ssl_context, user_agent
from trialalerts.net.reach import is_no_network
from trialalerts.net.waits import moment_in, retry_after, seconds_till
from trialalerts.redaction import without_secrets

__all__ = ["Garbled", "NoAnswer", "NotConnected", "PostClient", "PostReply", "PostRequest"]

_LONGEST_ANSWER = 2_000_000
_LONGEST_WAIT = 86_400.0
_IDLE = 20.0  # seconds; providers hang up after 60 or more: a connection that may be half closed is not used again
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-sib-ratelimit-reset")
_A_DATE = 1_000_000_000  # a reset beyond this is a moment in seconds since 1970, not a number of seconds to wait
_FINE = range(200, 300)


@dataclass(frozen=True, kw_only=True)
class PostRequest:
    """One request: a POST, or a GET where it only asks."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    method: str = "POST"


class Garbled(Exception):
    """An answer that is not what the provider's documentation says."""


class NotConnected(Exception):
    """The request never left: nothing was sent. The text is the reason; ``no_network``: nobody could be asked."""

    def __init__(self, reason: str, *, no_network: bool = False) -> None:
        super().__init__(reason)
        self.no_network = no_network


class NoAnswer(Exception):
    """The request left and no answer came: whether it was obeyed, nobody knows. The text is the reason."""


@dataclass(frozen=True, kw_only=True)
class PostReply:
    """An answer. ``headers`` have lower-case names; ``whole`` is false where the body broke off or was too long."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    whole: bool = True

    @property
    def ok(self) -> bool:
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
        """Return how many seconds the provider asks to wait, at most a day; None where it does not say."""
        asked = retry_after(self.headers, clock)
        if asked is not None:
            return min(asked, _LONGEST_WAIT)
        for name in _RESETS:
            reset = self.headers.get(name, "").strip()
            if re.fullmatch(r"\d{1,11}(\.\d{1,6})?", reset):
                seconds = float(reset)
                return min(seconds_till(seconds, self.headers, clock) if seconds > _A_DATE else seconds, _LONGEST_WAIT)
        return None

    def seconds_until(self, text: str, clock: Clock | None = None) -> float | None:
        """Return how many seconds from now a date in words is, at most a day; None where it is none."""
        at = moment_in(text)
        return None if at is None else min(seconds_till(at, self.headers, clock), _LONGEST_WAIT)


class PostClient:
    """Asks one server, over a connection that stays open; used by one thread at a time.

    Args:
        timeout: how many seconds a step of a request, and reading the whole answer, may take.
        proxy: the address of the proxy that is used, with its password; None: none.
        secret: the key; it is taken out of answers, for some repeat the key that they refuse.
        monotonic: gives seconds that only grow.
        network: the way to a server that others name: which addresses may be called; None: the operator named it.
        longest: so many bytes of an answer are read.
        contact: where the operator can be asked, for the User-Agent.
    """

    def __init__(
        self,
        *,
        timeout: float,
        proxy: str | None = None,
        secret: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        network: PublicNetwork | None = None,
        longest: int = _LONGEST_ANSWER,
        contact: str = "",
    ) -> None:
        self._timeout = timeout
        self._proxy = proxy
        self._secret = secret.encode()
        self._monotonic = monotonic
        self._network = network
        self._longest = longest
        self._contact = contact
        self._client: httpx.Client | None = None

    def post(self, request: PostRequest) -> PostReply:
        """Make a request.

        Raises:
            NotConnected: no connection was made, so that nothing was sent.
            NoAnswer: the request left, at least in part, and no answer came.
            Interrupted: the ``network`` was told to stop.
        """
        if self._client is None:
            self._client = self._opened()
        if self._network is not None:
            self._network.allow(self._timeout)
        try:
            with self._client.stream(
                request.method, request.url, content=request.body or None, headers=request.headers
            ) as response:
                return self._reply(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._not_connected(error) from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise self._not_connected(error) from None
        except httpx.InvalidURL:
            raise NotConnected("its address is no valid one") from None
        except PrivateAddress:
            self.close()
            raise NotConnected("its name leads to no public address") from None
        except Interrupted:
            self.close()
            raise
        except (httpx.TimeoutException, TookTooLong):
            self.close()
            raise NoAnswer(f"did not answer within {self._timeout:g} seconds") from None
        except httpx.HTTPError:
            self.close()
            raise NoAnswer("broke the connection off before it answered") from None

    def close(self) -> None:
        """Close the connections; the next request opens them again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _opened(self) -> httpx.Client:
        guarded = None if self._network is None else GuardedTransport(self._network, most=1, idle=_IDLE)
        return httpx.Client(
            transport=guarded,
            verify=ssl_context(),
            headers={
                "User-Agent": user_agent(self._contact),
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # answers are short; one that is packed all the same is unpacked
            },
            timeout=self._timeout,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE),
            follow_redirects=False,
            trust_env=False,
            proxy=self._proxy,
        )

    def _reply(self, response: httpx.Response) -> PostReply:
        """Read the body as far as it may go. The status alone says much: a body that breaks off does not undo it."""
        encoding = response.headers.get("content-encoding", "")
        try:
            body, whole = unpacked(self._in_time(response), encoding, self._longest), True
        except (TooLarge, BrokenBody, TookTooLong, httpx.HTTPError):
            body, whole = b"", False
        return PostReply(
            status=response.status_code,
            headers=dict(response.headers),
            body=body.replace(self._secret, b"***") if self._secret else body,
            whole=whole,
        )

    def _in_time(self, response: httpx.Response) -> Iterator[bytes]:
        deadline = self._monotonic() + self._timeout
        for piece in response.iter_raw():
            if self._monotonic() > deadline:
                raise BrokenBody("it takes too long")
            yield piece

    def _not_connected(self, error: httpx.HTTPError) -> NotConnected:
        self.close()
        if isinstance(error, httpx.TimeoutException):
            return NotConnected(f"no connection within {self._timeout:g} seconds", no_network=True)
        words = without_secrets(" ".join(str(error).split()), self._proxy or "")
        return NotConnected(words[:200] or type(error).__name__, no_network=is_no_network(error))
