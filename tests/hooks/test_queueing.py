"""What is queued for whom: by the specification, once, and whatever happens at the same time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlmodel import col, select

from tests.digests.stage import LEEDS, LYON, publish, store_areas, store_article, store_subscriber, store_trial
from tests.hooks.stage import SECRET, SETTINGS, add, open_trials, set_areas, webhook_called
from trialalerts.catalog.facts import Site
from trialalerts.catalog.tables import Change, ChangeKind, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, table_of
from trialalerts.database.events.noted import (
    SOURCE_FAILING,
    SUBSCRIBER_CONFIRMED,
    SUBSCRIBER_LEFT,
    EventListener,
    NotedEvent,
    note_events,
)
from trialalerts.delivery.policy.effects import record_complaint
from trialalerts.digests.publishing import Publishing
from trialalerts.errors import InvalidInput
from trialalerts.hooks.events import EVENTS, PUBLIC_EVENTS
from trialalerts.hooks.queueing import queue_calls, replay_calls
from trialalerts.hooks.registering import NewWebhook, add_webhook, find_webhook, remove_webhook, resume_webhook
from trialalerts.hooks.tables import CallState, Hook, HookCall
from trialalerts.subscribers.account.returning import come_back
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import NewSubscriber, add_subscriber, confirm, unsubscribe
from trialalerts.subscribers.tables import SubscriberState
from trialalerts.vocabulary.places.regions import Region
from trialalerts.vocabulary.tables import Area

PUBLISHING = Publishing.of(SETTINGS)
URL = "https://www.example.org/hook"
BERLIN = Site(city="Berlin", country="DE", latitude=52.52, longitude=13.4, status="RECRUITING")
SITES = {"GB": LEEDS, "FR": LYON, "DE": BERLIN}
ABOVE = {"D009103": {"D009103", "D001327"}, "D001327": {"D001327"}, "D001249": {"D001249"}}
NOWHERE: dict[str, Any] = dict.fromkeys(("country", "subdivision", "latitude", "longitude", "radius_km"))


def country(code: str) -> Region:
    return Region(kind="country", label=code, **{**NOWHERE, "country": code})


def queued(db: Database, name: str) -> list[dict[str, Any]]:
    """Return what is queued for a webhook."""
    with db.read() as session:
        rows = select(HookCall.body).join(Hook, col(Hook.id) == HookCall.webhook_id)
        found = session.exec(rows.where(Hook.name == name).order_by(col(HookCall.id)))
        return [orjson.loads(each) for each in found]


def queue(db: Database, clock: FrozenClock) -> int:
    return queue_calls(db, PUBLISHING, clock, stop=lambda: False)


def test_a_change_is_told_as_its_public_page_tells_it(db: Database, clock: FrozenClock) -> None:
    set_areas(db)
    name, _ = add(db, URL, clock)
    clock.advance(timedelta(minutes=1))
    open_trials(db, 1, clock.now())
    assert queue(db, clock) == 1
    assert queued(db, name) == [
        {
            "type": "trial.changed",
            "timestamp": "2026-03-02T09:31:00Z",
            "data": {
                "number": "NCT90000000",
                "title": "Fictional trial 0",
                "kind": "opened",
                "status": "RECRUITING",
                "recruiting": True,
                "changed_at": "2026-03-02T09:31:00Z",
                "posted_at": None,
                "url": "https://alerts.example.org/trials/NCT90000000",
                "registry_url": "https://example.org/NCT90000000",
            },
        }
    ]


def test_articles_have_an_event_for_each_thing_that_becomes_of_them(db: Database, clock: FrozenClock) -> None:
    set_areas(db)
    all_of_it, _ = add(db, URL, clock)
    back, _ = add(db, URL, clock, "article.retracted", areas=["D009103"], regions=[country("FR")])
    with db.write() as session:
        article = store_article(session, 1, clock.now())
        for kind in (ChangeKind.PUBLISHED, ChangeKind.CORRECTED, ChangeKind.CONCERN):
            publish(session, article, kind, clock.now())
        publish(session, article, ChangeKind.RETRACTED, clock.now(), ours=True)
    assert queue(db, clock) == 5
    told = queued(db, all_of_it)
    assert [each["type"] for each in told] == [
        "article.published", "article.corrected", "article.concern", "article.retracted",
    ]  # fmt: skip
    assert told[0]["data"] == {
        "id": article.id,
        "title": "Fictional article 1",
        "changed_at": "2026-03-02T09:30:00Z",
        "published_at": None,
        "sources": ["example.org"],
        "url": f"https://alerts.example.org/articles/{article.id}",
        "original_url": "https://example.org/article-1",
    }
    assert [each["type"] for each in queued(db, back)] == ["article.retracted"]


def test_what_no_public_page_tells_is_told_to_no_program(db: Database, clock: FrozenClock) -> None:
    set_areas(db)
    name, _ = add(db, URL, clock)
    with db.write() as session:
        trial = store_trial(session, 1, clock.now())
        store_subscriber(session, "follower", clock.now(), follows=[{"item_id": trial.id, "area_id": "one-trial"}])
        publish(session, trial, ChangeKind.REGISTERED, clock.now(), baseline=True)
        publish(session, trial, ChangeKind.CONTACT_CHANGED, clock.now())
        article = store_article(session, 1, clock.now())
        publish(session, article, ChangeKind.PUBLISHED, clock.now(), trials=["NCT90000001"])
    assert queue(db, clock) == 0
    assert queued(db, name) == []


@st.composite
def trials(draw: st.DrawFn) -> list[tuple[str, list[str]]]:
    """Draw trials: an area, and the countries of their sites."""
    one = st.tuples(st.sampled_from(sorted(ABOVE)), st.lists(st.sampled_from(sorted(SITES)), unique=True, max_size=2))
    return draw(st.lists(one, max_size=6))


LIMITS = st.tuples(
    st.lists(st.sampled_from(sorted(ABOVE)), unique=True, max_size=2),
    st.lists(st.sampled_from(sorted(SITES)), unique=True, max_size=2),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=trials(), limits=st.lists(LIMITS, min_size=1, max_size=3), pause=st.integers(0, 6))
def test_each_webhook_gets_what_is_in_its_areas_and_regions_and_nothing_else(
    sqlite_db: Database,
    clock: FrozenClock,
    happened: Sequence[tuple[str, list[str]]],
    limits: Sequence[tuple[list[str], list[str]]],
    pause: int,
) -> None:
    with sqlite_db.write() as session:
        for model in (HookCall, Hook, EventListener, Change, Item):
            session.connection().execute(delete(table_of(model)))
        if session.get(Area, "D009103") is None:
            store_areas(session)
    names = [
        add(sqlite_db, URL, clock, areas=areas, regions=[country(code) for code in codes])[0] for areas, codes in limits
    ]
    for number, (area, codes) in enumerate(happened):
        with sqlite_db.write() as session:
            trial = store_trial(session, number, clock.now(), area=area, sites=tuple(SITES[code] for code in codes))
            publish(session, trial, ChangeKind.OPENED, clock.now())
        if number == pause:  # some are queued before the others happen
            queue(sqlite_db, clock)
    queue(sqlite_db, clock)
    for name, (areas, codes) in zip(names, limits, strict=True):
        expected = [
            f"NCT{90_000_000 + number}"
            for number, (area, places) in enumerate(happened)
            # of a trial without a site nobody knows where it is: no region leaves it out
            if (not areas or ABOVE[area] & set(areas)) and (not codes or not places or set(places) & set(codes))
        ]
        assert [each["data"]["number"] for each in queued(sqlite_db, name)] == expected


def test_a_webhook_hears_of_what_happens_after_it_was_added(db: Database, clock: FrozenClock) -> None:
    set_areas(db)
    open_trials(db, 2, clock.now())
    name, _ = add(db, URL, clock)
    assert queue(db, clock) == 0
    open_trials(db, 1, clock.now(), first=5)
    assert queue(db, clock) == 1
    assert queue(db, clock) == 0
    later, _ = add(db, URL, clock)
    open_trials(db, 1, clock.now(), first=6)
    assert queue(db, clock) == 2
    assert [len(queued(db, each)) for each in (name, later)] == [2, 1]


def test_several_that_queue_at_once_queue_each_call_once(db: Database, clock: FrozenClock) -> None:
    set_areas(db)
    names = [add(db, URL, clock, *EVENTS)[0] for _ in range(3)]
    open_trials(db, 20, clock.now())
    with db.write() as session:
        note_events(session, SOURCE_FAILING, [f"source-{number}" for number in range(20)], now=clock.now())
    together = threading.Barrier(4)
    failed: list[BaseException] = []

    def work() -> None:
        together.wait()
        try:
            queue(db, clock)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []
    for name in names:
        told = [orjson.dumps(each["data"]) for each in queued(db, name)]
        assert len(told) == len(set(told)) == 40
    with db.read() as session:
        assert session.exec(select(NotedEvent)).all() == []


def test_whoever_confirms_or_leaves_is_told_by_an_id_to_those_who_asked_for_it(
    db: Database, clock: FrozenClock
) -> None:
    set_areas(db)
    name, _ = add(db, URL, clock, SUBSCRIBER_CONFIRMED, SUBSCRIBER_LEFT)
    public, _ = add(db, URL, clock)
    with db.write() as session:
        person = add_subscriber(
            session,
            NewSubscriber(address="anna@example.org", preferences=()),
            confirmed=False,
            how="web",
            now=clock.now(),
        ).subscriber
        assert unsubscribe(session, person, how="link", now=clock.now())  # nobody heard of her yet
        person.state = SubscriberState.PENDING
        confirm(session, person, [], how="link", now=clock.now())
        confirm(session, person, [], how="link", now=clock.now())
        unsubscribe(session, person, how="link", now=clock.now())
        session.refresh(person)
        come_back(session, person, how="link", now=clock.now())
        record_complaint(session, SECRET, person, how="mailbox", now=clock.now())
        record_complaint(session, SECRET, person, how="mailbox", now=clock.now())
        erase(session, person, how="operator", now=clock.now())
        key = person.key
        other = store_subscriber(session, "ben", clock.now())
        erase(session, other, how="operator", now=clock.now())
    assert queue(db, clock) == 5
    told = queued(db, name)
    assert sorted(each["type"] for each in told) == sorted(
        [SUBSCRIBER_CONFIRMED, SUBSCRIBER_LEFT, SUBSCRIBER_CONFIRMED, SUBSCRIBER_LEFT, SUBSCRIBER_LEFT]
    )
    assert {orjson.dumps(each["data"]) for each in told} == {
        orjson.dumps({"id": key}),
        orjson.dumps({"id": "key-of-ben"}),
    }
    assert queued(db, public) == []


def test_nothing_is_noted_where_nobody_listens(db: Database, clock: FrozenClock) -> None:
    add(db, URL, clock, SUBSCRIBER_LEFT)
    with db.write() as session:
        assert note_events(session, SUBSCRIBER_CONFIRMED, ["key"], now=clock.now()) == 0
        assert note_events(session, SUBSCRIBER_LEFT, [], now=clock.now()) == 0
        assert note_events(session, SUBSCRIBER_LEFT, ["a", "b"], now=clock.now()) == 2


def test_what_is_rolled_back_was_no_event(db: Database, clock: FrozenClock) -> None:
    name, _ = add(db, URL, clock, SUBSCRIBER_LEFT)
    with pytest.raises(RuntimeError), db.write() as session:
        note_events(session, SUBSCRIBER_LEFT, ["key"], now=clock.now())
        raise RuntimeError
    assert queue(db, clock) == 0
    assert queued(db, name) == []


def test_replaying_tells_what_was_told_and_what_was_not_under_the_ids_that_it_had(
    db: Database, clock: FrozenClock
) -> None:
    set_areas(db)
    open_trials(db, 1, clock.now())
    clock.advance(timedelta(days=1))
    since = clock.now()
    open_trials(db, 2, since, first=1)
    name, _ = add(db, URL, clock, *PUBLIC_EVENTS, SOURCE_FAILING)
    open_trials(db, 1, since, first=3)
    with db.write() as session:
        note_events(session, SOURCE_FAILING, ["news"], now=since)
    assert queue(db, clock) == 2
    with db.write() as session:
        first, second = session.exec(select(HookCall).order_by(col(HookCall.id)))
        keys = [first.event_key, second.event_key]
        first.state, second.state = CallState.SENT, CallState.FAILED
    count = replay_calls(db, PUBLISHING, name, since, clock.now())
    assert (count.again, count.added) == (2, 2), "what it had or missed, and what was before it was added"
    with db.read() as session:
        rows = session.exec(select(HookCall).order_by(col(HookCall.id))).all()
    assert [each.event_key for each in rows[:2]] == keys
    assert {each.state for each in rows} == {CallState.QUEUED}
    assert replay_calls(db, PUBLISHING, name, since, clock.now()).added == 0


def test_a_disabled_webhook_is_told_nothing_until_it_is_resumed(db: Database, clock: FrozenClock) -> None:
    set_areas(db)
    name, _ = add(db, URL, clock)
    with db.write() as session:
        find_webhook(session, name).disabled_at = clock.now()
    open_trials(db, 1, clock.now())
    assert queue(db, clock) == 0
    with pytest.raises(InvalidInput, match=f"{name} is disabled; first: trialalerts webhooks resume {name}"):
        replay_calls(db, PUBLISHING, name, clock.now(), clock.now())
    with db.write() as session:
        assert resume_webhook(session, find_webhook(session, name))
        assert not resume_webhook(session, find_webhook(session, name))
    open_trials(db, 1, clock.now(), first=1)
    assert queue(db, clock) == 1
    assert replay_calls(db, PUBLISHING, name, clock.now(), clock.now()).added == 1


def test_what_is_removed_leaves_nothing(db: Database, clock: FrozenClock) -> None:
    set_areas(db)
    name, _ = add(db, URL, clock)
    open_trials(db, 1, clock.now())
    queue(db, clock)
    with db.write() as session:
        remove_webhook(session, find_webhook(session, name))
    with db.read() as session:
        for model in (Hook, HookCall, EventListener):
            assert session.exec(select(model)).all() == []


def test_a_region_is_kept_as_it_was_found(db: Database, clock: FrozenClock) -> None:
    region = country("GB")
    with db.write() as session:
        new = NewWebhook(url=URL, events=PUBLIC_EVENTS, regions=[region])
        webhook, _ = add_webhook(session, SETTINGS.webhooks, SECRET, new, now=clock.now())
    with db.read() as session:
        assert webhook_called(session, webhook.name).regions == [asdict(region)]
