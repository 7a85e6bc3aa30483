"""Calling one webhook: its turn, what an answer means, and what follows from it.

Who is at fault decides what waits. A program that gives no answer, or says that it cannot now, is left alone for a
while, and all its calls with it. One that refuses a call may take the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from http import HTTPStatus
from random import Random
from typing import Self
from urllib.parse import urlsplit

from sqlalchemy import func
from sqlmodel import Session

from trialalerts.clock import Clock
from trialalerts.database import Database, table_of
from trialalerts.database.findings import end_findings, note_finding
from trialalerts.database.leases import Lease
from trialalerts.delivery.outbox.lifecycle import backoff
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.hooks.events import TEST_EVENT, PingTold, call_body
from trialalerts.hooks.outbox import DueCall, count_try, due_calls, give_up, give_up_all, put_off, take_note
from trialalerts.hooks.registering import checked_webhook_url, find_webhook
from trialalerts.hooks.signing import secrets_of, signed_headers
from trialalerts.hooks.status import CALLS_GIVEN_UP, PROGRAM_FAILING, PROGRAM_GONE
from trialalerts.hooks.tables import Hook
from trialalerts.logs import Logger
from trialalerts.net.guard import PublicNetwork
from trialalerts.net.posting import NoAnswer, NotConnected, PostClient, PostRequest
from trialalerts.plurals import counted
from trialalerts.settings import Settings

__all__ = ["CALL_LEASE", "AnswerMeaning", "CallAnswer", "CallCount", "WebhookTurn", "meaning_of", "try_webhook"]

log = Logger()

CALL_LEASE = timedelta(minutes=2)
"""How long after its last sign of life a process keeps a webhook to itself."""
_TURN = timedelta(minutes=1)
_AT_ONCE = 50
_LONGEST_ANSWER = 10_000
_W = table_of(Hook).c
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class AnswerMeaning(Enum):
    """What an answer means for a call: ``TAKEN``, ``REFUSED`` for its own sake, not now (``FAILING``), no more."""

    TAKEN = auto()
    REFUSED = auto()
    FAILING = auto()
    GONE = auto()


@dataclass(frozen=True, kw_only=True)
class CallAnswer:
    """What came of a try, in our own words; ``retry_after`` seconds, where the other side asked for a pause."""

    meaning: AnswerMeaning
    said: str
    retry_after: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CallCount:
    """How many calls were taken, and how many tries failed."""

    called: int = 0
    failed: int = 0

    def __add__(self, other: CallCount) -> CallCount:
        """Count both together."""
        return CallCount(called=self.called + other.called, failed=self.failed + other.failed)


def meaning_of(status: int) -> AnswerMeaning:
    """Return what a status means.

    A redirect is not followed: the address would be one that nobody checked.
    """
    if 200 <= status < 300:  # noqa: PLR2004 - 2xx
        return AnswerMeaning.TAKEN
    if status == HTTPStatus.GONE:
        return AnswerMeaning.GONE
    refused = 400 <= status < 500 and status not in _LATER  # noqa: PLR2004 - 4xx
    return AnswerMeaning.REFUSED if refused else AnswerMeaning.FAILING


def try_webhook(db: Database, settings: Settings, clock: Clock, name: str) -> CallAnswer:
    """Tell a webhook, once and at once, that it is tried out; nothing is stored of it.

    Raises:
        NotFound: there is none.
        InvalidInput: its address may not be called.
    """
    with db.read() as session:
        webhook = find_webhook(session, name)
    checked_webhook_url(webhook.url, settings.webhooks)
    now = clock.now()
    with _CallClient(settings, webhook, clock, stop=lambda: False) as line:
        return line.call(f"test-{int(now.timestamp())}", call_body(TEST_EVENT, now, PingTold(id=name)))


class WebhookTurn:
    """One webhook's turn: its calls that are due, one after the other, for a minute at most.

    Args:
        db: the database.
        settings: the configuration.
        clock: tells the time.
        name: the webhook's.
        stop: asked between two calls, and while one waits for its answer.
    """

    def __init__(
        self, db: Database, settings: Settings, clock: Clock, name: str, *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._name = name
        self._stop = stop
        self._random = Random()  # noqa: S311 - spreads tries, keeps no secret
        self._lease = Lease(db, Hook, name, clock, length=CALL_LEASE)

    def take(self) -> CallCount:
        """Make the calls, unless another process has the turn; return what came of them."""
        with self._db.write() as session:
            if not self._lease.take(session, _W.disabled_at.is_(None)):
                return CallCount()
        with self._lease.kept_up():
            try:
                with self._db.read() as session:
                    webhook = find_webhook(session, self._name)
            except NotFound:  # removed meanwhile
                return CallCount()
            with _CallClient(self._settings, webhook, self._clock, stop=self._stop) as line:
                return self._work(webhook, line)

    def _work(self, webhook: Hook, line: _CallClient) -> CallCount:
        count, until = CallCount(), time.monotonic() + _TURN.total_seconds()
        while not self._stop() and time.monotonic() < until:
            with self._db.read() as session:
                calls = due_calls(session, webhook.id or 0, self._clock.now(), most=_AT_ONCE)
            if not calls:
                break
            for call in calls:
                if self._stop() or self._lease.lost:
                    return count
                answer = line.call(call.key, call.body)
                taken = answer.meaning is AnswerMeaning.TAKEN
                count += CallCount(called=int(taken), failed=int(not taken))
                if not self._settle(webhook, call, answer):
                    return count
        return count

    def _settle(self, webhook: Hook, call: DueCall, answer: CallAnswer) -> bool:
        """Write down what came of a call; return whether the turn goes on."""
        now = self._clock.now()
        settled = {
            AnswerMeaning.TAKEN: self._taken,
            AnswerMeaning.REFUSED: self._refused,
            AnswerMeaning.FAILING: self._failing,
            AnswerMeaning.GONE: self._gone,
        }[answer.meaning]
        with self._db.write() as session:
            goes_on = settled(session, webhook, call, answer, now)
        if answer.meaning is not AnswerMeaning.TAKEN:
            log.warning("webhook.failed", webhook=self._name, call=call.id, reason=answer.said)
        return goes_on

    def _taken(self, session: Session, webhook: Hook, call: DueCall, answer: CallAnswer, now: datetime) -> bool:
        del answer
        take_note(session, call.id, now)
        works = {"failures": 0, "failing_since": None, "retry_at": None, "last_error": None}
        held = self._lease.change(session, **works, last_success_at=now, sent_calls=_W.sent_calls + 1)
        if webhook.failing_since is not None:
            end_findings(session, PROGRAM_FAILING, [self._name])
            webhook.failing_since = None
        webhook.failures = 0
        return held

    def _refused(self, session: Session, webhook: Hook, call: DueCall, answer: CallAnswer, now: datetime) -> bool:
        put_off(session, call.id, answer.said, self._pause(call.attempts + 1, answer), now)
        return self._fails(session, webhook, answer, now)

    def _failing(self, session: Session, webhook: Hook, call: DueCall, answer: CallAnswer, now: datetime) -> bool:
        pause = self._pause(webhook.failures + 1, answer)
        count_try(session, webhook.id or 0, call.id, answer.said, pause, now)
        self._fails(session, webhook, answer, now, failures=_W.failures + 1, retry_at=now + pause)
        return False

    def _gone(self, session: Session, webhook: Hook, call: DueCall, answer: CallAnswer, now: datetime) -> bool:
        del call
        stands = {"disabled_at": now, "last_error": answer.said, "failing_since": None}
        if not self._lease.change(session, **stands, failed_tries=_W.failed_tries + 1):
            return False  # removed, or another's by now
        lost = give_up_all(session, webhook.id or 0, answer.said)
        end_findings(session, PROGRAM_FAILING, [self._name])
        text = (
            f"The webhook {self._name} ({_host(webhook)}) wants no more calls (410 Gone), and gets none; "
            f"{counted(lost, 'call')} given up. To call it again: trialalerts webhooks resume {self._name}"
        )
        note_finding(session, PROGRAM_GONE, self._name, text, now=now)
        log.error("webhook.disabled", webhook=self._name, given_up=lost)
        return False

    def _fails(self, session: Session, webhook: Hook, answer: CallAnswer, now: datetime, **values: object) -> bool:
        """Note that a try failed; give up what has waited for too long."""
        since = func.coalesce(_W.failing_since, now)
        stands = {"failing_since": since, "last_error": answer.said, "failed_tries": _W.failed_tries + 1}
        if not self._lease.change(session, **stands, **values):
            return False  # removed, or another's by now
        webhook.failing_since = webhook.failing_since or now
        host = _host(webhook)
        text = f"The webhook {self._name} ({host}) takes no calls: {answer.said}; see: trialalerts webhooks list"
        note_finding(session, PROGRAM_FAILING, self._name, text, now=now)
        if given_up := give_up(session, webhook.id or 0, self._settings.webhooks.give_up_after):
            text = (
                f"Calls of the webhook {self._name} ({host}) were given up: {answer.said}. "
                f"Once it works: trialalerts webhooks replay {self._name} --since 7d"
            )
            note_finding(session, CALLS_GIVEN_UP, self._name, text, now=now)
            log.error("webhook.given_up", webhook=self._name, calls=given_up)
        return True

    def _pause(self, failures: int, answer: CallAnswer) -> timedelta:
        return max(backoff(failures, self._random), timedelta(seconds=answer.retry_after))


class _CallClient:
    """The way to one program, open for as long as its turn lasts."""

    def __init__(self, settings: Settings, webhook: Hook, clock: Clock, *, stop: Callable[[], bool]) -> None:
        self._settings = settings
        self._webhook = webhook
        self._clock = clock
        own = settings.webhooks
        network = PublicNetwork(allow_private=own.allow_private_addresses, stop=stop)
        self._client = PostClient(
            timeout=own.timeout.total_seconds(),
            network=network,
            longest=_LONGEST_ANSWER,
            contact=settings.http.contact,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, key: str, body: str) -> CallAnswer:
        """Make one call and return what came of it.

        Raises:
            Interrupted: the program was told to stop.
        """
        now = self._clock.now()
        secrets = secrets_of(self._webhook, self._settings.service.secrets, now)
        if not secrets:
            said = (
                f"its secret was lost with a service.secret; make one: trialalerts webhooks rotate {self._webhook.name}"
            )
            return CallAnswer(meaning=AnswerMeaning.FAILING, said=said)
        headers = signed_headers(secrets, f"{self._webhook.name}-{key}", body, now)
        headers |= {"Content-Type": "application/json"}
        request = PostRequest(url=self._webhook.url, body=body.encode(), headers=headers)
        try:
            checked_webhook_url(self._webhook.url, self._settings.webhooks)
            reply = self._client.post(request)
        except InvalidInput as error:
            return CallAnswer(meaning=AnswerMeaning.FAILING, said=str(error))
        except (NotConnected, NoAnswer) as error:
            return CallAnswer(meaning=AnswerMeaning.FAILING, said=f"no answer: {error}")
        said = f"it answered {reply.status}" + (", and redirects are not followed" if 300 <= reply.status < 400 else "")  # noqa: PLR2004 - 3xx
        pause = reply.retry_after(self._clock) or 0.0
        return CallAnswer(meaning=meaning_of(reply.status), said=said, retry_after=pause)


def _host(webhook: Hook) -> str:
    return urlsplit(webhook.url).hostname or ""
