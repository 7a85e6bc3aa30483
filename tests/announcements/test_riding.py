"""Announcements that go along with a digest: in it where one is written, alone where none is, never both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.announcements.test_queueing import LONG_AGO, moved, started
from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial, subscriber_called
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.notices.announcing import (
    cancel_announcement,
    find_announcement,
    pause_announcement,
    told_counts,
)
from trialalerts.delivery.outbox.notices.tables import AnnouncementRecipient
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.compose import compose_due
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest

WORDS = "The Leeds centre has moved: It is in Mill Lane now."


@pytest.fixture
def stage(db: Database, clock: FrozenClock) -> Database:
    """Four people who are due, of whom three follow what has news; all are to be told with their next digest."""
    with db.write() as session:
        store_areas(session)
        kinds: dict[str, dict[str, Any]] = {"anna": {}, "discreet": {"discreet": True}, "off": {}}
        for name, values in {**kinds, "nothing": {"follows": [{"area_id": "D001249"}]}}.items():
            store_subscriber(session, name, LONG_AGO, cursor=0, next_due_at=clock.now(), **values)
        publish(session, store_trial(session, 1, LONG_AGO), ChangeKind.OPENED, LONG_AGO)
    assert started(db, moved(clock.now(), with_digest=True, addressed=()), clock) == 4
    with db.write() as session:
        subscriber_called(session, "off").announcements = False
    return db


def test_it_is_in_the_digest_where_one_is_written_and_alone_where_none_is(stage: Database, clock: FrozenClock) -> None:
    compose_due(stage, SETTINGS, clock)
    with stage.read() as session:
        digests = {each.subscriber_id: each for each in session.exec(select(Digest))}
        told = {each.subscriber_id: each.digest_id for each in session.exec(select(AnnouncementRecipient))}
        people = {name: subscriber_called(session, name) for name in ("anna", "discreet", "off", "nothing")}
        ids = {name: person.id or 0 for name, person in people.items()}
        assert set(digests) == {ids["anna"], ids["discreet"], ids["off"]}
        assert told == {
            ids["anna"]: digests[ids["anna"]].id, ids["discreet"]: digests[ids["discreet"]].id, ids["off"]: None,
            ids["nothing"]: None,
        }  # fmt: skip
        alone = {each.subscriber_id: each for each in session.exec(select(Delivery)) if each.kind == "announcement"}
        assert set(alone) == {ids["off"], ids["nothing"]}  # and the last check keeps it from who wants none
        assert alone[ids["nothing"]].not_before == clock.now() + timedelta(hours=1)
        assert told_counts(session, find_announcement(session, "1")) == {"queued": 2, "in digests": 2}
        renderer = MailRenderer(SETTINGS, clock)
        mails = {each.subscriber_id: each for each in session.exec(select(Delivery)) if each.kind == "digest"}
        written = {
            name: renderer(session, [(mails[ids[name]], people[name])])[0] for name in ("anna", "discreet", "off")
        }
        for name, wanted in (("anna", True), ("discreet", False), ("off", False)):
            message = written[name]
            assert message is not None and not isinstance(message, Exception)  # noqa: PT018 - both narrow it
            assert (WORDS in " ".join(message.text.split())) is wanted
            assert ("Mill Lane" in message.html_alone) is wanted if message.html_alone else not wanted
        page = renderer.digest_page(session, digests[ids["discreet"]], people["discreet"])
    assert "Mill Lane" in page
    assert "/announcements/" in page


def test_paused_it_does_not_go_along_and_called_off_a_digest_is_silent_of_it(
    stage: Database, clock: FrozenClock
) -> None:
    with stage.write() as session:
        pause_announcement(session, find_announcement(session, "1"))
    compose_due(stage, SETTINGS, clock)
    with stage.write() as session:
        assert told_counts(session, find_announcement(session, "1")) == {"queued": 4}
        assert cancel_announcement(session, find_announcement(session, "1")) == 4


def test_what_is_called_off_when_the_digest_has_not_left_is_not_in_it(stage: Database, clock: FrozenClock) -> None:
    compose_due(stage, SETTINGS, clock)
    with stage.write() as session:
        cancel_announcement(session, find_announcement(session, "1"))
    with stage.read() as session:
        person = subscriber_called(session, "anna")
        (mail,) = [each for each in session.exec(select(Delivery)) if each.subscriber_id == person.id]
        (message,) = MailRenderer(SETTINGS, clock)(session, [(mail, person)])
    assert message is not None and not isinstance(message, Exception)  # noqa: PT018 - both narrow it
    assert "Mill Lane" not in message.text
