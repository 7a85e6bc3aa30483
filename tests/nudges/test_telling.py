"""Telling: a nudge instead of the digest's mail, once; what is not taken is tried again, and then comes by mail."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from tests.digests.stage import subscriber_called
from tests.nudges.stage import (
    DAY,
    HOUR,
    MINUTE,
    PASSWORD,
    choice_of,
    compose,
    goes_to,
    mail,
    more_news,
    nudge,
    rows,
    set_stage,
    settings_with,
    stand,
    states,
    take,
    told,
    way_to,
)
from tests.sources.registry_server import Fault, Handler, RegistryServer, hang_up, respond
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.logs import configure_logs, log_to_standard_error
from trialalerts.nudges.status import NUDGES_FAILING, nudge_statuses
from trialalerts.nudges.telling import NudgeCount
from trialalerts.operations.counting.report import make_report
from trialalerts.subscribers.account.nudging import end_nudges
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import pause, unsubscribe
from trialalerts.subscribers.tables import NudgeChoice, SubscriberState

CONTENT = re.compile("sclerosis|trial|NCT|Leeds|study", re.IGNORECASE)


def give_up(db: Database, clock: FrozenClock, settings: object, *, hours: int = 12) -> None:
    """Try again and again for so long."""
    for _ in range(hours * 4):
        clock.advance(15 * MINUTE)
        nudge(db, clock, settings)  # type: ignore[arg-type]


def test_a_nudge_tells_instead_of_the_mail_and_says_nothing_of_what(
    db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    settings = settings_with(way_to(bell))
    set_stage(db, clock, "anna", "ben", chosen=["anna"])
    take(bell, "anna")
    compose(db, clock, settings)
    assert mail(db, clock, settings)[0][0] == "ben@example.org"
    assert nudge(db, clock, settings) == NudgeCount(nudged=1)
    ((to, title, text),) = told(bell)
    assert to == "topic-anna"
    assert title == "Your messages"
    assert re.fullmatch(r"There is news for you: https://alerts\.example\.org/digests/[\w.-]+", text)
    assert not CONTENT.search(title + text.partition("https")[0])
    assert states(db) == [("digest", "sent"), ("nudge", "sent")]
    assert mail(db, clock, settings) == []
    assert nudge(db, clock, settings) == NudgeCount()
    assert len(told(bell)) == 1
    assert rows(db)[1].transport == "nudge bell"
    with db.read() as session:
        report = make_report(session, now=clock.now(), days=1)
    assert (report.mails["nudged"], report.mails["sent"]) == (1, 1), "a nudge is no mail that could bounce"


def test_what_is_not_taken_is_tried_again_after_growing_pauses(
    sqlite_db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    db, settings = sqlite_db, settings_with(way_to(bell))
    set_stage(db, clock, "anna", *(f"other-{number}" for number in range(5)), chosen=["anna", "other-1", "other-2"])
    take(bell, "anna", "other-1", "other-2")
    bell.faults += [Fault(act=respond(500), when=goes_to("anna"), times=2)]
    compose(db, clock, settings)
    assert nudge(db, clock, settings) == NudgeCount(nudged=2, failed=1)
    (waiting,) = [each for each in rows(db) if each.kind == "nudge" and each.state is DeliveryState.QUEUED]
    waits = waiting.not_before - clock.now()
    assert timedelta(seconds=45) <= waits <= timedelta(seconds=75)
    assert waiting.last_error == "the way did not take it"
    assert nudge(db, clock, settings) == NudgeCount()
    clock.advance(2 * MINUTE)
    assert nudge(db, clock, settings) == NudgeCount(failed=1)
    clock.advance(5 * MINUTE)
    assert nudge(db, clock, settings) == NudgeCount(nudged=1)
    assert [to for to, _, _ in told(bell)].count("topic-anna") == 3
    with db.read() as session:
        assert open_findings(session, NUDGES_FAILING) == [], "one reader's trouble is none of the operator's"


def test_after_the_last_try_a_mail_without_content_tells_it_and_says_why(
    db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    settings = settings_with(way_to(bell))
    set_stage(db, clock, "anna", "ben", "cleo", "dora", "eve")
    take(bell, "ben", "cleo", "dora", "eve")
    compose(db, clock, settings)
    assert nudge(db, clock, settings).nudged == 4
    give_up(db, clock, settings)
    assert [each for each in states(db) if each[0] == "digest"] == [("digest", "queued")]
    ((to, subject, text),) = mail(db, clock, settings)
    assert (to, subject) == ("anna@example.org", "A message for you")
    assert "did not get through" in text
    assert not CONTENT.search(re.sub(r"https?://\S+", "", text))
    chosen = choice_of(db, "anna")
    assert chosen is not None
    assert chosen.failed_at is not None
    with db.read() as session:
        (status,) = nudge_statuses(session, settings)
    assert (status.readers, status.unreached) == (5, 1)

    # From then on each is tried once, and a mail follows at once.
    clock.advance(DAY)
    more_news(db, clock, 2)
    compose(db, clock, settings)
    before = len(told(bell))
    assert nudge(db, clock, settings) == NudgeCount(nudged=4, failed=1, mailed=1)
    assert len(told(bell)) == before + 5
    assert [to for to, _, _ in mail(db, clock, settings)] == ["anna@example.org"]

    # Once it works again, all is as before.
    take(bell, "anna")
    clock.advance(DAY)
    more_news(db, clock, 3)
    compose(db, clock, settings)
    assert nudge(db, clock, settings) == NudgeCount(nudged=5)
    assert mail(db, clock, settings) == []
    chosen = choice_of(db, "anna")
    assert chosen is not None
    assert chosen.failed_at is None


def test_a_way_that_takes_nothing_is_left_alone_the_operator_hears_and_mails_tell(
    db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    settings = settings_with(way_to(bell))
    names = [f"reader-{number}" for number in range(12)]
    set_stage(db, clock, *names)
    compose(db, clock, settings)
    assert nudge(db, clock, settings) == NudgeCount(failed=3), "after three the others are not tried"
    assert len(told(bell)) == 3
    with db.read() as session:
        (finding,) = open_findings(session, NUDGES_FAILING)
    assert finding.subject == "bell"
    retry_at = stand(db).retry_at
    assert retry_at is not None
    assert clock.now() < retry_at
    give_up(db, clock, settings, hours=8)
    assert len(told(bell)) < 60
    assert len(mail(db, clock, settings)) == 12
    assert {kind for kind, _ in states(db)} == {"digest"}

    take(bell, *names)
    clock.advance(DAY)
    more_news(db, clock, 2)
    compose(db, clock, settings)
    assert nudge(db, clock, settings) == NudgeCount(nudged=12)
    with db.read() as session:
        assert open_findings(session, NUDGES_FAILING) == []
    assert mail(db, clock, settings) == []


@pytest.mark.parametrize("fault", [hang_up, respond(503), respond(404)], ids=["hangs up", "503", "404"])
def test_whatever_a_way_answers_nothing_is_lost(
    sqlite_db: Database, clock: FrozenClock, bell: RegistryServer, fault: object
) -> None:
    db, settings = sqlite_db, settings_with(way_to(bell))
    set_stage(db, clock, "anna")
    take(bell, "anna")
    bell.faults.append(Fault(act=fault))  # type: ignore[arg-type]
    compose(db, clock, settings)
    assert nudge(db, clock, settings) == NudgeCount(failed=1)
    clock.advance(2 * MINUTE)
    assert nudge(db, clock, settings) == NudgeCount(nudged=1)


def test_a_way_that_does_not_answer_in_time_has_not_taken_it(
    sqlite_db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    way = way_to(bell)
    url = way.url.get_secret_value().replace("rto=60", "rto=0.3")
    db, settings = sqlite_db, settings_with(way_to(bell, url=url))
    set_stage(db, clock, "anna")
    take(bell, "anna")
    over = threading.Event()

    def wait(handler: Handler) -> None:
        over.wait()
        hang_up(handler)

    bell.faults.append(Fault(act=wait))
    compose(db, clock, settings)
    try:
        assert nudge(db, clock, settings) == NudgeCount(failed=1)
    finally:
        over.set()
    clock.advance(2 * MINUTE)
    settings = settings_with(way)
    assert nudge(db, clock, settings) == NudgeCount(nudged=1)


def test_a_way_that_is_no_longer_offered_is_told_by_a_mail_without_content(
    db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    settings = settings_with(way_to(bell))
    set_stage(db, clock, "anna")
    compose(db, clock, settings)
    without = settings_with(way_to(bell, name="other"))
    nudge(db, clock, without)
    ((_, subject, text),) = mail(db, clock, without)
    assert subject == "A message for you"
    assert "no longer offered" in text
    assert not CONTENT.search(re.sub(r"https?://\S+", "", text))
    assert told(bell) == []


def test_whoever_takes_the_wish_back_gets_the_mail_that_the_settings_ask_for(
    db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    settings = settings_with(way_to(bell))
    set_stage(db, clock, "anna")
    compose(db, clock, settings)
    with db.write() as session:
        assert end_nudges(session, subscriber_called(session, "anna"), how="web", now=clock.now())
    nudge(db, clock, settings)
    ((_, _, text),) = mail(db, clock, settings)
    assert "Fictional trial 1" in text or "sclerosis" in text
    assert told(bell) == []


def leave(session: Session, clock: FrozenClock) -> None:
    unsubscribe(session, subscriber_called(session, "anna"), how="link", now=clock.now())


def rest(session: Session, clock: FrozenClock) -> None:
    pause(session, subscriber_called(session, "anna"), until=None, how="web", now=clock.now())


def vanish(session: Session, clock: FrozenClock) -> None:
    erase(session, subscriber_called(session, "anna"), how="web", now=clock.now())


def be_suppressed(session: Session, clock: FrozenClock) -> None:
    suppress(
        session, "a secret of the tests, which is long enough", "anna@example.org", reason="bounced", now=clock.now()
    )


@pytest.mark.parametrize(
    ("happens", "state"),
    [(leave, "suppressed"), (rest, "queued"), (vanish, "suppressed"), (be_suppressed, "suppressed")],
    ids=["left", "pauses", "was erased", "is suppressed"],
)
def test_who_is_not_to_be_mailed_is_not_nudged(
    db: Database, clock: FrozenClock, bell: RegistryServer, happens: object, state: str
) -> None:
    settings = settings_with(way_to(bell))
    set_stage(db, clock, "anna")
    take(bell, "anna")
    compose(db, clock, settings)
    with db.write() as session:
        happens(session, clock)  # type: ignore[operator]
    nudge(db, clock, settings)
    assert mail(db, clock, settings) == []
    assert told(bell) == []
    assert [each[1] for each in states(db) if each[0] in {"nudge", "digest"}] == [state]


def test_quiet_hours_hold_for_nudges(sqlite_db: Database, clock: FrozenClock, bell: RegistryServer) -> None:
    db, settings = sqlite_db, settings_with(way_to(bell), quiet_hours="08:00-12:00")
    set_stage(db, clock, "anna")
    take(bell, "anna")
    compose(db, clock, settings)
    nudge(db, clock, settings)
    assert told(bell) == []
    clock.advance(3 * HOUR)
    assert nudge(db, clock, settings) == NudgeCount(nudged=1)


def test_a_staging_service_nudges_nobody_but_whom_only_to_names(
    db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    settings = settings_with(way_to(bell), only_to=["ben@example.org"])
    set_stage(db, clock, "anna", "ben")
    take(bell, "anna", "ben")
    compose(db, clock, settings)
    assert nudge(db, clock, settings) == NudgeCount(nudged=1)
    assert [to for to, _, _ in told(bell)] == ["topic-ben"]
    assert sorted(states(db)) == [("nudge", "held"), ("nudge", "sent")]


def test_neither_the_log_nor_the_tables_tell_the_operators_key_or_a_readers_topic(
    sqlite_db: Database, clock: FrozenClock, bell: RegistryServer, capsys: pytest.CaptureFixture[str]
) -> None:
    db, settings = sqlite_db, settings_with(way_to(bell))
    configure_logs(level="debug")
    log_to_standard_error(level="debug")
    set_stage(db, clock, "anna", "ben", "cleo")
    take(bell, "cleo")
    compose(db, clock, settings)
    nudge(db, clock, settings)
    give_up(db, clock, settings)
    said = capsys.readouterr().err
    assert "event=nudge.failed" in said
    for secret in (PASSWORD, "topic-anna", "topic-cleo", "/digests/"):
        assert secret not in said
    assert PASSWORD not in repr([each.model_dump() for each in rows(db)])
    with db.read() as session:
        assert PASSWORD not in repr(open_findings(session))


def test_two_senders_tell_each_reader_once(db: Database, clock: FrozenClock, bell: RegistryServer) -> None:
    settings = settings_with(way_to(bell))
    names = [f"reader-{number}" for number in range(25)]
    set_stage(db, clock, *names)
    take(bell, *names)
    compose(db, clock, settings)
    counts: list[NudgeCount] = []
    threads = [threading.Thread(target=lambda: counts.append(nudge(db, clock, settings))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while nudge(db, clock, settings).nudged:
        pass
    assert sorted(to for to, _, _ in told(bell)) == sorted(f"topic-{name}" for name in names)
    assert set(states(db)) == {("nudge", "sent")}
    assert counts


def test_the_sender_of_mails_passes_nudges_over(db: Database, clock: FrozenClock, bell: RegistryServer) -> None:
    settings = settings_with(way_to(bell))
    set_stage(db, clock, "anna")
    compose(db, clock, settings)
    assert mail(db, clock, settings) == []
    assert states(db) == [("nudge", "queued")]
    with db.read() as session:
        assert session.exec(select(NudgeChoice)).one().way == "bell"
        assert session.exec(select(Delivery)).one().attempts == 0
        assert subscriber_called(session, "anna").state is SubscriberState.ACTIVE
