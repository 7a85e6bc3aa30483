"""The watch: every standstill is told to the operator once, within its patience, and once when it is over."""

from __future__ import annotations

import email
import shutil
from collections.abc import Callable
from datetime import timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import Session, select

from tests.delivery import mailserver
from tests.digests.stage import publish, store_areas, store_subscriber, store_trial
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.database.heartbeats import Beat, heartbeats, write_beats
from trialalerts.delivery.mail.envelope import Refused, Unsent
from trialalerts.delivery.outbox import counters
from trialalerts.delivery.outbox.counters import HourlyCounts
from trialalerts.delivery.outbox.notices.tables import Handoff
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState, RequestedMail, SendingPause
from trialalerts.delivery.policy.cooldown import cool_down
from trialalerts.delivery.sending.breaker import resume_sending
from trialalerts.delivery.transports.combined import FailoverTransport
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.operations.checks.settings import about_settings
from trialalerts.operations.watch.alerts import OVER_FOR
from trialalerts.operations.watch.pulse import Pulse
from trialalerts.operations.watch.standstills import LATE, LATE_BY_CRON, find_standstills
from trialalerts.operations.watch.tables import Alert
from trialalerts.operations.watch.watcher import Watcher
from trialalerts.operations.watch.ways import apprise_fault
from trialalerts.settings import (
    BreakerSettings,
    MailSettings,
    OperatorSettings,
    ServiceSettings,
    Settings,
    SourceSettings,
    TemplateSettings,
)
from trialalerts.sources.tables import SourceState
from trialalerts.subscribers.tables import Frequency, id_of


def hours(number: int) -> timedelta:
    return timedelta(hours=number)


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def days(number: int) -> timedelta:
    return timedelta(days=number)


def settings_of(**operator: Any) -> Settings:
    """A service with a source, whose operator has an address."""
    source = SourceSettings(name="ctgov", kind="clinicaltrials_gov", url="https://registry.invalid", every="6h")
    return Settings(
        service=ServiceSettings(name="Example Alerts", secret=SecretStr("a secret of the tests, long enough")),
        operator=OperatorSettings.model_validate({"address": "Ops <ops@example.org>", **operator}),
        sources=(source,),
    )


def beat(session: Session, step: str, clock: FrozenClock, *, process: str = "machine:1", **times: Any) -> None:
    write_beats(session, process, [Beat(step=step, **{"started_at": clock.now(), **times})])


def queue(session: Session, clock: FrozenClock, **values: Any) -> Delivery:
    person = store_subscriber(session, "bea", clock.now(), next_due_at=clock.now() + days(30))
    told = {"kind": "digest", "message_id": "<a@example.org>", "state": DeliveryState.QUEUED, **values}
    row = Delivery(subscriber_id=person.id or 0, not_before=clock.now(), created_at=clock.now(), **told)
    session.add(row)
    return row


def source_row(session: Session, clock: FrozenClock, **values: Any) -> None:
    session.add(
        SourceState(name="ctgov", kind="clinicaltrials_gov", baseline_done_at=clock.now(), last_success_at=clock.now(),
                    first_attempt_at=clock.now(), **values)
    )  # fmt: skip


def overdue_people(session: Session, clock: FrozenClock) -> None:
    store_areas(session)
    for name in ("ann", "ben"):
        store_subscriber(session, name, clock.now(), cursor=0)


def stuck_mail(session: Session, clock: FrozenClock) -> None:
    queue(session, clock)


def silent_source(session: Session, clock: FrozenClock) -> None:
    source_row(session, clock, error_count=9, last_error="500 for query.cond=multiple sclerosis of ann@example.org")


def pausing(session: Session, clock: FrozenClock) -> None:
    session.add(SendingPause(name="breaker", since=clock.now(), reason="12 of 20 bounced, last ann@example.org"))


def benched(session: Session, clock: FrozenClock) -> None:
    cool_down(session, "smtp", reason="535 no such user ann@example.org (multiple sclerosis)", now=clock.now())


def refused_domain(session: Session, clock: FrozenClock) -> None:
    note_finding(session, "mail-refused", "example.net", "Mail is refused: about asthma", now=clock.now())


def held_everywhere(session: Session, clock: FrozenClock) -> None:
    note_finding(session, "mail-held", "", "All mail rests: said of multiple sclerosis", now=clock.now())


def failing_step(session: Session, clock: FrozenClock) -> None:
    beat(session, "feedback", clock, failed_at=clock.now(), error="login of ann@example.org refused")


def unknown_finding(session: Session, clock: FrozenClock) -> None:
    note_finding(session, "category-not-understood", "news: multiple sclerosis", "about asthma", now=clock.now())


def bouncing(session: Session, clock: FrozenClock) -> None:
    counters.count_up(session, HourlyCounts.SENT, 96, at=clock.now())
    counters.count_up(session, HourlyCounts.REFUSED, 4, at=clock.now())
    counters.count_up(session, HourlyCounts.BOUNCED, 4, at=clock.now())


def complaining(session: Session, clock: FrozenClock) -> None:
    counters.count_up(session, HourlyCounts.SENT, 3_000, at=clock.now())
    counters.count_up(session, HourlyCounts.COMPLAINED, 2, at=clock.now())


def without_areas(session: Session, clock: FrozenClock) -> None:
    store_areas(session)
    for number in range(60):
        item = store_trial(session, number, clock.now())
        if number % 2:
            item.areas = {"direct": [], "ancestors": []}


def flooded(session: Session, clock: FrozenClock) -> None:
    for number in range(300):
        session.add(RequestedMail(due_at=clock.now() + hours(2) + minutes(5 * number), mailbox_hash=f"hash {number}"))


def unanswered(session: Session, clock: FrozenClock) -> None:
    reader = store_subscriber(session, "bea", clock.now(), next_due_at=clock.now() + timedelta(days=9))
    session.add(
        Handoff(
            subscriber_id=id_of(reader), number="NCT90000001", message="my asthma", created_at=clock.now() - hours(3)
        )
    )


CAUSES: dict[str, Callable[[Session, FrozenClock], None]] = {
    "overdue": overdue_people,
    "queue-stuck": stuck_mail,
    "source-silent": silent_source,
    "sending-paused": pausing,
    "transport-benched": benched,
    "mail-refused": refused_domain,
    "mail-held": held_everywhere,
    "step-failing": failing_step,
    "category-not-understood": unknown_finding,
    "bounce-rate": bouncing,
    "complaint-rate": complaining,
    "areas-missing": without_areas,
    "confirmations-wait": flooded,
    "messages-wait": unanswered,
}


class Stage:
    """A watcher on a database, with a transport that keeps what the operator gets."""

    def __init__(self, db: Database, clock: FrozenClock, settings: Settings) -> None:
        self.db, self.clock, self.settings = db, clock, settings
        self.transport = MemoryTransport()
        self.watcher = Watcher(settings, db, clock, self.transport)

    def watch(self, after: timedelta = timedelta()) -> list[str]:
        """Let time pass and do a round; return the texts that the operator got by it."""
        self.clock.advance(after)
        before = len(self.transport.sent)
        self.watcher.watch()
        return [each.message.text for each in self.transport.sent[before:]]


@pytest.fixture
def stage(db: Database, clock: FrozenClock) -> Stage:
    return Stage(db, clock, settings_of())


@pytest.mark.parametrize("kind", CAUSES)
def test_a_standstill_is_told_once_when_its_patience_is_over(stage: Stage, kind: str) -> None:
    with stage.db.write() as session:
        beat(session, "process", stage.clock, finished_at=stage.clock.now())
        CAUSES[kind](session, stage.clock)
    assert stage.watch(minutes(20)) == []
    told = [text for _ in range(20) for text in stage.watch(hours(1))]
    assert len(told) == 1, told
    with stage.db.read() as session:
        assert [row.kind for row in session.exec(select(Alert)) if row.told_at] == [kind]


@pytest.mark.parametrize("kind", CAUSES)
def test_what_is_told_holds_no_address_and_no_disease(stage: Stage, kind: str) -> None:
    with stage.db.write() as session:
        CAUSES[kind](session, stage.clock)
    told = "".join(text for _ in range(20) for text in stage.watch(hours(1))).lower()
    assert told
    for secret in ("ann@", "bea@", "sclerosis", "asthma", "535", "login"):
        assert secret not in told
    for each in find_standstills(stage.settings, stage.db, stage.clock):
        assert not any(secret in each.text.lower() for secret in ("ann@", "sclerosis", "asthma"))


def test_nothing_is_told_of_a_service_that_works(stage: Stage) -> None:
    with stage.db.write() as session:
        source_row(session, stage.clock)
    assert stage.watch() == []
    assert find_standstills(stage.settings, stage.db, stage.clock) == []


def test_the_end_is_told_once_and_a_later_standstill_is_a_new_one(stage: Stage) -> None:
    with stage.db.write() as session:
        refused_domain(session, stage.clock)
    assert len(stage.watch(hours(7))) == 1
    with stage.db.write() as session:
        end_findings(session, "mail-refused")
    assert stage.watch(minutes(1)) == []  # it may come again in a moment
    (over,) = stage.watch(OVER_FOR)
    assert "is over" in over
    assert "example.net" in over
    assert stage.watch(hours(1)) == []
    with stage.db.write() as session:
        refused_domain(session, stage.clock)
    assert stage.watch(hours(1)) == []
    assert len(stage.watch(hours(6))) == 1


def test_what_comes_and_goes_is_one_standstill(stage: Stage) -> None:
    with stage.db.write() as session:
        refused_domain(session, stage.clock)
    assert len(stage.watch(hours(7))) == 1
    for _ in range(5):
        with stage.db.write() as session:
            end_findings(session, "mail-refused")
        assert stage.watch(minutes(5)) == []
        with stage.db.write() as session:
            refused_domain(session, stage.clock)
        assert stage.watch(minutes(5)) == []


def test_a_rate_that_hovers_around_its_limit_is_told_once(stage: Stage) -> None:
    told = []
    for number in range(6):
        bounced = 4 if number % 3 == 0 else 2  # of 100: more, and less, than half of what stops all sending
        stage.clock.advance(BreakerSettings().window + hours(1))
        with stage.db.write() as session:
            counters.count_up(session, HourlyCounts.SENT, 100 - bounced, at=stage.clock.now())
            counters.count_up(session, HourlyCounts.REFUSED, bounced, at=stage.clock.now())
            counters.count_up(session, HourlyCounts.BOUNCED, bounced, at=stage.clock.now())
        told += [text for _ in range(8) for text in stage.watch(hours(1))]
    assert len(told) == 1, told
    (over,) = [text for _ in range(3) for text in stage.watch(BreakerSettings().window + hours(1))]
    assert "is over" in over


def test_a_rate_is_not_over_while_sending_is_paused_for_it(stage: Stage) -> None:
    with stage.db.write() as session:
        bouncing(session, stage.clock)
    (near,) = [text for _ in range(8) for text in stage.watch(hours(1))]
    assert "bounce" in near
    with stage.db.write() as session:
        pausing(session, stage.clock)
    (paused,) = [text for _ in range(5) for text in stage.watch(hours(6))]
    assert "is over" not in paused
    with stage.db.write() as session:
        resume_sending(session, now=stage.clock.now())
        bouncing(session, stage.clock)
    later = [text for _ in range(8) for text in stage.watch(hours(1))]
    assert not any("bounce" in text.partition("This is over")[0] for text in later), later


def test_what_ends_within_its_patience_is_told_to_nobody(stage: Stage) -> None:
    with stage.db.write() as session:
        refused_domain(session, stage.clock)
    assert stage.watch(hours(5)) == []
    with stage.db.write() as session:
        end_findings(session, "mail-refused")
    assert stage.watch(hours(5)) == []
    with stage.db.read() as session:
        assert session.exec(select(Alert)).all() == []


def test_patience_may_be_set_for_each_kind(db: Database, clock: FrozenClock) -> None:
    stage = Stage(db, clock, settings_of(tell_after={"default": "6h", "overdue": "1h"}))
    with db.write() as session:
        beat(session, "process", clock, finished_at=clock.now())
        overdue_people(session, clock)
        refused_domain(session, clock)
    assert stage.watch(minutes(50)) == []
    (first,) = stage.watch(minutes(15))
    assert "2 people are overdue" in first
    assert "example.net" not in first


def test_what_begins_together_is_told_in_one_mail(stage: Stage) -> None:
    with stage.db.write() as session:
        for cause in (refused_domain, held_everywhere, failing_step):
            cause(session, stage.clock)
    (mail,) = stage.watch(hours(7))
    assert mail.count("- ") == 3
    assert stage.transport.sent[0].message.subject == "[Example Alerts] 3 things stand still"


def test_the_mail_goes_by_the_member_that_works(db: Database, clock: FrozenClock) -> None:
    broken, works = MemoryTransport(), MemoryTransport()
    vars(broken)["name"], vars(works)["name"] = "broken", "works"
    stage = Stage(db, clock, settings_of())
    stage.watcher = Watcher(stage.settings, db, clock, FailoverTransport([broken, works]))
    with db.write() as session:
        cool_down(session, "broken", reason="it refuses the password", now=clock.now())
        cool_down(session, "broken", reason="it refuses the password", now=clock.now() + hours(6), retry_after=1e5)
        clock.advance(hours(7))
    stage.watcher.watch()
    assert broken.tried == 0
    assert len(works.sent) == 1


@pytest.mark.parametrize("outcome", [Unsent(reason="no"), Refused(reason="no")], ids=["unsent", "refused"])
def test_what_could_not_be_told_is_told_later(stage: Stage, outcome: Any) -> None:
    with stage.db.write() as session:
        refused_domain(session, stage.clock)
    stage.transport.answer("ops@example.org", outcome)
    assert stage.watch(hours(7)) == []
    assert stage.watch(minutes(1)) == []
    stage.transport.answer("ops@example.org", None)
    assert len(stage.watch(minutes(1))) == 1
    assert stage.watch(minutes(1)) == []


def test_two_processes_tell_it_once(db: Database, clock: FrozenClock) -> None:
    one, other = (Stage(db, clock, settings_of()) for _ in range(2))
    with db.write() as session:
        refused_domain(session, clock)
    clock.advance(hours(7))
    assert len([*one.watch(), *other.watch(), *one.watch()]) == 1


def test_the_mail_arrives_over_smtp_signed_by_nobody_but_us(sqlite_db: Database, clock: FrozenClock) -> None:
    mailbox = mailserver.Mailbox()
    with mailserver.running(mailbox) as port:
        settings = settings_of().model_copy(
            update={"mail": MailSettings(url=SecretStr(f"smtp://127.0.0.1:{port}?tls=none"), sender="a@example.org")}
        )
        with sqlite_db.write() as session:
            refused_domain(session, clock)
        clock.advance(hours(7))
        assert Watcher(settings, sqlite_db, clock).watch() == 1
    ((sender, recipient, content),) = mailbox.received
    assert (sender, recipient) == ("a@example.org", "ops@example.org")
    mail = email.message_from_bytes(content, policy=policy.default)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "trialalerts doctor" in mail.get_content()


@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")
def test_apprise_is_told_beside_the_mail(sqlite_db: Database, clock: FrozenClock) -> None:
    apprise = pytest.importorskip("apprise", reason="the extra apprise is not installed")
    heard: list[str] = []

    @apprise.decorators.notify(on="trialalertstest")  # type: ignore[untyped-decorator]
    def keep(body: str, title: str, *_: object, **__: object) -> bool:
        heard.append(f"{title}\n{body}")
        return True

    settings = settings_of(address="", apprise=("trialalertstest://",))
    with sqlite_db.write() as session:
        refused_domain(session, clock)
    clock.advance(hours(7))
    assert Watcher(settings, sqlite_db, clock, MemoryTransport()).watch() == 1
    assert Watcher(settings, sqlite_db, clock, MemoryTransport()).watch() == 0
    assert len(heard) == 1
    assert "example.net" in heard[0]


@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")
@pytest.mark.parametrize(
    ("urls", "fault"),
    [
        ((), None),
        (("json://localhost/",), None),
        (("nonsense://x", "json://localhost/"), "1 URL that Apprise does not"),
    ],
)
def test_a_way_that_apprise_does_not_know_is_a_fault(urls: tuple[str, ...], fault: str | None) -> None:
    pytest.importorskip("apprise", reason="the extra apprise is not installed")
    settings = settings_of(apprise=urls)
    found = apprise_fault(settings)
    assert found is None if fault is None else fault in (found or "")
    told = [check.level for check in about_settings(settings) if "apprise" in check.what]
    assert told == ([] if fault is None else ["broken"])


def test_without_any_way_the_log_is_told(sqlite_db: Database, clock: FrozenClock, capsys: Any) -> None:
    with sqlite_db.write() as session:
        refused_domain(session, clock)
    clock.advance(hours(7))
    assert Watcher(settings_of(address=""), sqlite_db, clock, MemoryTransport()).watch() == 1
    assert "standstill.begun" in capsys.readouterr().err


def test_an_own_template_that_fails_is_told(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "digest.html.j2").write_text("{{ nothing.of.the.kind }}")
    settings = settings_of().model_copy(update={"templates": TemplateSettings(folder=str(tmp_path))})
    stage = Stage(sqlite_db, clock, settings)
    told = [text for _ in range(10) for text in stage.watch(hours(1))]
    assert len(told) == 1
    assert "digest.html.j2" in told[0]


def test_a_disk_that_is_nearly_full_blocks(
    sqlite_db: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_standstills(settings_of(), sqlite_db, clock) == []
    usage = shutil.disk_usage(".")._replace(free=90_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    (found,) = find_standstills(settings_of(), sqlite_db, clock)
    assert (found.kind, found.blocks) == ("disk-full", True)
    assert "90 MB free" in found.text


@pytest.mark.parametrize(("scope", "blocks"), [("", True), ("example.net", False)], ids=["all mail", "a domain"])
def test_only_a_rest_of_all_mail_blocks(sqlite_db: Database, clock: FrozenClock, scope: str, blocks: bool) -> None:
    with sqlite_db.write() as session:
        note_finding(session, "mail-held", scope, "it rests", now=clock.now())
    (found,) = find_standstills(settings_of(), sqlite_db, clock)
    assert found.blocks is blocks


def test_old_items_without_an_area_are_no_news(sqlite_db: Database, clock: FrozenClock) -> None:
    with sqlite_db.write() as session:
        without_areas(session, clock)
    assert [each.kind for each in find_standstills(settings_of(), sqlite_db, clock)] == ["areas-missing"]
    clock.advance(days(2))
    assert find_standstills(settings_of(), sqlite_db, clock) == []


class TestWhoIsOverdue:
    """Overdue are those who wait though somebody could have served them."""

    def found(self, db: Database, clock: FrozenClock) -> list[tuple[str, int | None]]:
        found = find_standstills(settings_of(), db, clock)
        return [(each.kind, each.number) for each in found if each.kind == "overdue"]

    def test_nobody_is_while_rounds_are_run_by_cron(self, db: Database, clock: FrozenClock) -> None:
        with db.write() as session:
            overdue_people(session, clock)
            beat(session, "compose", clock, process="machine:once", finished_at=clock.now())
        clock.advance(LATE_BY_CRON - minutes(1))
        assert self.found(db, clock) == []
        clock.advance(minutes(2))
        assert self.found(db, clock) == [("overdue", 2)]

    def test_a_daemon_has_less_time(self, db: Database, clock: FrozenClock) -> None:
        with db.write() as session:
            overdue_people(session, clock)
            beat(session, "process", clock, finished_at=clock.now())
        clock.advance(LATE - minutes(1))
        assert self.found(db, clock) == []
        clock.advance(minutes(2))
        assert self.found(db, clock) == [("overdue", 2)]

    def test_a_dead_daemon_is_named(self, db: Database, clock: FrozenClock) -> None:
        with db.write() as session:
            overdue_people(session, clock)
            for step in ("process", "compose"):
                beat(session, step, clock, finished_at=clock.now())
        died = f"{clock.now():%Y-%m-%d %H:%M}"
        clock.advance(days(1))
        (found,) = (each for each in find_standstills(settings_of(), db, clock) if each.kind == "overdue")
        assert f"no process was seen to compose since {died}" in found.text

    def test_who_is_served_at_once_waits_only_where_there_is_something(self, db: Database, clock: FrozenClock) -> None:
        with db.write() as session:
            store_areas(session)
            item = store_trial(session, 1, clock.now())
            first = publish(session, item, ChangeKind.OPENED, clock.now())
            store_subscriber(session, "imm", clock.now() - days(40), cursor=first, frequency=Frequency.IMMEDIATELY)
            beat(session, "process", clock, finished_at=clock.now())
        clock.advance(days(40))
        assert self.found(db, clock) == []
        with db.write() as session:
            publish(session, item, ChangeKind.RESULTS_POSTED, clock.now())
        clock.advance(LATE - minutes(1))
        assert self.found(db, clock) == []
        began = clock.now()
        clock.advance(minutes(2))
        assert self.found(db, clock) == [("overdue", 1)]
        (found,) = find_standstills(settings_of(), db, clock)[:1]
        assert abs(found.since - (began - LATE + minutes(1))) < minutes(1)


class TestDailySummary:
    """Ten lines a day, once, at their hour by the service's own clock."""

    def test_it_comes_once_a_day(self, db: Database, clock: FrozenClock) -> None:
        stage = Stage(db, clock, settings_of(daily_summary="07:00"))
        with db.write() as session:
            source_row(session, clock)
        assert len(stage.watch()) == 1  # half past nine: late rather than not
        per_hour = [len([text for text in stage.watch(minutes(30)) if "ten lines" in text or "Came in" in text])
                    for _ in range(48 * 2)]  # fmt: skip
        assert sum(per_hour) == 2

    def test_it_counts_what_came_in_the_last_day_only(self, db: Database, clock: FrozenClock) -> None:
        stage = Stage(db, clock, settings_of(daily_summary="07:00"))
        with db.write() as session:
            store_areas(session)
            for number in range(5):
                old = number < 3
                item = store_trial(session, number, clock.now() - (days(3) if old else hours(2)))
                publish(session, item, ChangeKind.OPENED, item.first_seen_at)
        (text,) = stage.watch()
        assert "Came in: 2 trials and 0 articles, 2 changes worth telling" in text

    def test_it_has_ten_lines_and_no_address(self, db: Database, clock: FrozenClock) -> None:
        stage = Stage(db, clock, settings_of(daily_summary="07:00"))
        with db.write() as session:
            overdue_people(session, clock)
            source_row(session, clock)
        (text,) = stage.watch(hours(3))
        assert len(text.splitlines()) <= 10
        assert "2 people due within 24 hours" in text
        assert "2 people are overdue" in text
        assert "@" not in text


class TestPulse:
    """What a process did is written down, and forgotten when it ended well."""

    def test_a_failure_is_noted_with_its_place_and_without_its_words(self, db: Database, clock: FrozenClock) -> None:
        pulse = Pulse(db, clock, process="machine:1")
        with pulse.step("compose"):
            pass
        with pytest.raises(KeyError), pulse.step("send"):
            raise KeyError("ann@example.org")
        assert pulse.succeeded("compose")
        assert not pulse.succeeded("send")
        pulse.flush()
        with db.read() as session:
            rows = {row.step: row for row in heartbeats(session)}
        assert set(rows) == {"compose", "send", "process"}
        assert rows["send"].fails
        assert rows["send"].error == "KeyError"
        assert not rows["compose"].fails
        pulse.end()
        with db.read() as session:
            assert heartbeats(session) == []

    def test_processes_long_gone_are_forgotten(self, db: Database, clock: FrozenClock) -> None:
        Pulse(db, clock, process="machine:1").flush()
        clock.advance(days(8))
        Pulse(db, clock, process="machine:2").flush()
        with db.read() as session:
            assert {row.process for row in heartbeats(session)} == {"machine:2"}
