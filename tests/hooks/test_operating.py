"""What the operator sees of webhooks: told once when one fails and once when it is over, in doctor, metrics, report."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlmodel import select

from tests.hooks.stage import SETTINGS, add, bodies, call_all, open_trials, set_areas, settings_for, states
from tests.sources.registry_server import Fault, RegistryServer, respond
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.events.noted import SOURCE_FAILING, SOURCE_RECOVERED, NotedEvent, note_events
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.hooks.calling import CALL_LEASE
from trialalerts.hooks.registering import find_webhook
from trialalerts.hooks.tables import CallState, HookCall
from trialalerts.operations.checks.webhooks import about_webhooks
from trialalerts.operations.counting.report import make_report
from trialalerts.operations.metrics import RequestMetrics, ServiceMetrics
from trialalerts.operations.retention.pruning import prune
from trialalerts.operations.stamps import put_right
from trialalerts.operations.watch.alerts import OVER_FOR
from trialalerts.operations.watch.watcher import Watcher
from trialalerts.settings import OperatorSettings, ServiceSettings, Settings, SourceSettings
from trialalerts.sources.tables import SourceState

OPERATED = SETTINGS.model_copy(update={"operator": OperatorSettings(address="ops@example.org")})
HOUR = timedelta(hours=1)


@pytest.fixture
def stage(db: Database) -> Database:
    """A database with areas."""
    set_areas(db)
    return db


def subjects(transport: MemoryTransport) -> list[str]:
    return [each.message.subject for each in transport.sent]


def test_the_operator_is_told_once_that_a_program_takes_no_calls_and_once_that_it_does_again(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    transport = MemoryTransport()
    watcher = Watcher(OPERATED, stage, clock, transport)
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    program.faults.append(Fault(act=respond(500), times=1_000))
    for _ in range(10):
        call_all(stage, clock)
        watcher.watch()
        clock.advance(HOUR)
    assert subjects(transport) == ["[Trial Alerts] 1 thing stands still"]
    assert f"{name}: the program takes no calls" in transport.sent[0].message.text
    program.faults.clear()
    clock.advance(8 * HOUR)
    call_all(stage, clock)
    for _ in range(3):
        watcher.watch()
        clock.advance(OVER_FOR)
    assert subjects(transport)[1:] == ["[Trial Alerts] 1 thing over"]


def test_programs_are_told_of_a_source_when_the_operator_is(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    source = SourceSettings(name="news", kind="feed", url="https://example.org/feed", every="1h")
    settings = OPERATED.model_copy(update={"sources": (source,)})
    watcher = Watcher(settings, stage, clock, MemoryTransport())
    add(stage, f"{program.root}/hook", clock, SOURCE_FAILING, SOURCE_RECOVERED)
    add(stage, f"{program.root}/hook", clock)
    with stage.write() as session:
        session.add(SourceState(name="news", kind="feed", last_success_at=clock.now()))
    for _ in range(12):
        watcher.watch()
        clock.advance(HOUR)
    call_all(stage, clock, settings)
    assert [(each["type"], each["data"]) for each in bodies(program.requests)] == [(SOURCE_FAILING, {"source": "news"})]
    with stage.write() as session:
        session.get_one(SourceState, "news").last_success_at = clock.now()
    for _ in range(3):
        watcher.watch()
        clock.advance(OVER_FOR)
    call_all(stage, clock, settings)
    assert [each["type"] for each in bodies(program.requests)] == [SOURCE_FAILING, SOURCE_RECOVERED]


def seen(db: Database, settings: Settings, clock: FrozenClock) -> list[str]:
    with db.read() as session:
        return [f"{each.level}: {each.what}" for each in about_webhooks(settings, session, clock.now())]


def test_the_doctor_says_which_take_their_calls_and_what_keeps_others_from_it(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    assert seen(stage, SETTINGS, clock) == []
    name, _ = add(stage, f"{program.root}/hook", clock)
    other, _ = add(stage, f"{program.root}/other", clock)
    open_trials(stage, 1, clock.now())
    assert seen(stage, SETTINGS, clock) == ["good: webhooks: 2 of 2 take their calls; 0 calls waiting"]
    call_all(stage, clock)  # nothing is served at the other's address
    assert seen(stage, SETTINGS, clock) == ["good: webhooks: 1 of 2 take their calls; 0 calls waiting"]
    off = settings_for(enabled=False)
    assert "look: webhooks: 2 programs told nothing (webhooks.enabled = false)" in seen(stage, off, clock)
    with stage.write() as session:
        find_webhook(session, name).url = "https://example.org"
    public = settings_for(allow_private_addresses=False)
    assert f"broken: webhook {other}: {program.root}/other is no public address" in "\n".join(
        seen(stage, public, clock)
    )
    lost = SETTINGS.model_copy(update={"service": ServiceSettings(secret=SecretStr("x" * 40))})
    assert f"broken: webhook {name}: its secret was made of a service.secret" in "\n".join(seen(stage, lost, clock))


def test_metrics_and_report_count_by_id_and_show_no_address(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, _ = add(stage, f"{program.root}/hook?key=hunter2", clock)
    open_trials(stage, 3, clock.now())
    program.faults.append(Fault(act=respond(400)))
    call_all(stage, clock)
    shown = ServiceMetrics(SETTINGS, stage, clock).exposition(RequestMetrics()).decode()
    for line in (
        f'trialalerts_webhook_calls_sent_total{{webhook="{name}"}} 2.0',
        f'trialalerts_webhook_tries_failed_total{{webhook="{name}"}} 1.0',
        f'trialalerts_webhook_calls_waiting{{webhook="{name}"}} 1.0',
    ):
        assert line in shown
    with stage.read() as session:
        rows = [row for row in make_report(session, now=clock.now(), days=1).rows() if row[0] == "webhooks"]
    assert rows == [("webhooks", name, "1 queued, 2 sent")]
    assert "hunter2" not in shown
    assert program.root not in shown


def test_events_that_nobody_tells_are_forgotten(db: Database, clock: FrozenClock) -> None:
    add(db, "https://example.org/hook", clock, SOURCE_FAILING)
    with db.write() as session:
        note_events(session, SOURCE_FAILING, ["news"], now=clock.now())
    what = "events that no program was told"
    assert prune(db, SETTINGS, clock.now() + timedelta(days=29), wait=lambda _: None)[what] == 0
    assert prune(db, SETTINGS, clock.now() + timedelta(days=31), wait=lambda _: None)[what] == 1
    with db.read() as session:
        assert session.exec(select(NotedEvent)).all() == []


def test_a_pause_that_a_wrong_clock_wrote_is_over_once_it_is_right(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    program.faults.append(Fault(act=respond(400)))
    call_all(stage, clock)
    wrong = clock.now() + timedelta(days=400)
    with stage.write() as session:
        webhook = find_webhook(session, name)
        webhook.retry_at = webhook.leased_until = wrong
        (call,) = session.exec(select(HookCall))
        call.not_before = wrong
    with stage.write() as session:
        mended = put_right(session, SETTINGS, clock.now(), everything=False)
    assert {"webhook.retry_at", "webhook.leased_until", "webhook_call.not_before"} <= mended.keys()
    clock.advance(CALL_LEASE)
    call_all(stage, clock)
    assert states(stage) == [CallState.SENT]
