"""An import that is killed again and again: in the end everybody is there once, with all that is theirs."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, func, select

from tests import programs
from tests.digests.stage import store_subscriber, store_trial
from tests.handover.conftest import Both
from tests.handover.stage import IDENTITY, LOCK, Organisation
from trialalerts.database import Database
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.tables import Digest
from trialalerts.operations.handover.giving import give_away
from trialalerts.subscribers.tables import Consent, Preference, Subscriber

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGES = (0, 1, 3, 7)
"""After how many whole pages each run is killed, in the transaction of the next one."""
PEOPLE = 200


def archive_of(giver: Organisation, file: Path) -> str:
    """Let many people be told of a trial and of the handover; return by whom their archive is signed."""
    now = giver.clock.now()
    with giver.db.write() as session:
        store_trial(session, 1, now - timedelta(days=90))
        for number in range(PEOPLE):
            store_subscriber(session, f"person{number}", now)
    giver.round()
    giver.announce()
    giver.round()
    giver.clock.advance(timedelta(days=41))
    return give_away(giver.db, giver.settings, file, LOCK, now=giver.clock.now()).signed_by


def people_in(db: Database) -> int:
    with db.read() as session:
        return session.exec(select(func.count()).select_from(Subscriber)).one()


def of_each(
    session: Session, table: type[Preference | Consent | Digest | Delivery | AnnouncementRecipient]
) -> set[int]:
    """Return how many rows of a table people have."""
    return {*Counter(session.exec(select(table.subscriber_id)).all()).values()}


def test_an_import_that_is_killed_loses_nobody_and_brings_nobody_twice(both: Both, tmp_path: Path) -> None:
    giver, receiver = both
    file = tmp_path / "handover.age"
    signed_by = archive_of(giver, file)
    with receiver.db.write() as session:
        store_trial(session, 1, giver.clock.now() - timedelta(days=90))
    words = (receiver.db.engine.url.render_as_string(hide_password=False), str(file), str(IDENTITY), signed_by)
    here = 0
    for pages in PAGES:
        process = programs.start("tests.handover.importing_process", *words, str(pages), folder=REPOSITORY, out="pipe")
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.communicate()
        here += 8 * pages
        assert people_in(receiver.db) == here < PEOPLE
    process = programs.start("tests.handover.importing_process", *words, folder=REPOSITORY, out="pipe")
    out, _ = process.communicate(timeout=300)
    assert out == "done\n"
    with receiver.db.read() as session:
        assert people_in(receiver.db) == PEOPLE
        # Each has one wish, one digest of what they were told, one note that waits, one mail with it.
        assert of_each(session, Preference) == of_each(session, Digest) == {1}
        assert of_each(session, AnnouncementRecipient) == of_each(session, Delivery) == {1}
        assert of_each(session, Consent) == {2}  # that they came, and by which wish
        assert len(session.exec(select(Announcement)).all()) == 1
        assert len({each.address for each in session.exec(select(Subscriber))}) == PEOPLE
