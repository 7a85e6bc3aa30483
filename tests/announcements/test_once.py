"""An article that is announced is told once, by the announcement or by a digest; its correction follows it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from tests.announcements.test_queueing import LONG_AGO, started
from tests.digests.stage import SETTINGS, publish, store_areas, store_article, store_subscriber, subscriber_called
from trialalerts.catalog.tables import ChangeKind, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.notices.announcing import cancel_announcement, find_announcement
from trialalerts.delivery.outbox.notices.tables import AnnouncementRecipient
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.announcements.queueing import NewAnnouncement, people_addressed
from trialalerts.digests.compose import compose_due
from trialalerts.digests.reading import DigestReader
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.digests.tables import Digest
from trialalerts.subscribers.tables import Preference, Subscriber

TITLE = "Fictional article 1"


@pytest.fixture
def stage(db: Database, clock: FrozenClock) -> Database:
    """Two people who are due and follow what an article is about, one who follows something else; it is news."""
    with db.write() as session:
        store_areas(session)
        for name, follows in (
            ("anna", [{}]),
            ("berta", [{"area_id": "D001249"}, {}]),
            ("other", [{"area_id": "D001249"}]),
        ):
            store_subscriber(session, name, LONG_AGO, cursor=0, next_due_at=clock.now(), follows=follows)
        publish(session, store_article(session, 1, clock.now()), ChangeKind.PUBLISHED, clock.now())
    return db


def announce(db: Database, clock: FrozenClock, *, with_digest: bool = False) -> int:
    """Announce the article; return to how many."""
    with db.read() as session:
        item = session.exec(select(Item)).one()
    new = NewAnnouncement(
        name="article", title=item.title, item_id=item.id, with_digest=with_digest, not_before=clock.now()
    )
    return started(db, new, clock)


def leave(db: Database, *names: str) -> None:
    """Let the announcement's mails to these people leave."""
    with db.write() as session:
        for name in names:
            who = subscriber_called(session, name).id
            asked = select(Delivery).where(Delivery.subscriber_id == who, Delivery.kind == "announcement")
            session.exec(asked).one().state = DeliveryState.SENT


def told_by_digests(session: Session) -> dict[str, list[str]]:
    """Return of which changes digests tell, by the reader's name."""
    found: dict[str, list[str]] = {}
    for digest in session.exec(select(Digest).order_by(col(Digest.id))):
        person = session.get(Subscriber, digest.subscriber_id)
        assert person is not None
        kinds = [one.kind for entry in DigestReader().entries(session, [digest])[0] for one in entry.told]
        found[person.address.partition("@")[0]] = kinds
    return found


def announcements_waiting(session: Session) -> int:
    rows = session.exec(select(Delivery).where(Delivery.kind == "announcement", Delivery.state == "queued"))
    return len(rows.all())


def test_who_had_the_announcement_finds_the_article_in_no_digest(stage: Database, clock: FrozenClock) -> None:
    assert announce(stage, clock) == 2
    leave(stage, "anna")
    compose_due(stage, SETTINGS, clock)
    with stage.read() as session:
        assert told_by_digests(session) == {"berta": ["published"]}
        assert announcements_waiting(session) == 0  # berta's digest was first: her mail is not needed any more


@pytest.mark.parametrize("with_digest", [False, True])
def test_a_digest_that_is_first_takes_the_announcement_along_and_says_it_once(
    stage: Database, clock: FrozenClock, with_digest: bool
) -> None:
    assert announce(stage, clock, with_digest=with_digest) == 2
    compose_due(stage, SETTINGS, clock)
    with stage.read() as session:
        assert told_by_digests(session) == {"anna": ["published"], "berta": ["published"]}
        assert announcements_waiting(session) == 0
        digests = {each.subscriber_id: each.id for each in session.exec(select(Digest))}
        assert {r.subscriber_id: r.digest_id for r in session.exec(select(AnnouncementRecipient))} == digests
        anna = subscriber_called(session, "anna")
        mail = session.exec(select(Delivery).where(Delivery.subscriber_id == anna.id)).one()
        (message,) = MailRenderer(SETTINGS, clock)(session, [(mail, anna)])
    assert message is not None and not isinstance(message, Exception)  # noqa: PT018 - both narrow it
    assert message.text.count(TITLE) == 1


def test_who_was_told_by_a_digest_is_left_out_of_an_announcement(stage: Database, clock: FrozenClock) -> None:
    with stage.write() as session:
        subscriber_called(session, "berta").next_due_at = clock.now() + timedelta(days=1)
    compose_due(stage, SETTINGS, clock)
    assert announce(stage, clock) == 1
    with stage.read() as session:
        (row,) = session.exec(select(AnnouncementRecipient)).all()
        assert row.subscriber_id == subscriber_called(session, "berta").id


def test_one_that_was_called_off_is_told_by_the_digest(stage: Database, clock: FrozenClock) -> None:
    assert announce(stage, clock) == 2
    with stage.write() as session:
        cancel_announcement(session, find_announcement(session, "article"))
    compose_due(stage, SETTINGS, clock)
    with stage.read() as session:
        assert told_by_digests(session) == {"anna": ["published"], "berta": ["published"]}


def test_a_correction_reaches_those_whom_an_announcement_told_the_article(stage: Database, clock: FrozenClock) -> None:
    assert announce(stage, clock) == 2
    leave(stage, "anna", "berta")
    compose_due(stage, SETTINGS, clock)
    clock.advance(timedelta(days=2))
    with stage.write() as session:
        store_subscriber(session, "late", clock.now(), cursor=1, next_due_at=clock.now())
        publish(session, session.exec(select(Item)).one(), ChangeKind.CORRECTED, clock.now())
    compose_due(stage, SETTINGS, clock)
    with stage.read() as session:
        assert told_by_digests(session) == {"anna": ["corrected"], "berta": ["corrected"]}
        berta = subscriber_called(session, "berta").id
        (digest,) = session.exec(select(Digest).where(Digest.subscriber_id == berta)).all()
        about = select(Preference.id).where(Preference.subscriber_id == berta, Preference.area_id == "D009103")
        assert [preference for preference, _ in digest.parts] == session.exec(about).all()


def test_nobody_is_counted_who_had_it_by_a_digest(stage: Database, clock: FrozenClock) -> None:
    compose_due(stage, SETTINGS, clock)
    with stage.read() as session:
        item = session.exec(select(Item)).one()
        new = NewAnnouncement(name="article", title=item.title, item_id=item.id, not_before=clock.now())
        assert [who for found in people_addressed(session, new, clock.now().date()) for who in found.people] == []
