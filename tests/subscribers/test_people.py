"""People: signing up, confirming, changing, pausing, leaving, and what the consent log says of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from tests.subscribers.stage import BRITAIN, LEEDS, NOW, follow, sign_up
from trialalerts.database import Database
from trialalerts.delivery.outbox.lifecycle import enqueue, list_deliveries
from trialalerts.delivery.outbox.tables import DeliveryState
from trialalerts.digests.tables import Digest, DigestKind
from trialalerts.errors import InvalidInput, NotFound, UnknownArea
from trialalerts.subscribers.consent import list_consents
from trialalerts.subscribers.people import (
    SubscriberChanges,
    confirm,
    edit,
    end_pauses,
    find_by_key,
    find_subscriber,
    list_subscribers,
    pause,
    resume,
    unsubscribe,
)
from trialalerts.subscribers.preferences import (
    MOST_PREFERENCES,
    add_preference,
    list_preferences,
    remove_preference,
)
from trialalerts.subscribers.tables import (
    NEVER_SERVED,
    ConsentAction,
    Frequency,
    Subscriber,
    SubscriberState,
    id_of,
)

LATER = NOW + timedelta(days=3)


def actions(session: Session, subscriber: Subscriber) -> list[tuple[ConsentAction, str]]:
    return [(each.action, each.how) for each in list_consents(session, subscriber)]


def served(session: Session, subscriber: Subscriber, cursor: int = 5) -> None:
    """Pretend that the first digest has gone out."""
    subscriber.cursor = cursor
    subscriber.next_due_at = None
    session.flush()


def test_a_confirmed_subscriber_is_due_for_the_first_digest_at_once(stage: Database) -> None:
    with stage.write() as session:
        signup = sign_up(session, "Mona@Example.org", follow(region=LEEDS))
    with stage.read() as session:
        person = find_subscriber(session, "mona@EXAMPLE.org")
        (preference,) = list_preferences(session, person)
        log = actions(session, person)
    assert signup.created
    assert signup.to_confirm == ()
    assert (person.address, person.state, person.cursor) == ("Mona@example.org", SubscriberState.ACTIVE, NEVER_SERVED)
    assert (person.next_due_at, person.confirmed_at, preference.confirmed_at) == (NOW, NOW, NOW)
    assert (preference.region_label, preference.radius_km) == ("Leeds, England, GB", 50.0)
    assert log == [
        (ConsentAction.SIGNED_UP, "operator"),
        (ConsentAction.CHANGED, "operator"),
        (ConsentAction.CONFIRMED, "operator"),
    ]


def test_who_has_not_confirmed_waits(stage: Database) -> None:
    with stage.write() as session:
        signup = sign_up(session, confirmed=False)
    person = signup.subscriber
    assert (person.state, person.next_due_at, person.confirmed_at) == (SubscriberState.PENDING, None, None)
    assert signup.to_confirm == tuple(each.id for each in signup.preferences)


def test_confirming_serves_only_what_was_confirmed(stage: Database) -> None:
    with stage.write() as session:
        signup = sign_up(session, "mona@example.org", follow(), follow("D000690"), confirmed=False)
        first, second = signup.to_confirm
        assert confirm(session, signup.subscriber, [first], how="link", now=LATER)
    with stage.write() as session:
        person = find_subscriber(session, "mona@example.org")
        assert (person.state, person.next_due_at, person.cursor) == (SubscriberState.ACTIVE, LATER, NEVER_SERVED)
        assert [each.confirmed_at for each in list_preferences(session, person)] == [LATER, None]
        served(session, person)
        assert confirm(session, person, [second], how="link", now=LATER)
        assert person.cursor == 5
        assert not confirm(session, person, [first, second], how="link", now=LATER)


def test_a_confirmation_of_what_is_gone_activates_nobody(stage: Database) -> None:
    with stage.write() as session:
        signup = sign_up(session, confirmed=False)
        remove_preference(session, signup.subscriber, signup.to_confirm[0], how="link", now=NOW)
        assert not confirm(session, signup.subscriber, signup.to_confirm, how="link", now=NOW)
        assert signup.subscriber.state is SubscriberState.PENDING


def test_nobody_can_confirm_the_preference_of_another(stage: Database) -> None:
    with stage.write() as session:
        mine = sign_up(session, "mona@example.org", confirmed=False)
        theirs = sign_up(session, "lisa@example.org", confirmed=False)
        assert not confirm(session, mine.subscriber, theirs.to_confirm, how="link", now=NOW)
        assert [each.confirmed_at for each in list_preferences(session, theirs.subscriber)] == [None]


def test_a_known_address_gets_one_more_preference_that_waits_for_its_own_confirmation(stage: Database) -> None:
    with stage.write() as session:
        sign_up(session, frequency=Frequency.DAILY, timezone="Europe/London")
        again = sign_up(
            session, "MONA@example.org", follow("D000690"), confirmed=False, frequency=Frequency.MONTHLY, timezone="UTC"
        )
        person = again.subscriber
        assert not again.created
        assert (person.state, person.frequency, person.timezone) == (
            SubscriberState.ACTIVE,
            Frequency.DAILY,
            "Europe/London",
        )
        assert [each.confirmed_at for each in list_preferences(session, person)] == [NOW, None]
        assert again.to_confirm == (again.preferences[0].id,)


def test_the_same_preference_is_known_whatever_its_label(stage: Database) -> None:
    with stage.write() as session:
        first = sign_up(session, "mona@example.org", follow(region=LEEDS, phases=("3", "2"), label="for me"))
        again = sign_up(session, "mona@example.org", follow(region=LEEDS, phases=("PHASE2", "PHASE3")), confirmed=False)
        other = sign_up(session, "mona@example.org", follow(region=LEEDS, phases=("PHASE2",)))
    assert (again.added, again.to_confirm) == (0, ())
    assert [each.id for each in again.preferences] == [each.id for each in first.preferences]
    assert other.added == 1


def test_the_latest_sign_up_sets_the_schedule_of_somebody_who_never_confirmed(stage: Database) -> None:
    with stage.write() as session:
        sign_up(session, confirmed=False, frequency=Frequency.DAILY)
        again = sign_up(session, confirmed=False, frequency=Frequency.MONTHLY, locale="de-AT")
    assert (again.subscriber.frequency, again.subscriber.locale) == (Frequency.MONTHLY, "de-AT")
    assert len(again.to_confirm) == 1


def test_who_had_left_starts_anew_with_nothing_of_before(stage: Database) -> None:
    with stage.write() as session:
        sign_up(session)
        person = find_subscriber(session, "mona@example.org")
        assert unsubscribe(session, person, how="one-click", now=NOW)
        again = sign_up(session, "mona@example.org", follow("D001943"), confirmed=False)
        assert again.subscriber.state is SubscriberState.PENDING
        assert [each.area_id for each in list_preferences(session, person)] == ["D001943"]
        assert confirm(session, person, again.to_confirm, how="link", now=LATER)
        assert (person.state, person.cursor, person.next_due_at) == (SubscriberState.ACTIVE, NEVER_SERVED, LATER)


def test_who_starts_anew_can_be_told_the_first_digest_again(stage: Database) -> None:
    """The digest and the mail of a window are unique; those of the first time must not stand in the way."""

    def tell_first(session: Session, person: Subscriber) -> bool:
        number = id_of(person)
        session.add(
            Digest(subscriber_id=number, kind=DigestKind.FIRST, from_seq=person.cursor, to_seq=5, created_at=NOW)
        )
        key = f"digest/{number}/{person.cursor}"
        return enqueue(session, key=key, kind="digest", subscriber_id=number, data={}, now=NOW, domain="example.org")

    for _ in range(3):
        with stage.write() as session:
            person = sign_up(session).subscriber
            assert person.cursor == NEVER_SERVED
            assert tell_first(session, person)
            served(session, person)
            unsubscribe(session, person, how="one-click", now=NOW)
    with stage.read() as session:
        assert [each.state for each in list_deliveries(session)] == [
            DeliveryState.QUEUED,
            DeliveryState.SUPPRESSED,
            DeliveryState.SUPPRESSED,
        ]


def test_two_sign_ups_of_one_address_at_once_make_one_subscriber(stage: Database) -> None:
    start = threading.Barrier(4)

    def work(area: str) -> None:
        start.wait()
        with stage.write() as session:
            sign_up(session, "mona@example.org", follow(area), confirmed=False)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, ("D009103", "D000690", "D001943", "D009103")))
    with stage.read() as session:
        (person,) = list_subscribers(session)
        assert sorted(each.area_id for each in list_preferences(session, person)) == ["D000690", "D001943", "D009103"]


def test_who_bounced_and_signs_up_for_the_same_again_can_confirm_it(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        served(session, person)
        person.state = SubscriberState.BOUNCED
        again = sign_up(session, confirmed=False)
        assert again.to_confirm
        assert confirm(session, person, again.to_confirm, how="link", now=LATER)
        assert (person.state, person.cursor) == (SubscriberState.ACTIVE, 5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"address": "mona"}, "is not an e-mail address"),
        ({"timezone": "Europe/Lodnon"}, "Europe/London"),
        ({"locale": "xx"}, "is no language"),
        ({"frequency": "hourly"}, "is no frequency"),
        ({"hour": 24}, "full hour"),
        ({"weekday": 9}, "day of the week"),
        ({"day": 31}, "every month"),
    ],
)
def test_a_choice_that_makes_no_sense_stores_nothing(stage: Database, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said), stage.write() as session:
        sign_up(session, **values)
    with stage.read() as session:
        assert list_subscribers(session) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"area": "D999999"}, "No disease area is called “D999999”"),
        ({"excluded_areas": ("D999999",)}, "No disease area is called “D999999”"),
        ({"excluded_areas": ("D009103",)}, "both followed and excluded"),
        ({"born_on": date(1890, 1, 1)}, "no birthday of somebody alive"),
        ({"born_on": date(2027, 1, 1)}, "no birthday of somebody alive"),
        ({"sex": "other"}, "is no sex that trials ask for"),
        ({"phases": ("5",)}, "is no phase"),
        ({"item_kinds": ("book",)}, "is no kind of item"),
        ({"change_kinds": ("moved",)}, "is no kind of change"),
        ({"label": "x" * 100}, "at most 80"),
    ],
)
def test_a_preference_that_makes_no_sense_stores_nothing(stage: Database, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said), stage.write() as session:
        sign_up(session, "mona@example.org", follow(**values))
    with stage.read() as session:
        assert list_subscribers(session) == []


def test_nobody_has_more_preferences_than_a_person_can_mean(sqlite_stage: Database) -> None:
    with sqlite_stage.write() as session:
        person = sign_up(session).subscriber
        for number in range(1, MOST_PREFERENCES):
            add_preference(
                session,
                person,
                follow(
                    born_on=date(1960, 1, number % 28 + 1), label=str(number), region=LEEDS if number > 27 else BRITAIN
                ),
                confirmed=True,
                how="operator",
                now=NOW,
            )
        with pytest.raises(InvalidInput, match="at most 50 preferences"):
            add_preference(session, person, follow("D000690"), confirmed=True, how="operator", now=NOW)


def test_only_ones_own_preferences_can_be_removed(stage: Database) -> None:
    with stage.write() as session:
        mine, theirs = sign_up(session), sign_up(session, "lisa@example.org")
        number = theirs.preferences[0].id or 0
        with pytest.raises(NotFound, match="has no preference"):
            remove_preference(session, mine.subscriber, number, how="link", now=NOW)
        with pytest.raises(NotFound, match="no preference 999"):
            remove_preference(session, mine.subscriber, 999, how="link", now=NOW)
        remove_preference(session, theirs.subscriber, number, how="link", now=NOW)
        assert list_preferences(session, theirs.subscriber) == []
        assert len(list_preferences(session, mine.subscriber)) == 1


def test_an_address_that_nobody_has_is_named(stage: Database) -> None:
    with stage.read() as session, pytest.raises(NotFound, match=r"no subscriber “nobody@example\.org”"):
        find_subscriber(session, "nobody@example.org")


def test_links_find_people_by_their_key(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        assert find_by_key(session, person.key) is person
        assert find_by_key(session, "another") is None
        assert len(person.key) >= 20


def test_subscribers_are_listed_by_state_and_area(stage: Database) -> None:
    with stage.write() as session:
        sign_up(session, "a@example.org")
        sign_up(session, "b@example.org", follow("D000690"), confirmed=False)
        gone = sign_up(session, "c@example.org").subscriber
        gone.state = SubscriberState.ERASED
    with stage.read() as session:
        assert [each.address for each in list_subscribers(session)] == ["a@example.org", "b@example.org"]
        assert [each.address for each in list_subscribers(session, limit=1)] == ["a@example.org"]
        assert [each.address for each in list_subscribers(session, states=[SubscriberState.PENDING])] == [
            "b@example.org"
        ]
        assert [each.address for each in list_subscribers(session, area_id="D000690")] == ["b@example.org"]


def test_a_changed_schedule_moves_the_next_digest(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, timezone="Europe/London").subscriber
        served(session, person)
        changes = SubscriberChanges(frequency=Frequency.DAILY, hour=7, timezone="Europe/Berlin")
        assert edit(session, person, changes, how="operator", now=NOW) == ["timezone", "frequency", "hour"]
        assert person.next_due_at == datetime(2026, 3, 3, 6, tzinfo=UTC)
        assert edit(session, person, changes, how="operator", now=LATER) == []
        assert [each.what for each in list_consents(session, person)][-1] == "timezone, frequency, hour"


def test_who_still_waits_for_the_first_digest_does_not_wait_longer_for_a_change(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        edit(session, person, SubscriberChanges(frequency=Frequency.MONTHLY), how="operator", now=LATER)
        assert person.next_due_at == LATER


def test_a_change_makes_nobody_due_who_is_not_active(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, confirmed=False).subscriber
        edit(session, person, SubscriberChanges(frequency=Frequency.DAILY), how="operator", now=NOW)
        assert person.next_due_at is None


def test_an_address_can_be_changed_to_one_that_nobody_has(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        sign_up(session, "lisa@example.org")
        with pytest.raises(InvalidInput, match=r"“Lisa@example\.org” belongs to another subscriber"):
            edit(session, person, SubscriberChanges(address="Lisa@example.org"), how="operator", now=NOW)
        edit(session, person, SubscriberChanges(address="MONA@new.example.org"), how="operator", now=NOW)
    with stage.read() as session:
        assert find_subscriber(session, "mona@new.example.org").id == person.id


def test_a_pause_ends_when_the_local_day_begins_and_nothing_is_lost_by_it(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session, timezone="America/New_York", frequency=Frequency.DAILY).subscriber
        served(session, person)
        pause(session, person, until=date(2026, 3, 9), how="link", now=NOW)
        ends = datetime(2026, 3, 9, 4, tzinfo=UTC)  # summer time began the day before
        assert (person.state, person.paused_until, person.next_due_at) == (SubscriberState.PAUSED, ends, None)
        assert end_pauses(session, ends - timedelta(seconds=1)) == 0
        assert end_pauses(session, ends) == 1
        assert (person.state, person.paused_until, person.cursor) == (SubscriberState.ACTIVE, None, 5)
        assert person.next_due_at == datetime(2026, 3, 9, 12, tzinfo=UTC)
        assert actions(session, person)[-2:] == [(ConsentAction.PAUSED, "link"), (ConsentAction.RESUMED, "schedule")]


def test_an_open_pause_ends_when_somebody_says_so(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        served(session, person)
        pause(session, person, until=None, how="link", now=NOW)
        assert end_pauses(session, NOW + timedelta(days=4_000)) == 0
        resume(session, person, how="link", now=LATER)
        assert person.state is SubscriberState.ACTIVE
        assert person.next_due_at is not None


@pytest.mark.parametrize("until", [date(2026, 3, 2), date(2020, 1, 1)])
def test_a_pause_until_today_or_the_past_is_refused(stage: Database, until: date) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        with pytest.raises(InvalidInput, match=f"“{until}” is not in the future"):
            pause(session, person, until=until, how="link", now=NOW)
        assert person.state is SubscriberState.ACTIVE


@pytest.mark.parametrize("state", [state for state in SubscriberState if state is not SubscriberState.ACTIVE])
def test_only_who_paused_or_bounced_can_resume(stage: Database, state: SubscriberState) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        person.state = state
        if state in {SubscriberState.PAUSED, SubscriberState.BOUNCED}:
            resume(session, person, how="operator", now=NOW)
            assert person.state is SubscriberState.ACTIVE
            return
        with pytest.raises(InvalidInput, match=f"is {state}"):
            resume(session, person, how="operator", now=NOW)
        with pytest.raises(InvalidInput, match="nothing to pause"):
            pause(session, person, until=None, how="operator", now=NOW)


def test_who_unsubscribes_is_gone_at_once_and_a_second_click_does_nothing(stage: Database) -> None:
    with stage.write() as session:
        person = sign_up(session).subscriber
        assert unsubscribe(session, person, how="one-click", now=LATER)
        assert not unsubscribe(session, person, how="one-click", now=LATER)
        assert (person.state, person.next_due_at) == (SubscriberState.UNSUBSCRIBED, None)
        assert not confirm(session, person, [], how="link", now=LATER)
        assert actions(session, person)[-1] == (ConsentAction.UNSUBSCRIBED, "one-click")
        assert [action for action, _ in actions(session, person)].count(ConsentAction.UNSUBSCRIBED) == 1


def test_an_unknown_area_is_an_unknown_area(stage: Database) -> None:
    with stage.write() as session, pytest.raises(UnknownArea):
        sign_up(session, "mona@example.org", follow("D1"))
