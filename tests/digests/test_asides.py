"""What a mail says beside its entries: true numbers where nothing is open, and real narrowings where it is much."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event
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
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.compose import compose_due
from trialalerts.digests.preview import preview_digest
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.matching.around import surroundings
from trialalerts.subscribers.tables import RegionKind, Subscriber
from trialalerts.vocabulary.areas.tree import ANY_AREA

SOON = LEEDS.model_copy(update={"status": "NOT_YET_RECRUITING"})
NEAR_LEEDS: dict[str, Any] = {
    "region_kind": RegionKind.PLACE,
    "region_label": "Leeds, England, GB",
    "country": "GB",
    "latitude": 53.8,
    "longitude": -1.55,
    "radius_km": 50.0,
}
IN_GERMANY: dict[str, Any] = {"region_kind": RegionKind.COUNTRY, "region_label": "Germany", "country": "DE"}
AUTOIMMUNE, ASTHMA = "D001327", "D001249"
LANGUAGES = ("en", "de", "fr", "es")


@pytest.fixture(autouse=True)
def _world(db: Database, clock: FrozenClock) -> None:
    """Areas; on multiple sclerosis one trial open in Lyon, one in preparation in Leeds and one that is over."""
    with db.write() as session:
        store_areas(session)
        store_trial(session, 1, clock.now(), sites=(LYON,))
        store_trial(session, 2, clock.now(), status="NOT_YET_RECRUITING", sites=(SOON,))
        store_trial(session, 3, clock.now(), status="COMPLETED")
        store_trial(session, 4, clock.now(), area=AUTOIMMUNE)


def mail_of(db: Database, clock: FrozenClock, name: str = "anna", *, locale: str = "en") -> Message:
    """Compose what is due, and return the last mail of somebody as the sender writes it."""
    with db.write() as session:
        subscriber_called(session, name).locale = locale
    compose_due(db, SETTINGS, clock)
    with db.read() as session:
        person = subscriber_called(session, name)
        delivery = session.exec(select(Delivery).where(Delivery.subscriber_id == person.id)).all()[-1]
        (message,) = MailRenderer(SETTINGS, clock)(session, [(delivery, person)])
    assert isinstance(message, Message), message
    return message


def flat(text: str) -> str:
    return " ".join(text.replace("\u202f", " ").replace("\xa0", " ").split())


def steps(message: Message) -> list[str]:
    """Return the steps that the links of both parts lead to; they are the same."""
    found = [
        re.findall(r"/preferences/[\w.-]+\?edit=\d+&(?:amp;)?step=(\w+)", part)
        for part in (message.text, message.html or "")
    ]
    assert found[0] == found[1]
    return found[0]


def test_a_first_mail_with_nothing_open_tells_what_was_looked_at_and_offers_two_ways_to_more(
    db: Database, clock: FrozenClock
) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), follows=[NEAR_LEEDS])
    message = mail_of(db, clock)
    said = flat(message.text)
    assert (
        "What we looked at today: We know of 3 studies on multiple sclerosis in the world. None that fits takes "
        "people within 50 km of Leeds today. 1 is being prepared there. 1 takes people farther away." in said
    )
    assert "- Look at any distance: 1 open now" in said
    assert "- Look wider: Autoimmune diseases: 1 open now" in said
    assert "WELCOME. NOTHING IS OPEN NEAR YOU TODAY" in said
    assert steps(message) == ["any", "up0"]
    assert "Look farther, or change" not in message.text + (message.html or "")


def test_what_many_follow_is_read_at_once_for_all_to_whom_nothing_is_open(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        for number in range(12):
            where = {**NEAR_LEEDS, "radius_km": 20.0 + number}
            store_subscriber(session, f"p{number}", clock.now(), follows=[where])
    compose_due(db, SETTINGS, clock)
    asked: list[str] = []

    def counted(connection: object, cursor: object, statement: str, *_: object) -> None:
        del connection, cursor
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", counted)  # a connection that is there already tells nothing
    with db.read() as session:
        mails = [(each, session.get_one(Subscriber, each.subscriber_id)) for each in session.exec(select(Delivery))]
        asked.clear()
        messages = MailRenderer(SETTINGS, clock)(session, mails)
    event.remove(db.engine, "before_cursor_execute", counted)
    texts = [flat(each.text) for each in messages if isinstance(each, Message)]
    assert [f"within {20 + number} km of Leeds today" in text for number, text in enumerate(texts)] == [True] * 12
    assert sum("FROM preference" in statement for statement in asked) in {1, 2}


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("where", [NEAR_LEEDS, IN_GERMANY, {"area_id": ASTHMA}], ids=["town", "country", "anywhere"])
def test_what_was_looked_at_is_told_in_every_language_and_no_link_tells_of_what(
    db: Database, clock: FrozenClock, locale: str, where: dict[str, Any]
) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), follows=[where])
    message = mail_of(db, clock, locale=locale)
    html = re.sub(r"<[^>]+>", " ", message.html or "")
    counted = ["3", "1"] if "region_kind" in where else ["0"]
    for part in (message.text, html):
        assert all(number in flat(part) for number in counted)
    assert "{" not in message.text
    urls = re.findall(r"https?://[^\s\"<>]+", message.text)
    assert not any(word in url.lower() for url in urls for word in ("leeds", "sclerosis", "d0013", "germany", "asthma"))


def test_of_several_wishes_each_is_named_and_has_its_own_numbers(db: Database, clock: FrozenClock) -> None:
    follows = [NEAR_LEEDS, {**IN_GERMANY, "area_id": ASTHMA}]
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), follows=follows)
    said = flat(mail_of(db, clock).text)
    assert said.count("What we looked at today:") == 1
    assert "Multiple sclerosis near Leeds: We know of 3 studies" in said
    assert (
        "Asthma in Germany: We know of 0 studies on asthma in the world. None that fits takes people in Germany "
        "today. None takes people farther away either." in said
    )


def test_where_any_disease_is_followed_no_number_of_studies_is_made_up(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(
            session,
            "anna",
            clock.now(),
            follows=[{**NEAR_LEEDS, "area_id": ANY_AREA, "radius_km": 20.0, "latitude": 10.0}],
        )
    said = flat(mail_of(db, clock).text)
    assert "in the world" not in said
    assert "None that fits takes people within 20 km of Leeds today." in said


def test_a_discreet_mail_says_nothing_of_it(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), follows=[NEAR_LEEDS], discreet=True)
    assert "sclerosis" not in mail_of(db, clock).text.lower()


# ---- very many


def flood(db: Database, clock: FrozenClock, number: int = 80) -> None:
    """Let very many things happen: a quarter of it in Leeds, every tenth in phase 3, every second is an opening."""
    with db.write() as session:
        for at in range(100, 100 + number):
            phases = ("PHASE3",) if at % 10 == 0 else ("PHASE1",)
            item = store_trial(session, at, clock.now(), sites=(LEEDS if at % 4 == 0 else LYON,), phases=phases)
            kind = ChangeKind.OPENED if at % 2 else ChangeKind.ELIGIBILITY_CHANGED
            publish(session, item, kind, clock.now())


ANY_DISTANCE = {**NEAR_LEEDS, "region_kind": RegionKind.ANYWHERE, "radius_km": None}


@pytest.mark.parametrize(
    ("wish", "offered"),
    [
        pytest.param(
            ANY_DISTANCE,
            {"km300": {"region_kind": RegionKind.PLACE, "radius_km": 25.0}, "phase3": {"phases": ["PHASE3"]}},
            id="a town",
        ),
        pytest.param(
            {},
            {"phase3": {"phases": ["PHASE3"]}, "openings": {"change_kinds": ["registered", "opened"]}},
            id="anywhere",
        ),
        pytest.param({"phases": ["PHASE1", "PHASE3"]}, {"openings": {"change_kinds": ["opened"]}}, id="phases chosen"),
    ],
)
def test_a_mail_of_very_many_offers_narrowings_that_would_have_left_what_they_say(
    db: Database, clock: FrozenClock, wish: dict[str, Any], offered: dict[str, dict[str, Any]]
) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), follows=[wish], cursor=0)
        for code, changes in offered.items():
            store_subscriber(session, code, clock.now(), follows=[{**wish, **changes}], cursor=0)
    flood(db, clock)
    message = mail_of(db, clock)
    said = flat(message.text)
    assert "Too much?" in said
    assert "That is a lot." in said
    told = re.findall(r"- (Only [^:]+): (\d+) of 80", said)
    assert len(told) == len(offered)
    with db.read() as session:
        for code, (_, left) in zip(offered, told, strict=True):
            delivery = session.exec(
                select(Delivery).where(Delivery.subscriber_id == subscriber_called(session, code).id)
            ).one()
            assert len(_entries(session, delivery)) == int(left), code
    assert len(steps(message)) == len(offered)


def _entries(session: Any, delivery: Delivery) -> list[Any]:
    from trialalerts.digests.reading import DigestReader
    from trialalerts.digests.tables import Digest

    digest = session.get(Digest, delivery.data["digest_id"])
    return DigestReader().entries(session, [digest])[0]


def test_readers_of_one_batch_are_offered_what_each_alone_would_be_and_a_change_is_read_once(
    db: Database, clock: FrozenClock
) -> None:
    wishes: dict[str, dict[str, Any]] = {
        "anna": ANY_DISTANCE,
        "berta": {},
        "carla": {"change_kinds": ["eligibility_changed"]},
    }
    with db.write() as session:
        for name, wish in wishes.items():
            store_subscriber(session, name, clock.now(), follows=[wish], cursor=0)
    flood(db, clock, 160)
    alone = {name: flat(mail_of(db, clock, name).text) for name in wishes}
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    with db.read() as session:
        people = [subscriber_called(session, name) for name in wishes]
        deliveries = {each.subscriber_id: each for each in session.exec(select(Delivery))}
        batch = MailRenderer(SETTINGS, clock)(session, [(deliveries[each.id or 0], each) for each in people])
    together = {name: flat(each.text) for name, each in zip(wishes, batch, strict=True) if isinstance(each, Message)}
    assert together.keys() == wishes.keys()
    assert [re.findall(r"- Only .*? of \d+", said) for said in together.values()] == [
        re.findall(r"- Only .*? of \d+", said) for said in alone.values()
    ]
    assert all("Too much?" in said for said in together.values())
    assert sum("FROM item_outline" in one for one in asked) == 1  # what berta and carla had is among what anna had


@pytest.mark.parametrize(("kept_for", "reads"), [(300.0, 1), (-1.0, 2)])
def test_the_next_batch_reads_a_change_again_when_minutes_have_passed(
    db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, kept_for: float, reads: int
) -> None:
    monkeypatch.setattr(surroundings, "_READ_AGAIN_SECONDS", kept_for)
    with db.write() as session:
        for name in ("anna", "berta"):
            store_subscriber(session, name, clock.now(), follows=[ANY_DISTANCE], cursor=0)
    flood(db, clock)
    compose_due(db, SETTINGS, clock)
    renderer = MailRenderer(SETTINGS, clock)
    said: list[list[str]] = []
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    for name in ("anna", "berta"):
        with db.read() as session:
            person = subscriber_called(session, name)
            (delivery,) = session.exec(select(Delivery).where(Delivery.subscriber_id == person.id))
            (message,) = renderer(session, [(delivery, person)])
        assert isinstance(message, Message)
        said.append(re.findall(r"- Only .*? of \d+", flat(message.text)))
    assert said[0] == said[1] != []
    assert sum("FROM item_outline" in one for one in asked) == reads


def test_what_is_kept_for_the_next_batches_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_MOST_BYTES", 20_000)
    kept = surroundings.IndexedOfLate()
    for number in range(1_000):
        kept.keep_change(number, None)
    assert 0 < len(kept.changes) <= 20


def test_a_preview_offers_the_same_narrowings(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), follows=[ANY_DISTANCE], cursor=0)
    flood(db, clock)
    with db.read() as session:
        looked_ahead = preview_digest(session, SETTINGS, clock, subscriber_called(session, "anna")).message
    assert looked_ahead is not None
    assert re.findall(r": \d+ of 80", looked_ahead.text) == re.findall(r": \d+ of 80", mail_of(db, clock).text)


def test_sixty_items_are_not_too_much(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0)
    flood(db, clock, 60)
    message = mail_of(db, clock)
    assert "Too much" not in message.text
    assert "That is a lot" not in message.text
