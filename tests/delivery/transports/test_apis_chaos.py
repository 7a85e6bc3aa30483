"""Whatever a provider does, the books agree: nothing is lost, and what comes twice is no more than was in doubt."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pytest

from tests.delivery.provider_desks import DESKS, BrevoDesk
from tests.delivery.provider_servers import (
    Fault,
    ProviderServer,
    cut_off,
    envelopes,
    failing,
    garbled,
    hung_up,
    running,
    throttled,
)
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Refused
from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.providers.brevo import key_of

FAULTS = (
    hung_up(obeyed=True),
    hung_up(obeyed=False),
    failing(500, b"oops"),
    failing(500, b"oops", obeyed=True),
    failing(502, b"<html>bad gateway</html>", obeyed=True),
    failing(503, headers={"Retry-After": "2"}),
    throttled({"Retry-After": "1"}),
    throttled({}),
    failing(401, b"{}"),
    failing(400, b'{"message": "?"}'),
    failing(302, headers={"Location": "http://127.0.0.1:9/"}),
    garbled(),
    cut_off(),
)
SHARE = 0.4
SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
MOST_TRIES = 20
HALF_AN_HOUR = 1_800.0


def plan(seed: int) -> Callable[[], Fault | None]:
    """Return what says by dice what goes wrong with a request."""
    dice, lock = Random(seed), threading.Lock()

    def thrown() -> Fault | None:
        with lock:
            return dice.choice(FAULTS) if dice.random() < SHARE else None

    return thrown


def books_agree(scheme: str, seed: int, *, messages: int, channels: int) -> None:
    """Send until all is settled, as the sender does, and compare with what the provider has."""
    sent = envelopes(messages)
    books: list[tuple[Counter[str], Counter[str]]] = []
    with running(DESKS[scheme]()) as server:
        server.plan = plan(seed)
        transport = open_transport(server.url + ("&batch=4" if server.desk.distinct_batches else ""))
        threads = [
            threading.Thread(target=lambda part=part: books.append(settled(transport, server, part)))
            for part in (sent[each::channels] for each in range(channels))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        copies = Counter(mail.recipient for mail in server.desk.mails)
    accepted = sum((each for each, _ in books), Counter())
    doubtful = sum((each for _, each in books), Counter())
    assert accepted == {each.recipient: 1 for each in sent}, "nothing is lost, nothing told twice as sent"
    assert len(server.requests) > len(sent) // transport.batch, "this seed puts nothing to the test"
    assert set(copies) == set(accepted)
    for each in sent:
        assert 1 <= copies[each.recipient] <= 1 + doubtful[each.recipient]


def settled(
    transport: Transport, server: ProviderServer, part: Sequence[Envelope]
) -> tuple[Counter[str], Counter[str]]:
    """Send until nothing waits; return who was accepted, and how often nobody knew."""
    channel = transport.open()
    accepted: Counter[str] = Counter()
    doubtful: Counter[str] = Counter()
    waiting = list(part)
    for _ in range(MOST_TRIES * len(part)):
        some, waiting = waiting[: transport.batch], waiting[transport.batch :]
        for each, outcome in zip(some, channel.send(some), strict=True):
            if isinstance(outcome, Accepted):
                accepted[each.recipient] += 1
                continue
            waiting.append(each)
            if isinstance(outcome, Refused):
                assert not outcome.permanent
                doubtful[each.recipient] += 1
            if outcome.retry_after == HALF_AN_HOUR and isinstance(server.desk, BrevoDesk):
                server.desk.keys.discard(key_of(each))  # it goes by
        if not waiting:
            break
    channel.close()
    return accepted, doubtful


@pytest.mark.soak
@pytest.mark.parametrize("scheme", sorted(DESKS))
def test_in_any_chaos_the_books_agree(scheme: str) -> None:
    for seed in range(20 if SOAK else 2):
        books_agree(scheme, seed, messages=600 if SOAK else 100, channels=4)
