"""The whole life of an editor's article: a draft, its review, its hour, two languages, a correction, its end."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from tests.sources.editors.test_folder_life import polled, write
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message
from trialalerts.digests.compose import compose_due
from trialalerts.digests.preview import preview_digest
from trialalerts.files import shipped
from trialalerts.settings import EditorSettings, Settings
from trialalerts.sources.editors.approvals import approve_article
from trialalerts.sources.editors.steps import (
    correct_article,
    find_article,
    publish_article,
    retract_article,
    settle_review,
)
from trialalerts.subscribers.files.bulk_import import import_csv
from trialalerts.subscribers.tables import Subscriber
from trialalerts.vocabulary.areas.tree import store_curated
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName

PEOPLE = """address,area,region,audience,language,frequency,confirmed
ms@example.org,multiple sclerosis,,patients,en,immediately,yes
deutsch@example.org,multiple sclerosis,GB,,de,immediately,yes
french@example.org,multiple sclerosis,,,fr,immediately,yes
abroad@example.org,multiple sclerosis,FR,,en,immediately,yes
doctor@example.org,multiple sclerosis,,professionals,en,immediately,yes
asthma@example.org,asthma,,,en,immediately,yes
"""


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> Settings:
    """A service whose editors' articles are approved, with people who had their first digests."""
    settings = Settings.model_validate(
        {
            "service": {"secret": "a secret of these tests", "base_url": "https://alerts.example.org"},
            "editors": EditorSettings(approval=True),
            "sources": [{"name": "editors", "kind": "folder", "path": str(tmp_path / "articles"), "every": "1h"}],
        }
    )
    (tmp_path / "articles").mkdir()
    with sqlite_db.write() as session:
        store_curated(session, shipped("config/disease_areas.toml"))
        for code, name in (("GB", "United Kingdom"), ("FR", "France")):
            session.add(Place(id=code, kind=PlaceKind.COUNTRY, name=name, country=code))
            session.flush()
            session.add(PlaceName(key=code.lower(), place_id=code))
            session.add(PlaceName(key=name.lower(), place_id=code))
    polled(sqlite_db, settings, clock)  # empty: its baseline
    with sqlite_db.write() as session:
        import_csv(session, io.StringIO(PEOPLE), locale="en", timezone="Europe/London", now=clock.now())
        for person in session.exec(select(Subscriber)):
            person.cursor = 0
    return settings


def told(db: Database, settings: Settings, clock: FrozenClock) -> dict[str, Message]:
    """Poll; return by the name of each who is told something the mail of it; then they were told it."""
    polled(db, settings, clock)
    found = {}
    with db.read() as session:
        for person in session.exec(select(Subscriber)):
            message = preview_digest(session, settings, clock, person).message
            if message is not None:
                found[person.address.partition("@")[0]] = message
    compose_due(db, settings, clock)
    return found


def test_an_article_reaches_those_whom_it_is_for_and_its_end_those_who_were_told(
    sqlite_db: Database, world: Settings, clock: FrozenClock, tmp_path: Path
) -> None:
    folder = tmp_path / "articles"
    limits = ("regions: [United Kingdom]", "languages: [en, de]", "audience: patients")
    english = write(folder, "tablet.md", "language: en", "categories: [Multiple sclerosis]", "status: review", *limits)
    german = write(folder, "tablet.de.md", "language: de", "translation_of: tablet.md", "status: review")

    def approve() -> None:
        for path in (english, german):
            settle_review(find_article(world, path), "Dr Reed", clock.now())
            file = find_article(world, path).file
            with sqlite_db.write() as session:
                approve_article(session, "editors", file.name, file.digest, by="Dr Reed", now=clock.now())

    assert told(sqlite_db, world, clock) == {}
    publish_article(find_article(world, english), clock.now() + timedelta(hours=2))
    publish_article(find_article(world, german), None)
    assert told(sqlite_db, world, clock) == {}, "nobody approved it"
    approve()
    assert told(sqlite_db, world, clock) == {}, "its hour has not come"
    clock.advance(timedelta(hours=2))
    mails = told(sqlite_db, world, clock)
    assert set(mails) == {"ms", "deutsch"}
    assert "tablet.md" in mails["ms"].text
    assert "tablet.de.md" in mails["deutsch"].text
    assert told(sqlite_db, world, clock) == {}

    clock.advance(timedelta(days=1))
    english.write_text(english.read_text("utf-8").replace("Words.", "It is 12, not 21."), "utf-8")
    correct_article(find_article(world, english), "It is 12, not 21.", clock.now())
    said = f"corrected: {clock.now():%Y-%m-%d}\ncorrection: Es sind 12.\n---\nEs sind 12."
    german.write_text(german.read_text("utf-8").replace("---\nWords.", said), "utf-8")
    assert told(sqlite_db, world, clock) == {}, "a correction, too, waits for its approval"
    approve()
    corrected = told(sqlite_db, world, clock)
    assert set(corrected) == {"ms", "deutsch"}
    assert "It is 12, not 21." in corrected["ms"].text
    assert "Es sind 12." in corrected["deutsch"].text

    clock.advance(timedelta(days=1))
    with sqlite_db.write() as session:  # one more follows MS now, and was not told
        more = "address,area,language,frequency,confirmed\nlate@example.org,multiple sclerosis,en,immediately,yes\n"
        import_csv(session, io.StringIO(more), locale="en", timezone="Europe/London", now=clock.now())
    retract_article(find_article(world, english), "It was about mice.", clock.now())
    approve()
    ended = told(sqlite_db, world, clock)
    assert set(ended) == {"ms", "deutsch", "late"}, "who is new gets a first mail"
    assert "It was about mice." in ended["ms"].text
    assert "tablet.md" not in ended["late"].text, "nobody is introduced to what was taken back"
    clock.advance(timedelta(days=2))
    assert told(sqlite_db, world, clock) == {}


def test_a_second_correction_on_one_day_and_one_of_nothing_published_are_refused(
    sqlite_db: Database, world: Settings, tmp_path: Path
) -> None:
    del sqlite_db
    path = write(tmp_path / "articles", "one.md", "corrected: 2026-03-02", "correction: So.")
    draft = write(tmp_path / "articles", "two.md", "status: draft")
    with pytest.raises(Exception, match="tomorrow"):
        correct_article(find_article(world, path), "Otherwise.", datetime(2026, 3, 2, tzinfo=UTC))
    correct_article(find_article(world, path), "Otherwise.", datetime(2026, 3, 3, tzinfo=UTC))
    for step in (correct_article, retract_article):
        with pytest.raises(Exception, match="not published"):
            step(find_article(world, draft), "So.", datetime(2026, 3, 3, tzinfo=UTC))
    retract_article(find_article(world, path), "So.", datetime(2026, 3, 3, tzinfo=UTC))
    with pytest.raises(Exception, match="retracted already"):
        retract_article(find_article(world, path), "So.", datetime(2026, 3, 4, tzinfo=UTC))
