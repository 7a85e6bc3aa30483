"""Requests to providers: encryption, packed and endless answers, how long they ask to wait."""

from __future__ import annotations

import gzip
import ssl
import zlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.delivery.post import NOW
from tests.delivery.provider_desk import BaseDesk
from tests.delivery.provider_servers import Fault, failing, hung_up, running
from trialalerts.clock import FrozenClock
from trialalerts.delivery.transports.providers.account import account_of, name_in
from trialalerts.net import http
from trialalerts.net.posting import Garbled, NoAnswer, NotConnected, PostClient, PostReply, PostRequest

CLOCK = FrozenClock(NOW)


def reply_to(fault: Fault, **options: object) -> PostReply:
    """Return what is understood of an answer."""
    with running(BaseDesk(), fault) as server:
        caller = PostClient(timeout=30.0, secret="k", **options)  # type: ignore[arg-type]  # one option, given as it is
        try:
            return caller.post(PostRequest(url=server.root, body=b"{}", headers={}))
        finally:
            caller.close()


@pytest.fixture
def certificates(tmp_path: Path) -> Iterator[tuple[ssl.SSLContext, str]]:
    """A server's encryption and the file of who vouches for it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    http.ssl_context.cache_clear()
    yield context, str(tmp_path / "authority.pem")
    http.ssl_context.cache_clear()


def test_a_certificate_that_nobody_vouches_for_sends_nothing(certificates: tuple[ssl.SSLContext, str]) -> None:
    with running(BaseDesk(), tls=certificates[0]) as server:
        caller = PostClient(timeout=30.0, secret="k")
        with pytest.raises(NotConnected, match="certificate verify failed"):
            caller.post(PostRequest(url=server.root, body=b"{}", headers={}))
        assert server.requests == []


def test_an_authority_of_the_machine_is_trusted(
    certificates: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificates[1])
    with running(BaseDesk(), failing(200, b"[1]"), tls=certificates[0]) as server:
        caller = PostClient(timeout=30.0, secret="k")
        assert caller.post(PostRequest(url=server.root, body=b"{}", headers={})).json() == [1]
        caller.close()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"[1]", mtime=0)),
        ("GZIP", gzip.compress(b"[1]", mtime=0)),
        ("deflate", zlib.compress(b"[1]")),
    ],
    ids=["gzip", "GZIP", "deflate"],
)
def test_a_packed_answer_is_understood_though_nobody_asked_for_it(encoding: str, body: bytes) -> None:
    assert reply_to(failing(200, body, headers={"Content-Encoding": encoding})).json() == [1]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"[1]", mtime=0)[:-9]),
        ("gzip", b"[1]"),
        ("gzip", gzip.compress(b"[" + b" " * 50_000_000 + b"1]", mtime=0)),
        ("br", b"[1]"),
        ("", b"[" + b" " * 3_000_000 + b"1]"),
        ("", b"\xff"),
        ("", b""),
    ],
    ids=["cut", "not packed", "a bomb", "unknown", "endless", "no text", "nothing"],
)
def test_what_cannot_be_understood_is_garbled(encoding: str, body: bytes) -> None:
    found = reply_to(failing(200, body, headers={"Content-Encoding": encoding} if encoding else None))
    assert found.status == 200
    assert found.mapping() == {}
    with pytest.raises(Garbled):
        found.json()


def test_an_answer_that_drips_is_left_when_its_time_is_up() -> None:
    hours = count(step=3_600)
    found = reply_to(failing(200, b" " * 500_000 + b"[1]"), monotonic=lambda: float(next(hours)))
    assert (found.status, found.whole) == (200, False)


def test_a_request_that_got_no_answer_is_told_from_one_that_never_left() -> None:
    with pytest.raises(NoAnswer, match="broke the connection off"):
        reply_to(hung_up(obeyed=False))
    caller = PostClient(timeout=30.0, secret="k")
    for url in ("http://127.0.0.1:9/", "gopher://127.0.0.1:9/"):
        with pytest.raises(NotConnected):
            caller.post(PostRequest(url=url, body=b"{}", headers={}))


def test_a_header_that_is_none_never_leaves() -> None:
    caller = PostClient(timeout=30.0, secret="k")
    with running(BaseDesk()) as server, pytest.raises(NotConnected):
        caller.post(PostRequest(url=server.root, body=b"{}", headers={"X-Key": "a\r\nb"}))
    assert server.requests == []


def wait(**headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return PostReply(status=429, headers=named).retry_after(CLOCK)


def test_without_a_date_in_the_answer_our_own_clock_counts() -> None:
    at = NOW + timedelta(seconds=30)
    assert wait(retry_after="Mon, 02 Mar 2026 09:30:30 GMT") == 30.0
    assert wait(x_ratelimit_reset=str(int(at.timestamp()))) == 30.0
    assert wait(date="nonsense", retry_after="Mon, 02 Mar 2026 09:30:30 -0000") == 30.0


def test_the_plain_word_goes_before_a_window() -> None:
    assert wait(retry_after="2", ratelimit_reset="60") == 2.0
    assert wait(retry_after="1.5") == 1.5
    assert wait(retry_after="-1", ratelimit_reset="60") == 60.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_stands_in_the_headers_the_wait_is_none_or_at_most_a_day(one: str, other: str) -> None:
    found = wait(retry_after=one, ratelimit_reset=other, date=other)
    assert found is None or 0.0 <= found <= 86_400.0


@given(st.one_of(st.text(max_size=80), st.integers(), st.none(), st.booleans(), st.floats()))
def test_an_errors_name_holds_no_address(value: object) -> None:
    name = name_in(value)
    assert "@" not in name
    assert len(name) <= 60
    assert name.isascii()


def test_an_account_shows_no_key() -> None:
    account = account_of(
        urlsplit("brevo://s3cret@default?proxy=http://u:s3cret@proxy.example.org"),
        provider="Brevo",
        endpoint="https://x",
    )
    assert account.key == "s3cret"
    assert "s3cret" not in repr(account)
    assert "s3cret" not in repr(PostRequest(url="https://x", body=b"s3cret", headers={"Authorization": "s3cret"}))
