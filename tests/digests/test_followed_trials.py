"""One trial that is followed: whatever happens there is told, once, and to nobody else for that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from tests.digests.stage import LEEDS, LYON, SETTINGS, publish, store_areas, store_subscriber, store_trial
from tests.digests.test_compose import digests_of, entries_of, told_in
from trialalerts.catalog.tables import TOLD_BEFORE_ONLY, Change, ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.message import Message
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.digests.compose import compose_due
from trialalerts.digests.preview import preview_digest
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.operations.questions.candidates import consider, consider_item
from trialalerts.subscribers.follows.trials import follow_columns
from trialalerts.subscribers.tables import NEVER_SERVED, Subscriber

OF_TRIALS = [kind for kind in ChangeKind if kind not in {ChangeKind.PUBLISHED, ChangeKind.RETRACTED, *TOLD_BEFORE_ONLY}]


@pytest.fixture(autouse=True)
def _areas(db: Database) -> None:
    with db.write() as session:
        store_areas(session)


def follower(db: Database, clock: FrozenClock, item_id: int, *more: dict[str, Any], **values: Any) -> None:
    with db.write() as session:
        told = {"cursor": 0, **values}
        store_subscriber(session, "anna", clock.now(), follows=[*more, follow_columns(item_id)], **told)


@pytest.mark.parametrize("kind", OF_TRIALS)
@pytest.mark.parametrize("status", ["RECRUITING", "COMPLETED"])
def test_every_change_of_a_followed_trial_is_told_once(
    db: Database, clock: FrozenClock, kind: ChangeKind, status: str
) -> None:
    with db.write() as session:
        followed, other = (store_trial(session, n, clock.now(), area="D001249", status=status) for n in (1, 2))
    follower(db, clock, followed.id or 0)
    with db.write() as session:
        publish(session, followed, kind, clock.now())
        publish(session, other, kind, clock.now())
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    (entry,) = entries_of(db, digest)
    assert entry.item_id == followed.id
    assert told_in(db, digest) == [kind.value]
    clock.advance(timedelta(days=1))
    compose_due(db, SETTINGS, clock)
    assert len(digests_of(db, "anna")) == 1


def test_what_a_wish_brings_too_is_one_entry_with_both_reasons(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
    follower(db, clock, trial.id or 0, {})
    with db.write() as session:
        publish(session, trial, ChangeKind.RESULTS_POSTED, clock.now())
    compose_due(db, SETTINGS, clock)
    (entry,) = entries_of(db, digests_of(db, "anna")[0])
    assert [told.kind for told in entry.told] == ["results_posted"]
    assert [reason.area_id for reason in entry.reasons] == ["D009103", "one-trial"]


def test_filters_and_places_of_wishes_say_nothing_of_a_followed_trial(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now(), sites=(LYON,), sex="male", maximum_age_days=3650)
    wish = {"sex": "female", "country": "GB", "region_kind": "country", "change_kinds": ["opened"]}
    follower(db, clock, trial.id or 0, wish)
    with db.write() as session:
        publish(session, trial, ChangeKind.PAUSED, clock.now())
    compose_due(db, SETTINGS, clock)
    assert told_in(db, digests_of(db, "anna")[0]) == ["paused"]


def test_a_site_that_closes_is_told_wherever_it_was_and_whatever_else_is_open(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now(), sites=(LEEDS,))
    follower(db, clock, trial.id or 0)
    with db.write() as session:
        seq = publish(session, trial, ChangeKind.SITE_CLOSED, clock.now())
        change = session.get_one(Change, seq)
        change.before = {"sites": [LYON.model_dump(include={"city", "country", "latitude", "longitude"})]}
    compose_due(db, SETTINGS, clock)
    (entry,) = entries_of(db, digests_of(db, "anna")[0])
    assert [told.kind for told in entry.told] == ["site_closed"]
    assert entry.reasons[0].area_id == "one-trial"
    assert entry.reasons[0].through_id is None


def test_another_contact_is_told_to_those_only_who_follow_the_trial(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
        store_subscriber(session, "ben", clock.now(), cursor=0)
    follower(db, clock, trial.id or 0)
    with db.write() as session:
        publish(session, trial, ChangeKind.CONTACT_CHANGED, clock.now(), central=True)
    compose_due(db, SETTINGS, clock)
    assert told_in(db, digests_of(db, "anna")[0]) == ["contact_changed"]
    assert digests_of(db, "ben") == []


def test_where_nobody_follows_it_a_new_contact_is_not_even_looked_at(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0)
        publish(session, trial, ChangeKind.CONTACT_CHANGED, clock.now(), central=True)
    assert compose_due(db, SETTINGS, clock).digests == 0


@pytest.mark.parametrize(("status", "told"), [("RECRUITING", ["recruiting_now"]), ("COMPLETED", [])])
def test_the_first_mail_of_who_follows_one_trial_shows_it_where_it_is_open(
    db: Database, clock: FrozenClock, status: str, told: list[str]
) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now(), status=status)
        store_trial(session, 2, clock.now())
    follower(db, clock, trial.id or 0, cursor=NEVER_SERVED)
    compose_due(db, SETTINGS, clock)
    (first,) = digests_of(db, "anna")
    assert told_in(db, first) == told


def test_preview_and_explanation_say_what_the_digest_will(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial, other = (store_trial(session, n, clock.now(), status="COMPLETED") for n in (1, 2))
    follower(db, clock, trial.id or 0)
    with db.write() as session:
        publish(session, trial, ChangeKind.CONTACT_CHANGED, clock.now(), central=True)
        publish(session, other, ChangeKind.RESULTS_POSTED, clock.now())
    with db.read() as session:
        anna = session.exec(select(Subscriber)).one()
        preview = preview_digest(session, SETTINGS, clock, anna)
        assert [[told.kind for told in entry.told] for entry in preview.entries] == [["contact_changed"]]
        assert preview.message is not None
        assert "this trial" in preview.message.text
        found = consider(session, SETTINGS, clock.now(), anna, introducing=True, most=None)
        assert {(each.what, each.why_not) for each in found.items} == {
            ("contact_changed", ()),
            ("results_posted", ("trial",)),
        }
        asked = consider_item(session, SETTINGS, clock.now(), anna, trial, introducing=True)
        assert ("contact_changed", ()) in [(each.what, each.why_not) for each in asked.items]
        assert {each.area_id for each in asked.items} == {None}


def test_who_follows_something_else_hears_that_a_new_contact_is_for_followers(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
        ben = store_subscriber(session, "ben", clock.now(), cursor=0)
    follower(db, clock, trial.id or 0)
    with db.write() as session:
        publish(session, trial, ChangeKind.CONTACT_CHANGED, clock.now(), central=True)
    with db.read() as session:
        found = consider(session, SETTINGS, clock.now(), ben, introducing=True, most=None)
    assert [each.why_not for each in found.items] == [("followers_only",)]


@pytest.mark.parametrize(("locale", "title", "label"), [
    ("en", "Welcome. You follow 1 trial", "You follow:"), ("de", "Willkommen. Sie folgen 1 Studie", "Sie folgen:"),
    ("fr", "Bienvenue. Vous suivez 1 étude", "Vous suivez\u00a0:"),
    ("es", "Le damos la bienvenida. Sigue 1 estudio", "Sigue:"),
])  # fmt: skip
def test_the_first_mail_of_who_follows_single_trials_only_says_how_they_stand(
    db: Database, clock: FrozenClock, locale: str, title: str, label: str
) -> None:
    with db.write() as session:
        trial = store_trial(session, 1, clock.now(), status="COMPLETED")
    follower(db, clock, trial.id or 0, cursor=NEVER_SERVED, locale=locale)
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    with db.read() as session:
        anna = session.exec(select(Subscriber)).one()
        delivery = session.exec(select(Delivery)).one()
        renderer = MailRenderer(SETTINGS, clock)
        (mail,) = renderer(session, [(delivery, anna)])
        page = renderer.digest_page(session, digest, anna)
    assert isinstance(mail, Message)
    said = " ".join(mail.text.split())
    assert title.upper() in said, "headings stand in capitals"
    assert f"{label} ".replace("\u00a0", " ") in said.replace("\u00a0", " ")
    assert trial.external_id in said
    assert trial.external_id not in mail.subject
    assert trial.external_id in page
    if locale == "en":
        assert "open" not in said.partition(" -- ")[0].lower(), "nobody asked for what is open"
        assert "no trial was open" not in page
