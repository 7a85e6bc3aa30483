"""Erasing: afterwards nothing that was theirs is left in any table, nor in any page of the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import Session

from tests.subscribers.stage import LEEDS, NOW, follow, sign_up
from tests.tables import metadata
from trialalerts.database import Database
from trialalerts.delivery.outbox.confirmations import request_confirmation
from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.suppressions import is_suppressed, suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.errors import NotFound
from trialalerts.subscribers.consent import list_consents
from trialalerts.subscribers.erasure import erase, wipe_free_pages, wipe_what_was_left
from trialalerts.subscribers.people import SubscriberChanges, confirm, edit, find_by_key, find_subscriber
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import ConsentAction, Subscriber, SubscriberState, id_of

ADDRESS = "zebedee.quillfeather@example.org"
LABEL = "for grandmother Wilhelmina"
WORDS = ("zebedee", "quillfeather", "wilhelmina", "d009103", "pacific/fiji")
"""What the tables would tell of this person, in lower case; the area is followed by nobody else."""


def live(db: Database) -> Subscriber:
    """Sign somebody up among others, and let them get mails and change things."""
    with db.write() as session:
        for number in range(40):
            sign_up(session, f"n{number}@example.org", follow("D000690"))
        person = sign_up(
            session, ADDRESS, follow(region=LEEDS, label=LABEL), confirmed=False, timezone="Pacific/Fiji", hour=17
        ).subscriber
        number = id_of(person)
        request_confirmation(session, person, [1], now=NOW, domain="example.org")
        for preference in list_preferences(session, person):
            confirm(session, person, [preference.id or 0], how="link", now=NOW)
        session.add(
            Digest(subscriber_id=number, kind=DigestKind.FIRST, from_seq=-1, to_seq=5, created_at=NOW, parts=[[1, 1]])
        )
        data = {"digest_id": 1, "note": LABEL}
        enqueue(session, key="digest/1", kind="digest", subscriber_id=number, data=data, now=NOW, domain="example.org")
        sign_up(session, "last@example.org", follow("D000690"))
    with db.write() as session:
        person = find_subscriber(session, ADDRESS)
        edit(session, person, SubscriberChanges(address=f"old.{ADDRESS}"), how="link", now=NOW)
        edit(session, person, SubscriberChanges(address=ADDRESS), how="link", now=NOW)
        return person


def dump(session: Session) -> str:
    """All rows of all tables but the vocabulary, as text."""
    connection = session.connection()
    tables = [table for table in metadata().sorted_tables if table.name != "area"]
    return repr([row for table in tables for row in connection.execute(select(table))]).lower()


def test_nothing_of_an_erased_person_is_left_in_any_table(stage: Database) -> None:
    person = live(stage)
    with stage.read() as session:
        assert [word for word in WORDS if word in dump(session)] == list(WORDS)
    with stage.write() as session:
        erase(session, find_subscriber(session, ADDRESS), how="link", now=NOW)
    with stage.read() as session:
        assert [word for word in WORDS if word in dump(session)] == []
        row = session.get_one(Subscriber, id_of(person))
        assert (row.state, row.address) == (SubscriberState.ERASED, f"erased-{row.key}")
        assert [each.action for each in list_consents(session, row)] == [ConsentAction.ERASED]
        assert find_by_key(session, row.key) is None
        with pytest.raises(NotFound):
            find_subscriber(session, ADDRESS)
        assert len(session.execute(select(Delivery)).all()) == 2


def test_nothing_of_an_erased_person_is_left_in_the_file(sqlite_stage: Database) -> None:
    live(sqlite_stage)
    path = Path(sqlite_stage.engine.url.database or "")
    files = [path, path.with_name(f"{path.name}-wal")]

    def found() -> list[str]:
        content = b"".join(file.read_bytes() for file in files if file.exists()).lower()
        return [word for word in WORDS[:3] if word.encode() in content]

    assert found() == list(WORDS[:3])
    with sqlite_stage.write() as session:
        erase(session, find_subscriber(session, ADDRESS), how="link", now=NOW)
    wipe_free_pages(sqlite_stage)
    assert found() == []


def test_what_cannot_be_wiped_while_somebody_reads_is_wiped_later(sqlite_stage: Database) -> None:
    """While the log is waited for nobody can write: a backup of a minute must not stop the service for that long."""
    live(sqlite_stage)
    log = Path(f"{sqlite_stage.engine.url.database}-wal")
    with sqlite_stage.read() as reader:
        find_subscriber(reader, ADDRESS)
        with sqlite_stage.write() as session:
            erase(session, find_subscriber(session, ADDRESS), how="link", now=NOW)
        assert not wipe_free_pages(sqlite_stage), "it waited for the reader"
    assert log.stat().st_size
    with sqlite_stage.engine.connect() as connection:
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    assert patience == 30_000, "who writes next is as patient as before"
    wipe_what_was_left(sqlite_stage)
    wipe_what_was_left(sqlite_stage)
    assert ADDRESS.encode() not in log.read_bytes() + Path(sqlite_stage.engine.url.database or "").read_bytes()


def test_an_erased_address_can_sign_up_again_as_somebody_new(stage: Database) -> None:
    person = live(stage)
    with stage.write() as session:
        erase(session, find_subscriber(session, ADDRESS), how="link", now=NOW)
        again = sign_up(session, ADDRESS)
    assert again.created
    assert again.subscriber.key != person.key


def test_a_suppression_outlives_erasure(stage: Database) -> None:
    live(stage)
    with stage.write() as session:
        suppress(session, "secret", ADDRESS, reason="complained", now=NOW)
        erase(session, find_subscriber(session, ADDRESS), how="link", now=NOW)
        assert is_suppressed(session, "secret", ADDRESS)


def test_what_was_queued_for_an_erased_person_stays_unsent(stage: Database) -> None:
    live(stage)
    with stage.write() as session:
        erase(session, find_subscriber(session, ADDRESS), how="link", now=NOW)
    with stage.read() as session:
        rows = session.scalars(select(Delivery)).all()
        assert {row.state for row in rows} == {DeliveryState.QUEUED}  # the last check before sending stops them
        assert [row.data for row in rows] == [{}, {}]
