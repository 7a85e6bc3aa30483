"""The page of a digest that was sent: when it was written, and what has become of its entries since."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import Session, col

from tests.digests.rendering_samples import (
    LEEDS,
    NOW,
    article,
    entry,
    facts,
    mail,
    settings,
    store_digest,
    subscriber,
    told,
    trial,
)
from trialalerts.catalog.facts import Site
from trialalerts.catalog.tables import Change, ChangeKind, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind

LATER = NOW + timedelta(days=40)
SITES = {"sites": [LEEDS.model_dump(mode="json")]}


def page_of(session: Session, stored: Digest, locale: str = "en", at: datetime = LATER) -> str:
    renderer = MailRenderer(settings(), FrozenClock(at))
    written = renderer.digest_page(session, stored, subscriber(locale))
    return unescape(re.sub(r"<[^>]+>", " ", written.partition("<body")[2])).replace("\xa0", " ")


def open_digest(session: Session, *items: Item) -> Digest:
    """Store a first digest, which told that these trials are recruiting."""
    stored = store_digest(session, items)
    session.add(Selection(id=6, kind=SelectionKind.OPEN, numbers=[item.id or 0 for item in items]))
    stored.parts = [[1, 6]]
    return stored


def happen(session: Session, item: Item, kind: ChangeKind, seq: int = 20, **sides: Any) -> None:
    session.add(Change(seq=seq, item_id=item.id or 0, kind=kind, at=NOW + timedelta(days=3), **sides))


def test_a_page_says_when_its_mail_was_written(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        page = page_of(session, store_digest(session, [trial(1)]))
    assert page.count("Your mail of 2 March 2026") == 1
    assert "This is what we wrote to you on that day" in page
    assert "since" not in page.partition("Who can join")[0].replace("what has become of it since", "")


@pytest.mark.parametrize("status", ["SUSPENDED", "ACTIVE_NOT_RECRUITING", "COMPLETED", "WITHDRAWN", "UNKNOWN", None])
@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
def test_a_trial_that_stopped_is_never_said_to_recruit_now(
    sqlite_db: Database, status: str | None, locale: str
) -> None:
    with sqlite_db.write() as session:
        going, stopped = trial(1), trial(2, told=facts(status=status))
        both = page_of(session, open_digest(session, going, stopped), locale)
    head, _, tail = both.partition(stopped.title)
    now = Wordings().of(locale).say("change.recruiting_now")
    assert now in head
    assert now not in tail


def test_what_happened_since_stands_beside_the_entry(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        item = trial(1, told=facts(status="SUSPENDED"))
        stored = open_digest(session, item)
        happen(session, item, ChangeKind.PAUSED, before={"status": "RECRUITING"}, after={"status": "SUSPENDED"})
        page = page_of(session, stored)
    told, _, today = page.partition("This mail of 2 March 2026: Open now. Today:")
    assert "Open now" not in told + today
    assert today.split()[0] == "Paused"
    assert "5 March 2026: Paused" in today


def test_how_a_trial_stands_is_said_where_no_change_tells_it(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        page = page_of(session, open_digest(session, trial(1, told=facts(status="UNKNOWN"))))
    now = " ".join(page.partition("This mail of 2 March 2026: Open now. Today:")[2].split())
    assert now.startswith("Not updated for two years; ask")


def test_of_several_changes_told_together_only_the_last_was_so_when_it_was_written(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        item = trial(1, told=facts(status="COMPLETED"))
        stored = store_digest(session, [item])
        for seq, kind, status in ((8, ChangeKind.PAUSED, "SUSPENDED"), (9, ChangeKind.REOPENED, "RECRUITING")):
            happen(session, item, kind, seq, after={"status": status})
        session.add(Selection(id=7, kind=SelectionKind.CHANGES, numbers=[8, 9]))
        stored.parts = [[1, 7]]
        page = page_of(session, stored)
    assert "Paused" not in page
    assert "This mail of 2 March 2026: Open again. Today:" in page
    assert page.partition("Today:")[2].split()[0] == "Finished"


def test_what_holds_still_is_said_as_it_was_written(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        item = trial(1)
        stored = open_digest(session, item)
        happen(session, item, ChangeKind.RESULTS_POSTED)
        page = page_of(session, stored)
    assert "Open now" in page
    assert "Today:" not in page
    assert "5 March 2026: Results are out" in page


@pytest.mark.parametrize(
    ("sites", "holds"), [((LEEDS,), True), ((Site(city="York", country="GB"),), False), ((), False)]
)
def test_a_site_that_opened_and_is_no_longer_open_is_told_as_what_was_told(
    sqlite_db: Database, sites: tuple[Site, ...], holds: bool
) -> None:
    with sqlite_db.write() as session:
        item = trial(1, told=facts(sites=sites))
        stored = store_digest(session, [item])
        happen(session, item, ChangeKind.SITE_OPENED, 9, after=SITES)
        session.add(Selection(id=7, kind=SelectionKind.CHANGES, numbers=[9]))
        stored.parts = [[1, 7]]
        page = page_of(session, stored)
    assert ("This mail of 2 March 2026: New site open. Today:" in page) is not holds
    assert "New site open" in page


def test_an_article_that_was_retracted_says_so(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        item = article(50)
        stored = store_digest(session, [item])
        stored.to_seq = 50
        happen(session, item, ChangeKind.RETRACTED, 60)
        page = page_of(session, stored)
    assert "5 March 2026: Withdrawn by its journal: please do not rely on it" in page


@pytest.mark.parametrize("first", [True, False])
def test_what_is_gone_is_said_to_be_gone(sqlite_db: Database, first: bool) -> None:
    with sqlite_db.write() as session:
        kept, gone = trial(1), trial(2)
        stored = open_digest(session, kept, gone) if first else store_digest(session, [kept, gone])
        assert "no longer in our records" not in page_of(session, stored)
        session.connection().execute(delete(Item).where(col(Item.id) == 2))
        page = page_of(session, stored)
        assert "Some of what we told then is no longer in our records." in page
        assert kept.title in page
        session.connection().execute(delete(Item).where(col(Item.id) == 1))
        assert "Some of what we told then is no longer in our records." in page_of(session, stored)


def test_the_day_is_the_readers(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        stored = store_digest(session, [trial(1)])
        stored.created_at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
        reader = subscriber(timezone="Pacific/Auckland")
        page = MailRenderer(settings(), FrozenClock(LATER)).digest_page(session, stored, reader)
    assert "Your mail of 2 March 2026" in page


def test_lines_in_brief_say_what_has_become_of_them_too(sqlite_db: Database) -> None:
    items = [trial(number, told=facts(status="COMPLETED")) for number in range(1, 104)]
    with sqlite_db.write() as session:
        stored = open_digest(session, *items)
        stored.to_seq = 200
        page = page_of(session, stored)
    assert page.count("This mail of 2 March 2026: Open now. Today:") == 100
    assert page.count("This mail of 2 March 2026: Open now ·") == 3
    assert page.count("Finished") == 103


def test_the_mail_itself_keeps_its_words() -> None:
    item = trial(1, told=facts(status="COMPLETED"))
    message = mail([item], [entry(item, told("recruiting_now"))], kind=DigestKind.FIRST)
    assert "OPEN NOW" in message.text
    assert "Today:" not in (message.html or "")


def test_what_began_and_ended_since_is_told_in_its_order(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        item = trial(1, told=facts(status="COMPLETED"))
        stored = open_digest(session, item)
        happen(session, item, ChangeKind.PAUSED, 20, after={"status": "SUSPENDED"})
        happen(session, item, ChangeKind.REOPENED, 21, after={"status": "RECRUITING"})
        happen(session, item, ChangeKind.CLOSED, 22, after={"status": "COMPLETED"})
        page = page_of(session, stored)
    since = " ".join(page.partition("Today:")[2].split())
    assert since.startswith("Finished")
    assert "5 March 2026: Paused 5 March 2026: taking people now 5 March 2026: Finished" in since
