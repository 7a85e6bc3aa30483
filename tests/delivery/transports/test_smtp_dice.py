"""A server that throws dice at every step: whatever comes, its books and ours agree."""

from __future__ import annotations

import os
import threading
from collections import Counter
from random import Random

import pytest

from tests.delivery.chaos_server import CLOSE, RESET, Act, ChaosServer, Moment, Plan, running
from tests.delivery.transports.test_smtp_chaos import CLOSING, PATIENT, letters, unknown
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Refused
from trialalerts.delivery.transports.smtp.transport import SmtpChannel, SmtpServer, SmtpTransport

RUNS = 50 if os.environ.get("TRIALALERTS_TEST_SOAK") else 2

FAULTS: dict[Moment, tuple[Act, ...]] = {
    "CONNECT": (CLOSE, RESET, CLOSING, Act(say="SSH-2.0-chaos", then="close")),
    "EHLO": (CLOSE, RESET, CLOSING),
    "RSET": (CLOSE, CLOSING),
    "MAIL": (CLOSE, RESET, CLOSING, Act(say="451 4.3.0 later"), Act(say="what?")),
    "RCPT": (CLOSE, RESET, CLOSING, Act(say="450 4.2.0 greylisted"), Act(say="550 5.1.1 unknown")),
    "DATA": (CLOSE, RESET, CLOSING, Act(say="451 4.3.0 later")),
    "CONTENT": (Act(after=40, then="close"), Act(after=200, then="reset")),
    "END": (
        CLOSE,
        RESET,
        CLOSING,
        Act(say="552 5.3.4 too large after all"),
        Act(say="451 4.3.0 later"),
        Act(keep=True, then="close"),
        Act(keep=True, then="reset"),
        Act(say="250 2.0.0 Ok", then="close"),
    ),
}


def dice(seed: int, probability: float) -> Plan:
    random, lock = Random(seed), threading.Lock()

    def plan(moment: Moment, about: str, connection: int) -> Act | None:
        del about, connection
        with lock:
            if moment in FAULTS and random.random() < probability:
                return random.choice(FAULTS[moment])
        return None

    return plan


def send_until_settled(
    channel: SmtpChannel, server: ChaosServer, waiting: list[Envelope]
) -> tuple[Counter[str], Counter[str], int]:
    """Send as the outbox would, again and again; return who was accepted, how often nobody knew, and the permanent."""
    accepted: Counter[str] = Counter()
    doubtful: Counter[str] = Counter()
    hopeless = 0
    for _ in range(200):
        if not waiting:
            break
        batch, waiting = waiting[:20], waiting[20:]
        before = server.copies()
        for sent, outcome in zip(batch, channel.send(batch), strict=True):
            came = server.copies()[sent.recipient] - before[sent.recipient]
            if isinstance(outcome, Accepted):
                assert came == 1
                accepted[sent.recipient] += 1
                continue
            assert came <= unknown(outcome)
            doubtful[sent.recipient] += unknown(outcome)
            if isinstance(outcome, Refused) and outcome.permanent:
                hopeless += 1
            else:
                waiting.append(sent)
    assert not waiting
    return accepted, doubtful, hopeless


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_in_any_chaos_the_books_agree(seed: int, pipelining: bool) -> None:
    books_agree(seed, pipelining=pipelining, messages=120, channels=3)


@pytest.mark.soak
@pytest.mark.parametrize("pipelining", [True, False])
def test_in_long_chaos_the_books_agree(pipelining: bool) -> None:
    for seed in range(100, 100 + RUNS):
        books_agree(seed, pipelining=pipelining, messages=1_000, channels=5)


def books_agree(seed: int, *, pipelining: bool, messages: int, channels: int) -> None:
    server = ChaosServer(plan=dice(seed, 0.03), pipelining=pipelining)
    sent = letters(messages)
    results: list[tuple[Counter[str], Counter[str], int]] = []
    with running(server) as port:
        transport = SmtpTransport(SmtpServer(host="127.0.0.1", port=port, tls="none", timeout=PATIENT))

        def work(part: list[Envelope]) -> None:
            channel = transport.open()
            results.append(send_until_settled(channel, server, part))
            channel.close()

        threads = [threading.Thread(target=work, args=(sent[each::channels],)) for each in range(channels)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        copies = server.copies()
    assert len(results) == channels
    accepted = sum((each for each, _, _ in results), Counter())
    doubtful = sum((each for _, each, _ in results), Counter())
    assert sum(accepted.values()) + sum(hopeless for *_, hopeless in results) == messages
    for each in sent:
        assert accepted[each.recipient] <= copies[each.recipient] <= accepted[each.recipient] + doubtful[each.recipient]
    assert server.violations == []
