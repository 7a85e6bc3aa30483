"""The webhooks over HTTP: right calls do their work, all others get the answer that makes a provider do right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import col, func, select
from structlog.testing import capture_logs

from tests.delivery.feedback.senders import NOW, Sender, mailgun_signature, senders
from tests.web.conftest import World, open_world, settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.feedback.webhooks.providers import PROVIDERS
from trialalerts.delivery.mail.verp import delivery_metadata
from trialalerts.delivery.outbox.lifecycle import enqueue
from trialalerts.delivery.outbox.suppressions import list_suppressions
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, FeedbackEvent
from trialalerts.errors import ConfigurationError
from trialalerts.settings import FeedbackSettings
from trialalerts.subscribers.tables import Subscriber, SubscriberState, id_of
from trialalerts.web.app import create_app
from trialalerts.web.webhooks import LARGEST

SENDERS = senders()
CALLED = sorted(set(PROVIDERS) - {"ses"})
"""SES fetches its certificate from Amazon, which no test does; its own tests hand one in."""
EACH = pytest.mark.parametrize("name", CALLED)

NO_PROOF: dict[str, str] = {}

_numbers = count(1)


@pytest.fixture
def world(sqlite_db: Database, clock: FrozenClock) -> Iterator[World]:
    """The service with webhooks, on SQLite."""
    yield from _open(sqlite_db, clock)


@pytest.fixture
def each_world(db: Database, clock: FrozenClock) -> Iterator[World]:
    """The service with webhooks, on SQLite and on PostgreSQL."""
    yield from _open(db, clock)


def _open(db: Database, clock: FrozenClock) -> Iterator[World]:
    webhooks = {name: sender.keys for name, sender in SENDERS.items()}
    yield from open_world(db, clock, settings_of(feedback=FeedbackSettings(webhooks=webhooks)))


def sent(world: World, address: str = "ada@example.org") -> tuple[Subscriber, str]:
    """Send somebody a mail; return them and the token that went with it."""
    subscriber = world.follower(address)
    with world.db.write() as session:
        key = f"test/{next(_numbers)}"
        enqueue(session, key=key, kind="digest", subscriber_id=id_of(subscriber), data={}, now=NOW, domain="x.org")
        delivery = session.exec(select(Delivery).where(Delivery.key == key)).one()
        delivery.state, delivery.sent_at = DeliveryState.SENT, NOW
        session.add(delivery)
        session.flush()
        return subscriber, delivery_metadata(world.settings, delivery.id or 0)["delivery"]


def post(world: World, sender: Sender, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    signed = dict(sender.sign(body, NOW)) if headers is None else headers
    return world.client.post(f"/webhooks/{sender.name}", content=body, headers=signed)


def number_of_events(world: World) -> int:
    with world.db.read() as session:
        return session.exec(select(func.count()).select_from(FeedbackEvent)).one()


@EACH
def test_a_bounce_that_a_provider_tells_reaches_mail_and_subscriber(each_world: World, name: str) -> None:
    subscriber, token = sent(each_world)
    answer = post(each_world, SENDERS[name], SENDERS[name].body("hard", token))
    assert (answer.status_code, answer.text) == (200, "heard")
    assert each_world.again(subscriber).state is SubscriberState.BOUNCED
    with each_world.db.read() as session:
        assert session.exec(select(Delivery)).one().state is DeliveryState.BOUNCED
        assert len(list_suppressions(session)) == 1


@EACH
def test_what_is_told_again_is_answered_well_and_ignored(world: World, name: str) -> None:
    _, token = sent(world)
    body = SENDERS[name].body("delivered", token)
    headers = dict(SENDERS[name].sign(body, NOW))
    assert [post(world, SENDERS[name], body, headers).status_code for _ in range(3)] == [200, 200, 200]
    assert number_of_events(world) == 1


@EACH
def test_a_call_without_or_with_a_wrong_proof_is_refused(world: World, name: str) -> None:
    _, token = sent(world)
    told = json.loads(SENDERS[name].body("complained", token))
    if name == "mailgun":
        told["signature"]["signature"] = "0" * 64
    body = json.dumps(told).encode()
    wrong = {key: f"{value[:-6]}AAAAA=" for key, value in SENDERS[name].sign(body, NOW).items()}
    for headers in (NO_PROOF, wrong):
        answer = post(world, SENDERS[name], body, headers)
        assert answer.status_code == (429 if name == "brevo" else 401)
        assert ("retry-after" if name == "brevo" else "www-authenticate") in answer.headers
    assert number_of_events(world) == 0
    with world.db.read() as session:
        (finding,) = open_findings(session, "webhook-refused")
    assert finding.subject == name
    assert f"feedback.webhooks.{name}" in finding.text
    assert "example.org" not in finding.text


@EACH
def test_once_a_call_is_proven_the_finding_of_those_that_were_not_is_over(world: World, name: str) -> None:
    _, token = sent(world)
    assert post(world, SENDERS[name], b"{}", NO_PROOF).status_code in {400, 401, 429}
    assert post(world, SENDERS[name], SENDERS[name].body("delivered", token)).status_code == 200
    with world.db.read() as session:
        assert open_findings(session, "webhook-refused") == []


@EACH
def test_a_fault_of_ours_makes_every_provider_tell_it_again(world: World, name: str) -> None:
    """brevo-fault-answer: Brevo discards an event at any status but 429."""
    _, token = sent(world)
    with world.db.write() as session:
        session.connection().execute(text("ALTER TABLE feedback_event RENAME TO away"))
    answer = post(world, SENDERS[name], SENDERS[name].body("hard", token))
    assert answer.status_code == (429 if name == "brevo" else 503)
    assert answer.headers["retry-after"] == "60"


def test_a_call_of_another_time_shall_be_told_again_for_the_clock_may_be_ours(world: World) -> None:
    """sns-repeats-for-a-minute: after 401 SNS would not come again."""
    body = SENDERS["resend"].body("hard", "token")
    answer = post(world, SENDERS["resend"], body, dict(SENDERS["resend"].sign(body, NOW - timedelta(hours=1))))
    assert answer.status_code == 503


def test_a_form_of_mailguns_legacy_webhooks_ends_its_repetitions(world: World, shared_cases: Path) -> None:
    """mailgun-legacy-form."""
    text = (shared_cases / "providers" / "mailgun-legacy-form" / "payload.txt").read_bytes()
    with capture_logs() as logs:
        answer = post(world, SENDERS["mailgun"], text, {"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 406
    (told,) = [log for log in logs if log["event"].startswith("feedback.")]
    assert "make the webhook anew" in told["reason"]


def test_an_unknown_topic_of_ses_is_refused_before_anything_is_fetched(world: World) -> None:
    told = SENDERS["ses"].tell("hard", "token") | {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:others"}
    assert world.client.post("/webhooks/ses", json=told).status_code == 401


@EACH
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b"[[1]]", b'"text"'], ids=repr)
def test_what_cannot_be_read_is_answered_so(world: World, name: str, body: bytes) -> None:
    expected = {400, 401} if name == "mailgun" else {400} if body != b"[[1]]" or name != "sendgrid" else {200}
    assert post(world, SENDERS[name], body).status_code in expected


@pytest.mark.parametrize("path", ["/webhooks/sparkpost", "/webhooks/", "/webhooks/postmark/more", "/webhooks/POSTMARK"])
def test_there_are_no_other_webhooks(world: World, path: str) -> None:
    assert world.client.post(path, content=b"{}").status_code == 404


def test_a_provider_without_keys_has_no_webhook(sqlite_db: Database, clock: FrozenClock) -> None:
    for world in open_world(sqlite_db, clock, settings_of()):
        assert [world.client.post(f"/webhooks/{name}").status_code for name in PROVIDERS] == [404] * len(PROVIDERS)


def test_a_webhook_cannot_be_looked_at(world: World) -> None:
    assert world.client.get("/webhooks/postmark").status_code == 405


def test_wrong_keys_keep_the_pages_from_starting(sqlite_db: Database, clock: FrozenClock) -> None:
    settings = settings_of(feedback=FeedbackSettings(webhooks={"postmark": {}}))
    with pytest.raises(ConfigurationError, match=r"feedback\.webhooks\.postmark"):
        create_app(settings, sqlite_db, clock)


def test_many_events_come_in_one_call(each_world: World) -> None:
    tokens = [sent(each_world, f"ada@example{number}.org")[1] for number in range(20)]  # at one, it would be doubted
    told = [event for token in tokens for what in ("delivered", "hard") for event in sendgrid(what, token)]
    assert post(each_world, SENDERS["sendgrid"], json.dumps(told).encode()).status_code == 200
    with each_world.db.read() as session:
        states = set(session.exec(select(Delivery.state)))
        assert states == {DeliveryState.BOUNCED}
        assert session.exec(select(func.count()).where(col(FeedbackEvent.delivery_id).is_not(None))).one() == 40


def sendgrid(what: str, token: str) -> list[object]:
    found: list[object] = SENDERS["sendgrid"].tell(what, token)
    return found


def test_a_call_may_be_as_large_as_providers_make_them_but_no_larger(world: World) -> None:
    _, token = sent(world)
    (event,) = sendgrid("delivered", token)
    assert isinstance(event, dict)
    body = json.dumps([event | {"padding": "x" * 800_000}]).encode()
    assert post(world, SENDERS["sendgrid"], body).status_code == 200
    too_large = b" " * (LARGEST + 1)
    assert post(world, SENDERS["sendgrid"], too_large).status_code == 413
    assert world.client.post("/subscribe", content=b"x" * 100_000).status_code == 413


def test_when_the_database_does_not_work_the_provider_shall_tell_it_again(world: World) -> None:
    _, token = sent(world)
    with world.db.write() as session:
        session.connection().execute(text("ALTER TABLE feedback_event RENAME TO away"))
    body = SENDERS["postmark"].body("hard", token)
    assert post(world, SENDERS["postmark"], body).status_code >= 500
    with world.db.write() as session:
        session.connection().execute(text("ALTER TABLE away RENAME TO feedback_event"))
    assert post(world, SENDERS["postmark"], body).status_code == 200
    assert number_of_events(world) == 1


def test_providers_come_in_bursts_and_are_not_held_up(world: World) -> None:
    _, token = sent(world)
    bodies = [SENDERS["postmark"].body(what, token) for what in ("soft", "deferred") * 75]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: post(world, SENDERS["postmark"], body).status_code, bodies))
    assert set(answers) == {200}
    assert number_of_events(world) == 150


def test_an_overheard_signature_cannot_tell_something_else(world: World) -> None:
    subscriber, token = sent(world)
    signature = mailgun_signature()
    for what in ("delivered", "complained"):
        told = SENDERS["mailgun"].tell(what, token) | {"signature": signature}
        assert world.client.post("/webhooks/mailgun", json=told).status_code == 200
    assert world.again(subscriber).state is SubscriberState.ACTIVE


def test_nothing_personal_is_logged_or_answered(world: World) -> None:
    _, token = sent(world)
    with capture_logs() as logs:
        answers = [
            post(world, SENDERS[name], SENDERS[name].body(what, token), headers)
            for name in CALLED
            for what in ("hard", "complained", "something new")
            for headers in (None, NO_PROOF)
        ]
    said = repr(logs) + "".join(answer.text for answer in answers)
    assert "example.org" not in said
    assert token not in said
