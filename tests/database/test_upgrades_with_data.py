"""A service that ran before baselines, holds and guards: what it had is kept, and it goes on where it stood."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import MetaData, text
from sqlmodel import Session, col, select

from tests import postgres
from tests.catalog.samples import trial
from tests.delivery.post import dice
from trialalerts.catalog.facts import ArticleFacts, TrialFacts
from trialalerts.catalog.outline_rows import complete_outlines, item_ids
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import BaselineItem, Change, HeldChange, Item, ItemOutline
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.findings import open_findings
from trialalerts.database.schema import upgrade_schema
from trialalerts.database.service_values import get_value
from trialalerts.delivery.outbox.suppressions import address_hash, is_suppressed, list_suppressions
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, SendingHold, SoftBounces, Suppression
from trialalerts.delivery.policy.effects import record_soft_bounce
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.digests.compose import compose_due
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.operations.counting.report import make_report
from trialalerts.operations.doctor import examine
from trialalerts.settings import ServiceSettings, Settings, SourceSettings
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.signing_secret import hold_secret
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber, SubscriberState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, 8, 15, tzinfo=UTC)
SECRET = "a secret of these tests, long enough"
SETTINGS = Settings(
    service=ServiceSettings(name="Example Alerts", secret=SecretStr(SECRET), base_url="https://alerts.example.org"),
    sources=(SourceSettings(name="registry", kind="clinicaltrials_gov", url="https://registry.example.org/api"),),
)
OLDEST = "0010"
LATER = ["0011", "0012", "0013", "0014", "0015", "0016"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def upgraded_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service as it was at the oldest of these revisions, upgraded once for all tests, which copy it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('old') / 'old.db'}"
    else:
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        cluster.execute("CREATE DATABASE service_of_old")
        url = cluster.url("service_of_old")
    with open_database(url) as db:
        upgrade_schema(db, to=OLDEST)
        fill(db)
        upgrade_schema(db)
    yield url
    if request.param == "postgresql":
        cluster.execute("DROP DATABASE service_of_old WITH (FORCE)")


@pytest.fixture
def old(upgraded_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A service of old, upgraded; a copy of the test's own."""
    if upgraded_url.startswith("sqlite"):
        shutil.copy(upgraded_url.removeprefix("sqlite:///"), tmp_path / "old.db")
        url = f"sqlite:///{tmp_path}/old.db"
    else:
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        cluster.execute("CREATE DATABASE copy_of_old TEMPLATE service_of_old STRATEGY FILE_COPY")
        url = cluster.url("copy_of_old")
    with open_database(url) as db:
        yield db
    if url.startswith("postgresql"):
        cluster.execute("DROP DATABASE copy_of_old WITH (FORCE)")


@pytest.fixture(params=LATER)
def later(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A service as it was at each of the revisions in between."""
    with open_database(f"sqlite:///{tmp_path}/later.db") as db:
        upgrade_schema(db, to=request.param)
        fill(db)
        yield db


# --- what was there: written by column names, as the program of then did


def fill(db: Database) -> None:
    """Fill the tables with what a service has after a month."""
    with db.engine.connect() as connection, connection.begin():
        tables = MetaData()
        tables.reflect(connection)
        for name, rows in ROWS.items():
            for row in rows:
                connection.execute(tables.tables[name].insert().values(row))


def moment(at: datetime) -> datetime:
    """A moment as the tables hold it: in UTC, without saying so."""
    return at.replace(tzinfo=None)


def facts(**more: Any) -> dict[str, Any]:
    told = TrialFacts.model_validate({"status": "RECRUITING", "numbers": ("NCT00000001",), "sites": ()} | more)
    return told.model_dump(mode="json", exclude={"reach"})


def item(number: int, kind: str, **more: Any) -> dict[str, Any]:
    known = {
        "registry": "clinicaltrials.gov" if kind == "trial" else "news",
        "external_id": f"NCT0000000{number}" if kind == "trial" else f"article-{number}",
        "kind": kind,
        "url": f"https://example.org/{number}",
        "title": f"Number {number}",
        "summary": "",
        "is_open": kind == "trial",
        "status": "RECRUITING" if kind == "trial" else None,
        "facts": facts() if kind == "trial" else {"html": "<p>Text</p>", "categories": []},
        "facts_hash": "hash",
        "areas": {"direct": [{"id": "D009103", "in_title": True}], "ancestors": []},
        "source": "registry" if kind == "trial" else "news",
        "first_seen_at": moment(FEBRUARY),
        "last_seen_at": moment(FEBRUARY),
        "published_at": None,
    }
    return known | more


def person(name: str, **more: Any) -> dict[str, Any]:
    known = {
        "key": f"key-of-{name}",
        "address": f"{name}@{name}.example",
        "address_key": f"{name}@{name}.example",
        "state": "active",
        "locale": "en",
        "timezone": "Europe/London",
        "frequency": "daily",
        "hour": 8,
        "weekday": 0,
        "day": 1,
        "next_due_at": moment(NOW - timedelta(hours=1)),
        "cursor": 2,
        "created_at": moment(FEBRUARY),
        "confirmed_at": moment(FEBRUARY),
    }
    return known | more


def preference(subscriber: int, **more: Any) -> dict[str, Any]:
    known = {
        "subscriber_id": subscriber,
        "area_id": "D009103",
        "region_kind": "anywhere",
        "region_label": "anywhere",
        "healthy_volunteer": False,
        **{key: [] for key in ("phases", "item_kinds", "change_kinds", "excluded_areas")},
        "created_at": moment(FEBRUARY),
        "confirmed_at": moment(FEBRUARY),
        "introduced_at": moment(FEBRUARY),
    }
    return known | more


def mail(number: int, subscriber: int, state: str, **more: Any) -> dict[str, Any]:
    known = {
        "key": f"digest/{number}",
        "kind": "digest",
        "subscriber_id": subscriber,
        "data": {"digest_id": 1},
        "message_id": f"<{number}@example.org>",
        "state": state,
        "attempts": 0 if state == "queued" else 1,
        "not_before": moment(FEBRUARY),
        "created_at": moment(FEBRUARY),
    }
    return known | more


SERVED, NEW, FULL, BOUNCED = 1, 2, 3, 4
"""Who is who: served before; confirmed and never served; with a full mailbox; whose address was refused."""
MIDNIGHT = datetime(2026, 2, 20, tzinfo=UTC)
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "area": [
        {
            "id": "D009103",
            "name": "Multiple sclerosis",
            "origin": "curated",
            "therapeutic": False,
            **{key: [] for key in ("synonyms", "acronyms", "tree_numbers", "parents")},
        }
    ],
    "counter": [{"name": "change", "value": 3}],
    "item": [
        item(1, "trial"),
        item(2, "trial"),
        item(3, "trial"),
        item(4, "article", published_at=moment(MIDNIGHT)),
        item(5, "article", published_at=moment(MIDNIGHT.replace(hour=14))),
        item(6, "article"),
    ],
    "record": [
        {
            "registry": "clinicaltrials.gov" if number < 4 else "news",
            "external_id": f"NCT0000000{number}" if number < 4 else f"article-{number}",
            "item_id": number,
            "source": "registry" if number < 4 else "news",
            "facts_hash": "hash",
            "first_seen_at": moment(FEBRUARY),
            "last_seen_at": moment(FEBRUARY),
        }
        for number in range(1, 7)
    ],
    "change": [
        {
            "seq": number,
            "item_id": number,
            "kind": "registered",
            "before": {},
            "after": {"status": "RECRUITING"},
            "at": moment(FEBRUARY + timedelta(days=number)),
        }
        for number in (1, 2, 3)
    ],
    "source": [
        {
            "name": "registry",
            "kind": "clinicaltrials_gov",
            "cursor": {"high_water": "2026-02-28"},
            "baseline_done_at": moment(FEBRUARY),
            "last_attempt_at": moment(NOW - timedelta(hours=2)),
            "last_success_at": moment(NOW - timedelta(hours=2)),
            "next_poll_at": moment(NOW + timedelta(hours=4)),
            "error_count": 0,
        },
        {
            "name": "late",
            "kind": "feed",
            "cursor": {},
            "last_attempt_at": moment(FEBRUARY),
            "error_count": 3,
            "last_error": "it does not answer",
        },
        {"name": "untried", "kind": "feed", "cursor": {}, "error_count": 0},
    ],
    "subscriber": [
        person("served"),
        person("new", cursor=NEVER_SERVED),
        person("full"),
        person("gone", state="bounced", state_reason="smtp: 550 5.1.1", next_due_at=None),
        person("pending", state="pending", confirmed_at=None, next_due_at=None, cursor=NEVER_SERVED),
    ],
    "preference": [
        preference(SERVED),
        preference(NEW, introduced_at=None),
        preference(FULL),
        preference(BOUNCED),
        preference(5, confirmed_at=None, introduced_at=None),
    ],
    "consent": [
        {
            "subscriber_id": SERVED,
            "at": moment(FEBRUARY),
            "action": "confirmed",
            "how": "web",
            "what": "Multiple sclerosis, anywhere",
        }
    ],
    "selection": [{"kind": "changes", "numbers": [1, 2]}],
    "digest": [
        {
            "subscriber_id": SERVED,
            "kind": "regular",
            "from_seq": 0,
            "to_seq": 2,
            "created_at": moment(FEBRUARY),
            "parts": [[1, 1]],
        }
    ],
    "delivery": [
        mail(
            1,
            SERVED,
            "sent",
            transport="smtp",
            sent_at=moment(FEBRUARY),
            provider_id="queued-as-1",
        ),
        mail(2, BOUNCED, "bounced", transport="smtp", sent_at=moment(FEBRUARY), last_code="550 5.1.1"),
        mail(3, SERVED, "queued"),
    ],
    "suppression": [
        {
            "address_hash": address_hash(SECRET, "gone@gone.example"),
            "reason": "bounced",
            "detail": "smtp: 550 5.1.1",
            "since": moment(FEBRUARY),
        },
        {
            "address_hash": address_hash(SECRET, "angry@angry.example"),
            "reason": "complained",
            "detail": "arf",
            "since": moment(FEBRUARY),
        },
    ],
    "soft_bounces": [
        {
            "subscriber_id": FULL,
            "in_a_row": 9,
            "first_at": moment(FEBRUARY),
            "last_at": moment(NOW - timedelta(days=2)),
            "not_before": moment(NOW - timedelta(days=1)),
        },
        {
            "subscriber_id": SERVED,
            "in_a_row": 2,
            "first_at": moment(FEBRUARY),
            "last_at": moment(FEBRUARY + timedelta(days=1)),
        },
    ],
    "tally": [{"hour": moment(FEBRUARY.replace(minute=0)), "what": "sent", "count": 7}],
    "finding": [
        {
            "kind": "source-held",
            "subject": "late",
            "text": "Source late is held",
            "since": moment(FEBRUARY),
            "last_seen_at": moment(FEBRUARY),
        }
    ],
}


def subscriber(session: Session, number: int) -> Subscriber:
    return session.get_one(Subscriber, number)


# --- what is kept, and what the new columns say


def test_every_row_is_kept(old: Database) -> None:
    keeps_every_row(old)


def keeps_every_row(db: Database) -> None:
    with db.read() as session:
        for name, rows in ROWS.items():
            found = session.connection().execute(text(f"SELECT count(*) FROM {name}")).scalar()
            assert found == len(rows), name


def test_what_was_there_gets_its_outlines(old: Database) -> None:
    with old.read() as session:
        changed = set(session.exec(select(Change.item_id)))
        expected = {i.id for i in session.exec(select(Item)) if i.is_open or i.kind == "article" or i.id in changed}
        assert {(row.item_id, row.outline) for row in session.exec(select(ItemOutline))} == {(n, "") for n in expected}
        found = item_ids(session.connection(), ["about:D009103"])
        assert found == expected, "as long as nobody knows, all are looked at"
    complete_outlines(old)
    with old.read() as session:
        stored = {row.item_id: row for row in session.exec(select(ItemOutline))}
        assert stored.keys() == expected
        assert all(row.outline for row in stored.values())
        still_open = {number for number, row in stored.items() if row.is_open}
        assert still_open
        assert item_ids(session.connection(), ["about:D009103"]) == still_open


def test_a_source_begins_its_patience_with_its_last_attempt(old: Database) -> None:
    with old.read() as session:
        states = {state.name: state for state in session.exec(select(SourceState))}
        assert session.exec(select(BaselineItem)).all() == []
    assert states["registry"].first_attempt_at == NOW - timedelta(hours=2)
    assert (states["late"].first_attempt_at, states["late"].last_error) == (FEBRUARY, "it does not answer")
    assert states["untried"].first_attempt_at is None
    assert {state.patience_ended_at for state in states.values()} == {None}
    assert states["registry"].baseline_done_at == FEBRUARY
    assert states["registry"].cursor == {"high_water": "2026-02-28"}


def test_an_article_of_midnight_keeps_its_day_and_no_other_gets_one(old: Database) -> None:
    with old.read() as session:
        articles = session.exec(select(Item).where(Item.kind == "article").order_by(col(Item.id))).all()
        told = [ArticleFacts.model_validate(each.facts) for each in articles]
        assert session.exec(select(HeldChange)).all() == []
    assert [each.published_on for each in told] == [date(2026, 2, 20), None, None]
    assert [each.html for each in told] == ["<p>Text</p>"] * 3
    assert [each.published_at for each in articles] == [MIDNIGHT, MIDNIGHT.replace(hour=14), None]


def test_a_confirmation_of_old_begins_now_and_digests_say_nothing_added(old: Database) -> None:
    with old.read() as session:
        assert {each.confirmed_seq for each in session.exec(select(Subscriber))} == {None}
        assert [each.added for each in session.exec(select(Digest))] == [False]


def test_the_first_secret_that_is_used_is_the_databases_own(old: Database) -> None:
    with old.read() as session:
        assert get_value(session, "secret_fingerprint") is None
    hold_secret(old, SETTINGS.service)
    with old.read() as session:
        assert get_value(session, "secret_fingerprint")


def test_mails_keep_what_became_of_them(old: Database) -> None:
    with old.read() as session:
        mails = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
    assert [each.state for each in mails] == [DeliveryState.SENT, DeliveryState.BOUNCED, DeliveryState.QUEUED]
    assert [each.request_key for each in mails] == [None] * 3
    assert [(each.provider_id, each.message_id) for each in mails[:1]] == [("queued-as-1", "<1@example.org>")]


def test_a_suppression_of_old_is_final_and_says_no_rule(old: Database) -> None:
    with old.read() as session:
        found = session.exec(select(Suppression).order_by(Suppression.reason)).all()
        assert [(each.reason, each.detail, each.since) for each in found] == [
            ("bounced", "smtp: 550 5.1.1", FEBRUARY),
            ("complained", "arf", FEBRUARY),
        ]
        assert {(each.provisional_until, each.rule, each.code, each.domain_hash) for each in found} == {(None,) * 4}
        assert len(list_suppressions(session)) == 2
        assert session.exec(select(SendingHold)).all() == []


def test_soft_bounces_of_old_park_nobody_by_themselves(old: Database) -> None:
    with old.read() as session:
        found = {each.subscriber_id: each for each in session.exec(select(SoftBounces))}
        assert {number: (each.in_a_row, each.score) for number, each in found.items()} == {FULL: (9, 4), SERVED: (2, 2)}
        assert {(each.tries, each.counted_on, each.parked_until) for each in found.values()} == {(0, None, None)}
        assert subscriber(session, FULL).state is SubscriberState.ACTIVE
    with old.write() as session:
        record_soft_bounce(session, SECRET, subscriber(session, FULL), how="smtp", detail="452 4.2.2", at=NOW, now=NOW)
    with old.read() as session:
        assert session.get_one(SoftBounces, FULL).score == 5
        assert subscriber(session, FULL).state is SubscriberState.BOUNCED
        assert session.get_one(SoftBounces, FULL).parked_until == NOW + timedelta(days=30)


# --- it goes on where it stood


def numbers_in(body: str) -> list[int]:
    """Which items a mail names."""
    return sorted({int(number) for number in re.findall(r"Number (\d)", body)})


def test_who_was_served_hears_what_is_new_and_who_was_not_what_is_open(old: Database) -> None:
    goes_on(old)


def test_a_service_of_the_revisions_in_between_keeps_every_row_and_goes_on_too(later: Database) -> None:
    upgrade_schema(later)
    keeps_every_row(later)
    goes_on(later)


def goes_on(old: Database) -> None:
    hold_secret(old, SETTINGS.service)
    clock, transport = FrozenClock(NOW), MemoryTransport()
    count = compose_due(old, SETTINGS, clock)
    assert (count.digests, count.failed) == (3, [])
    with old.read() as session:
        digests = session.exec(select(Digest).order_by(col(Digest.id))).all()
    assert {each.subscriber_id: (each.kind, each.to_seq) for each in digests[1:]} == {
        SERVED: (DigestKind.REGULAR, 3),
        NEW: (DigestKind.FIRST, 3),
        FULL: (DigestKind.REGULAR, 3),
    }
    with old.read() as session:
        cursors = {each.id: each.cursor for each in session.exec(select(Subscriber))}
    assert (cursors[SERVED], cursors[NEW], cursors[FULL]) == (3, 3, 3)
    assert (cursors[BOUNCED], cursors[5]) == (2, NEVER_SERVED)
    renderer = MailRenderer(SETTINGS, clock)
    sent = send_queued(old, transport, renderer, settings=SETTINGS, clock=clock, random=dice())
    assert (sent.broken, sent.failed) == (None, 0)
    told = sorted((each.recipient, numbers_in(each.message.text)) for each in transport.sent)
    assert told == [
        ("full@full.example", [3]),
        ("new@new.example", [1, 2, 3, 4, 5]),  # what is open, and the articles of the last 30 days
        ("served@served.example", [1, 2]),  # what was queued then
        ("served@served.example", [3]),
    ]
    assert compose_due(old, SETTINGS, clock).digests == 0, "nothing is told twice"


def test_doctor_and_report_read_what_was_there(old: Database) -> None:
    with old.read() as session:
        report = make_report(session, now=NOW, days=60)
        assert [each.subject for each in open_findings(session)] == ["late"]
    assert report.subscribers == {"active": 3, "bounced": 1, "pending": 1}
    assert report.deliveries == {"bounced": 1, "queued": 1, "sent": 1}
    assert report.mails == {"sent": 7, "bounced": 0, "complained": 0, "delivered": 0, "handed_off": 0, "nudged": 0}
    assert {source["name"]: source["last_error"] for source in report.sources}["late"] == "it does not answer"
    found = examine(SETTINGS, old, FrozenClock(NOW))
    assert [check.what for check in found if check.level == "broken" and check.what.startswith("database")] == []
    assert any("registry: last read 2026-03-02 07:30 UTC" in check.what for check in found)


def test_a_suppressed_address_of_old_is_mailed_no_more(old: Database) -> None:
    with old.read() as session:
        assert is_suppressed(session, SECRET, "Gone@gone.example")
        assert is_suppressed(session, SECRET, "angry@angry.example")
        assert not is_suppressed(session, SECRET, "served@served.example")


def test_a_trial_of_old_is_no_news_and_its_change_is(old: Database) -> None:
    with old.write() as session:
        count = store_items(session, [trial("NCT00000002"), trial("NCT00000009")], baseline=False, now=NOW)
    assert count.new == 1
