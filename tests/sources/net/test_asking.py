"""Asking by POST, for what may be missing, and not too often."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.registry_server import Fault, RegistryServer, respond
from trialalerts.clock import FrozenClock
from trialalerts.net.client import Fetcher, HttpRefused, Interrupted
from trialalerts.net.pacing import RequestPace
from trialalerts.settings import HttpSettings


@pytest.fixture
def fetcher(http_settings: HttpSettings, clock: FrozenClock) -> Iterator[Fetcher]:
    with Fetcher(http_settings, clock) as fetcher:
        yield fetcher


def test_a_question_is_posted_as_json(server: RegistryServer, fetcher: Fetcher) -> None:
    answer = fetcher.post(server.serve("/search", b'{"data": []}'), json={"page": 1, "words": "Krebs ä"})
    (request,) = server.requests
    assert (answer.body, request.method) == (b'{"data": []}', "POST")
    assert request.body == '{"page":1,"words":"Krebs ä"}'.encode()
    assert request.headers["content-type"] == "application/json"


def test_a_question_is_posted_as_a_form(server: RegistryServer, fetcher: Fetcher) -> None:
    fetcher.post(server.serve("/search", b"x"), form={"term": "a & b ä", "retmax": "1"}, accept=None)
    (request,) = server.requests
    assert (request.method, request.body) == ("POST", b"term=a+%26+b+%C3%A4&retmax=1")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_question_is_asked_again_where_it_is_sent_on_and_never_as_another(
    server: RegistryServer, fetcher: Fetcher
) -> None:
    new = server.serve("/new", b"found")
    server.faults.append(Fault(act=respond(307, b"", {"Location": new})))
    assert fetcher.post(f"{server.root}/old", json=[1]).body == b"found"
    assert [request.body for request in server.requests] == [b"[1]", b"[1]"]
    server.faults.append(Fault(act=respond(302, b"", {"Location": new})))
    with pytest.raises(HttpRefused, match="302"):
        fetcher.post(f"{server.root}/old", json=[1])


def test_what_is_not_there_is_none_and_every_other_refusal_is_told(server: RegistryServer, fetcher: Fetcher) -> None:
    assert fetcher.find(f"{server.root}/record/7") is None
    server.serve("/record/8", b"{}")
    found = fetcher.find(f"{server.root}/record/8")
    assert found is not None
    server.faults.append(Fault(act=respond(403)))
    with pytest.raises(HttpRefused, match="403"):
        fetcher.find(f"{server.root}/record/8")


class Time:
    """A clock that stands still but for sleeping."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 0.2
        self.now += seconds
        self.slept += 1


@given(st.lists(st.floats(0, 3), max_size=20), st.floats(0.5, 10))
def test_requests_are_an_interval_apart_the_first_one_too(pauses: list[float], per_second: float) -> None:
    time = Time()
    pace = RequestPace(per_second, monotonic=time.monotonic, sleep=time.sleep)
    passed = [time.now]  # somebody else may have asked just now
    for pause in pauses:
        time.now += pause
        pace.wait(lambda: None)
        passed.append(time.now)
    assert all(after - before >= 1 / per_second - 1e-6 for before, after in itertools.pairwise(passed))


def test_without_a_pace_nobody_waits() -> None:
    time = Time()
    RequestPace(None, monotonic=time.monotonic, sleep=time.sleep).wait(lambda: None)
    assert time.slept == 0


def test_a_wait_ends_with_the_program(server: RegistryServer, http_settings: HttpSettings, clock: FrozenClock) -> None:
    stopping = threading.Event()
    stopping.set()
    with Fetcher(http_settings, clock, stop=stopping.is_set, at_most=0.001) as fetcher, pytest.raises(Interrupted):
        fetcher.get(server.serve("/page", b"x"))
    assert server.requests == []
