"""What goes out tonight: a round that is tried, while nothing is changed and nobody waits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select, text
from sqlmodel import Session
from sqlmodel import select as select_rows

from tests.digests.stage import SETTINGS, publish, store_areas, store_article, store_subscriber, store_trial
from tests.installation import Installation, Run
from trialalerts.catalog.tables import ChangeKind, HeldChange
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import Delivery, RefusedAddress, SendingHold, SendingPause
from trialalerts.digests.compose import compose_due
from trialalerts.operations.questions.outgoing import OutgoingMail, outgoing_mail
from trialalerts.operations.questions.throwaway import LEFT_OUT, throwaway_copy
from trialalerts.pipeline import Pipeline
from trialalerts.settings import Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.tables import Subscriber, SubscriberState
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERVED: dict[str, Any] = {"cursor": 0, "confirmed_at": NOW - 30 * DAY, "confirmed_seq": 0}


def everything(db: Database) -> dict[str, list[str]]:
    """Return all rows of all tables, as text."""
    metadata = MetaData()
    with db.engine.connect() as connection:
        metadata.reflect(connection)
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}


def arrange(session: Session) -> None:
    """Store a service with people in all states, and one trial that opened."""
    store_areas(session)
    store_subscriber(session, "anna", NOW, **SERVED)
    store_subscriber(session, "nina", NOW)
    store_subscriber(session, "later", NOW + DAY, **SERVED)
    store_subscriber(session, "other", NOW, follows=[{"area_id": "D001249"}], **SERVED)
    store_subscriber(session, "gone", NOW, **{**SERVED, "state": SubscriberState.UNSUBSCRIBED})
    store_subscriber(session, "back", NOW, **{**SERVED, "state": SubscriberState.PAUSED, "paused_until": NOW - DAY})
    store_subscriber(session, "never", NOW, **SERVED)
    suppress(session, SETTINGS.service.secrets[0], "never@example.org", reason="bounced", now=NOW)
    session.add(SourceState(name="registry", kind="folder", baseline_done_at=NOW))
    publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
    publish(session, store_article(session, 1, NOW), ChangeKind.PUBLISHED, NOW)


def tried(db: Database, settings: Settings = SETTINGS) -> OutgoingMail:
    clock = FrozenClock(NOW)
    with throwaway_copy(db) as copy:
        Pipeline(settings, copy, clock).compose()
        with copy.read() as session:
            return outgoing_mail(session, settings, NOW)


def test_the_try_says_what_the_round_then_does_and_changes_nothing(db: Database) -> None:
    with db.write() as session:
        arrange(session)
        held = store_trial(session, 2, NOW)
        waits: dict[str, Any] = {"subject": "status", "kind": ChangeKind.REOPENED, "since": NOW - 2 * DAY}
        session.add(HeldChange(item_id=held.id or 0, after={"status": "RECRUITING"}, **waits))
    before = everything(db)
    found = tried(db)
    assert everything(db) == before
    assert {mail.address: mail.numbers for mail in found.mails} == {
        "anna@example.org": ("NCT90000001", "NCT90000002"),
        "nina@example.org": ("NCT90000001", "NCT90000002"),
    }, "what is held for a day is released; back@ goes on at the next hour"
    assert found.withheld == {"suppressed (bounced)": 1}
    assert [len(mail.articles) for mail in found.mails] == [1, 1]
    Pipeline(SETTINGS, db, FrozenClock(NOW)).compose()
    with db.read() as session:
        assert outgoing_mail(session, SETTINGS, NOW) == found


def test_the_copy_holds_every_row_as_it_is(db: Database) -> None:
    with db.write() as session:
        arrange(session)
    compose_due(db, SETTINGS, FrozenClock(NOW))
    with throwaway_copy(db) as copy:
        there, here = everything(db), everything(copy)
        file = Path(copy.engine.url.database or "")
        assert (file.stat().st_mode | file.parent.stat().st_mode) & 0o077 == 0
        with copy.read() as session, db.read() as original:
            for model in (Subscriber, Delivery):
                copied = [row.model_dump() for row in session.exec(select_rows(model).order_by(text("id")))]
                assert copied == [row.model_dump() for row in original.exec(select_rows(model).order_by(text("id")))]
    copied_tables = there.keys() - (frozenset() if db.is_sqlite else LEFT_OUT)
    assert {name: len(here[name]) for name in copied_tables} == {name: len(there[name]) for name in copied_tables}
    assert not file.exists()
    assert not file.parent.exists()


def test_a_poll_of_the_copy_finds_the_places_wherever_they_are(db: Database) -> None:
    with db.write() as session:
        session.add(Place(id="GB", kind=PlaceKind.COUNTRY, name="United Kingdom", country="GB"))
        session.flush()
        session.add(PlaceName(key="united kingdom", place_id="GB"))
    with throwaway_copy(db) as copy, SourceContext(copy, SETTINGS, FrozenClock(NOW)) as context:
        assert context.locator.country("United Kingdom") == "GB"
        with copy.read() as session:
            assert len(session.exec(select_rows(Place)).all()) == db.is_sqlite, "PostgreSQL's are read where they are"


def test_whoever_writes_meanwhile_is_not_waited_for_and_does_not_wait(db: Database) -> None:
    with db.write() as session:
        arrange(session)
    clock = FrozenClock(NOW)
    with db.write() as session:
        session.connection().execute(text("UPDATE subscriber SET hour = 9"))
        session.flush()
        with throwaway_copy(db) as copy:
            hours = everything(copy)["subscriber"]
    assert all("'daily', 8" in row or ", 8, 0, 1" in row for row in hours), "of what is not committed nothing is seen"

    class Composes:
        """A daemon that composes in the middle of the copying."""

        composed = 0

        def stage(self, what: str, total: int | None = None) -> None:
            del total
            if what == "rows of subscriber":
                self.composed += compose_due(db, SETTINGS, clock).digests

        def advance(self, count: int = 1) -> None:
            pass

    daemon = Composes()
    with throwaway_copy(db, progress=daemon):
        if db.is_sqlite:  # whose file is copied in one piece
            daemon.stage("rows of subscriber")
        assert daemon.composed == 3
    with throwaway_copy(db), db.write() as session:
        session.connection().execute(text("UPDATE subscriber SET hour = 7"))


def test_what_waits_is_told_with_its_moment(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        who = store_subscriber(session, "anna", NOW, **SERVED)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        session.add(RefusedAddress(subscriber_id=who.id or 0, not_before=NOW + DAY))
    (mail,) = tried(db).mails
    assert (mail.after, mail.why) == (NOW + DAY, "refused by policy")
    with db.write() as session:
        session.delete(session.get_one(RefusedAddress, 1))
        hold: dict[str, Any] = {
            "cause": "ours",
            "since": NOW,
            "retry_at": NOW + HOUR,
            "wait": 3600,
            "reason": "refused",
        }
        session.add(SendingHold(scope="example.org", **hold))
        session.add(SendingPause(name="breaker", since=NOW, reason="too many bounces"))
    found = tried(db)
    assert [(mail.after, mail.why) for mail in found.mails] == [(NOW + HOUR, "mail to example.org rests")]
    assert found.paused == "too many bounces"


def test_only_to_withholds_all_others(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        arrange(session)
    mail = SETTINGS.mail.model_copy(update={"only_to": ("nina@example.org",)})
    found = tried(sqlite_db, SETTINGS.model_copy(update={"mail": mail}))
    assert [each.address for each in found.mails] == ["nina@example.org"]
    assert found.withheld["mail.only_to"] == 1


def test_the_command_polls_into_the_copy_and_sends_nothing(run: Run, installation: Installation) -> None:
    folder = installation.folder / "articles"
    folder.mkdir()
    installation.configure('[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\nevery = "1s"\n')
    run("sources", "poll")
    run("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--confirmed")
    (folder / "news.md").write_text("---\ntitle: A new study\ncategories: [Multiple sclerosis]\n---\nSome text.")
    database = f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}"
    with open_database(database) as db:
        with db.write() as session:
            session.connection().execute(text("UPDATE source SET next_poll_at = NULL, leased_by = 'the daemon'"))
            session.connection().execute(text("UPDATE source SET leased_until = '2999-01-01 00:00:00.000000'"))
        before = everything(db)
    files = sorted((installation.folder / "var").rglob("*"))
    found = json.loads(run("run", "--once", "--dry-run", "--json").done)
    assert [(mail["address"], len(mail["articles"])) for mail in found["mails"]] == [("anna@example.org", 1)]
    assert found["polled"] == [{"source": "editors", "error": None}]
    told = run("run", "--once", "--dry-run", "--no-poll").done
    assert "anna@example.org\tdigest" in told
    assert "1 mail would leave now, 0 later; this was a try: nothing was sent" in told
    assert "poll editors" not in told
    assert sorted((installation.folder / "var").rglob("*")) == files
    with open_database(database) as db:
        assert everything(db) == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--dry-run",), "--dry-run: found it alone, expected --once beside it"),
        (("--no-poll",), "--no-poll: found it alone, expected --once beside it"),
        (("--once", "--json"), "--json: found it alone, expected --dry-run beside it"),
    ],
)
def test_options_that_mean_nothing_alone_are_refused(run: Run, words: tuple[str, ...], line: str) -> None:
    answer = run("run", *words)
    assert (answer.code, answer.err.strip()) == (2, f"trialalerts: {line}")
