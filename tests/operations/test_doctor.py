"""The doctor as a whole: each thing says why it matters and what mends it; nobody is asked where nothing is set."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlmodel import Session

from tests.delivery.mailserver import Mailbox, running
from tests.delivery.post import NOW, add_person, queue
from tests.installation import Installation, Run
from tests.operations.nameserver import ask_it, name_server
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, open_database
from trialalerts.database.heartbeats import Beat, write_beats
from trialalerts.delivery.feedback.unknown_links import note_unknown_link
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.lifecycle import find_delivery
from trialalerts.delivery.outbox.tables import DeliveryState, SendingPause, TransportState
from trialalerts.operations.checks import outside
from trialalerts.operations.doctor import examine
from trialalerts.settings import FeedbackSettings, MailSettings, ServiceSettings, Settings, SourceSettings
from trialalerts.sources.tables import Problem, SourceState

LONG_AGO = NOW - timedelta(days=3)


def _everything_wrong(session: Session) -> None:
    for number, state in enumerate([DeliveryState.QUEUED, DeliveryState.FAILED, DeliveryState.HELD], start=1):
        person = add_person(session, f"n{number}", next_due_at=LONG_AGO, cursor=1)
        queue(session, person, key=f"{number}", now=LONG_AGO)
        find_delivery(session, number).state = state
    session.add(SendingPause(name="breaker", since=LONG_AGO, reason="too many bounces"))
    session.add(TransportState(name="smtp", since=LONG_AGO, reason="The server is away."))
    session.add(SourceState(name="failing", kind="feed", last_attempt_at=NOW, error_count=5, last_error="gone"))
    session.add(SourceState(name="late", kind="feed", last_attempt_at=LONG_AGO, last_success_at=LONG_AGO))
    session.add(Problem(source="late", external_id="1", field="date", message="m", seen_at=NOW))
    session.add(Problem(source="late", external_id="2", field="record", message="m", seen_at=NOW))
    note_unknown_link(session, now=NOW)


def _settings() -> Settings:
    feeds = [SourceSettings(name=name, kind="feed", url="https://x.invalid/") for name in ("failing", "late", "new")]
    return Settings(
        service=ServiceSettings(secret=SecretStr("short"), contact="our office"),
        mail=MailSettings(
            url=SecretStr("sendgrid://m@e:KEY@default?endpoint=http://127.0.0.1:9"), unsubscribe_mailto="l@x.org"
        ),
        feedback=FeedbackSettings(mailbox=SecretStr("nonsense://"), webhooks={}),
        sources=tuple(feeds),
    )


def test_whatever_is_wrong_says_why_it_matters_and_what_mends_it(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_db.write() as session:
        _everything_wrong(session)
    with name_server({}) as port:
        ask_it(monkeypatch, port)
        found = examine(_settings(), sqlite_db, FrozenClock(NOW))
    wrong = [check for check in found if check.level != "good"]
    assert len(wrong) > 15
    assert [check.what for check in wrong if not (check.why and check.remedy)] == []
    told = "\n".join(check.what for check in wrong)
    assert "3 people are overdue since 2026-02-27 09:30 UTC" in told
    assert "1 attempt of the last 7 days to unsubscribe by one click" in told
    levels = [check.level for check in found[1:]]  # what only_to held back stands first
    assert levels == sorted(levels, key=["broken", "look", "good"].index)


def test_nothing_is_asked_of_anybody_while_mail_goes_into_a_folder(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("dns.resolver.Resolver.resolve", refuse)
    found = json.loads(run("doctor", "--json").out)
    assert [each["what"] for each in found if "AssertionError" in each["what"]] == []
    assert {"level", "what", "why", "remedy"} == set(found[0])


def test_all_that_is_asked_of_others_takes_three_seconds_in_all() -> None:
    assert outside.SECONDS == 3


def test_a_real_mail_is_sent_on_request(run: Run, installation: Installation) -> None:
    mailbox = Mailbox()
    with running(mailbox) as port:
        installation.configure(f'[mail]\nurl = "smtp://127.0.0.1:{port}"\nfrom = "a@society.invalid"\n')
        found = json.loads(run("doctor", "--json", "--send-to", "Me@Example.org").out)
        wrong = run("doctor", "--send-to", "nobody")
    assert found[0]["what"] == "the test mail was accepted by smtp"
    assert [recipient for _, recipient, _ in mailbox.received] == ["Me@example.org"]
    assert (wrong.code, "is not an e-mail address" in wrong.err) == (2, True)


def test_a_database_of_another_revision_is_a_fault_among_others(run: Run, installation: Installation) -> None:
    with open_database(f"sqlite:///{installation.folder}/var/trialalerts.db") as db, db.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    answer = run("doctor", "--json")
    found = json.loads(answer.out)
    assert answer.code == 1
    assert (found[0]["level"], found[0]["remedy"]) == ("broken", "run: trialalerts database upgrade")
    assert any(each["what"].startswith("mail leaves through file") for each in found)


def test_a_wrongly_escaped_password_ends_with_1(run: Run, installation: Installation) -> None:
    for url in ("smtp://me:p@ss@mail.invalid", "smtp://me:12/3@mail.invalid"):
        installation.configure(f'[mail]\nurl = "{url}"\n')
        answer = run("doctor")
        assert answer.code == 1
        assert "percent-encoded" in answer.out
        assert "p@ss" not in answer.out + answer.err


def test_a_step_that_fails_is_told_with_what_the_watch_finds(sqlite_db: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with sqlite_db.write() as session:
        beat = Beat(step="send", started_at=now, failed_at=now, error="no route to ann@example.org")
        write_beats(session, "machine:1", [beat])
        counters.count_up(session, HourlyCounts.SENT, 97, at=now)
        counters.count_up(session, HourlyCounts.BOUNCED, 4, at=now)
    told = {check.what: check.level for check in examine(Settings(), sqlite_db, clock)}
    assert [level for what, level in told.items() if what.startswith("send: a step of the daemon fails")] == ["broken"]
    assert [level for what, level in told.items() if "bounces that stop all sending" in what] == ["look"]
    assert not any("ann@" in what for what in told)
