"""Retention: each kind goes after its period, not before, and only by a clock that can be believed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event, text
from sqlmodel import Session, select

from tests.digests.stage import publish, store_areas, store_subscriber, store_trial
from tests.installation import Installation, Run
from tests.subscribers.stage import follow
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.confirmations import request_confirmation
from trialalerts.delivery.outbox.tables import (
    Delivery,
    DeliveryState,
    FeedbackEvent,
    RequestedMail,
    SoftBounces,
    Suppression,
)
from trialalerts.digests.announcements.queueing import NewAnnouncement, queue_announcement, start_announcement
from trialalerts.digests.tables import Digest, DigestKind, Selection, SelectionKind
from trialalerts.operations.retention.pruning import prune, prune_nightly
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.people import NewSubscriber, Signup, add_subscriber, find_by_key, unsubscribe
from trialalerts.subscribers.tables import Preference, Subscriber, SubscriberState, id_of

SECRET = "a secret of the tests, which is long enough"
SETTINGS = Settings(service=ServiceSettings(name="Example Alerts", secret=SecretStr(SECRET)))
DAY = timedelta(days=1)


@pytest.fixture
def stage(db: Database) -> Database:
    """A database with areas."""
    with db.write() as session:
        store_areas(session)
    return db


def went(db: Database, now: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """Prune; return what went, without what did not."""
    found = prune(db, SETTINGS, now, dry_run=dry_run, wait=lambda _: None)
    return {what: number for what, number in found.items() if number}


def signed_up(session: Session, now: datetime, name: str = "anna", *, confirmed: bool = False) -> Signup:
    """Sign somebody up on the page, who is asked to confirm."""
    new = NewSubscriber(address=f"{name}@example.org", preferences=(follow("D009103"),))
    signup = add_subscriber(session, new, confirmed=confirmed, how="web", now=now)
    if signup.to_confirm:
        request_confirmation(session, signup.subscriber, signup.to_confirm, now=now, domain="example.org")
    return signup


def mail(session: Session, who: Subscriber, at: datetime, state: DeliveryState, **values: Any) -> Delivery:
    """Store a digest's mail."""
    row = Delivery(
        kind="digest",
        subscriber_id=id_of(who),
        message_id=f"<{at}>",
        state=state,
        not_before=at,
        created_at=at,
        **values,
    )
    session.add(row)
    session.flush()
    return row


def test_a_sign_up_that_nobody_confirms_goes_whole_after_its_period_and_not_before(
    stage: Database, clock: FrozenClock
) -> None:
    with stage.write() as session:
        signed_up(session, clock.now())
    assert went(stage, clock.now() + 13 * DAY) == {}
    assert went(stage, clock.now() + 15 * DAY, dry_run=True) == {"sign-ups that nobody confirmed": 1}
    assert went(stage, clock.now() + 15 * DAY) == {"sign-ups that nobody confirmed": 1}
    with stage.read() as session:
        assert session.exec(select(Subscriber)).all() == []
        assert session.exec(select(Delivery)).all() == []


def test_whoever_asks_again_gets_the_whole_period_again(stage: Database, clock: FrozenClock) -> None:
    with stage.write() as session:
        signed_up(session, clock.now())
        signed_up(session, clock.now() + 13 * DAY)
    assert went(stage, clock.now() + 20 * DAY) == {}
    assert went(stage, clock.now() + 28 * DAY) == {"sign-ups that nobody confirmed": 1}


def test_a_link_that_left_late_works_its_whole_time(stage: Database, clock: FrozenClock) -> None:
    with stage.write() as session:
        signed_up(session, clock.now())
        (queued,) = session.exec(select(Delivery))
        queued.state, queued.sent_at = DeliveryState.SENT, clock.now() + 13 * DAY
    assert went(stage, clock.now() + 20 * DAY) == {}


def test_a_further_preference_that_was_never_confirmed_goes_and_the_others_stay(
    stage: Database, clock: FrozenClock
) -> None:
    with stage.write() as session:
        person = signed_up(session, clock.now(), confirmed=True).subscriber
        further = NewSubscriber(address=person.address, preferences=(follow("D001249"),))
        add_subscriber(session, further, confirmed=False, how="web", now=clock.now())
    assert went(stage, clock.now() + 15 * DAY) == {"preferences that nobody confirmed": 1}
    with stage.read() as session:
        assert [each.area_id for each in session.exec(select(Preference))] == ["D009103"]


def test_who_left_is_erased_after_a_month_and_may_come_back_until_then(stage: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with stage.write() as session:
        people = [signed_up(session, now, name, confirmed=True).subscriber for name in ("anna", "ben")]
        for person in people:
            unsubscribe(session, person, how="link", now=now + DAY)
        signed_up(session, now + 20 * DAY, "ben", confirmed=True)
    assert went(stage, now + 30 * DAY) == {}
    assert went(stage, now + 32 * DAY) == {"people who left": 1}
    with stage.read() as session:
        states = {each.id: each.state for each in session.exec(select(Subscriber))}
        assert [states[each.id] for each in people] == [SubscriberState.ERASED, SubscriberState.ACTIVE]
        assert find_by_key(session, people[0].key) is None


def test_no_file_brings_back_who_left_and_was_erased_since(
    run: Run, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIALALERTS_RETENTION__LEFT", "0s")
    people = "address,area,region\nanna@example.org,asthma,anywhere\nben@example.org,asthma,anywhere\n"
    (installation.folder / "list.csv").write_text(people, "utf-8")
    assert run("subscribers", "import", "list.csv", "--confirmed").code == 0
    assert run("subscribers", "unsubscribe", "anna@example.org", "--yes").code == 0
    assert "people who left\t1\n" in run("retention", "run").done
    assert "0 subscribers and 0 preferences added" in run("subscribers", "import", "list.csv", "--confirmed").out
    (only,) = json.loads(run("subscribers", "list", "--json").done)
    assert only["address"] == "ben@example.org"
    add = ("subscribers", "add", "anna@example.org", "--area", "asthma", "--region", "anywhere", "--confirmed")
    assert run(*add).code == 0  # she asked for it herself
    assert run("subscribers", "import", "list.csv", "--confirmed").code == 0
    assert len(json.loads(run("subscribers", "list", "--json").done)) == 2


def test_who_came_back_and_did_not_confirm_is_as_somebody_who_left(stage: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with stage.write() as session:
        unsubscribe(session, signed_up(session, now, confirmed=True).subscriber, how="link", now=now)
        signed_up(session, now + DAY)
    assert went(stage, now + 16 * DAY) == {"people who came back and did not confirm": 1}


def test_who_is_parked_stays_and_who_bounced_for_good_goes(stage: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with stage.write() as session:
        for name in ("parked", "gone"):
            person = signed_up(session, now, name, confirmed=True).subscriber
            person.state = SubscriberState.BOUNCED
            if name == "parked":
                until = now + 180 * DAY
                session.add(SoftBounces(subscriber_id=id_of(person), parked_until=until, first_at=now, last_at=now))
    assert went(stage, now + 89 * DAY) == {}
    assert went(stage, now + 91 * DAY)["people whose mail came back"] == 1
    with stage.read() as session:
        assert find_by_key(session, person.key) is None


def test_a_mail_that_has_still_to_leave_stays_whatever_its_age(stage: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with stage.write() as session:
        who = store_subscriber(session, "anna", now)
        for state in DeliveryState:
            mail(session, who, now, state, sent_at=now)
        mail(session, who, now, DeliveryState.BOUNCED, feedback_at=now + 50 * DAY)
    assert went(stage, now + 91 * DAY) == {"deliveries": len(DeliveryState) - 2}
    with stage.read() as session:
        kept = [each.state for each in session.exec(select(Delivery).order_by(text("id")))]
    assert kept == [DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.BOUNCED]


def test_what_servers_said_goes_by_its_own_period(stage: Database, clock: FrozenClock) -> None:
    now = clock.now()
    short = SETTINGS.model_copy(update={"retention": SETTINGS.retention.model_copy(update={"replies": 10 * DAY})})
    with stage.write() as session:
        who = store_subscriber(session, "anna", now)
        for said in ("550 no such user anna", "bounced", "suppressed (bounced)"):
            mail(session, who, now, DeliveryState.FAILED, last_code="550 5.1.1", last_error=said)
        event = FeedbackEvent(
            at=now, received_at=now, subscriber_id=who.id, provider="x", event_id="1", kind="bounced", raw="to anna"
        )
        session.add(event)
        session.add(Suppression(address_hash="h", reason="bounced", code="550", words="no such user", since=now))
    found = prune(stage, short, now + 11 * DAY, wait=lambda _: None)
    assert {what: number for what, number in found.items() if number} == {
        "replies to deliveries": 1,
        "reports of bounces and complaints": 1,
        "words beside suppressions": 1,
    }
    with stage.read() as session:
        mails = session.exec(select(Delivery).order_by(text("id"))).all()
        assert [each.last_error for each in mails] == [None, "bounced", "suppressed (bounced)"]
        assert {each.last_code for each in mails} == {"550 5.1.1"}
        assert session.exec(select(Suppression)).one().code == "550"


def test_an_announcement_goes_with_the_digests_unless_a_mail_of_it_waits(stage: Database, clock: FrozenClock) -> None:
    with stage.write() as session:
        for name in ("anna", "ben"):
            store_subscriber(session, name, clock.now())
        new = NewAnnouncement(name="moved.md", title="The Leeds centre has moved", not_before=clock.now())
        number = start_announcement(session, new, now=clock.now()).id or 0
    assert queue_announcement(stage, SETTINGS, clock, number) == 2
    later = clock.now() + SETTINGS.retention.digests + DAY
    assert went(stage, later) == {}
    with stage.write() as session:
        session.connection().execute(text("UPDATE delivery SET state = 'sent'"))
    gone = {"deliveries": 2, "recipients of announcements": 2, "announcements": 1}
    assert went(stage, later - 2 * DAY) == {"deliveries": 2}
    assert went(stage, later) == {name: number for name, number in gone.items() if name != "deliveries"}


def test_a_digest_whose_mail_waits_keeps_its_selection_and_its_changes(stage: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with stage.write() as session:
        item = store_trial(session, 1, now, status="COMPLETED")
        for kind in (ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.CLOSED):
            publish(session, item, kind, now)
        who = store_subscriber(session, "anna", now, cursor=3)
        for number in (1, 2):
            session.add(Selection(id=number, kind=SelectionKind.CHANGES, numbers=[number, 3]))
            digest = Digest(
                subscriber_id=id_of(who), kind=DigestKind.REGULAR, from_seq=number - 1, to_seq=3, created_at=now,
                parts=[[1, number]],
            )  # fmt: skip
            session.add(digest)
            session.flush()
        waits = mail(session, who, now, DeliveryState.QUEUED, data={"digest_id": digest.id})
    later = now + 400 * DAY
    with stage.write() as session:
        fresh = Digest(subscriber_id=id_of(who), kind=DigestKind.REGULAR, from_seq=3, to_seq=3, created_at=later - DAY)
        fresh.parts = [[1, 9]]
        session.add(fresh)
        session.add(Selection(id=9, kind=SelectionKind.CHANGES, numbers=[3]))
    # change 1 is told to all and in no digest that stays, 3 is the last word of its trial
    assert went(stage, later) == {"digests": 1, "selections": 1, "old versions of closed trials": 1}
    assert went(stage, later) == {}
    with stage.write() as session:
        session.get_one(Delivery, waits.id).state = DeliveryState.SENT
    assert went(stage, later) == {"deliveries": 1, "digests": 1, "selections": 1, "old versions of closed trials": 1}


def test_where_the_first_selection_is_in_use_no_further_digests_are_read(
    stage: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trialalerts.operations.retention.mail_rules._AT_ONCE", 5)
    now = clock.now()
    with stage.write() as session:
        who = store_subscriber(session, "anna", now, cursor=3)
        session.add(Selection(id=7, kind=SelectionKind.CHANGES, numbers=[1]))
        for number in range(40):
            digest = Digest(
                subscriber_id=id_of(who), kind=DigestKind.REGULAR, from_seq=number, to_seq=number + 1, created_at=now,
                parts=[[1, 7]],
            )  # fmt: skip
            session.add(digest)
    asked: list[str] = []

    def counted(connection: object, cursor: object, statement: str, *_: object) -> None:
        del connection, cursor
        asked.append(statement)

    event.listen(stage.engine, "before_cursor_execute", counted)
    assert went(stage, now + DAY) == {}
    event.remove(stage.engine, "before_cursor_execute", counted)
    pages = [each for each in asked if each.startswith("SELECT digest.id, digest.parts")]
    assert len(pages) == 1, pages


@pytest.mark.parametrize(
    ("status", "values"),
    [
        pytest.param("RECRUITING", {"cursor": 9}, id="an open trial"),
        pytest.param("SUSPENDED", {"cursor": 9}, id="one that only pauses"),
        pytest.param("COMPLETED", {"cursor": 0}, id="somebody was never told"),
        pytest.param("COMPLETED", {"cursor": 0, "state": SubscriberState.PAUSED}, id="somebody paused"),
        pytest.param("COMPLETED", {"confirmed_seq": 0}, id="somebody waits for the first digest"),
    ],
)
def test_a_change_stays_while_it_may_be_told(
    stage: Database, clock: FrozenClock, status: str, values: dict[str, Any]
) -> None:
    now = clock.now()
    with stage.write() as session:
        item = store_trial(session, 1, now, status=status)
        for kind in (ChangeKind.REGISTERED, ChangeKind.OPENED, ChangeKind.CLOSED):
            publish(session, item, kind, now)
        store_subscriber(session, "anna", now, **values)
    assert went(stage, now + 400 * DAY) == {}


def test_a_confirmation_after_the_oldest_were_forgotten_gets_a_number_of_its_own(
    stage: Database, clock: FrozenClock
) -> None:
    now = clock.now()
    with stage.write() as session:
        person = signed_up(session, now, confirmed=True).subscriber
        for day in (0, 80, 85):
            request_confirmation(session, person, [day + 1], now=now + day * DAY, domain="example.org")
            for each in session.exec(select(Delivery)):
                each.state, each.sent_at = DeliveryState.SENT, each.created_at
    assert went(stage, now + 95 * DAY) == {"deliveries": 1}
    with stage.write() as session:
        assert request_confirmation(session, person, [7], now=now + 96 * DAY, domain="example.org")


def test_the_hash_of_a_mailbox_that_was_asked_goes_after_a_day(stage: Database, clock: FrozenClock) -> None:
    with stage.write() as session:
        for number, age in enumerate((timedelta(hours=23), timedelta(hours=25))):
            session.add(RequestedMail(due_at=clock.now() - age, mailbox_hash=str(number)))
    assert went(stage, clock.now()) == {"hashes of mailboxes asked to confirm": 1}


def test_it_goes_once_a_night(stage: Database, clock: FrozenClock) -> None:
    nightly = [prune_nightly(stage, SETTINGS, clock.now() + timedelta(hours=hours)) for hours in (0, 1, 17, 18, 41)]
    assert [each is not None for each in nightly] == [True, False, False, True, False]


def test_a_clock_that_leaps_prunes_nothing_and_one_that_goes_on_does(stage: Database, clock: FrozenClock) -> None:
    assert prune_nightly(stage, SETTINGS, clock.now()) is not None
    with stage.write() as session:
        signed_up(session, clock.now())
    ahead = clock.now() + 40 * DAY
    assert [prune_nightly(stage, SETTINGS, ahead + timedelta(hours=hour)) for hour in range(23)] == [None] * 23
    back = clock.now() + DAY
    assert [prune_nightly(stage, SETTINGS, back + timedelta(hours=hour)) for hour in range(23)] == [None] * 23
    with stage.read() as session:
        assert len(session.exec(select(Subscriber)).all()) == 1
    assert prune_nightly(stage, SETTINGS, back + DAY) is not None
    for day in range(2, 16):
        prune_nightly(stage, SETTINGS, back + day * DAY)
    with stage.read() as session:
        assert session.exec(select(Subscriber)).all() == []


def test_many_go_in_small_batches_and_the_rest_when_it_was_cut_off(stage: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with stage.write() as session:
        who = store_subscriber(session, "anna", now)
        session.add_all(
            Delivery(kind="digest", subscriber_id=id_of(who), message_id=str(n), state=DeliveryState.SENT,
                     not_before=now, created_at=now, sent_at=now)
            for n in range(1_200)
        )  # fmt: skip
    pauses: list[float] = []
    found = prune(stage, SETTINGS, now + 91 * DAY, stop=lambda: len(pauses) == 1, wait=pauses.append)
    assert found["deliveries"] == 500
    assert went(stage, now + 91 * DAY) == {"deliveries": 700}


def test_the_command_counts_and_lets_go_and_a_round_does_it_too(run: Run, installation: Installation) -> None:
    old = "2020-01-01 00:00:00.000000"
    for name in ("anna", "ben"):
        assert run("subscribers", "add", f"{name}@example.org", "--area", "asthma", "--region", "anywhere").done
        with closing(sqlite3.connect(installation.folder / "var" / "trialalerts.db")) as database, database:
            database.execute("UPDATE subscriber SET created_at = ?", [old])
            database.execute("UPDATE consent SET at = ?", [old])
        if name == "anna":
            before = json.loads(run("retention", "run", "--dry-run", "--json").done)
            assert before["sign-ups that nobody confirmed"] == 1
            assert "sign-ups that nobody confirmed\t1\n" in run("retention", "run").done
        else:
            assert "retention: 1 sign-ups that nobody confirmed\n" in run("run", "--once").done
        assert json.loads(run("subscribers", "list", "--json").done) == []


def test_the_command_refuses_by_a_clock_in_doubt(run: Run, installation: Installation) -> None:
    assert run("run", "--once").code == 0
    with closing(sqlite3.connect(installation.folder / "var" / "trialalerts.db")) as database, database:
        told = json.dumps({"at": "2020-01-01T00:00:00+00:00", "leaped_at": None})
        database.execute("UPDATE service_value SET value = ? WHERE name = 'last_round'", [told])
    answer = run("retention", "run")
    assert (answer.code, "the last round was at 2020-01-01 00:00 UTC" in answer.err) == (2, True)
