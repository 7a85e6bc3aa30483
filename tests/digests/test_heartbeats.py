"""The sign of life: only to who wants it, only after a quiet time, with true counts."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlmodel import select

from tests.digests.stage import (
    LEEDS,
    LYON,
    SETTINGS,
    publish,
    store_areas,
    store_subscriber,
    store_trial,
    subscriber_called,
)
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.notices.kinds import HEARTBEAT
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.compose import compose_due
from trialalerts.digests.notices.heartbeat import queue_heartbeats
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.settings import Settings, SourceSettings
from trialalerts.sources.polling.state import note_day
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.choices import LANGUAGES
from trialalerts.subscribers.people import SubscriberChanges, edit
from trialalerts.subscribers.tables import Frequency, RegionKind

WITH_SOURCE = SETTINGS.model_copy(
    update={"sources": (SourceSettings(name="one", kind="folder", path="x", title="Example Registry"),)}
)


@pytest.fixture(autouse=True)
def _areas(db: Database) -> None:
    with db.write() as session:
        store_areas(session)


def anna(db: Database, clock: FrozenClock, rhythm: str = "monthly") -> None:
    with db.write() as session:
        person = store_subscriber(session, "anna", clock.now(), cursor=0)
        edit(session, person, SubscriberChanges(heartbeat=rhythm), how="web", now=clock.now())


def days(db: Database, clock: FrozenClock, number: int, *, settings: Settings = WITH_SOURCE, read: bool = True) -> None:
    """Let days pass, each with a look at the source and a round."""
    for _ in range(number):
        clock.advance(timedelta(days=1))
        if read:
            with db.write() as session:
                state = session.get(SourceState, "one") or SourceState(name="one", kind="folder")
                state.last_success_at = clock.now()
                session.add(state)
                note_day(session, "one", clock.now())
        compose_due(db, settings, clock)
        queue_heartbeats(db, settings, clock)


def heartbeats(db: Database) -> list[Delivery]:
    with db.read() as session:
        return list(session.exec(select(Delivery).where(Delivery.kind == HEARTBEAT)))


def written(db: Database, clock: FrozenClock, locale: str = "en") -> Message:
    with db.write() as session:
        person = subscriber_called(session, "anna")
        person.locale = locale
        message = MailRenderer(WITH_SOURCE, clock).notice(session, heartbeats(db)[-1], person)
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("database_url", "rhythm", "quiet", "number"),
    [
        ("sqlite", "monthly", 27, 0),
        ("postgresql", "monthly", 33, 1),
        ("postgresql", "quarterly", 60, 0),
        ("sqlite", "quarterly", 95, 1),
        ("sqlite", "off", 95, 0),
    ],
    indirect=["database_url"],
)
def test_it_comes_after_its_time_of_quiet(
    db: Database, clock: FrozenClock, rhythm: str, quiet: int, number: int
) -> None:
    anna(db, clock, rhythm)
    days(db, clock, quiet)
    assert len(heartbeats(db)) == number


def test_whoever_was_told_something_hears_of_quiet_a_month_after_that(db: Database, clock: FrozenClock) -> None:
    anna(db, clock)
    days(db, clock, 20)
    with db.write() as session:
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
    days(db, clock, 20)
    assert heartbeats(db) == []
    days(db, clock, 15)
    assert len(heartbeats(db)) == 1


def test_it_counts_the_days_on_which_the_sources_were_read(db: Database, clock: FrozenClock) -> None:
    anna(db, clock)
    days(db, clock, 10)
    days(db, clock, 2, read=False)
    days(db, clock, 22)
    message = written(db, clock)
    assert "All our sources answer." in message.text
    assert "- Open now 0" in message.text
    assert "- In preparation 0" in message.text
    looked, total = [
        int(word) for word in message.text.partition("we looked on ")[2].replace(".", " ").split() if word.isdigit()
    ][:2]
    assert total - looked == 2
    assert "List-Unsubscribe" in dict(message.headers)


def test_a_source_that_is_broken_is_named_and_nothing_new_is_not_claimed(db: Database, clock: FrozenClock) -> None:
    anna(db, clock)
    days(db, clock, 20)
    days(db, clock, 14, read=False)
    for locale in LANGUAGES:
        message = written(db, clock, locale)
        assert "Example Registry" in message.text, locale
        assert message.subject != Wordings().of(locale).say("heartbeat.subject")
        assert "Nothing new" not in message.subject
        assert "Multiple sclerosis" not in message.subject


def test_it_names_each_wish_as_its_reader_would_with_true_numbers(db: Database, clock: FrozenClock) -> None:
    near = {"region_kind": RegionKind.PLACE, "region_label": "Leeds, England, GB", "country": "GB", "radius_km": 50.0}
    with db.write() as session:
        for number, sites, status in (
            (1, (LEEDS,), "RECRUITING"),
            (2, (LYON,), "RECRUITING"),
            (3, (LYON,), "RECRUITING"),
        ):
            store_trial(session, number, clock.now(), sites=sites, status=status)
        soon = LEEDS.model_copy(update={"status": "NOT_YET_RECRUITING"})
        store_trial(session, 4, clock.now(), sites=(soon,), status="NOT_YET_RECRUITING")
        follows = [{**near, "latitude": 53.8, "longitude": -1.55}]
        person = store_subscriber(session, "anna", clock.now(), cursor=0, follows=follows)
        edit(session, person, SubscriberChanges(heartbeat="monthly"), how="web", now=clock.now())
    days(db, clock, 33)
    for locale in LANGUAGES:
        message = written(db, clock, locale)
        words = Wordings().of(locale)
        assert words.say("group.near", area="Multiple sclerosis", place="Leeds") in message.text
        assert words.say("group.within", distance=words.distance(50.0)) in message.text
        counts = {"open_near": 1, "upcoming": 1, "beyond": 2}
        for part in (message.text, unescape(re.sub(r"<[^>]+>", "", message.html or ""))):
            for key, number in counts.items():
                assert re.search(rf"{words.say(f'heartbeat.{key}')}\s*{number}\b", part), (locale, key)


@pytest.mark.parametrize("is_broken", [False, True])
def test_whoever_wants_no_content_in_mails_is_told_neither_what_is_followed_nor_where_we_looked(
    db: Database, clock: FrozenClock, is_broken: bool
) -> None:
    anna(db, clock)
    with db.write() as session:
        subscriber_called(session, "anna").discreet = True
    days(db, clock, 20)
    days(db, clock, 14, read=not is_broken)
    for locale in LANGUAGES:
        message = written(db, clock, locale)
        whole = " ".join((message.sender, message.subject, message.text, message.html or "", str(message.headers)))
        assert "sclerosis" not in whole.lower(), locale
        assert "Example Registry" not in whole, locale
        assert WITH_SOURCE.service.name not in whole, locale
        assert Wordings().of(locale).say("heartbeat.gap" if is_broken else "heartbeat.healthy") in " ".join(
            message.text.split()
        )
        assert "List-Unsubscribe" in dict(message.headers)


def test_nobody_is_told_that_there_is_nothing_new_while_news_waits_for_their_day(
    db: Database, clock: FrozenClock
) -> None:
    with db.write() as session:
        person = store_subscriber(session, "anna", clock.now(), cursor=0, frequency=Frequency.MONTHLY)
        edit(session, person, SubscriberChanges(heartbeat="monthly"), how="web", now=clock.now())
        person.next_due_at = clock.now() + timedelta(days=40)
        publish(session, store_trial(session, 1, clock.now()), ChangeKind.OPENED, clock.now())
    days(db, clock, 33)
    assert heartbeats(db) == []
