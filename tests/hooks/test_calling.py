"""Calls to programs that lie: slow, down, gone, redirecting, pouring; what follows, and what the operator hears."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlmodel import col, select
from standardwebhooks import Webhook as Verifier

from tests.hooks.stage import (
    SETTINGS,
    add,
    bodies,
    call_all,
    is_signed,
    open_trials,
    set_areas,
    settings_for,
    states,
    wait_for,
    webhook_called,
)
from tests.sources.registry_server import Fault, Handler, RegistryServer, Request, cut, hang_up, pour, respond, stall
from trialalerts.clock import FrozenClock, SystemClock
from trialalerts.database import Database
from trialalerts.database.findings import open_findings
from trialalerts.digests.publishing import Publishing
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.hooks.calling import AnswerMeaning, WebhookTurn, meaning_of, try_webhook
from trialalerts.hooks.calls import WebhookCalls
from trialalerts.hooks.queueing import replay_calls
from trialalerts.hooks.registering import find_webhook, remove_webhook, rotate_secret
from trialalerts.hooks.signing import BOTH_FOR
from trialalerts.hooks.status import CALLS_GIVEN_UP, PROGRAM_FAILING, PROGRAM_GONE, hook_statuses
from trialalerts.hooks.tables import CallState, Hook, HookCall
from trialalerts.logs import log_to_standard_error
from trialalerts.operations.retention.pruning import prune
from trialalerts.settings import Settings

FAILED, QUEUED, SENT = CallState.FAILED, CallState.QUEUED, CallState.SENT
HURRIED = settings_for(timeout=timedelta(seconds=1))
"""For programs that give no answer: nothing else depends on the second."""
A_WHILE = timedelta(hours=8)
"""Longer than any pause between two tries."""


@pytest.fixture
def stage(db: Database) -> Database:
    """A database with areas."""
    set_areas(db)
    return db


def findings(db: Database) -> dict[str, str]:
    """Return what the operator should know, by kind."""
    with db.read() as session:
        return {each.kind: each.text for each in open_findings(session)}


def ids(program: RegistryServer) -> list[str]:
    """Return the ids of the calls that came, in their order."""
    return [each.headers["webhook-id"] for each in program.requests]


def test_a_call_is_signed_and_says_what_happened(stage: Database, program: RegistryServer) -> None:
    clock = SystemClock()  # the reference library looks at the time, too
    name, secret = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 2, clock.now())
    call_all(stage, clock)
    told = [Verifier(secret).verify(each.body, dict(each.headers)) for each in program.requests]
    assert [each["data"]["number"] for each in told] == ["NCT90000000", "NCT90000001"]
    (first, second) = program.requests
    assert first.method == "POST"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["user-agent"].startswith("TrialAlerts/")
    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    assert first.headers["webhook-id"].startswith(f"{name}-change-")
    assert "." not in first.headers["webhook-id"], "it would not be told from the moment that is signed with it"
    assert states(stage) == [SENT, SENT]
    call_all(stage, clock)
    assert len(program.requests) == 2


LIES = {
    "it is broken": (respond(500), "it answered 500", SETTINGS),
    "it cannot now": (respond(503), "it answered 503", SETTINGS),
    "it has too much to do": (respond(429), "it answered 429", SETTINGS),
    "it redirects": (respond(301, headers={"Location": "/elsewhere"}), "it answered 301, and redirects are not",
                     SETTINGS),
    "it keeps what it was sent": (respond(307, headers={"Location": "/elsewhere"}), "it answered 307, and redirects",
                                  SETTINGS),
    "it hangs up": (hang_up, "no answer: broke the connection off before it answered", SETTINGS),
    "it says nothing": (lambda handler: handler.connection.recv(1), "no answer: did not answer within 1 seconds",
                        HURRIED),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "said", "settings"), LIES.values(), ids=LIES.keys())
def test_a_program_that_fails_is_left_alone_and_told_later_under_the_same_id(
    stage: Database,
    clock: FrozenClock,
    program: RegistryServer,
    lie: Callable[[Handler], None],
    said: str,
    settings: Settings,
) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 2, clock.now())
    program.faults.append(Fault(act=lie))
    call_all(stage, clock, settings)
    assert len(program.requests) == 1, "what waits behind it is not tried, too"
    assert states(stage) == [QUEUED, QUEUED]
    with stage.read() as session:
        webhook = webhook_called(session, name)
        first = session.exec(select(HookCall).order_by(col(HookCall.id))).first()
    assert webhook.retry_at is not None
    assert timedelta(seconds=45) <= webhook.retry_at - clock.now() <= timedelta(seconds=75)
    assert first is not None
    assert first.last_error is not None
    assert first.last_error.startswith(said)
    assert said in findings(stage)[PROGRAM_FAILING]
    assert f"{program.root}/hook" not in findings(stage)[PROGRAM_FAILING], "an address may hold a key"
    clock.move_to(webhook.retry_at - timedelta(seconds=1))
    call_all(stage, clock)
    assert len(program.requests) == 1
    clock.advance(timedelta(seconds=1))
    call_all(stage, clock)
    assert ids(program)[0] == ids(program)[1] != ids(program)[2]
    assert bodies(program.requests)[0] == bodies(program.requests)[1]
    assert all("/elsewhere" not in each.path for each in program.requests)
    assert states(stage) == [SENT, SENT]
    assert findings(stage) == {}


def drops() -> Iterator[bytes]:
    """Give a byte at a time, without an end."""
    while True:
        yield b"."
        time.sleep(0.05)


ANSWERS = {
    "a giant": (lambda: pour(itertools.repeat(b"0" * 100_000)), SETTINGS),
    "one that drips": (lambda: pour(drops()), HURRIED),
    "one that stalls": (lambda: stall(b"{"), HURRIED),
    "one that breaks off": (lambda: cut(b"{", length=100), SETTINGS),
    "one that is packed badly": (lambda: respond(200, b"no gzip", {"Content-Encoding": "gzip"}), SETTINGS),
}


@pytest.mark.parametrize(("answer", "settings"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_call_that_was_taken_is_taken_whatever_comes_behind_the_status(
    stage: Database,
    clock: FrozenClock,
    program: RegistryServer,
    answer: Callable[[], Callable[[Handler], None]],
    settings: Settings,
) -> None:
    add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    program.faults.append(Fault(act=answer()))
    call_all(stage, clock, settings)
    assert states(stage) == [SENT]
    assert len(program.requests) == 1


def test_a_call_that_is_refused_holds_up_no_other(stage: Database, clock: FrozenClock, program: RegistryServer) -> None:
    add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 3, clock.now())
    program.faults.append(Fault(act=respond(400, b"anna@example.org is wrong"), when=_tells("NCT90000001"), times=2))
    call_all(stage, clock)
    assert states(stage) == [SENT, QUEUED, SENT]
    clock.advance(timedelta(minutes=2))
    call_all(stage, clock)
    assert states(stage) == [SENT, QUEUED, SENT]
    clock.advance(timedelta(minutes=3))
    call_all(stage, clock)
    assert states(stage) == [SENT, SENT, SENT]
    refused = [each for each in ids(program) if ids(program).count(each) > 1]
    assert len(refused) == 3


def _tells(number: str) -> Callable[[Request], bool]:
    return lambda request: number.encode() in request.body


def test_a_program_that_wants_no_more_gets_none_and_the_operator_hears_of_it(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 2, clock.now())
    program.faults.append(Fault(act=respond(410)))
    call_all(stage, clock)
    assert states(stage) == [FAILED, FAILED]
    assert f"trialalerts webhooks resume {name}" in findings(stage)[PROGRAM_GONE]
    open_trials(stage, 1, clock.now(), first=5)
    clock.advance(A_WHILE)
    call_all(stage, clock)
    assert len(program.requests) == 1
    with stage.read() as session:
        assert [each.state for each in hook_statuses(session)] == ["disabled"]


def test_what_is_not_taken_for_days_is_given_up_once_and_told_once(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 2, clock.now())
    program.faults.append(Fault(act=respond(500), times=1_000))
    began = clock.now()
    late = False
    while FAILED not in states(stage):
        call_all(stage, clock)
        clock.advance(timedelta(minutes=10))
        if not late and clock.now() - began > timedelta(days=2):
            open_trials(stage, 1, clock.now(), first=5)
            late = True
    assert timedelta(days=2.5) < clock.now() - began < timedelta(days=4)
    assert len(program.requests) < 30, "pauses grow"
    assert states(stage) == [FAILED, FAILED, QUEUED], "each has its days"
    assert f"trialalerts webhooks replay {name}" in findings(stage)[CALLS_GIVEN_UP]
    program.faults.clear()
    clock.advance(A_WHILE)
    call_all(stage, clock)
    assert states(stage) == [FAILED, FAILED, SENT]
    assert findings(stage).keys() == {CALLS_GIVEN_UP}, "that it works again brings nothing back"
    replay_calls(stage, Publishing.of(SETTINGS), name, began, clock.now())
    assert findings(stage) == {}
    call_all(stage, clock)
    assert states(stage) == [SENT, SENT, SENT]


def test_what_was_given_up_is_forgotten_with_the_rest(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    hasty = settings_for(give_up_after=timedelta(0))
    add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    program.faults.append(Fault(act=respond(400)))
    call_all(stage, clock, hasty)
    assert states(stage) == [FAILED]
    assert CALLS_GIVEN_UP in findings(stage)
    open_trials(stage, 1, clock.now(), first=5)
    clock.advance(timedelta(days=29))
    call_all(stage, clock)
    open_trials(stage, 1, clock.now(), first=6)
    program.faults.append(Fault(act=respond(500)))
    call_all(stage, clock)
    assert prune(stage, SETTINGS, clock.now(), wait=lambda _: None)["calls of webhooks"] == 0
    clock.advance(timedelta(days=2))
    assert prune(stage, SETTINGS, clock.now(), wait=lambda _: None)["calls of webhooks"] == 1
    assert states(stage) == [SENT, QUEUED], "what is still to be told stays"
    assert CALLS_GIVEN_UP not in findings(stage)


def test_a_pause_that_the_program_asks_for_is_kept(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    program.faults.append(Fault(act=respond(503, headers={"Retry-After": "7200"})))
    call_all(stage, clock)
    with stage.read() as session:
        assert webhook_called(session, name).retry_at == clock.now() + timedelta(hours=2)


def test_a_slow_program_holds_up_no_other(stage: Database, clock: FrozenClock, program: RegistryServer) -> None:
    slow, _ = add(stage, f"{program.root}/slow", clock)
    quick, _ = add(stage, f"{program.root}/hook", clock)
    asked, over = threading.Event(), threading.Event()

    def wait(handler: Handler) -> None:
        asked.set()
        over.wait()
        hang_up(handler)

    program.faults.append(Fault(act=wait, when=lambda request: request.path == "/slow"))
    open_trials(stage, 3, clock.now())
    calls = WebhookCalls(SETTINGS, stage, clock)
    try:
        assert calls.begin() == 2
        assert asked.wait(timeout=120)
        wait_for(lambda: states(stage).count(SENT) == 3)
        open_trials(stage, 1, clock.now(), first=5)
        wait_for(lambda: bool(calls.begin()) or states(stage).count(SENT) == 4)
        wait_for(lambda: states(stage).count(SENT) == 4)
        with stage.read() as session:
            standing = {each.webhook.name: each for each in hook_statuses(session)}
        assert (standing[quick].waiting, standing[slow].waiting) == (0, 4)
    finally:
        calls.close()  # while the slow one has still not answered
        over.set()
    assert states(stage).count(QUEUED) == 4
    with stage.read() as session:
        assert webhook_called(session, slow).failures == 0, "that we ended is no fault of the program's"


def test_several_daemons_share_the_calls(stage: Database, clock: FrozenClock, program: RegistryServer) -> None:
    for _ in range(3):
        add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 15, clock.now())
    daemons = [WebhookCalls(SETTINGS, stage, clock) for _ in range(3)]
    threads = [threading.Thread(target=each.finish) for each in daemons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    call_all(stage, clock)
    for each in daemons:
        each.close()
    assert len(ids(program)) == len(set(ids(program))) == 45
    assert set(states(stage)) == {SENT}


def test_a_turn_that_another_has_is_not_taken(stage: Database, clock: FrozenClock, program: RegistryServer) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    with stage.write() as session:
        webhook = find_webhook(session, name)
        webhook.leased_by, webhook.leased_until = "another", clock.now() + timedelta(minutes=1)
    call_all(stage, clock)
    assert WebhookTurn(stage, SETTINGS, clock, name).take().called == 0
    assert program.requests == []
    clock.advance(timedelta(minutes=1))
    call_all(stage, clock)
    assert states(stage) == [SENT]


def test_a_webhook_that_is_removed_while_it_is_called_leaves_nothing_behind(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 2, clock.now())

    def remove(handler: Handler) -> None:
        with stage.write() as session:
            remove_webhook(session, find_webhook(session, name))
        respond(500)(handler)

    program.faults.append(Fault(act=remove))
    call_all(stage, clock)
    assert len(program.requests) == 1
    assert findings(stage) == {}


def test_after_a_change_of_secrets_both_sign_for_a_day(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, old = add(stage, f"{program.root}/hook", clock)
    with stage.write() as session:
        secret = SETTINGS.service.secrets[0]
        new = rotate_secret(session, find_webhook(session, name), secret, now=clock.now()).shown
    open_trials(stage, 1, clock.now())
    call_all(stage, clock)
    clock.advance(BOTH_FOR)
    open_trials(stage, 1, clock.now(), first=5)
    call_all(stage, clock)
    assert [[is_signed(each, secret) for secret in (old, new)] for each in program.requests] == [
        [True, True],
        [False, True],
    ]


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001"])
def test_nothing_is_called_that_leads_to_no_public_address(
    stage: Database, clock: FrozenClock, program: RegistryServer, host: str
) -> None:
    port = program.root.rpartition(":")[2]
    name, _ = add(stage, f"http://{host}:{port}/hook", clock, settings=settings_for(allow_http=True))
    open_trials(stage, 1, clock.now())
    call_all(stage, clock, settings_for(allow_http=True, allow_private_addresses=False))
    assert program.requests == []
    assert "its name leads to no public address" in findings(stage)[PROGRAM_FAILING]
    clock.advance(A_WHILE)
    call_all(stage, clock, settings_for(allow_http=False))
    assert "is not encrypted" in findings(stage)[PROGRAM_FAILING], "what may be called is looked at with each call"
    assert program.requests == []
    with stage.write() as session:
        find_webhook(session, name).url = f"{program.root}/hook"
    clock.advance(A_WHILE)
    call_all(stage, clock)
    assert states(stage) == [SENT]


def test_a_secret_that_is_lost_is_said_and_nothing_is_sent_unsigned(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, _ = add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    service = SETTINGS.service.model_copy(update={"secret": type(SETTINGS.service.secret)("x" * 40)})
    call_all(stage, clock, SETTINGS.model_copy(update={"service": service}))
    assert program.requests == []
    assert f"trialalerts webhooks rotate {name}" in findings(stage)[PROGRAM_FAILING]


def test_where_webhooks_are_off_nobody_is_called_and_all_of_it_waits(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    add(stage, f"{program.root}/hook", clock)
    open_trials(stage, 1, clock.now())
    call_all(stage, clock, settings_for(enabled=False))
    assert program.requests == []
    call_all(stage, clock)
    assert states(stage) == [SENT]


def test_what_a_program_answers_stands_in_no_log(
    stage: Database, clock: FrozenClock, program: RegistryServer, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_standard_error(level="info")
    add(stage, f"{program.root}/hook?token=hunter2", clock)
    open_trials(stage, 2, clock.now())
    answers = respond(500, b"anna@example.org"), respond(410, b"anna@example.org")
    for answer in answers:
        program.faults.append(Fault(act=answer))
        call_all(stage, clock)
        clock.advance(A_WHILE)
    logged = capsys.readouterr().err
    assert "event=webhook.failed" in logged
    assert "event=webhook.disabled" in logged
    with stage.read() as session:
        stored = repr([session.exec(select(Hook)).one().last_error, *session.exec(select(HookCall.last_error))])
    for said in (logged, stored, repr(findings(stage))):
        assert "anna" not in said
        assert "hunter2" not in said
        assert "whsec_" not in said


def test_a_webhook_can_be_tried_out_and_nothing_is_kept_of_it(
    stage: Database, clock: FrozenClock, program: RegistryServer
) -> None:
    name, secret = add(stage, f"{program.root}/hook", clock)
    assert try_webhook(stage, SETTINGS, clock, name).meaning is AnswerMeaning.TAKEN
    program.faults.append(Fault(act=respond(404)))
    answer = try_webhook(stage, SETTINGS, clock, name)
    assert (answer.meaning, answer.said) == (AnswerMeaning.REFUSED, "it answered 404")
    assert [each["type"] for each in bodies(program.requests)] == ["webhook.test"] * 2
    assert all(is_signed(each, secret) for each in program.requests)
    assert states(stage) == []
    assert findings(stage) == {}
    with pytest.raises(NotFound, match="There is no webhook wh_x; see: trialalerts webhooks list"):
        try_webhook(stage, SETTINGS, clock, "wh_x")
    with pytest.raises(InvalidInput, match="no public address"):
        try_webhook(stage, settings_for(allow_private_addresses=False), clock, name)


def test_what_a_status_means() -> None:
    meant = {status: meaning_of(status).name for status in (200, 202, 204, 304, 308, 400, 401, 404, 408, 409, 410, 413)}
    assert meant == {
        200: "TAKEN", 202: "TAKEN", 204: "TAKEN", 304: "FAILING", 308: "FAILING", 400: "REFUSED", 401: "REFUSED",
        404: "REFUSED", 408: "FAILING", 409: "REFUSED", 410: "GONE", 413: "REFUSED",
    }  # fmt: skip
    assert {meaning_of(status).name for status in (425, 429, 500, 502, 503, 504, 599)} == {"FAILING"}
