"""Proves that the demo's registry speaks like the real one: paging, filters, tokens, ETags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from trialalerts.demo.registry import SampleRegistry
from trialalerts.demo.sample_data import read_sample_data

TODAY = date(2026, 3, 2)


@pytest.fixture
def registry() -> Iterator[SampleRegistry]:
    with SampleRegistry(read_sample_data(TODAY)) as registry:
        yield registry


@pytest.fixture
def client(registry: SampleRegistry) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=registry.root, timeout=60) as client:
        yield client


def numbers(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [study["protocolSection"]["identificationModule"]["nctId"] for study in answer.json()["studies"]]


def test_it_tells_its_version(client: httpx.Client) -> None:
    version = client.get("/api/v2/version").json()
    assert set(version) == {"apiVersion", "dataTimestamp"}


def test_a_page_has_ten_studies_and_the_last_one_no_token(client: httpx.Client) -> None:
    first = client.get("/api/v2/studies", params={"countTotal": "true"})
    assert first.json()["totalCount"] == 14
    assert len(numbers(first)) == 10
    second = client.get("/api/v2/studies", params={"pageToken": first.json()["nextPageToken"]})
    assert len(numbers(second)) == 4
    assert "nextPageToken" not in second.json()
    assert "totalCount" not in second.json()
    assert not set(numbers(first)) & set(numbers(second))


def test_small_pages_hold_every_study_once(client: httpx.Client) -> None:
    seen: list[str] = []
    params = {"pageSize": "3"}
    while True:
        answer = client.get("/api/v2/studies", params=params)
        seen += numbers(answer)
        if "nextPageToken" not in answer.json():
            break
        params["pageToken"] = answer.json()["nextPageToken"]
    assert len(seen) == len(set(seen)) == 14


def test_a_page_larger_than_allowed_is_cut_down(client: httpx.Client) -> None:
    assert len(numbers(client.get("/api/v2/studies", params={"pageSize": "5000"}))) == 14


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_a_page_size_that_makes_no_sense_is_refused(client: httpx.Client, size: str) -> None:
    assert client.get("/api/v2/studies", params={"pageSize": size}).status_code == 400


def test_a_token_expires_with_the_days_data(registry: SampleRegistry, client: httpx.Client) -> None:
    token = client.get("/api/v2/studies").json()["nextPageToken"]
    assert client.get("/api/v2/studies", params={"pageToken": token, "query.cond": "asthma"}).status_code == 400
    assert client.get("/api/v2/studies", params={"pageToken": "nonsense"}).status_code == 400
    registry.show(read_sample_data(TODAY, second=True))
    assert client.get("/api/v2/studies", params={"pageToken": token}).status_code == 400


def test_studies_are_found_by_condition(client: httpx.Client) -> None:
    assert len(numbers(client.get("/api/v2/studies", params={"query.cond": "multiple sclerosis"}))) == 3
    both = client.get("/api/v2/studies", params={"query.cond": '"asthma" OR "type 1 diabetes"'})
    assert len(numbers(both)) == 4


def test_studies_are_filtered_by_status(client: httpx.Client) -> None:
    waiting = client.get("/api/v2/studies", params={"filter.overallStatus": "NOT_YET_RECRUITING|COMPLETED"})
    assert numbers(waiting) == ["NCT90000003", "NCT90000006", "NCT90000014"]


def test_studies_are_filtered_by_day_of_update_and_country(registry: SampleRegistry, client: httpx.Client) -> None:
    registry.show(read_sample_data(TODAY, second=True))
    since = {"filter.advanced": "AREA[LastUpdatePostDate]RANGE[2026-03-01,MAX]"}
    assert len(numbers(client.get("/api/v2/studies", params=since))) == 8
    spain = {"filter.advanced": 'AREA[LastUpdatePostDate]RANGE[MIN,MAX] AND (AREA[LocationCountry]"Spain")'}
    assert numbers(client.get("/api/v2/studies", params=spain)) == ["NCT90000004", "NCT90000008", "NCT90000009"]
    assert client.get("/api/v2/studies", params={"filter.advanced": "AREA[Phase]PHASE2"}).status_code == 400


def test_one_study_can_be_asked_for(client: httpx.Client) -> None:
    study = client.get("/api/v2/studies/NCT90000001").json()
    assert study["protocolSection"]["identificationModule"]["acronym"] == "DEMO-MS"
    assert client.get("/api/v2/studies/NCT90009999").status_code == 404
    assert client.get("/elsewhere").status_code == 404


def test_the_feed_is_sent_again_only_when_it_changed(registry: SampleRegistry, client: httpx.Client) -> None:
    first = client.get("/feed.xml")
    known = {"If-None-Match": first.headers["ETag"]}
    assert first.text.count("<item>") == 5
    assert client.get("/feed.xml", headers=known).status_code == 304
    registry.show(read_sample_data(TODAY, second=True))
    assert client.get("/feed.xml", headers=known).text.count("<item>") == 7
