"""Tests of polling: what is due, what is put off, what is recorded, and that one source never harms another."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from tests.sources.poll_stage import changes_of, items_of, poll, problems_of, registry_settings, settings_of, state_of
from tests.sources.registry_server import Fault, Page, RegistryServer, respond
from tests.sources.samples import study
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import DatabaseBehind, NotFound, SourceError
from trialalerts.settings import HttpSettings, Settings
from trialalerts.sources.base import MemorySource
from trialalerts.sources.polling.poll import poll_due, poll_source
from trialalerts.sources.tables import Problem, SourceState

RSS = '<rss version="2.0"><channel><title>T</title><link>https://example.org/</link>{}</channel></rss>'


def article(number: int, **more: Any) -> ItemDraft:
    values = {"url": f"https://example.org/{number}", "title": f"Article {number}", **more}
    return ItemDraft(
        registry="news", source="news", external_id=str(number), kind=ItemKind.ARTICLE, facts=ArticleFacts(), **values
    )


def news(http: HttpSettings, **more: Any) -> Settings:
    return settings_of(http, {"name": "news", "kind": "feed", "url": "https://example.org/feed", "every": "1h", **more})


def rss(*items: str) -> bytes:
    return RSS.format("".join(f"<item>{item}</item>" for item in items)).encode()


def entry(guid: str, link: str, title: str = "Title") -> str:
    return f"<guid>{guid}</guid><link>{link}</link><title>{title}</title>"


def test_the_first_poll_is_a_quiet_baseline_and_later_ones_announce(
    world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    settings = news(http_settings)
    first = poll(world, settings, clock, source=MemorySource([[article(1)], [article(2)]]))
    assert (first.new, first.changes, first.complete) == (2, 0, True)
    second = poll(world, settings, clock, source=MemorySource([[article(n) for n in (1, 2, 3)]]))
    assert (second.new, second.unchanged, second.changes) == (1, 2, 1)
    assert changes_of(world) == [("3", "published")]


def test_a_baseline_that_takes_several_polls_stays_quiet_to_its_end(
    world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    source = MemorySource([[article(1)], [article(2)], [article(3)]], broken={1: SourceError("down")})
    assert poll(world, news(http_settings), clock, source=source).error == "down"
    clock.advance(timedelta(hours=1))
    source.broken = {2: SourceError("down again")}
    assert poll(world, news(http_settings), clock, source=source).new == 1
    source.broken = {}
    assert poll(world, news(http_settings), clock, source=source).new == 1
    assert changes_of(world) == []
    assert poll(world, news(http_settings), clock, source=MemorySource([[article(4)]])).changes == 1


@pytest.mark.parametrize(("failures", "hours"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 24), (60, 24)])
def test_pauses_double_up_to_a_day(
    failures: int, hours: int, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    source = MemorySource([], broken={0: SourceError("down")})
    for _ in range(failures):
        poll(sqlite_world, news(http_settings), clock, source=source)
    state = state_of(sqlite_world, "news")
    assert (state.error_count, state.next_poll_at) == (failures, clock.now() + timedelta(hours=hours))
    source.broken = {}
    poll(sqlite_world, news(http_settings), clock, source=source)
    state = state_of(sqlite_world, "news")
    assert (state.error_count, state.last_error, state.last_success_at) == (0, None, clock.now())
    assert state.next_poll_at == clock.now() + timedelta(hours=1)


@pytest.mark.parametrize(("asked", "pause"), [
    (300, timedelta(minutes=5)), (0, timedelta(minutes=1)), (1e12, timedelta(hours=24)),
])  # fmt: skip
def test_the_source_may_say_when_to_come_again(
    asked: float, pause: timedelta, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    source = MemorySource([], broken={0: SourceError("busy", retry_after=asked)})
    poll(sqlite_world, news(http_settings), clock, source=source)
    assert state_of(sqlite_world, "news").next_poll_at == clock.now() + pause


def test_a_slow_source_is_not_asked_more_often_for_failing(
    sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    source = MemorySource([], broken={0: SourceError("down")})
    poll(sqlite_world, news(http_settings, every="7d"), clock, source=source)
    assert state_of(sqlite_world, "news").next_poll_at == clock.now() + timedelta(days=7)


def test_what_nobody_foresaw_is_recorded_without_its_words(
    sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    source = MemorySource([], broken={0: KeyError("Jo Nobody, 555-0100")})
    with capture_logs() as logs:
        count = poll(sqlite_world, news(http_settings), clock, source=source)
    assert re.fullmatch(
        r"The program itself failed \(KeyError in base\.py, line \d+\); please report it\.", str(count.error)
    )
    assert [(line["event"], line["source"], line["kind"]) for line in logs] == [("source.failed", "news", "KeyError")]
    assert "Nobody" not in repr(logs) + str(state_of(sqlite_world, "news").last_error)


def test_a_source_without_an_end_is_an_error(
    sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    class Endless(MemorySource):
        def batches(self, *_: object) -> Any:
            return iter(())

    assert "nothing that ends its sweep" in str(
        poll(sqlite_world, news(http_settings), clock, source=Endless([])).error
    )


def test_a_broken_database_is_not_the_sources_fault(
    tmp_path: Path, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    from trialalerts.database import open_database

    empty = open_database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(DatabaseBehind):
        poll(empty, news(http_settings), clock, source=MemorySource([[article(1)]]))
    empty.dispose()


def test_problems_of_drafts_are_recorded_refreshed_and_gone(
    world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    problem = FieldProblem(external_id="1", field="published", message="found “soon”, expected a date")
    other = FieldProblem(external_id="1", field="published", message="second")
    settings = news(http_settings)
    with capture_logs() as logs:
        count = poll(world, settings, clock, source=MemorySource([[article(1, problems=(problem, other)), article(2)]]))
    assert count.problems == 1
    expected = {"event": "source.record_problem", "source": "news", "record": "1", "field": "published"}
    assert expected.items() <= logs[0].items()
    clock.advance(timedelta(hours=1))
    with capture_logs() as logs:
        poll(world, settings, clock, source=MemorySource([[article(1, problems=(problem,))]]))
    assert [line["event"] for line in logs] == ["source.polled"]
    with world.read() as session:
        (row,) = session.exec(select(Problem)).all()
    assert (row.message, row.seen_at) == ("found “soon”, expected a date", clock.now())
    clock.advance(timedelta(hours=1))
    poll(world, settings, clock, source=MemorySource([[article(1)]]))
    assert problems_of(world) == []


def test_a_problem_of_a_record_that_the_source_no_longer_holds_is_forgotten(
    sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    problem = FieldProblem(external_id="1", field="published", message="m")
    poll(sqlite_world, news(http_settings), clock, source=MemorySource([[article(1, problems=(problem,))]]))
    clock.advance(timedelta(hours=1))
    poll(sqlite_world, news(http_settings), clock, source=MemorySource([[article(2)]]))
    assert problems_of(sqlite_world) == []


def test_a_draft_that_cannot_be_stored_is_a_problem(
    sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    nameless = ItemDraft(
        registry="news", source="news", external_id=" ", kind=ItemKind.ARTICLE, url="", title="T", facts=ArticleFacts()
    )
    count = poll(sqlite_world, news(http_settings), clock, source=MemorySource([[nameless, article(1)]]))
    assert (count.new, count.problems) == (1, 1)
    assert problems_of(sqlite_world) == [(" ", "record")]


def test_a_poll_that_is_stopped_goes_on_where_it_stood(
    world: Database, clock: FrozenClock, http_settings: HttpSettings
) -> None:
    settings = news(http_settings)
    source = MemorySource([[article(n)] for n in range(4)])
    stopped = poll_source(
        world, settings, settings.sources[0], clock, source=source, stop=lambda: len(items_of(world)) == 2
    )
    assert (stopped.new, stopped.complete, stopped.error) == (2, False, None)
    state = state_of(world, "news")
    assert (state.cursor, state.error_count, state.next_poll_at) == ({"page": 2}, 0, clock.now())
    assert poll(world, settings, clock, source=source).new == 2
    assert len(items_of(world)) == 4


def test_a_source_that_changed_its_kind_begins_anew(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    server.state.studies = [study(2)]
    poll(sqlite_world, registry_settings(server, http_settings, name="one"), clock)
    of_its_baseline = [("NCT90000002", "registered")]  # told as recruiting now to those who were introduced before
    assert changes_of(sqlite_world) == of_its_baseline
    url = server.serve("/feed", rss(entry("a", "https://example.org/a")), etag='"v"')
    poll(sqlite_world, settings_of(http_settings, {"name": "one", "kind": "feed", "url": url}), clock)
    state = state_of(sqlite_world, "one")
    assert (state.kind, state.etag, list(state.cursor)) == ("feed", '"v"', ["url"])
    assert changes_of(sqlite_world) == of_its_baseline


class TestDue:
    """Which sources are polled."""

    def test_each_source_has_its_own_schedule(
        self, sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        one, two = (server.serve(f"/{n}", rss(entry(n, f"https://example.org/{n}"))) for n in "ab")
        settings = settings_of(
            http_settings,
            {"name": "often", "kind": "feed", "url": one, "every": "1h"},
            {"name": "seldom", "kind": "feed", "url": two, "every": "1d"},
        )
        polled = []
        for _ in range(3):
            polled.append([count.source for count in poll_due(sqlite_world, settings, clock)])
            clock.advance(timedelta(minutes=59 if len(polled) == 1 else 1))
        assert polled == [["often", "seldom"], [], ["often"]]
        forced = poll_due(sqlite_world, settings, clock, force=True)
        assert [count.source for count in forced] == ["often", "seldom"]
        named = poll_due(sqlite_world, settings, clock, names=["seldom"], force=True)
        assert [count.source for count in named] == ["seldom"]

    def test_an_unknown_name_is_named_with_the_nearest(
        self, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
    ) -> None:
        with pytest.raises(NotFound, match=r"There is no source called “new”\. Did you mean “news”"):
            poll_due(sqlite_world, news(http_settings), clock, names=["new"])

    def test_a_broken_source_never_stops_the_others(
        self,
        sqlite_world: Database,
        clock: FrozenClock,
        server: RegistryServer,
        http_settings: HttpSettings,
        tmp_path: Path,
    ) -> None:
        good = server.serve("/good", rss(entry("a", "https://example.org/a")))
        server.faults.append(Fault(act=respond(500), when=lambda request: request.path == "/bad"))
        settings = settings_of(
            http_settings,
            {"name": "bad", "kind": "feed", "url": server.root + "/bad"},
            {"name": "gone", "kind": "folder", "path": str(tmp_path / "gone")},
            {"name": "strange", "kind": "feed", "url": good, "areas": ["Nonsense"]},
            {"name": "good", "kind": "feed", "url": good},
        )
        counts = poll_due(sqlite_world, settings, clock)
        assert [(count.source, count.error is None) for count in counts] == [
            ("bad", False), ("gone", False), ("strange", False), ("good", True),
        ]  # fmt: skip
        with sqlite_world.read() as session:
            assert {state.name: state.error_count for state in session.exec(select(SourceState))} == {
                "bad": 1, "gone": 1, "strange": 1, "good": 0,
            }  # fmt: skip

    def test_nothing_is_begun_once_the_program_is_told_to_stop(
        self, sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings
    ) -> None:
        assert poll_due(sqlite_world, news(http_settings), clock, stop=lambda: True) == []


class TestFeeds:
    """Polling feeds: each article once."""

    def polls(
        self, db: Database, clock: FrozenClock, server: RegistryServer, http: HttpSettings, *bodies: bytes
    ) -> list[tuple[int, int, int]]:
        url = server.serve("/feed", b"")
        settings = settings_of(http, {"name": "news", "kind": "feed", "url": url})
        counts = []
        for body in bodies:
            server.state.pages["/feed"] = Page(body=body)
            count = poll(db, settings, clock)
            assert count.error is None
            counts.append((count.new, count.updated, count.changes))
            clock.advance(timedelta(hours=6))
        return counts

    def test_a_new_id_for_the_same_link_is_the_same_article(
        self, world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        assert self.polls(
            world, clock, server, http_settings,
            rss(entry("old-1", "https://example.org/1"), entry("2", "https://example.org/2")),
            rss(entry("new-1", "http://www.example.org/1/?utm_source=feed"), entry("2", "https://example.org/2")),
            rss(entry("newer-1", "https://example.org/1"), entry("3", "https://example.org/3")),
        ) == [(2, 0, 0), (0, 1, 0), (1, 1, 1)]  # fmt: skip
        assert set(items_of(world)) == {"old-1", "2", "3"}

    def test_links_to_the_homepage_tell_nothing(
        self, world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        assert self.polls(
            world, clock, server, http_settings,
            rss(entry("1", "https://example.org/", "One")),
            rss(entry("2", "https://example.org/", "Two")),
        ) == [(1, 0, 0), (1, 0, 1)]  # fmt: skip

    def test_an_article_that_was_corrected_is_updated_and_not_announced(
        self, world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        assert self.polls(
            world, clock, server, http_settings,
            rss(entry("1", "https://example.org/1", "Tpyo")),
            rss(entry("1", "https://example.org/1", "Typo")),
        ) == [(1, 0, 0), (0, 1, 0)]  # fmt: skip

    def test_seven_real_polls_of_one_day_announce_no_article_twice(
        self,
        world: Database,
        clock: FrozenClock,
        server: RegistryServer,
        http_settings: HttpSettings,
        shared_data: Path,
    ) -> None:
        bodies = [gzip.decompress(path.read_bytes()) for path in (shared_data / "feeds" / "sciencedaily").glob("*.gz")]
        assert len(bodies) == 7

        def built(body: bytes) -> datetime:
            found = re.search(rb"<lastBuildDate>(.*) EST<", body)
            assert found
            return datetime.strptime(found[1].decode(), "%a, %d %b %Y %H:%M:%S").replace(tzinfo=UTC)

        bodies.sort(key=built)
        links = [set(re.findall(rb"<guid[^>]*>([^<]+)<", body)) for body in bodies]
        assert all(len(found) == 60 for found in links)
        clock.move_to(built(bodies[0]))  # what is older than 30 days would be stored and not announced
        told: set[bytes] = set()
        known: set[bytes] = set()
        seen: set[bytes] = set()
        for body, found in zip(bodies, links, strict=True):
            # They are two feeds of one site: to one of them the entries of the other are all new at once.
            name = "top" if b"<title>All Top News" in body else "latest"
            url = server.serve(f"/{name}", body)
            count = poll(world, settings_of(http_settings, {"name": name, "kind": "feed", "url": url}), clock)
            assert (count.error, count.held) == (None, 0)
            told |= found - known if name.encode() in seen else set()
            known |= found
            seen.add(name.encode())
        assert told
        assert len(items_of(world)) == len(known)
        assert sorted(number for number, _ in changes_of(world)) == sorted(link.decode() for link in told)

    def test_articles_hold_what_the_entry_said(
        self, world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
    ) -> None:
        self.polls(world, clock, server, http_settings, rss(entry("1", "https://example.org/1", "Asthma &amp; you")))
        with world.read() as session:
            item = session.exec(select(Item)).one()
        assert (item.registry_name, item.source, item.kind, item.title) == (
            "news",
            "news",
            ItemKind.ARTICLE,
            "Asthma & you",
        )
        assert item.areas["direct"] == [{"id": "D001249", "in_title": True}]
