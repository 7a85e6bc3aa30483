"""Tests of sources that are held: all their entries are new at once, and nobody can tell news from what was told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from tests.sources.feed_stage import Feeds, entry, feed
from tests.sources.poll_stage import settings_of, state_of
from trialalerts.database.findings import open_findings
from trialalerts.errors import NotFound
from trialalerts.sources.polling.holding import release_source
from trialalerts.sources.polling.poll import PollCount, poll_source
from trialalerts.sources.tables import HeldRecord

WORDS = ("Walking", "Swimming", "Sleeping", "Cycling", "Singing", "Reading", "Dancing", "Rowing", "Cooking", "Writing",
         "Painting", "Hiking", "Climbing", "Sailing", "Juggling", "Skating", "Knitting", "Surfing")  # fmt: skip


def entries(what: str, number: int = 12, *, ids: str = "") -> list[str]:
    """Return entries about so many things; ``ids`` makes their ids and links others."""
    return [
        entry(f"{what}{ids}-{word}", f"https://news.example/{what}{ids}/{word}", f"{word} and {what} in the long run")
        for word in WORDS[:number]
    ]


def held(feeds: Feeds) -> list[str]:
    """Return which sources the operator is told of."""
    with feeds.db.read() as session:
        return [finding.subject for finding in open_findings(session, "source-held")]


@pytest.fixture
def replaced(feeds: Feeds) -> Feeds:
    """A feed whose twelve entries are twelve others all of a sudden."""
    feeds.poll(feed(*entries("balance")))
    count = feeds.poll(feed(*entries("memory")))
    assert (count.held, count.new, count.changes) == (12, 0, 0)
    return feeds


def test_a_feed_whose_known_entries_have_vanished_is_held(replaced: Feeds) -> None:
    assert held(replaced) == ["news"]
    assert (replaced.told(), replaced.items()) == ([], 12)
    with replaced.db.read() as session:
        (finding,) = open_findings(session)
    assert "12 entries are new at once, while of the 12 that stood there before none is left" in finding.text
    assert "trialalerts sources release news" in finding.text
    state = state_of(replaced.db, "news")
    assert (state.error_count, state.held_since is None) == (0, False)


def test_what_is_released_is_told_once(replaced: Feeds) -> None:
    count = release_source(replaced.db, "news", silently=False, now=replaced.clock.now())
    assert (count.new, count.changes) == (12, 12)
    assert replaced.poll(feed(*entries("memory"))).changes == 0
    assert replaced.poll(feed(*entries("memory"), *entries("music", 1))).changes == 1
    assert held(replaced) == []
    assert state_of(replaced.db, "news").held_since is None


def test_what_is_released_silently_is_known(replaced: Feeds) -> None:
    count = release_source(replaced.db, "news", silently=True, now=replaced.clock.now())
    assert (count.new, count.changes) == (12, 0)
    assert replaced.poll(feed(*entries("memory"))).changes == 0
    assert replaced.poll(feed(*entries("memory"), *entries("music", 1))).changes == 1


def test_what_left_the_feed_while_it_was_held_is_not_lost(replaced: Feeds) -> None:
    replaced.poll(feed(*entries("memory")[6:], *entries("music", 6)))
    assert release_source(replaced.db, "news", silently=False, now=replaced.clock.now()).changes == 18


def test_ids_that_change_while_the_feed_is_held_do_not_double_what_is_held(replaced: Feeds) -> None:
    for fetch in "abc":
        replaced.poll(feed(*entries("memory", ids=fetch)))
    assert release_source(replaced.db, "news", silently=False, now=replaced.clock.now()).changes == 12


def test_it_releases_itself_when_the_known_entries_are_back(replaced: Feeds) -> None:
    count = replaced.poll(feed(*entries("balance"), *entries("music", 1)))
    assert (count.held, count.changes) == (0, 1)
    assert held(replaced) == []
    with replaced.db.read() as session:
        assert session.exec(select(HeldRecord)).all() == []


def test_while_held_fewer_than_ten_strangers_stay_held_and_an_empty_feed_changes_nothing(replaced: Feeds) -> None:
    assert replaced.poll(feed()).changes == 0
    assert replaced.poll(feed(*entries("music", 3))).changes == 0
    assert held(replaced) == ["news"]
    assert release_source(replaced.db, "news", silently=False, now=replaced.clock.now()).changes == 15


@pytest.mark.parametrize(("known", "stays", "new", "is_held"), [
    (12, 0, 12, True), (12, 0, 10, True), (12, 0, 9, False), (12, 2, 12, False), (12, 1, 12, True), (5, 0, 12, True),
    (1, 0, 10, True), (1, 1, 17, False), (0, 0, 12, False),
])  # fmt: skip
def test_it_takes_ten_new_ones_and_hardly_a_known_one(
    known: int, stays: int, new: int, *, is_held: bool, sqlite_feeds: Feeds
) -> None:
    sqlite_feeds.poll(feed(*entries("balance", known)))
    count = sqlite_feeds.poll(feed(*entries("balance", stays), *entries("memory", new)))
    assert bool(count.held) is is_held
    assert count.changes == (0 if is_held else new)


def test_a_feed_that_was_empty_for_once_is_compared_with_what_it_held_before(sqlite_feeds: Feeds) -> None:
    sqlite_feeds.poll(feed(*entries("balance")))
    sqlite_feeds.poll(feed())
    assert sqlite_feeds.poll(feed(*entries("memory"))).held == 12


def test_old_articles_hold_nothing_up_for_they_would_not_be_told(sqlite_feeds: Feeds) -> None:
    sqlite_feeds.poll(feed(*entries("balance")))
    old = "".join(entries("memory")).replace("Mar 2026", "Mar 2015")
    count = sqlite_feeds.poll(feed(old))
    assert (count.held, count.new, count.changes) == (0, 12, 0)


def test_the_same_articles_under_other_ids_and_addresses_hold_nothing_up(sqlite_feeds: Feeds) -> None:
    sqlite_feeds.poll(feed(*entries("balance")))
    count = sqlite_feeds.poll(feed(*entries("balance", ids="x"), *entries("memory", 1)))
    assert (count.held, count.new, count.changes) == (0, 1, 1)


def test_a_source_may_be_exempt(sqlite_feeds: Feeds) -> None:
    sqlite_feeds.poll(feed(*entries("balance")), hold=False)
    assert sqlite_feeds.poll(feed(*entries("memory")), hold=False).changes == 12


def test_another_source_is_not_held_with_it(replaced: Feeds) -> None:
    replaced.poll(feed(*entries("balance", 1)), "other")
    assert replaced.poll(feed(*entries("balance", 1), *entries("memory", 12)), "other").changes == 12
    assert release_source(replaced.db, "news", silently=False, now=replaced.clock.now()).changes == 0


def test_only_what_is_held_can_be_released(sqlite_feeds: Feeds) -> None:
    sqlite_feeds.poll(feed(*entries("balance")))
    for name in ("news", "nonsense"):
        with pytest.raises(NotFound, match=f"“{name}” is not held; see: trialalerts sources list"):
            release_source(sqlite_feeds.db, name, silently=False, now=sqlite_feeds.clock.now())


class TestAnotherAddress:
    """The configuration names another address for a source."""

    def test_it_is_a_new_baseline(self, feeds: Feeds) -> None:
        feeds.poll(feed(*entries("balance")))
        count = feeds.poll(feed(*entries("memory")), path="/other")
        assert (count.new, count.changes, count.held) == (12, 0, 0)
        assert feeds.poll(feed(*entries("memory"), *entries("music", 1)), path="/other").changes == 1

    def test_it_goes_on_where_its_entries_are_known(self, feeds: Feeds) -> None:
        feeds.poll(feed(*entries("balance")))
        assert feeds.poll(feed(*entries("balance"), *entries("memory", 2)), path="/other").changes == 2

    def test_it_goes_on_where_they_are_known_under_other_ids(self, sqlite_feeds: Feeds) -> None:
        sqlite_feeds.poll(feed(*entries("balance")))
        moved = feed(*entries("balance", ids="x"), *entries("memory", 2))
        assert sqlite_feeds.poll(moved, path="/other").changes == 2

    def test_it_ends_a_hold(self, replaced: Feeds) -> None:
        assert replaced.poll(feed(*entries("music")), path="/other").changes == 0
        assert held(replaced) == []
        assert replaced.poll(feed(*entries("music"), *entries("art", 1)), path="/other").changes == 1


class TestFolders:
    """An editor's folder."""

    @staticmethod
    def poll(feeds: Feeds, folder: Path, **files: str) -> PollCount:
        for path in folder.glob("*.md"):
            path.unlink()
        for name, text in files.items():
            (folder / f"{name}.md").write_text(f"---\n{text}")
        settings = settings_of(feeds.http, {"name": "editors", "kind": "folder", "path": str(folder)})
        count = poll_source(feeds.db, settings, settings.sources[0], feeds.clock)
        feeds.clock.advance(timedelta(hours=1))
        return count

    def test_a_folder_that_was_replaced_is_held_and_its_files_stay_untold(self, feeds: Feeds, tmp_path: Path) -> None:
        self.poll(feeds, tmp_path, **{f"a{n}": f"title: {word} at home\n---\n" for n, word in enumerate(WORDS)})
        replaced = {f"b{n}": f"title: Research on {word} abroad\n---\n" for n, word in enumerate(WORDS)}
        assert self.poll(feeds, tmp_path, **replaced).held == len(WORDS)
        assert held(feeds) == ["editors"]
        assert release_source(feeds.db, "editors", silently=False, now=feeds.clock.now()).changes == len(WORDS)
        assert self.poll(feeds, tmp_path, **replaced).changes == 0

    @pytest.mark.parametrize(("before", "after"), [
        ("title: Walking\n---\nA short text of our own.", "title: Walking\n---\nA short text of our own."),
        ("title: Walking\ndate: 2026-03-01\n---\n", "title: Walking\ndate: 2026-03-01\n---\nNow with a text."),
        ("title: Walking\n---\nA short text of our own.", "title: Walking, again\n---\nA short text of our own."),
        ("title: Walking\nurl: https://our.example/walk\n---\n", "title: Walk!\nurl: http://our.example/walk/\n---\n"),
        ("title: Living well with it\n---\n", "title: Living well with it\n---\n"),
    ], ids=["text", "title and date", "text, other title", "address", "title alone, with four words"])  # fmt: skip
    def test_a_renamed_file_is_the_same_article(
        self, before: str, after: str, sqlite_feeds: Feeds, tmp_path: Path
    ) -> None:
        self.poll(sqlite_feeds, tmp_path, other="title: Other\n---\n")
        assert self.poll(sqlite_feeds, tmp_path, other="title: Other\n---\n", old=before).changes == 1
        count = self.poll(sqlite_feeds, tmp_path, other="title: Other\n---\n", new=after)
        assert (count.new, count.changes) == (0, 0)

    def test_a_second_file_beside_the_first_is_another_article(self, sqlite_feeds: Feeds, tmp_path: Path) -> None:
        text = "title: Living well with it\ndate: 2026-03-01\n---\n"
        self.poll(sqlite_feeds, tmp_path, old=text + "One text.")
        assert self.poll(sqlite_feeds, tmp_path, old=text + "One text.", new=text + "Another one.").changes == 1
