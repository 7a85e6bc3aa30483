"""Proves that the demo's records are whole, made up, and dated by the day of the demo."""

from __future__ import annotations

import re
from datetime import date

import orjson
import pytest

from trialalerts.demo.sample_data import SampleData, read_sample_data

TODAY = date(2026, 3, 2)


@pytest.fixture(params=[False, True], ids=["first", "second"])
def world(request: pytest.FixtureRequest) -> SampleData:
    return read_sample_data(TODAY, second=request.param)


def everything(world: SampleData) -> str:
    return orjson.dumps(world.studies).decode() + world.feed.decode() + "".join(world.articles.values())


def test_no_date_is_left_to_fill_in(world: SampleData) -> None:
    assert not re.search(r"@[+-]\d", everything(world))


def test_nobody_real_is_named(world: SampleData) -> None:
    addresses = re.findall(r"[\w.-]+@[\w.-]+\w", everything(world))
    assert addresses
    assert all(address.endswith(".example.org") for address in addresses)
    assert all(
        re.search(r"555 01\d\d|7946 0\d{3}|496 0\d{3}", phone) for phone in re.findall(r"\+\d[\d ]+", everything(world))
    )
    assert all(
        study["protocolSection"]["identificationModule"]["nctId"].startswith("NCT9000") for study in world.studies
    )


def test_nothing_is_newer_than_the_state_of_the_world() -> None:
    for second, newest in ((False, "2026-03-01"), (True, "2026-03-04")):
        for study in read_sample_data(TODAY, second=second).studies:
            assert study["protocolSection"]["statusModule"]["lastUpdatePostDateStruct"]["date"] <= newest


def test_the_second_state_adds_a_trial_an_entry_and_an_article() -> None:
    first, second = read_sample_data(TODAY), read_sample_data(TODAY, second=True)
    assert (len(first.studies), len(second.studies)) == (14, 15)
    assert (first.feed.count(b"<item>"), second.feed.count(b"<item>")) == (5, 7)
    assert (len(first.articles), len(second.articles)) == (2, 3)


def test_reading_the_second_state_leaves_the_first_as_it_was() -> None:
    before = read_sample_data(TODAY)
    read_sample_data(TODAY, second=True)
    assert read_sample_data(TODAY) == before


def test_the_same_world_seen_a_year_later_is_a_year_younger() -> None:
    later = read_sample_data(date(2027, 3, 2))
    assert "2027-02-" in everything(later)
    assert "2026-02-" not in everything(later)
