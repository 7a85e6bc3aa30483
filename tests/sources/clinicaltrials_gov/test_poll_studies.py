"""Tests of polling ClinicalTrials.gov: all that is real is stored, and no fault loses a record or a cursor."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from sqlmodel import select

from tests.sources.poll_stage import items_of, look_back, news_of, poll, problems_of, registry_settings, state_of
from tests.sources.registry_server import (
    Fault,
    Handler,
    RegistryServer,
    cut,
    new_day,
    pour,
    respond,
    stall,
)
from tests.sources.samples import study, study_of_asthma, with_value
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings
from trialalerts.sources.polling.poll import poll_source
from trialalerts.vocabulary.areas.tree import load_areas

STATUS = ("protocolSection", "statusModule", "overallStatus")


def number_of(raw: Any) -> str:
    number: str = raw["protocolSection"]["identificationModule"]["nctId"]
    return number


def studies(how_many: int, **values: Any) -> list[Any]:
    return [study(number, **values) for number in range(2, how_many + 2)]


def test_all_real_records_are_stored_and_a_second_sweep_changes_nothing(
    sqlite_world: Database,
    clock: FrozenClock,
    server: RegistryServer,
    http_settings: HttpSettings,
    real_studies: list[Any],
) -> None:
    server.state.studies = real_studies
    swept_thrice(sqlite_world, clock, server, http_settings)
    assert len(items_of(sqlite_world)) == 1450


def test_of_the_real_records_one_in_ten_is_stored_so_in_postgresql(
    postgresql_world: Database,
    clock: FrozenClock,
    server: RegistryServer,
    http_settings: HttpSettings,
    real_studies: list[Any],
) -> None:
    server.state.studies = real_studies[::10]
    swept_thrice(postgresql_world, clock, server, http_settings)


def swept_thrice(db: Database, clock: FrozenClock, server: RegistryServer, http: HttpSettings) -> None:
    """Sweep what the server has: all of it is stored once, without a problem, and nothing of it is told or changes."""
    of_number = {number_of(raw): raw for raw in server.state.studies}
    settings = registry_settings(server, http, page_size=146)
    first = poll(db, settings, clock)
    assert (first.error, first.complete, first.new) == (None, True, len(of_number))
    assert (first.changes, first.problems, first.skipped) == (0, 0, 0)
    assert problems_of(db) == []
    assert set(items_of(db)) == set(of_number)
    server.state.studies = list(of_number.values())
    for _ in range(2):  # once more after the vocabulary has learned the terms of the first sweep
        look_back(db)
        again = poll(db, settings, clock)
        assert (again.error, again.new, again.changes) == (None, 0, 0)
        assert again.updated + again.unchanged == len(of_number)
    assert again.updated == 0
    assert news_of(db) == []


def test_second_versions_of_real_studies_take_the_place_of_the_first(
    sqlite_world: Database,
    clock: FrozenClock,
    server: RegistryServer,
    http_settings: HttpSettings,
    real_studies: list[Any],
) -> None:
    versions: dict[str, list[Any]] = {}
    for raw in real_studies:
        versions.setdefault(number_of(raw), []).append(raw)
    twice = [pair for pair in versions.values() if len(pair) == 2]
    assert len(twice) == 10
    settings = registry_settings(server, http_settings)
    server.state.studies = [first for first, _ in twice]
    assert poll(sqlite_world, settings, clock).new == 10
    look_back(sqlite_world)
    server.state.studies = [
        with_value(second, ("protocolSection", "descriptionModule", "briefSummary"), "Told anew.")
        for _, second in twice
    ]
    assert poll(sqlite_world, settings, clock).updated == 10
    with sqlite_world.read() as session:
        assert set(session.exec(select(Item.summary))) == {"Told anew."}


def test_unknown_mesh_terms_of_studies_are_learned(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    raw = study()
    raw["derivedSection"]["conditionBrowseModule"] = {
        "meshes": [{"id": "D000020529", "term": "Multiple Sclerosis, Relapsing-Remitting"}],
        "ancestors": [{"id": "D000009103", "term": "Multiple Sclerosis"}, {"id": "D000009422", "term": "Nervous"}],
    }
    server.state.studies = [raw]
    poll(world, registry_settings(server, http_settings), clock)
    with world.read() as session:
        areas = load_areas(session)
    assert areas.name("D020529") == "Multiple Sclerosis, Relapsing-Remitting"
    assert areas.get("D020529").parents == ("D009103",)
    assert areas.name("D009422") == "Nervous System Diseases"


def test_a_sweep_asks_for_what_was_updated_since_the_last_one_began_less_the_overlap(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = studies(4)
    settings = registry_settings(server, http_settings, overlap="3d")
    poll(world, settings, clock)
    assert "filter.advanced" not in server.requests[0].params
    assert state_of(world).cursor["high_water"] == "2026-03-02"
    assert "sweep" not in state_of(world).cursor
    clock.advance(timedelta(days=5))
    poll(world, settings, clock)
    assert server.requests[-1].params["filter.advanced"] == "AREA[LastUpdatePostDate]RANGE[2026-02-27,MAX]"
    assert state_of(world).cursor["high_water"] == "2026-03-07"


def test_every_page_is_asked_for_with_the_same_parameters(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = studies(7)
    poll(sqlite_world, registry_settings(server, http_settings), clock)
    first, *others = [dict(request.params) for request in server.requests]
    assert first.pop("countTotal") == "true"
    assert len(others) == 2
    for other in others:
        assert other.pop("pageToken")
        assert other == first


def test_what_the_url_asks_for_besides_is_asked_for_with_every_page(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = studies(4)
    settings = registry_settings(server, http_settings, url=f"{server.url}/?key=a%20word&empty=")
    assert poll(sqlite_world, settings, clock).new == 4
    assert [(each.params["key"], each.params["empty"]) for each in server.requests] == [("a word", "")] * 2


@dataclass(frozen=True)
class Case:
    """A fault in the middle of a sweep: what the server does, what is told, when it is asked again."""

    act: Callable[[Handler], None]
    told: str
    again: timedelta = timedelta(hours=6)
    times: int = 1


JSON = {"Content-Type": "application/json"}
FAULTS: dict[str, Case] = {
    "429": Case(respond(429, b"", {"Retry-After": "120"}), "answered 429", timedelta(seconds=120)),
    "503": Case(respond(503, b"", {"Retry-After": "Mon, 02 Mar 2026 10:30:00 GMT"}), "503", timedelta(hours=1)),
    "500": Case(respond(500), "answered 500"),
    "403": Case(respond(403), "does not let this service in"),
    "a stalled body": Case(stall(b'{"studies":['), "did not answer within"),
    "half a JSON": Case(respond(200, b'{"studies":[{"protocolSection":{', JSON), "JSON that breaks off"),
    "an HTML page": Case(respond(200, b"<!DOCTYPE html><html>Sorry</html>"), "an HTML page"),
    "other JSON": Case(respond(200, b'{"error":"no"}', JSON), "no list of studies"),
    "a token that is none": Case(respond(200, b'{"studies":[],"nextPageToken":7}', JSON), "page token"),
    "an empty body": Case(respond(200), "something that is no JSON"),
    "a connection that breaks": Case(cut(b'{"studies"', length=5000), "cannot be reached", times=3),
    "a body of 200 MB": Case(pour(itertools.repeat(b"0" * 1_000_000, 200)), "more than 1,000,000 bytes"),
    "a gzip bomb": Case(
        respond(200, gzip.compress(b"0" * 20_000_000), {"Content-Encoding": "gzip"}), "more than 1,000,000 bytes"
    ),
    "a redirect to a file": Case(respond(302, b"", {"Location": "file:///etc/passwd"}), "only http and https"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_after_every_fault_the_next_round_catches_up(
    name: str, sqlite_world: Database, clock: FrozenClock, server: RegistryServer
) -> None:
    case = FAULTS[name]
    http = HttpSettings(allow_private_addresses=True, timeout=timedelta(milliseconds=300), max_body=1_000_000)
    settings = registry_settings(server, http)
    server.state.studies = studies(10)
    server.faults.append(Fault(act=case.act, when=lambda _: len(server.requests) >= 3, times=case.times))
    broken = poll(sqlite_world, settings, clock)
    assert case.told in str(broken.error)
    assert "\n" not in str(broken.error)
    assert (broken.new, broken.complete) == (6, False)
    state = state_of(sqlite_world)
    assert set(items_of(sqlite_world)) == {number_of(raw) for raw in server.state.studies[:6]}
    assert (state.cursor["sweep"]["pages"], state.cursor.get("high_water"), state.baseline_done_at) == (2, None, None)
    assert (state.error_count, state.last_error, state.last_success_at) == (1, broken.error, None)
    assert state.next_poll_at == clock.now() + case.again
    clock.advance(timedelta(days=1))
    assert not server.faults
    mended = poll(sqlite_world, settings, clock)
    assert (mended.error, mended.new, mended.complete, mended.changes) == (None, 4, True, 0)
    state = state_of(sqlite_world)
    assert (state.error_count, state.last_error, state.cursor["high_water"]) == (0, None, "2026-03-02")
    look_back(sqlite_world)
    assert poll(sqlite_world, settings, clock).unchanged == 10


def test_changes_are_told_once_though_a_sweep_breaks_off_between_them(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    server.state.studies = studies(7, statusModule__overallStatus="NOT_YET_RECRUITING")
    poll(world, settings, clock)
    look_back(world)
    server.state.studies = [with_value(raw, STATUS, "RECRUITING") for raw in server.state.studies]
    begun = len(server.requests)
    server.faults.append(Fault(act=respond(500), when=lambda _: len(server.requests) == begun + 2))
    assert poll(world, settings, clock).changes == 3
    assert poll(world, settings, clock).changes == 4
    assert news_of(world) == [(number_of(raw), "opened") for raw in server.state.studies]


def test_a_token_that_expires_in_mid_sweep_begins_it_again(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    server.state.studies = studies(10)
    server.faults.append(Fault(act=new_day, when=lambda _: len(server.requests) == 3))
    count = poll(world, settings, clock)
    assert (count.error, count.new, count.unchanged, count.complete) == (None, 10, 6, True)
    assert len(server.requests) == 7


def test_a_token_that_expired_between_two_polls_begins_the_same_sweep_again(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    server.state.studies = studies(10)
    poll(world, settings, clock)
    clock.advance(timedelta(days=10))
    server.faults.append(Fault(act=respond(500), when=lambda request: "pageToken" in request.params))
    look_back(world, "2026-02-01")
    assert poll(world, settings, clock).error
    server.state.day += 1
    clock.advance(timedelta(days=10))
    assert poll(world, settings, clock).unchanged == 10
    asked = {request.params["filter.advanced"] for request in server.requests[-3:]}
    assert asked == {"AREA[LastUpdatePostDate]RANGE[2026-01-30,MAX]"}
    assert state_of(world).cursor["high_water"] == "2026-03-12"


def test_a_query_that_the_registry_refuses_is_an_error(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.faults.append(Fault(act=respond(400, b"Bad query", {"Content-Type": "text/plain"})))
    count = poll(sqlite_world, registry_settings(server, http_settings), clock)
    assert count.error == f"{server.url}/studies answered 400 (Bad query); check the source's url and filters."


def test_when_the_registry_no_longer_knows_a_field_whole_studies_are_fetched(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = studies(4)
    told = b"The `fields` parameter has an invalid value: LeadSponsorName"
    refuse = respond(400, told, {"Content-Type": "text/plain"})
    server.faults.append(Fault(act=refuse, when=lambda request: "fields" in request.params, times=99))
    count = poll(sqlite_world, registry_settings(server, http_settings), clock)
    assert (count.error, count.new, count.problems) == (None, 4, 0)
    assert len(server.requests) == 3


def test_tokens_that_always_expire_are_an_error(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = studies(10)
    server.faults.append(Fault(act=respond(400), when=lambda request: "pageToken" in request.params, times=99))
    count = poll(sqlite_world, registry_settings(server, http_settings), clock)
    assert "answered 400" in str(count.error)
    assert len(server.requests) == 4


def test_the_same_token_twice_is_an_error_and_the_next_poll_begins_again(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    server.state.studies = studies(10)

    def repeat(handler: Handler) -> None:
        token = server.requests[-1].params["pageToken"]
        handler.answer(200, orjson.dumps({"studies": [study(99)], "nextPageToken": token}), JSON)

    server.faults.append(Fault(act=repeat, when=lambda request: "pageToken" in request.params))
    count = poll(world, settings, clock)
    assert "the same page token twice" in str(count.error)
    assert count.new == 4
    assert poll(world, settings, clock).complete
    assert len(items_of(world)) == 11


def test_a_sweep_without_end_is_an_error(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    tokens = itertools.count()

    def go_on(handler: Handler) -> None:
        page = {"studies": [], "nextPageToken": f"t{next(tokens)}", "totalCount": 3}
        handler.answer(200, orjson.dumps(page), JSON)

    server.faults.append(Fault(act=go_on, times=1000))
    settings = registry_settings(server, http_settings)
    count = poll(sqlite_world, settings, clock)
    assert "gave 23 pages and no end" in str(count.error)
    server.faults.clear()
    server.state.studies = studies(2)
    assert poll(sqlite_world, settings, clock).new == 2


@pytest.mark.parametrize("cut_at", [1, 2, 3], ids=["the first page", "the second", "the third"])
def test_a_sweep_that_ends_before_its_end_is_an_error_and_moves_no_cursor(
    cut_at: int, sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    server.state.studies = studies(10)
    total = b',"totalCount":10' if cut_at == 1 else b""
    first = orjson.dumps(server.state.studies[3 * cut_at - 3])
    truncated = respond(200, b'{"studies":[' + first + b"]" + total + b"}", JSON)
    server.faults.append(Fault(act=truncated, when=lambda _: len(server.requests) >= cut_at))
    broken = poll(sqlite_world, settings, clock)
    assert f"gave {3 * cut_at - 2} of 10 records" in str(broken.error)
    assert not broken.complete
    state = state_of(sqlite_world)
    assert (state.cursor.get("high_water"), state.baseline_done_at, state.error_count) == (None, None, 1)
    mended = poll(sqlite_world, settings, clock)
    assert (mended.error, mended.complete, mended.changes) == (None, True, 0)
    assert len(items_of(sqlite_world)) == 10


def test_a_later_sweep_that_ends_before_its_end_is_asked_again_from_the_same_day(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    server.state.studies = studies(5)
    poll(sqlite_world, settings, clock)
    look_back(sqlite_world, "2026-01-01")
    server.faults.append(Fault(act=respond(200, b'{"studies":[],"totalCount":5}', JSON)))
    assert "gave 0 of 5 records" in str(poll(sqlite_world, settings, clock).error)
    assert state_of(sqlite_world).cursor["high_water"] == "2026-01-01"
    assert poll(sqlite_world, settings, clock).unchanged == 5


def test_a_registry_without_a_record_is_read_to_its_end(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    count = poll(sqlite_world, registry_settings(server, http_settings), clock)
    assert (count.error, count.complete, count.new) == (None, True, 0)
    assert state_of(sqlite_world).baseline_done_at == clock.now()


def test_a_page_may_be_empty_and_more_may_follow(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = studies(2)
    empty = respond(200, b'{"studies":[],"nextPageToken":"more"}', JSON)
    rest = respond(200, orjson.dumps({"studies": server.state.studies}), JSON)
    server.faults += [Fault(act=empty), Fault(act=rest)]
    count = poll(sqlite_world, registry_settings(server, http_settings), clock)
    assert (count.new, count.complete) == (2, True)


def test_a_record_that_cannot_be_read_whole_is_reported_until_it_reads_well(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    good = studies(4)
    unnamed = with_value(good[1], ("protocolSection", "identificationModule", "nctId"), "?")
    server.state.studies = [study(2, eligibilityModule__minimumAge="old"), unnamed, 17, good[3]]
    count = poll(world, settings, clock)
    assert (count.new, count.problems, count.complete) == (2, 3, True)
    expected = [
        ("NCT90000002", "eligibilityModule.minimumAge"),
        ("without number: EX-1", "identificationModule.nctId"),
        ("without number: page 1, record 3", "study"),
    ]
    assert problems_of(world) == expected
    clock.advance(timedelta(days=1))
    look_back(world)
    assert poll(world, settings, clock).problems == 2
    assert problems_of(world) == expected
    clock.advance(timedelta(days=40))
    look_back(world)
    server.state.studies = good
    assert poll(world, settings, clock).problems == 0
    assert problems_of(world) == []


def test_half_a_surrogate_pair_in_a_record_does_not_cost_the_page(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    page = orjson.dumps({"studies": studies(2)}).replace(b"Example Institute", rb"Example \ud800\u0000 Institute", 1)
    server.faults.append(Fault(act=respond(200, page, JSON)))
    count = poll(world, registry_settings(server, http_settings), clock)
    assert (count.error, count.new) == (None, 2)


class TestFilters:
    """What is asked for when the configuration names conditions, countries and statuses."""

    def test_conditions_and_countries_are_sent_quoted(
        self, sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        server.state.studies = [study(2), study_of_asthma(3)]
        settings = registry_settings(
            server, http_settings, conditions=["multiple  sclerosis", 'als" OR x'], countries=["gb", "Turkey"]
        )
        assert poll(sqlite_world, settings, clock).new == 1
        params = server.requests[0].params
        assert params["query.cond"] == '"multiple sclerosis" OR "als OR x"'
        assert params["filter.advanced"].startswith('(AREA[LocationCountry]"United Kingdom" OR ')
        assert 'AREA[LocationCountry]"Turkey"' in params["filter.advanced"]
        poll(sqlite_world, settings, clock)
        advanced = server.requests[-1].params["filter.advanced"]
        assert advanced.startswith("AREA[LastUpdatePostDate]RANGE[2026-02-28,MAX] AND (AREA[LocationCountry]")

    @pytest.mark.parametrize(("key", "value", "told"), [
        ("statuses", "RECRUTING", "there is no status RECRUTING. Did you mean “RECRUITING”"),
        ("countries", "Atlantis", "there is no country “Atlantis”"),
    ])  # fmt: skip
    def test_a_filter_that_makes_no_sense_is_named(
        self, key: str, value: str, told: str, sqlite_world: Database, clock: FrozenClock, server: RegistryServer,
        http_settings: HttpSettings,
    ) -> None:  # fmt: skip
        count = poll(sqlite_world, registry_settings(server, http_settings, **{key: [value]}), clock)
        assert told in str(count.error)
        assert not server.requests

    def test_a_known_trial_that_closes_is_seen_though_only_open_ones_are_wanted(
        self, world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        settings = registry_settings(server, http_settings, statuses=["recruiting", "Not yet recruiting"])
        server.state.studies = [study(2), study(3, statusModule__overallStatus="COMPLETED")]
        assert poll(world, settings, clock).new == 1
        assert server.requests[0].params["filter.overallStatus"] == "NOT_YET_RECRUITING|RECRUITING"
        look_back(world)
        server.state.studies = [with_value(raw, STATUS, "COMPLETED") for raw in server.state.studies]
        server.state.studies.append(study(4, statusModule__overallStatus="TERMINATED"))
        count = poll(world, settings, clock)
        assert "filter.overallStatus" not in server.requests[-1].params
        assert (count.new, count.updated, count.skipped) == (0, 1, 2)
        assert news_of(world) == [("NCT90000002", "closed")]

    def test_when_the_filters_change_a_quiet_baseline_fetches_what_they_now_include(
        self, world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        server.state.studies = [study(2), study_of_asthma(3)]
        narrow = registry_settings(server, http_settings, conditions=["multiple sclerosis"], statuses=["RECRUITING"])
        assert poll(world, narrow, clock).new == 1
        clock.advance(timedelta(days=10))
        fresh = study(5, statusModule__studyFirstPostDateStruct={"date": "2026-03-05", "type": "ACTUAL"})
        server.state.studies = [
            with_value(server.state.studies[0], STATUS, "COMPLETED"), server.state.studies[1], fresh,
        ]  # fmt: skip
        wide = registry_settings(
            server, http_settings, conditions=["multiple sclerosis", "asthma"], statuses=["RECRUITING"]
        )
        count = poll(world, wide, clock)
        assert (count.new, count.updated) == (2, 1)
        assert sorted(news_of(world)) == [("NCT90000002", "closed"), ("NCT90000005", "registered")]
        assert not [request for request in server.requests[1:] if "RANGE" in request.params.get("filter.advanced", "")]
        poll(world, wide, clock)
        assert "RANGE[2026-03-10,MAX]" in server.requests[-1].params["filter.advanced"]


def test_a_second_registry_source_does_not_swallow_the_news_of_what_the_first_knows(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = studies(2, statusModule__overallStatus="NOT_YET_RECRUITING")
    poll(world, registry_settings(server, http_settings), clock)
    clock.advance(timedelta(days=1))
    server.state.studies = [with_value(raw, STATUS, "RECRUITING") for raw in [*server.state.studies, study(9)]]
    count = poll(world, registry_settings(server, http_settings, name="other"), clock)
    assert (count.new, count.changes) == (1, 2)


def test_a_merged_study_is_found_under_its_former_number(
    world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings, statuses=["RECRUITING"])
    server.state.studies = [study(900)]
    poll(world, settings, clock)
    look_back(world)
    server.state.studies = [study(1, statusModule__overallStatus="COMPLETED")]
    count = poll(world, settings, clock)
    assert (count.new, count.updated, count.skipped) == (0, 1, 0)


def test_dates_in_the_cursor_are_days(world: Database, clock: FrozenClock, server: RegistryServer,
                                      http_settings: HttpSettings) -> None:  # fmt: skip
    poll(world, registry_settings(server, http_settings), clock)
    assert date.fromisoformat(state_of(world).cursor["high_water"]) == clock.now().date()


def test_the_next_page_is_asked_for_while_one_is_stored_and_given_up_when_the_poll_ends(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    settings = registry_settings(server, http_settings)
    server.state.studies = studies(12)
    server.faults.append(Fault(act=stall(), when=lambda _: len(server.requests) == 3))
    stopped = poll_source(
        sqlite_world, settings, settings.sources[0], clock, stop=lambda: len(items_of(sqlite_world)) == 6
    )
    assert (stopped.new, stopped.complete, stopped.error) == (6, False, None)
    assert poll(sqlite_world, settings, clock).new == 6
