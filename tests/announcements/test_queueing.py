"""Queueing an announcement: once to each, in pages, whoever is killed; paused, resumed, called off, started anew."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from tests import programs
from tests.digests.stage import SETTINGS, store_areas, store_subscriber, subscriber_called
from tests.programs import Program
from trialalerts.catalog.articles.addressed import AddressedTo
from trialalerts.catalog.facts import ArticleRegion
from trialalerts.clock import FrozenClock, SystemClock
from trialalerts.database import Database
from trialalerts.delivery.outbox.notices.announcing import (
    CANCELLED,
    cancel_announcement,
    find_announcement,
    pause_announcement,
    resume_announcement,
    told_counts,
)
from trialalerts.delivery.outbox.notices.tables import Announcement, AnnouncementRecipient
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.digests.announcements import queueing
from trialalerts.digests.announcements.queueing import (
    NewAnnouncement,
    people_addressed,
    queue_announcement,
    queue_unfinished,
    start_announcement,
)
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.subscribers.erasure import close_books, erase
from trialalerts.subscribers.tables import RegionKind

REPOSITORY = Path(__file__).resolve().parent.parent.parent
KILLS = 200 if os.environ.get("TRIALALERTS_TEST_SOAK") else 6
PEOPLE = 400
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
IN_GB = ArticleRegion(kind="country", label="United Kingdom", country="GB")
TEXT = {"language": "en", "title": "The Leeds centre has moved", "html": "<p>It is in Mill Lane now.</p>"}


def moved(
    now: datetime = LONG_AGO,
    *,
    with_digest: bool = False,
    addressed: tuple[AddressedTo, ...] = (AddressedTo(areas=("D009103",), regions=(IN_GB,)),),
) -> NewAnnouncement:
    """Return what is announced: to those who follow multiple sclerosis in the United Kingdom."""
    return NewAnnouncement(
        name="moved.md",
        title=TEXT["title"],
        texts=(TEXT,),
        addressed=addressed,
        with_digest=with_digest,
        not_before=now,
    )


def fill(session: Session, number: int = PEOPLE, begin: int = 0) -> set[int]:
    """Store so many people; return whom the announcement is for."""
    told = set()
    for each in range(begin, begin + number):
        area = ("D009103", "D001327", "D001249")[each % 3]
        country = ("GB", "FR")[each // 3 % 2]
        follows = [{"area_id": area, "region_kind": RegionKind.COUNTRY, "country": country}]
        person = store_subscriber(session, f"s{each}", LONG_AGO, cursor=0, follows=follows)
        if area != "D001249" and country == "GB":
            told.add(person.id or 0)
    return told


def told_in(session: Session) -> list[int]:
    """Return whom a mail of it is queued for, one by one; who is down as told is the same."""
    mails = [each for each in session.exec(select(Delivery)) if each.kind == "announcement"]
    assert all(each.key == f"announcement/1/{each.subscriber_id}" for each in mails)
    assert all(each.data == {"announcement": 1} for each in mails)
    down = sorted(each.subscriber_id for each in session.exec(select(AnnouncementRecipient)))
    assert down == sorted(each.subscriber_id for each in mails)
    assert len({each.message_id for each in mails}) == len(mails)
    return down


def started(db: Database, new: NewAnnouncement, clock: FrozenClock) -> int:
    """Start it, and queue all of it; return how many mails that made."""
    with db.write() as session:
        number = start_announcement(session, new, now=clock.now()).id or 0
    return queue_announcement(db, SETTINGS, clock, number)


@pytest.mark.soak
def test_queueing_that_is_killed_loses_nobody_and_tells_nobody_twice(db: Database) -> None:
    dice = random.Random(20260302)
    with db.write() as session:
        store_areas(session)
        wanted = fill(session)
        start_announcement(session, moved(), now=LONG_AGO)
    cut = 0
    for _ in range(KILLS):
        process = start(db)
        threading.Event().wait(dice.uniform(0.0, 0.25))
        process.kill()
        process.communicate()
        with db.read() as session:
            told = told_in(session)
            row = session.exec(select(Announcement)).one()
        assert set(told) <= wanted
        assert row.complete is False or set(told) == wanted
        if row.complete:  # everything was in time: once more from the first
            with db.write() as session:
                start_announcement(session, moved(), now=LONG_AGO)
        cut += 0 < len(told) < len(wanted)
    queue_unfinished(db, SETTINGS, SystemClock())
    with db.read() as session:
        assert set(told_in(session)) == wanted
        assert session.exec(select(Announcement)).one().complete


def test_several_at_once_tell_everybody_once(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        wanted = fill(session)
        start_announcement(session, moved(), now=LONG_AGO)
    processes = [start(db) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    with db.read() as session:
        assert sorted(wanted) == told_in(session)
        assert session.exec(select(Announcement)).one().complete


def start(db: Database) -> Program:
    """Start a process that queues, and wait until it is about to begin."""
    url = db.engine.url.render_as_string(hide_password=False)
    process = programs.start("tests.announcements.queueing_process", url, folder=REPOSITORY, out="pipe")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_started_again_it_is_told_to_those_only_who_came_to_follow_since(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        first = fill(session, 12)
    assert started(db, moved(), clock) == len(first)
    assert started(db, moved(), clock) == 0
    with db.write() as session:
        later = fill(session, 12, begin=12)
        asked = people_addressed(session, moved(), clock.now().date())
        assert {who for each in asked for who in each.people} == later
    assert started(db, moved(), clock) == len(later)
    with db.read() as session:
        assert set(told_in(session)) == first | later


def test_a_page_that_is_cut_off_is_gone_on_with(
    db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "PAGE", 1)
    with db.write() as session:
        store_areas(session)
        wanted = fill(session, 12)
        number = start_announcement(session, moved(), now=clock.now()).id or 0
    answers = iter([False, True])
    assert queue_announcement(db, SETTINGS, clock, number, stop=lambda: next(answers)) == 1
    assert queue_unfinished(db, SETTINGS, clock) == len(wanted) - 1
    assert queue_unfinished(db, SETTINGS, clock) == 0


def test_paused_it_waits_and_called_off_it_does_not_leave(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        wanted = fill(session, 18)
    started(db, moved(clock.now()), clock)
    with db.write() as session:
        announcement = find_announcement(session, "moved.md")
        assert find_announcement(session, "1") is announcement
        pause_announcement(session, announcement)
        with pytest.raises(InvalidInput, match="is paused already"):
            pause_announcement(session, announcement)
        with pytest.raises(InvalidInput, match="paused; resume it, or call it off"):
            start_announcement(session, moved(), now=clock.now())
        assert resume_announcement(session, announcement, now=clock.now()) == len(wanted)
        gone = session.exec(select(Delivery)).all()[0]
        gone.state = DeliveryState.SENT
        session.flush()
        assert cancel_announcement(session, announcement) == len(wanted) - 1
        assert told_counts(session, announcement) == {"sent": 1, "suppressed": len(wanted) - 1}
        assert Counter(each.last_error for each in session.exec(select(Delivery)))[CANCELLED] == len(wanted) - 1
        with pytest.raises(InvalidInput, match="is cancelled already"):
            resume_announcement(session, announcement, now=clock.now())
        asked = {who for each in people_addressed(session, moved(), clock.now().date()) for who in each.people}
        assert asked == wanted - {gone.subscriber_id}
        with pytest.raises(NotFound, match="There is no announcement “7”"):
            find_announcement(session, "7")
    assert started(db, moved(clock.now()), clock) == len(wanted) - 1
    with db.read() as session:
        assert told_counts(session, find_announcement(session, "1")) == {"queued": len(wanted) - 1, "sent": 1}


def test_with_the_next_digest_each_mail_waits_for_its_readers_hour(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        for name, due in (("early", timedelta(hours=2)), ("late", timedelta(days=20)), ("none", None)):
            store_subscriber(session, name, LONG_AGO, next_due_at=None if due is None else clock.now() + due)
    new = moved(clock.now(), with_digest=True, addressed=())
    assert started(db, new, clock) == 3
    with db.read() as session:
        waits = {each.subscriber_id: each.not_before - clock.now() for each in session.exec(select(Delivery))}
        hours = [waits[subscriber_called(session, name).id or 0] for name in ("early", "late", "none")]
    assert hours == [timedelta(hours=3), timedelta(days=20, hours=1), timedelta(hours=1)]


def test_who_left_and_came_back_or_was_erased_is_down_for_none(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        for name in ("back", "erased", "stays"):
            store_subscriber(session, name, LONG_AGO)
    started(db, moved(clock.now(), addressed=()), clock)
    with db.write() as session:
        close_books(session, subscriber_called(session, "back"))
        erase(session, subscriber_called(session, "erased"), how="web", now=clock.now())
        stays = subscriber_called(session, "stays").id
        assert [each.subscriber_id for each in session.exec(select(AnnouncementRecipient))] == [stays]
        back = subscriber_called(session, "back").id
        (theirs,) = [each for each in session.exec(select(Delivery)) if each.subscriber_id == back]
        assert (theirs.state, theirs.key) == (DeliveryState.SUPPRESSED, f"former/{theirs.id}/announcement/1/{back}")
