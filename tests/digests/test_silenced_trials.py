"""A trial that is “not for me”: told by no mail, in no count and no list, until it is taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from tests.digests.stage import SETTINGS, publish, store_areas, store_subscriber, store_trial, subscriber_called
from tests.digests.test_compose import digests_of, entries_of, told_in
from trialalerts.catalog.tables import ChangeKind, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due
from trialalerts.digests.preview import preview_digest
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.matching.around.surroundings import Surveyor
from trialalerts.matching.estimate import Estimator
from trialalerts.operations.questions.candidates import WhyNot
from trialalerts.operations.questions.explain import explain_silence
from trialalerts.operations.questions.replay import replay
from trialalerts.subscribers.erasure import close_books, erase
from trialalerts.subscribers.follows.silence import is_silenced, lift_silence, silence_trial, silenced_by
from trialalerts.subscribers.follows.trials import follow_columns, follow_trial, followed_trials
from trialalerts.subscribers.people import confirm
from trialalerts.subscribers.tables import NEVER_SERVED, Preference, SilencedTrial, Subscriber
from trialalerts.vocabulary.areas.tree import load_areas


@pytest.fixture(autouse=True)
def _areas(db: Database) -> None:
    with db.write() as session:
        store_areas(session)


def two_trials(db: Database, clock: FrozenClock, **facts: Any) -> tuple[int, int]:
    """Store two trials, of which anna, who follows their disease, silences the first."""
    with db.write() as session:
        one, other = (store_trial(session, number, clock.now(), **facts) for number in (1, 2))
        return one.id or 0, other.id or 0


def reader(db: Database, clock: FrozenClock, silenced: int, *, name: str = "anna", **values: Any) -> None:
    with db.write() as session:
        who = store_subscriber(session, name, clock.now(), **{"cursor": 0, **values})
        silence_trial(session, who, silenced, how="link", now=clock.now())


def happens(db: Database, clock: FrozenClock, kind: ChangeKind, *items: int) -> None:
    with db.write() as session:
        for item_id in items:
            publish(session, session.get_one(Item, item_id), kind, clock.now())


@pytest.mark.parametrize("kind", [ChangeKind.CLOSED, ChangeKind.REOPENED, ChangeKind.RESULTS_POSTED])
def test_nothing_that_happens_there_is_told_and_all_else_is(db: Database, clock: FrozenClock, kind: ChangeKind) -> None:
    one, other = two_trials(db, clock)
    reader(db, clock, one)
    reader(db, clock, other, name="ben")
    happens(db, clock, kind, one, other)
    compose_due(db, SETTINGS, clock)
    for name, told in (("anna", other), ("ben", one)):
        (digest,) = digests_of(db, name)
        assert [entry.item_id for entry in entries_of(db, digest)] == [told]


def test_a_first_mail_and_its_counts_leave_it_out(db: Database, clock: FrozenClock) -> None:
    one, other = two_trials(db, clock)
    reader(db, clock, one, cursor=NEVER_SERVED)
    compose_due(db, SETTINGS, clock)
    (first,) = digests_of(db, "anna")
    assert [entry.item_id for entry in entries_of(db, first)] == [other]
    assert told_in(db, first) == ["recruiting_now"]


def test_a_first_mail_with_nothing_else_counts_what_is_around_without_it(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        only = store_trial(session, 1, clock.now()).id or 0
    reader(db, clock, only, cursor=NEVER_SERVED)
    with db.read() as session:
        preview = preview_digest(session, SETTINGS, clock, subscriber_called(session, "anna"))
    assert preview.entries == []
    assert preview.message is not None
    assert "None that fits takes people today" in preview.message.text


def test_estimates_of_the_reader_count_without_it_and_those_of_others_with_it(db: Database, clock: FrozenClock) -> None:
    one, _ = two_trials(db, clock)
    reader(db, clock, one)
    reader(db, clock, 999, name="ben")
    clock.advance(timedelta(days=20))
    happens(db, clock, ChangeKind.REOPENED, one)
    with db.read() as session:
        areas = load_areas(session)
        found = {}
        for name in ("anna", "ben"):
            (wish,) = session.exec(select(Preference).where(_whose(session, name)))
            estimate = Estimator(session, areas, clock.now()).of(wish)
            around = Surveyor(session, areas, clock.now()).around(wish)
            found[name] = (estimate.recruiting_now, estimate.changes, around.open_now)
    assert found == {"anna": (1, 0, 1), "ben": (2, 1, 2)}


def test_what_is_in_preparation_is_counted_without_it(db: Database, clock: FrozenClock) -> None:
    one, _ = two_trials(db, clock, status="NOT_YET_RECRUITING")
    reader(db, clock, one)
    with db.read() as session:
        (wish,) = session.exec(select(Preference))
        assert Surveyor(session, load_areas(session), clock.now()).around(wish).upcoming == 1


def _whose(session: Session, name: str) -> Any:
    return Preference.subscriber_id == subscriber_called(session, name).id


def test_preview_replay_and_explanation_say_the_same_and_why(db: Database, clock: FrozenClock) -> None:
    one, other = two_trials(db, clock)
    reader(db, clock, one, confirmed_at=clock.now(), confirmed_seq=0)
    before = clock.now()
    happens(db, clock, ChangeKind.CLOSED, one, other)
    with db.read() as session:
        anna = subscriber_called(session, "anna")
        preview = preview_digest(session, SETTINGS, clock, anna)
        assert [entry.item_id for entry in preview.entries] == [other]
        for who in (anna, None):
            replayed = list(replay(session, before, clock.now() + timedelta(hours=1), subscriber=who))
            assert [each.numbers for each in replayed] == [("NCT90000002",)]
        found = explain_silence(session, SETTINGS, clock.now(), anna)
        why = {each.number: each.why_not for each in found.news.items}
        assert why == {"NCT90000001": ("silenced",), "NCT90000002": ()}
        asked = explain_silence(session, SETTINGS, clock.now(), anna, item=session.get_one(Item, one))
        assert all("silenced" in each.why_not for each in asked.news.items)


def test_of_what_was_told_before_it_is_said_that_it_is_silenced_now(db: Database, clock: FrozenClock) -> None:
    one, _ = two_trials(db, clock)
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0)
    happens(db, clock, ChangeKind.CLOSED, one)
    compose_due(db, SETTINGS, clock)
    with db.write() as session:
        anna = subscriber_called(session, "anna")
        silence_trial(session, anna, one, how="link", now=clock.now())
        found = explain_silence(session, SETTINGS, clock.now(), anna, item=session.get_one(Item, one))
    told = next(each for each in found.news.items if each.what == "closed")
    assert told.why_not == (WhyNot.ALREADY_TOLD, "silenced")


def test_taken_back_it_is_told_from_then_on(db: Database, clock: FrozenClock) -> None:
    one, _ = two_trials(db, clock)
    reader(db, clock, one)
    happens(db, clock, ChangeKind.CLOSED, one)
    assert compose_due(db, SETTINGS, clock).digests == 0
    with db.write() as session:
        anna = subscriber_called(session, "anna")
        assert lift_silence(session, anna, one, how="web", now=clock.now())
        assert not lift_silence(session, anna, one, how="web", now=clock.now())
    happens(db, clock, ChangeKind.REOPENED, one)
    clock.advance(timedelta(days=1))
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "anna")
    assert told_in(db, digest) == ["reopened"]


def test_whoever_follows_it_and_silences_it_means_what_was_said_last(db: Database, clock: FrozenClock) -> None:
    one, _ = two_trials(db, clock)
    with db.write() as session:
        anna = store_subscriber(session, "anna", clock.now(), cursor=0, follows=[follow_columns(one)])
        assert silence_trial(session, anna, one, how="link", now=clock.now())
        assert not silence_trial(session, anna, one, how="link", now=clock.now())
        assert (followed_trials(session, anna), is_silenced(session, anna, one)) == ([], True)
        follow_trial(session, anna, one, confirmed=False, how="web", now=clock.now())
        assert is_silenced(session, anna, one), "until they say yes"
        (waiting,) = followed_trials(session, anna)
        confirm(session, anna, [waiting.id or 0], how="link", now=clock.now())
        assert not is_silenced(session, anna, one)
        silence_trial(session, anna, one, how="link", now=clock.now())
        follow_trial(session, anna, one, confirmed=True, how="link", now=clock.now())
        assert not is_silenced(session, anna, one)
    happens(db, clock, ChangeKind.CLOSED, one)
    compose_due(db, SETTINGS, clock)
    assert told_in(db, digests_of(db, "anna")[0]) == ["closed"]


def test_it_goes_with_the_person(db: Database, clock: FrozenClock) -> None:
    one, _ = two_trials(db, clock)
    for name in ("anna", "ben", "eve"):
        reader(db, clock, one, name=name)
    with db.write() as session:
        erase(session, subscriber_called(session, "anna"), how="web", now=clock.now())
        close_books(session, subscriber_called(session, "ben"))
        session.delete(subscriber_called(session, "eve"))
        session.flush()
        assert session.exec(select(SilencedTrial)).all() == []


def test_who_silenced_nothing_is_left_out(db: Database, clock: FrozenClock) -> None:
    one, other = two_trials(db, clock)
    with db.write() as session:
        assert silenced_by(session, [1, 2]) == {}
    reader(db, clock, one)
    reader(db, clock, other, name="ben")
    with db.read() as session:
        anna, ben = (subscriber_called(session, name).id or 0 for name in ("anna", "ben"))
        assert silenced_by(session, [anna, 999]) == {anna: frozenset({one})}
        assert silenced_by(session, [anna, ben]) == {anna: frozenset({one}), ben: frozenset({other})}
        assert silenced_by(session, []) == {}


def test_a_card_links_to_the_page_that_silences_its_trial(db: Database, clock: FrozenClock) -> None:
    one, _ = two_trials(db, clock)
    with db.write() as session:
        store_subscriber(session, "anna", clock.now(), cursor=0)
    happens(db, clock, ChangeKind.CLOSED, one)
    happens(db, clock, ChangeKind.REOPENED, one)
    with db.read() as session:
        anna = session.exec(select(Subscriber)).one()
        message = preview_digest(session, SETTINGS, clock, anna).message
    link = MailRenderer(SETTINGS, clock)._links.follow(anna, one)
    assert message is not None
    for part in (message.text, message.html or ""):
        assert f"{link}?do=silence" in part
