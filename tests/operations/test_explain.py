"""She says she got nothing: what is told to the operator is what the sender and the composer do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from tests.digests.stage import (
    LYON,
    SETTINGS,
    publish,
    store_areas,
    store_article,
    store_subscriber,
    store_trial,
    subscriber_called,
)
from tests.installation import Installation, Run
from trialalerts.catalog.tables import BaselineItem, Change, ChangeKind, HeldChange, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import (
    Delivery,
    DeliveryState,
    RefusedAddress,
    SendingHold,
    SendingPause,
    SoftBounces,
)
from trialalerts.digests.compose import compose_due
from trialalerts.operations.questions.explain import Explanation, explain_silence
from trialalerts.settings import Settings
from trialalerts.subscribers.tables import Frequency, Preference, RegionKind, Subscriber, SubscriberState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERVED: dict[str, Any] = {"cursor": 0, "confirmed_at": NOW - 30 * DAY, "confirmed_seq": 0}


def explained(
    session: Session,
    name: str = "anna",
    *,
    settings: Settings = SETTINGS,
    now: datetime = NOW,
    item: Item | None = None,
) -> Explanation:
    return explain_silence(session, settings, now, subscriber_called(session, name), item=item)


def with_mail(**values: Any) -> Settings:
    return SETTINGS.model_copy(update={"mail": SETTINGS.mail.model_copy(update=values)})


def why(found: Explanation) -> dict[str, tuple[str, ...]]:
    return {each.number: each.why_not for each in found.news.items}


STATES = [
    ({"state": SubscriberState.PENDING, "next_due_at": None}, "pending"),
    ({"state": SubscriberState.PAUSED, "next_due_at": None}, "paused"),
    ({"state": SubscriberState.UNSUBSCRIBED, "next_due_at": None}, "unsubscribed"),
    ({"state": SubscriberState.BOUNCED, "next_due_at": None}, "bounced"),
    ({"state": SubscriberState.COMPLAINED, "next_due_at": None}, "complained"),
]


@pytest.mark.parametrize(("values", "reason"), STATES, ids=[reason for _, reason in STATES])
def test_a_state_in_which_nobody_is_mailed_is_a_reason_and_no_mail_is_foreseen(
    db: Database, values: dict[str, Any], reason: str
) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, **values)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        found = explained(session)
    assert reason in found.reasons
    assert found.next_mail is None
    assert "not_due" not in found.reasons


def _suppressed(session: Session) -> None:
    suppress(session, SETTINGS.service.secrets[0], "anna@example.org", reason="bounced", detail="5.1.1", now=NOW)


def _soft(session: Session, **values: Any) -> None:
    who = subscriber_called(session, "anna").id or 0
    session.add(SoftBounces(subscriber_id=who, in_a_row=2, first_at=NOW, last_at=NOW, **values))


def _refused(session: Session) -> None:
    session.add(RefusedAddress(subscriber_id=subscriber_called(session, "anna").id or 0, not_before=NOW + DAY))


def _held(scope: str) -> Callable[[Session], None]:
    def hold(session: Session) -> None:
        row = SendingHold(scope=scope, cause="ours", since=NOW, retry_at=NOW + HOUR, wait=3600, reason="refused")
        session.add(row)

    return hold


def _waits(session: Session) -> None:
    who = subscriber_called(session, "anna").id or 0
    row: dict[str, Any] = {
        "kind": "digest",
        "subscriber_id": who,
        "message_id": "<1@x>",
        "created_at": NOW,
        "attempts": 1,
    }
    session.add(Delivery(**row, state=DeliveryState.QUEUED, not_before=NOW + HOUR, last_error="greylisted"))


OBSTACLES: list[tuple[str, Callable[[Session], None], str, datetime | None]] = [
    ("a suppressed address", _suppressed, "suppressed", None),
    ("a rest after soft bounces", lambda s: _soft(s, not_before=NOW + DAY), "resting", NOW + DAY),
    ("a refusal by policy", _refused, "resting", NOW + DAY),
    ("a domain that rests", _held("example.org"), "held_back", NOW + HOUR),
    ("all mail rests", _held(""), "held_back", NOW + HOUR),
    ("the breaker", lambda s: s.add(SendingPause(name="breaker", since=NOW, reason="bounces")), "held_back", None),
    ("a mail that is tried again later", _waits, "held_back", NOW + HOUR),
]


@pytest.mark.parametrize(
    ("arrange", "reason", "next_mail"), [row[1:] for row in OBSTACLES], ids=[row[0] for row in OBSTACLES]
)
def test_what_holds_mail_back_is_told_with_the_moment_at_which_it_ends(
    db: Database, arrange: Callable[[Session], None], reason: str, next_mail: datetime | None
) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW - HOUR, **SERVED)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        assert explained(session).reasons == []
        arrange(session)
        session.flush()
        found = explained(session)
    assert found.reasons == [reason]
    assert found.next_mail == next_mail


def test_another_domains_rest_and_a_rest_that_is_over_hold_nobody(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW - HOUR, **SERVED)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        _held("example.com")(session)
        _soft(session, not_before=NOW - HOUR)
        session.flush()
        found = explained(session)
    assert (found.reasons, found.next_mail) == ([], NOW)


def test_somebody_parked_is_tried_again_at_the_first_slot_after_that(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        bounced = {"state": SubscriberState.BOUNCED, "next_due_at": None, "frequency": Frequency.DAILY}
        store_subscriber(session, "anna", NOW, **{**SERVED, **bounced})
        _soft(session, parked_until=NOW + 30 * DAY)
        session.flush()
        found = explained(session)
    assert found.reasons[:2] == ["bounced", "resting"]
    assert found.next_mail == datetime(2026, 4, 2, 7, tzinfo=UTC)


def test_quiet_hours_are_those_of_the_subscriber(db: Database) -> None:
    quiet = with_mail(quiet_hours="22:00-07:00")
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW - HOUR, **SERVED)
        store_subscriber(session, "lani", NOW - HOUR, timezone="Pacific/Honolulu", **SERVED)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        awake, asleep = explained(session, settings=quiet), explained(session, "lani", settings=quiet)
    assert awake.reasons == []
    assert asleep.reasons == ["quiet_hours"]
    assert asleep.next_mail == datetime(2026, 3, 2, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("only_to", "reasons"),
    [
        ((), []),
        (("me@example.org",), ["held_back"]),
        (("Anna@Example.org",), []),
        (("@example.org",), []),
        (("@ample.org",), ["held_back"]),
    ],
)
def test_whom_only_to_leaves_out_is_held_back(db: Database, only_to: tuple[str, ...], reasons: list[str]) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW - HOUR, **SERVED)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        found = explained(session, settings=with_mail(only_to=only_to))
    assert found.reasons == reasons
    assert (found.next_mail is None) is bool(reasons)


def test_several_reasons_may_hold(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW + DAY, **SERVED)
        _suppressed(session)
        found = explained(session, settings=with_mail(quiet_hours="09:00-10:00"))
    assert found.reasons == ["suppressed", "quiet_hours", "nothing_new", "not_due"]


def test_after_a_digest_nothing_is_new_and_the_next_is_not_due(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, **SERVED)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
    compose_due(db, SETTINGS, FrozenClock(NOW))
    with db.write() as session:
        (delivery,) = session.exec(select(Delivery)).all()
        assert explained(session).mails[0].state == "queued"
        delivery.state, delivery.sent_at = DeliveryState.SENT, NOW
        session.flush()
        found = explained(session, now=NOW + HOUR)
    assert found.reasons == ["nothing_new", "not_due"]
    assert found.next_mail == datetime(2026, 3, 3, 8, tzinfo=UTC)
    (mail,) = found.mails
    assert (mail.state, mail.sent_at, mail.digest_id) == ("sent", NOW, 1)
    assert found.last_digest == NOW


def test_a_pause_with_an_end_foresees_the_mail_after_it(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        paused = {"state": SubscriberState.PAUSED, "paused_until": NOW + 3 * DAY, "next_due_at": None}
        store_subscriber(session, "anna", NOW, **{**SERVED, **paused})
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        found = explained(session)
    assert found.reasons == ["paused"]
    assert found.next_mail == datetime(2026, 3, 6, 8, tzinfo=UTC)
    assert why(found) == {"NCT90000001": ()}, "told after the pause"


PLACE = {
    "region_kind": RegionKind.PLACE, "region_label": "Leeds", "country": "GB", "subdivision": "GB-ENG",
    "latitude": 53.8, "longitude": -1.55, "radius_km": 50.0,
}  # fmt: skip
MISSES: list[tuple[str, dict[str, Any], dict[str, Any], ChangeKind, tuple[str, ...]]] = [
    ("all is met", {}, {}, ChangeKind.OPENED, ()),
    ("another area", {}, {"area": "D001249"}, ChangeKind.OPENED, ("area",)),
    ("an area left out", {"area_id": "D001327", "excluded_areas": ["D009103"]}, {}, ChangeKind.OPENED,
     ("excluded_area",)),
    ("too far", PLACE, {"sites": (LYON,)}, ChangeKind.OPENED, ("place",)),
    ("too old", {"born_on": date(1950, 1, 1)}, {"maximum_age_days": 60 * 365}, ChangeKind.OPENED, ("age",)),
    ("the other sex", {"sex": "male"}, {"sex": "female"}, ChangeKind.OPENED, ("sex",)),
    ("another phase", {"phases": ["PHASE3"]}, {"phases": ("PHASE1",)}, ChangeKind.OPENED, ("phase",)),
    ("only articles", {"item_kinds": ["article"]}, {}, ChangeKind.OPENED, ("kind",)),
    ("only results", {"change_kinds": ["results_posted"]}, {}, ChangeKind.OPENED, ("change",)),
    ("another topic", {"topics": ["gene-therapy"]}, {}, ChangeKind.OPENED, ("topic",)),
    ("no volunteers", {"healthy_volunteer": True}, {"healthy_volunteers": False}, ChangeKind.OPENED,
     ("healthy_volunteer",)),
    ("not confirmed", {"confirmed_at": None}, {}, ChangeKind.OPENED, ("preference_not_confirmed",)),
    ("too far and another phase", {**PLACE, "phases": ["PHASE3"]}, {"sites": (LYON,), "phases": ("PHASE1",)},
     ChangeKind.OPENED, ("place", "phase")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("follows", "facts", "kind", "expected"), [row[1:] for row in MISSES], ids=[row[0] for row in MISSES]
)
def test_why_an_item_is_not_told_is_said_item_by_item(
    db: Database, follows: dict[str, Any], facts: dict[str, Any], kind: ChangeKind, expected: tuple[str, ...]
) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, follows=[follows], **SERVED)
        item = store_trial(session, 1, NOW, **facts)
        publish(session, item, kind, NOW)
        found = explained(session)
        asked = explained(session, item=item)
    assert why(found) == {"NCT90000001": expected}
    assert ("nothing_new" in found.reasons) is bool(expected)
    assert asked.news.items[0].why_not == expected
    assert found.news.matching == (0 if expected else 1)


def test_the_preference_that_misses_least_is_named(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        follows = [{"area_id": "D001249", "sex": "male"}, {"sex": "male"}]
        store_subscriber(session, "anna", NOW, follows=follows, **SERVED)
        publish(session, store_trial(session, 1, NOW, sex="female"), ChangeKind.OPENED, NOW)
        (item,) = explained(session).news.items
        named = session.get_one(Preference, item.preference_id)
    assert (named.area_id, item.why_not) == ("D009103", ("sex",))


def test_what_turned_back_is_held_for_a_day(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, **SERVED)
        item = store_trial(session, 1, NOW)
        session.add(HeldChange(item_id=item.id or 0, subject="status", kind=ChangeKind.REOPENED, since=NOW - HOUR))
        session.flush()
        found = explained(session)
    assert why(found) == {"NCT90000001": ("held_back",)}


def test_what_a_baseline_brought_and_is_over_is_closed(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, **SERVED)
        item = store_trial(session, 1, NOW, status="COMPLETED")
        publish(session, item, ChangeKind.REGISTERED, NOW, baseline="registry")
        kept = store_trial(session, 2, NOW)
        session.add(BaselineItem(item_id=kept.id or 0, source="registry"))
        session.flush()
        found, asked = explained(session), explained(session, item=kept)
    assert why(found) == {"NCT90000001": ("closed",)}
    assert why(asked) == {"NCT90000002": ("held_back",)}


def test_what_a_digest_told_is_already_told_and_the_digest_is_named(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, **{**SERVED, "confirmed_seq": 1})
        item = store_trial(session, 1, NOW - 60 * DAY)
        publish(session, item, ChangeKind.REGISTERED, NOW - 60 * DAY)
        publish(session, item, ChangeKind.OPENED, NOW)
        subscriber_called(session, "anna").cursor = 1
    compose_due(db, SETTINGS, FrozenClock(NOW))
    with db.write() as session:
        publish(session, item, ChangeKind.PAUSED, NOW)
        found = explained(session, item=item)
    told = {each.what: (each.why_not, each.digest_id) for each in found.news.items}
    assert told["paused"] == ((), None)
    assert told["opened"] == (("already_told",), 1)
    assert told["registered"] == (("before",), None)


def test_a_correction_is_told_only_to_those_who_were_told_the_article(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, **SERVED)
        publish(session, store_article(session, 1, NOW), ChangeKind.CORRECTED, NOW)
        (item,) = explained(session).news.items
    assert item.why_not == ("never_told",)


def test_a_newcomers_first_digest_is_described(db: Database) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW)
        store_trial(session, 1, NOW)
        store_trial(session, 2, NOW, sex="female")
        found = explained(session)
        nobody = store_subscriber(session, "nora", NOW, follows=[])
        empty = explain_silence(session, SETTINGS, NOW, nobody)
    assert (found.reasons, found.next_mail) == ([], NOW)
    assert {each.number for each in found.news.items if not each.why_not} == {"NCT90000001", "NCT90000002"}
    assert empty.reasons == ["nothing_new"]


def test_nothing_is_changed_by_asking(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        store_areas(session)
        store_subscriber(session, "anna", NOW, **SERVED)
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
    with sqlite_db.read() as session:
        explained(session)
        assert not session.new
        assert not session.dirty
        assert session.exec(select(Change)).one().seq == 1
        assert session.exec(select(Subscriber)).one().cursor == 0


def test_the_command_answers_in_words_and_in_json(run: Run, installation: Installation) -> None:
    with open_database(f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}") as db, db.write() as session:
        store_subscriber(session, "anna", NOW, **{**SERVED, "state": SubscriberState.PAUSED, "next_due_at": None})
        publish(session, store_trial(session, 1, NOW, sex="female"), ChangeKind.OPENED, NOW)
    told = run("subscribers", "explain", " ANNA@example.org").done
    assert "anna@example.org is paused, daily, in Europe/London" in told
    assert "- paused: paused until you say: trialalerts subscribers resume EMAIL" in told
    for heading in ("Follows", "Last mails", "New"):
        assert f"\n\n{heading}\n" in told, "what is piped has its headings, too"
    found = json.loads(run("subscribers", "explain", "anna@example.org", "--json").done)
    assert (found["state"], found["reasons"], found["next_mail"], found["mails"]) == ("paused", ["paused"], None, [])
    assert found["follows"][0]["area_id"] == "D009103"
    assert found["news"]["items"][0]["number"] == "NCT90000001"
    asked = json.loads(run("subscribers", "explain", "anna@example.org", "--item", "nct90000001", "--json").done)
    assert [each["what"] for each in asked["news"]["items"]] == ["opened", "as_it_is"]


@pytest.mark.parametrize(
    ("words", "line"),
    [(("nobody@example.org",), "nobody@example.org"), (("anna@example.org", "--item", "NCT1"), "“NCT1”")],
)
def test_who_or_what_is_unknown_is_one_line_and_exit_1(run: Run, words: tuple[str, ...], line: str) -> None:
    run("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--confirmed")
    answer = run("subscribers", "explain", *words)
    assert (answer.code, answer.out, len(answer.err.strip().splitlines())) == (1, "", 1)
    assert line in answer.err
