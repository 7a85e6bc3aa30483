"""How a followed trial stands of which nothing was told for a year: a note in the next mail, once a year."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from tests.digests.stage import SETTINGS as BARE
from tests.digests.stage import publish, store_areas, store_subscriber, store_trial, subscriber_called
from tests.digests.test_compose import digests_of
from trialalerts.catalog.facts import PartialDate
from trialalerts.catalog.tables import ChangeKind, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.compose import compose_due
from trialalerts.digests.preview import preview_digest
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.subscribers.follows.trials import follow_columns
from trialalerts.subscribers.tables import Preference, Subscriber

SERVICE = BARE.service.model_copy(update={"base_url": "https://alerts.example.org"})
SETTINGS = BARE.model_copy(update={"service": SERVICE})
DAY, YEAR = timedelta(days=1), timedelta(days=365)
END = PartialDate(value="2028-06", precision="month", kind="estimated")


@pytest.fixture
def trial(db: Database, clock: FrozenClock) -> Item:
    """A trial that anna follows, beside asthma, and that goes on to 2028."""
    with db.write() as session:
        store_areas(session)
        item = store_trial(session, 1, clock.now(), completion=END, last_update_posted="2026-01-15")
        follow(session, clock.now(), item)
        return item


def follow(session: Session, at: datetime, item: Item, name: str = "anna", **values: Any) -> None:
    follows = [{"area_id": "D001249"}, follow_columns(item.id or 0)]
    store_subscriber(session, name, at, **{"cursor": 0, "follows": follows, **values})


def run(db: Database, clock: FrozenClock, days: int) -> None:
    """Let so many days pass, and compose at the end."""
    clock.advance(days * DAY)
    compose_due(db, SETTINGS, clock)


def news(db: Database, clock: FrozenClock) -> None:
    """Let something happen that anna's wish brings."""
    with db.write() as session:
        number = len(session.exec(select(Item)).all()) + 10
        other = store_trial(session, number, clock.now(), area="D001249")
        publish(session, other, ChangeKind.OPENED, clock.now())


def mails(db: Database, clock: FrozenClock, name: str = "anna", locale: str = "en") -> list[Message]:
    with db.write() as session:
        who = subscriber_called(session, name)
        who.locale = locale
        session.flush()
        rows = session.exec(select(Delivery).where(Delivery.subscriber_id == who.id).order_by("id")).all()
        made = MailRenderer(SETTINGS, clock)(session, [(row, session.get_one(Subscriber, who.id)) for row in rows])
        return [each for each in made if isinstance(each, Message)]


def test_it_goes_with_the_next_mail_after_a_year_and_once_a_year(db: Database, clock: FrozenClock, trial: Item) -> None:
    news(db, clock)
    run(db, clock, 1)
    run(db, clock, 366)
    assert len(digests_of(db, "anna")) == 1, "it waits for a mail"
    news(db, clock)
    run(db, clock, 1)
    news(db, clock)
    run(db, clock, 1)
    _, second, third = mails(db, clock)
    assert "No news for a year: " in second.text
    assert f"{trial.external_id}: taking people now." in " ".join(second.text.split())
    said = " ".join(second.text.split())
    assert "Record last updated on 15 January 2026. End: June 2028 (planned)." in said
    assert "No news for a year" in (second.html or "")
    assert second.subject == "Your trial update: 1 new"
    for part in (second.text, second.html or ""):
        assert "https://alerts.example.org/stop/" in part
        assert "https://alerts.example.org/follow/" in part
    assert "No news for a year" not in third.text
    news(db, clock)
    run(db, clock, 366)
    assert "No news for a year" in mails(db, clock)[-1].text


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
def test_where_no_mail_goes_for_a_month_it_has_one_of_its_own(
    db: Database, clock: FrozenClock, trial: Item, locale: str
) -> None:
    run(db, clock, 394)
    assert digests_of(db, "anna") == []
    for _ in range(4):
        run(db, clock, 1)
    (mail,) = mails(db, clock, locale=locale)
    assert trial.external_id in mail.text
    assert trial.external_id not in mail.subject
    assert "0" not in mail.subject
    run(db, clock, 396)
    news(db, clock)
    run(db, clock, 1)
    first, second, third = digests_of(db, "anna")
    assert len({first.from_seq, second.from_seq, third.from_seq}) == 3


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"status": "COMPLETED", "has_results": True}, False),
        ({"status": "WITHDRAWN"}, False),
        ({"status": "COMPLETED"}, True),
        ({"status": "UNKNOWN"}, True),
        ({"status": 7}, False),
    ],
    ids=["its results are out", "called off", "results awaited", "nobody knows", "broken facts"],
)
def test_only_of_what_is_still_awaited(
    db: Database, clock: FrozenClock, trial: Item, facts: dict[str, Any], told: bool
) -> None:
    with db.write() as session:
        session.get_one(Item, trial.id).facts = facts
    run(db, clock, 400)
    assert len(digests_of(db, "anna")) == told


def test_a_change_in_the_year_and_a_follower_who_began_in_it_are_no_silence(
    db: Database, clock: FrozenClock, trial: Item
) -> None:
    clock.advance(200 * DAY)
    with db.write() as session:
        publish(session, trial, ChangeKind.PAUSED, clock.now())
    run(db, clock, 1)
    with db.write() as session:
        follow(session, clock.now(), trial, "emil", cursor=1)
        follow(session, clock.now(), trial, "dora", cursor=1, discreet=True)
    run(db, clock, 360)
    assert len(digests_of(db, "anna")) == 1
    run(db, clock, 40)
    assert [len(digests_of(db, name)) for name in ("anna", "emil", "dora")] == [2, 1, 1]


def test_the_preview_and_the_page_of_a_mail_say_it_too(db: Database, clock: FrozenClock, trial: Item) -> None:
    with db.write() as session:
        follow(session, clock.now(), trial, "dora", cursor=1, discreet=True)
    clock.advance(396 * DAY)
    with db.read() as session:
        preview = preview_digest(session, SETTINGS, clock, subscriber_called(session, "anna"))
    assert preview.message is not None
    assert "No news for a year: " in preview.message.text
    run(db, clock, 0)
    for name in ("anna", "dora"):
        (digest,) = digests_of(db, name)
        with db.read() as session:
            page = MailRenderer(SETTINGS, clock).digest_page(session, digest, subscriber_called(session, name))
        assert "No news for a year" in page, name
        assert "https://alerts.example.org/stop/" in page, name
    (mail,) = mails(db, clock, "dora")
    assert trial.external_id not in f"{mail.subject} {mail.text} {mail.html}", "a discreet mail leads to its page only"


@pytest.mark.usefixtures("trial")
def test_while_the_clock_is_in_doubt_nothing_is_said(db: Database, clock: FrozenClock) -> None:
    clock.advance(500 * DAY)
    compose_due(db, SETTINGS, clock, steady=False)
    clock.advance(-500 * DAY)
    run(db, clock, 1)
    assert digests_of(db, "anna") == []


def test_who_rests_or_follows_no_longer_hears_nothing(db: Database, clock: FrozenClock, trial: Item) -> None:
    with db.write() as session:
        follow(session, clock.now(), trial, "emil")
        for preference in session.exec(select(Preference).where(Preference.item_id == trial.id)):
            if preference.subscriber_id == subscriber_called(session, "anna").id:
                session.delete(preference)
            else:
                preference.paused_until = clock.now() + 3 * YEAR
    run(db, clock, 400)
    assert digests_of(db, "anna") == digests_of(db, "emil") == []
