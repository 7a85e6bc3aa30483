"""New to us is not new: what is told of records that are older than their first appearance here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, func, select

from tests.catalog.samples import article, trial
from tests.sources.poll_stage import changes_of, poll, settings_of
from tests.sources.registry_server import Page, RegistryServer
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.tables import Change, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.digests.cards.changes import change_notes
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.entries import EntryChange
from trialalerts.settings import DigestSettings, HttpSettings, Settings
from trialalerts.sources.base import MemorySource


def dated(external_id: str, published: datetime | None) -> ItemDraft:
    draft = article(external_id, title=f"About {external_id}", html=f"<p>What is said of {external_id}.</p>")
    return replace(draft, published_at=published, url=f"https://example.org/{external_id.replace(' ', '-')}")


def old_articles(many: int, name: str = "old") -> list[ItemDraft]:
    return [dated(f"{name} {n}", datetime(2015, 3, 2, tzinfo=UTC)) for n in range(many)]


@pytest.fixture
def settings(http_settings: HttpSettings) -> Settings:
    return settings_of(http_settings, {"name": "news", "kind": "feed", "url": "https://example.org/feed"})


@pytest.fixture
def after_baseline(world: Database, settings: Settings, clock: FrozenClock) -> Database:
    """A database in which the source has its baseline."""
    poll(world, settings, clock, source=MemorySource([[]]))
    return world


def told(db: Database) -> dict[str, EntryChange]:
    with db.read() as session:
        rows = session.exec(select(Item.external_id, Change).join(Change, col(Change.item_id) == col(Item.id)))
        return {name: EntryChange(change.kind.value, change.seq, change.before, change.after) for name, change in rows}


@pytest.mark.parametrize("first", ["1.xml", "0-empty.xml"])
def test_an_archive_that_appears_in_a_feed_is_stored_and_not_told(
    world: Database,
    clock: FrozenClock,
    server: RegistryServer,
    http_settings: HttpSettings,
    shared_cases: Path,
    first: str,
) -> None:
    folder = shared_cases / "feed-archive-appears"
    feed = settings_of(http_settings, {"name": "news", "kind": "feed", "url": f"{server.root}/feed"})
    for name in (first, "2.xml"):
        server.state.pages["/feed"] = Page(body=(folder / name).read_bytes())
        count = poll(world, feed, clock)
        assert count.error is None
    assert (count.new, count.changes, changes_of(world)) == (5, 0, [])
    with world.read() as session:
        assert session.exec(select(func.count()).select_from(Item).where(col(Item.title).startswith("Old"))).one() == 5


@pytest.mark.parametrize(
    ("published", "is_told"),
    [
        (None, True),
        (timedelta(days=0), True),
        (timedelta(days=29), True),
        (timedelta(days=31), False),
        (timedelta(days=4000), False),
        (timedelta(days=-3), True),
    ],
    ids=["undated", "today", "29 days", "31 days", "years", "of a date to come"],
)
def test_an_article_is_new_by_its_own_date(
    after_baseline: Database, settings: Settings, clock: FrozenClock, published: timedelta | None, *, is_told: bool
) -> None:
    draft = dated("a", None if published is None else clock.now() - published)
    assert poll(after_baseline, settings, clock, source=MemorySource([[draft]])).changes == int(is_told)


@pytest.mark.parametrize(
    ("status", "posted", "line"),
    [
        ("RECRUITING", date(2026, 2, 20), "New trial"),
        ("RECRUITING", date(2026, 1, 1), "New trial"),
        ("RECRUITING", date(2025, 12, 31), "Newly found (in the register since 2025)"),
        ("NOT_YET_RECRUITING", date(2019, 5, 1), "Newly found (in the register since 2019)"),
        ("RECRUITING", None, "Newly found"),
        ("COMPLETED", date(2026, 2, 20), "New trial"),
        ("COMPLETED", date(2019, 5, 1), None),
        ("WITHDRAWN", date(2019, 5, 1), None),
    ],
)
def test_a_trial_is_new_by_the_date_of_its_registry(
    after_baseline: Database, settings: Settings, clock: FrozenClock, status: str, posted: date | None, line: str | None
) -> None:
    draft = trial(status=status, first_posted=posted)
    poll(after_baseline, settings, clock, source=MemorySource([[draft]]))
    words = Wordings().of("en")
    lines = [change_notes(words, [one], None)[0].text for one in told(after_baseline).values()]
    assert lines == ([line] if line else [])


def test_how_long_something_is_new_can_be_configured(
    after_baseline: Database, settings: Settings, clock: FrozenClock
) -> None:
    digests = DigestSettings(new_trial_within=timedelta(days=5), new_article_within=timedelta(days=9999))
    patient = settings.model_copy(update={"digests": digests})
    drafts = [trial(status="COMPLETED", first_posted=date(2026, 2, 20)), *old_articles(1)]
    poll(after_baseline, patient, clock, source=MemorySource([drafts]))
    assert changes_of(after_baseline) == [("old 0", "published")]


def test_an_old_item_that_changes_later_is_told(
    after_baseline: Database, settings: Settings, clock: FrozenClock
) -> None:
    old = trial(status="COMPLETED", first_posted=date(2019, 5, 1))
    poll(after_baseline, settings, clock, source=MemorySource([[old]]))
    results = trial(status="COMPLETED", first_posted=date(2019, 5, 1), has_results=True)
    poll(after_baseline, settings, clock, source=MemorySource([[results]]))
    assert changes_of(after_baseline) == [("NCT00000001", "results_posted")]


class TestTheOperatorIsToldOfManyOldItems:
    def of(self, db: Database) -> list[tuple[str, str]]:
        with db.read() as session:
            return [(finding.subject, finding.text) for finding in open_findings(session, "old-items")]

    @pytest.mark.parametrize(("many", "is_told"), [(20, False), (21, True)])
    def test_more_than_twenty_leave_a_finding(
        self, after_baseline: Database, settings: Settings, clock: FrozenClock, many: int, *, is_told: bool
    ) -> None:
        half = old_articles(many)
        poll(after_baseline, settings, clock, source=MemorySource([half[:10], half[10:]]))
        assert [subject for subject, _ in self.of(after_baseline)] == (["news"] if is_told else [])

    def test_the_finding_ends_with_a_poll_that_brings_none(
        self, after_baseline: Database, settings: Settings, clock: FrozenClock
    ) -> None:
        poll(after_baseline, settings, clock, source=MemorySource([old_articles(30)]))
        poll(after_baseline, settings, clock, source=MemorySource([old_articles(3, "another")]))
        ((_, text),) = self.of(after_baseline)
        assert "30 items" in text
        poll(after_baseline, settings, clock, source=MemorySource([old_articles(30)]))
        assert self.of(after_baseline) == []

    def test_a_baseline_is_no_surprise(self, world: Database, settings: Settings, clock: FrozenClock) -> None:
        poll(world, settings, clock, source=MemorySource([old_articles(500)]))
        assert self.of(world) == []
