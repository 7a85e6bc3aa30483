"""Asking: the client with which sources ask, by GET, or by POST where a registry wants its questions so.

It asks politely (an honest User-Agent, conditional requests, packed bodies), waits no longer and reads
no more than allowed, and calls no private address. Whatever goes wrong is a :class:`SourceError` in
one line that names the address (without its query and password), what was found, and what mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import orjson
import stamina

from trialalerts.clock import Clock
from trialalerts.errors import SourceError
from trialalerts.logs import load_log
from trialalerts.net.decompression import ACCEPTED, BrokenBody, TooLarge, unpacked
from trialalerts.net.guard import Interrupted, PrivateAddress, PublicNetwork, TookTooLong
from trialalerts.net.http import GuardedTransport, httpx, ssl_context, user_agent
from trialalerts.net.pacing import RequestPace
from trialalerts.net.waits import retry_after
from trialalerts.redaction import hidden, shown_url, without_secrets
from trialalerts.settings import HttpSettings

__all__ = ["Fetcher", "HttpAnswer", "HttpRefused", "Interrupted", "get_once"]

_MOST_REDIRECTS = 5
_TIMEOUTS_IN_ALL = 10  # an answer may take this many timeouts as a whole, however steadily it drips
_REDIRECTS = {301, 302, 303, 307, 308}
_SAME_METHOD = {307, 308}
_FOR_GOOD = {301, 308}
_GONE = 410
_NOT_FOUND = 404
_SAID = 200
_TRANSIENT = (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What a server answered. ``headers`` have lower-case names; ``body`` is unpacked, empty when not modified.

    ``moved_to`` is where the address leads for good (301, 308), None where it does not.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    not_modified: bool
    url: str
    moved_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    method: str = "GET"
    headers: Mapping[str, str]
    params: Mapping[str, str] | None = None
    body: bytes | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def followed(self) -> set[int]:
        """The redirects that may be followed."""
        return _REDIRECTS if self.method == "GET" else _SAME_METHOD

    @property
    def is_conditional(self) -> bool:
        return not {"If-None-Match", "If-Modified-Since"}.isdisjoint(self.headers)


class HttpRefused(SourceError):
    """A server answered with a status that gives no data.

    ``status`` is it, ``said`` the server's own short words, ``body`` all that came with it.
    """

    def __init__(
        self, message: str, *, status: int, said: str = "", retry_after: float | None = None, body: bytes = b""
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.body = body
        self.is_gone = status == _GONE
        self.said = said


class Fetcher:
    """Asks servers; make one for a poll and close it (it is a context manager): it keeps connections open.

    Args:
        settings: the section ``http`` of the configuration.
        clock: tells how far away the date in a Retry-After is.
        stop: asked about while waiting; True ends the wait with :class:`Interrupted`.
        deadline: how long an answer may take as a whole; by default ten timeouts.
        network: the way to the network; by default one that obeys ``allow_private_addresses``.
        at_most: how many requests a second; None: as many as are answered.
    """

    def __init__(
        self,
        settings: HttpSettings,
        clock: Clock,
        *,
        stop: Callable[[], bool] = lambda: False,
        deadline: timedelta | None = None,
        network: PublicNetwork | None = None,
        at_most: float | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._deadline = (deadline or settings.timeout * _TIMEOUTS_IN_ALL).total_seconds()
        self._pace = RequestPace(at_most)
        self._network = network or PublicNetwork(allow_private=settings.allow_private_addresses, stop=stop)
        self._client = httpx.Client(
            transport=GuardedTransport(self._network),
            headers={"User-Agent": user_agent(settings.contact), "Accept-Encoding": ACCEPTED},
            timeout=settings.timeout.total_seconds(),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def interrupt(self) -> None:
        """End what another thread waits for, with :class:`Interrupted`; nothing can be asked after that."""
        self._network.interrupt()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        params: Mapping[str, str] | None = None,
        accept: str | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Ask for ``url``, following up to five redirects.

        Args:
            url: an http or https address.
            etag: what an earlier answer gave as ETag; makes the request conditional.
            last_modified: what an earlier answer gave as Last-Modified; makes the request conditional.
            params: the query, added to that of ``url``.
            accept: the wanted types.
            credentials: headers with a key; no other server that a redirect leads to hears them.

        Raises:
            HttpRefused: the server answered with a status that gives no data; with ``retry_after`` in seconds
                where it said when to come again.
            SourceError: the server cannot be reached, the answer is too large, too slow or broken.
            Interrupted: the program was told to stop.
        """
        given = {"Accept": accept, "If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = {name: value for name, value in given.items() if value}
        return self._exchange(url, _Question(headers=headers, params=params, credentials=credentials or {}))

    def find(
        self, url: str, *, params: Mapping[str, str] | None = None, accept: str | None = None
    ) -> HttpAnswer | None:
        """Ask for ``url`` as :meth:`get` does; return None where there is nothing at that address (404)."""
        try:
            return self.get(url, params=params, accept=accept)
        except HttpRefused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise

    def post(
        self,
        url: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        accept: str | None = "application/json",
        credentials: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Ask a question that is too long for an address: one that changes nothing there, and may be asked again.

        Args:
            url: an http or https address; only a redirect that keeps the question (307, 308) is followed.
            json: the question, as plain objects.
            form: the question as the fields of a form instead.
            accept: the wanted types.
            credentials: as :meth:`get` takes them.

        Raises:
            HttpRefused, SourceError, Interrupted: as :meth:`get`.
        """
        written = "application/json" if form is None else "application/x-www-form-urlencoded"
        body = orjson.dumps(json) if form is None else urlencode(form).encode()
        headers = {"Content-Type": written, **({"Accept": accept} if accept else {})}
        question = _Question(method="POST", headers=headers, body=body, credentials=credentials or {})
        return self._exchange(url, question)

    def _exchange(self, url: str, question: _Question) -> HttpAnswer:
        self._pace.wait(self._network.check_stop)
        self._network.allow(self._deadline)
        with _explained(url, self._settings):
            address = _checked(httpx.URL(url), url)
            if question.params:
                address = address.copy_merge_params(question.params)
            asked = str(address)
            moved, for_good, asked_first = address, True, _origin(address)
            for _ in range(_MOST_REDIRECTS + 1):
                answer = self._ask(address, question)
                if answer.status not in question.followed or "location" not in answer.headers:
                    hiding = {url, *([] if answer.url == asked else [answer.url])}
                    judged = self._judged(answer, hiding, question)
                    return judged if str(moved) == asked else replace(judged, moved_to=str(moved))
                address = _checked(address.join(answer.headers["location"]), url)
                if _origin(address) != asked_first:
                    question = replace(question, credentials={})
                for_good = for_good and answer.status in _FOR_GOOD and _is_as_safe(moved, address)
                moved = address if for_good else moved
        raise SourceError(f"{shown_url(url)} redirects more than {_MOST_REDIRECTS} times; check the source's url.")

    def _ask(self, address: httpx.URL, question: _Question) -> HttpAnswer:
        load_log()  # stamina tells it of each further try
        for attempt in stamina.retry_context(on=_is_transient, attempts=3, wait_initial=0.2, wait_max=2, timeout=20):
            with (
                attempt,
                self._client.stream(
                    question.method,
                    address,
                    headers={**question.headers, **question.credentials},
                    content=question.body,
                ) as response,
            ):
                wanted = response.status_code == httpx.codes.OK
                most = self._settings.max_body if wanted else min(self._settings.max_body, 100_000)
                return HttpAnswer(
                    status=response.status_code,
                    headers=dict(response.headers),
                    body=b"" if response.status_code in _REDIRECTS else _body(response, most, keep_all=wanted),
                    not_modified=response.status_code == httpx.codes.NOT_MODIFIED,
                    url=str(address),
                )
        raise AssertionError("the loop returns or raises")

    def _judged(self, answer: HttpAnswer, hiding: Iterable[str], question: _Question) -> HttpAnswer:
        if answer.status == httpx.codes.OK or (answer.not_modified and question.is_conditional):
            return answer
        said = without_secrets(hidden(_said(answer), *question.credentials.values()), *hiding)[:_SAID]
        found = f"{shown_url(answer.url)} answered {answer.status}{f' ({said})' if said else ''}"
        raise HttpRefused(
            f"{found}; {_remedy(answer.status, with_key=bool(question.credentials))}",
            status=answer.status,
            said=said,
            retry_after=retry_after(answer.headers, self._clock),
            body=answer.body,
        )


def get_once(url: str, *, seconds: float, most: int) -> tuple[int, bytes]:
    """Get a small page without redirects or retries; return its status and its body.

    Raises:
        SourceError: it cannot be reached within so many ``seconds``, or is longer than ``most`` bytes; without its
            address.
    """
    try:
        with httpx.stream("GET", url, timeout=seconds, follow_redirects=False, verify=ssl_context()) as response:
            return response.status_code, unpacked(
                response.iter_raw(), response.headers.get("content-encoding", ""), most
            )
    except (httpx.HTTPError, TooLarge, BrokenBody) as error:
        raise SourceError(type(error).__name__) from None


def _is_transient(error: Exception) -> bool:
    return isinstance(error, _TRANSIENT) and "CERTIFICATE" not in str(error).upper()


def _checked(address: httpx.URL, asked: str) -> httpx.URL:
    if address.scheme in {"http", "https"} and address.host:
        return address
    raise SourceError(
        f"{shown_url(asked)} leads to an address of the kind {address.scheme[:20] or 'none'}:, "
        "but only http and https are followed; check the source's url."
    )


def _origin(address: httpx.URL) -> tuple[str, str, int | None]:
    return address.scheme, address.host, address.port


def _is_as_safe(before: httpx.URL, after: httpx.URL) -> bool:
    """Tell whether an address may take the other's place for good: never plain http that of https."""
    return after.scheme == "https" or before.scheme == "http"


def _body(response: httpx.Response, most: int, *, keep_all: bool) -> bytes:
    declared = response.headers.get("content-length", "")
    if keep_all and declared.isascii() and declared.isdigit() and int(declared) > most:
        raise TooLarge
    try:
        return unpacked(response.iter_raw(), response.headers.get("content-encoding", ""), most)
    except (TooLarge, BrokenBody):
        if keep_all:
            raise
        return b""  # of an error page only a few words are wanted


def _said(answer: HttpAnswer) -> str:
    """Return the first words of a plain answer; an HTML page says nothing in one line."""
    if not answer.headers.get("content-type", "").startswith("text/plain"):
        return ""
    words = " ".join(answer.body[:1000].decode("utf-8", "replace").split())
    return "".join(c for c in words if c.isprintable())


def _remedy(status: int, *, with_key: bool) -> str:
    if status in {401, 403} and with_key:
        return "it refuses the key: set the source's api_key to one that is still good."
    if status in {401, 403}:
        return "it does not let this service in: poll less often, set http.contact, or ask its operator."
    if status == _GONE:
        return "it is gone for good, and not asked again; set the source's new url, or take the source out."
    if status == _NOT_FOUND:
        return "there is nothing at this address; check the source's url."
    if status in {429, 503}:
        return "it asks for a pause; the next poll comes later."
    return "it will be tried again." if status >= 500 else "check the source's url and filters."  # noqa: PLR2004 - 5xx


@contextmanager
def _explained(url: str, settings: HttpSettings) -> Iterator[None]:
    """Turn what the layers below raise into one line for the operator."""
    shown = shown_url(url)
    try:
        yield
    except httpx.TimeoutException:
        seconds = settings.timeout.total_seconds()
        raise SourceError(f"{shown} did not answer within {seconds:g} seconds; it will be tried again.") from None
    except TookTooLong:
        raise SourceError(f"{shown} sends too slowly to ever end; it will be tried again.") from None
    except TooLarge:
        raise SourceError(
            f"{shown} sends more than {settings.max_body:,} bytes; raise http.max_body if that is right."
        ) from None
    except BrokenBody as error:
        raise SourceError(f"{shown} sent a body that cannot be unpacked: {error}; it will be tried again.") from None
    except PrivateAddress as error:
        raise SourceError(
            f"{shown} leads to {error}, which is no public address; if that is meant, "
            "set http.allow_private_addresses = true."
        ) from None
    except httpx.InvalidURL as error:
        raise SourceError(
            f"{shown} is or leads to no valid address ({_words(error, url)}); check the source's url."
        ) from None
    except httpx.HTTPError as error:
        raise SourceError(f"{shown} cannot be reached: {_words(error, url)}; it will be tried again.") from None


def _words(error: httpx.HTTPError | httpx.InvalidURL, url: str) -> str:
    return without_secrets(" ".join(str(error).split()), url)[:_SAID] or type(error).__name__
