"""Public answers that are made once a minute, however many ask for them."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from tests.web.conftest import World
from tests.web.test_area_page import furnish
from tests.web.test_trial_page import NOW
from trialalerts.clock import FrozenClock
from trialalerts.web.areas.listing import AreaListing

ADDRESSES = ("/areas/D001249", "/areas/D001249/feed.atom", "/areas/D001249/feed.json")


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The countries for which the news of an area were read, one for each time."""
    countries: list[str | None] = []
    read = AreaListing.news

    def counted(self: AreaListing, most: int) -> object:
        countries.append(next(iter(self._within), None))
        return read(self, most)

    monkeypatch.setattr(AreaListing, "news", counted)
    return countries


@pytest.mark.parametrize("address", ADDRESSES)
def test_of_twenty_who_ask_at_once_one_has_it_made_and_a_minute_later_the_next(
    each_world: World, made: list[str | None], address: str
) -> None:
    furnish(each_world)
    with ThreadPoolExecutor(20) as visitors:
        answers = list(visitors.map(lambda _: each_world.client.get(address), range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(made) == 1
    each_world.clock.advance(timedelta(seconds=59))
    each_world.client.get(address)
    assert len(made) == 1
    each_world.clock.advance(timedelta(seconds=1))
    each_world.client.get(address)
    assert len(made) == 2


def test_each_language_and_country_has_its_own(world: World, made: list[str | None]) -> None:
    furnish(world)
    asked = [f"/areas/D001249?lang={language}{where}" for language in ("en", "de") for where in ("", "&country=GB")]
    pages = [world.client.get(each).text for each in asked]
    assert [world.client.get(each).text for each in asked] == pages
    assert len(set(pages)) == 4
    assert made == [None, "GB", None, "GB"]
    assert 'lang="de"' in world.client.get("/areas/D001249", headers={"Accept-Language": "de"}).text


@pytest.mark.parametrize("address", ADDRESSES)
def test_it_is_the_same_packed_or_not_and_says_what_it_follows_from(world: World, address: str) -> None:
    furnish(world)
    plain = world.client.get(address, headers={"Accept-Encoding": "identity"})
    with httpx.stream("GET", f"{world.server.url}{address}", headers={"Accept-Encoding": "gzip"}) as packed:
        sent = b"".join(packed.iter_raw())
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(sent) == plain.content
    assert packed.headers["ETag"] == plain.headers["ETag"]
    for answer in (plain, packed):
        assert {each.strip() for each in answer.headers["Vary"].split(",")} == {"Accept-Language", "Accept-Encoding"}
        assert answer.headers["Cache-Control"] == "public, max-age=600"
    again = world.client.get(address, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", plain.headers["ETag"])


def test_what_failed_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(world)

    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(AreaListing, "news", fail)
        assert world.client.get("/areas/D001249").status_code == 500
    assert world.client.get("/areas/D001249").status_code == 200
