"""A sender that is killed at any moment: nothing is lost, and what comes twice bears the same Message-ID."""

from __future__ import annotations

import email
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest
from sqlmodel import col, select

from tests.conftest import REPOSITORY
from tests.delivery.chaos_server import Act, ChaosServer, Moment, running
from tests.delivery.post import NOW, deliveries, queue_for
from tests.delivery.sending_process import in_flight
from tests.programs import Program, start
from trialalerts.database import Database
from trialalerts.delivery.outbox.tables import Delivery, DeliveryState
from trialalerts.operations.counting.report import Report, make_report

SOAK = bool(os.environ.get("TRIALALERTS_TEST_SOAK"))
DIGESTS = 20_000 if SOAK else 300
KILLS = 50 if SOAK else 4
ENDS = 10 if SOAK else 1
MOMENTS: tuple[Moment, ...] = ("MAIL", "RCPT", "DATA", "CONTENT", "END")
LIFE = 11
"""Minutes from one life of the sender to the next: the leases of the last one are over by then."""


@dataclass
class Assassin:
    """Ends the sender in the middle of its so-many-th message, at any point of the conversation."""

    dice: Random
    victim: Program | None = None
    how: signal.Signals = signal.SIGKILL
    after: int = 0
    moment: Moment = "END"
    seen: Counter[str] = field(default_factory=Counter)

    def aim(self, how: signal.Signals, after: int) -> None:
        """Choose the next moment."""
        self.how, self.after, self.moment = how, after, self.dice.choice(MOMENTS)
        self.seen.clear()

    def __call__(self, moment: Moment, about: str, connection: int) -> Act | None:
        """Strike when the time has come; the server does as usual."""
        del about, connection
        self.seen[moment] += 1
        if moment == self.moment and self.seen[moment] == self.after and self.victim is not None:
            self.victim.send_signal(self.how)
            if self.how is signal.SIGKILL:
                self.victim.wait()
        return None


@contextmanager
def one_life(db: Database, port: int, number: int) -> Iterator[Program]:
    url = db.engine.url.render_as_string(hide_password=False)
    words = (url, str(port), str(number * LIFE))
    with start("tests.delivery.sending_process", *words, folder=REPOSITORY) as process:
        yield process


def sent(db: Database) -> set[str]:
    """Return whose mail is written down as sent."""
    with db.read() as session:
        found = session.exec(select(Delivery.key).where(col(Delivery.state) == DeliveryState.SENT))
        return {(key or "").removeprefix("digest/") for key in found}


def report(db: Database) -> Report:
    with db.read() as session:
        return make_report(session, now=NOW + timedelta(hours=1), days=30)


@pytest.mark.soak
def test_a_sender_that_is_killed_again_and_again_loses_nothing_and_repeats_only_what_was_in_flight(
    db: Database,
) -> None:
    dice = Random(20260302)
    queue_for(db, [f"n{number}" for number in range(DIGESTS)])
    ends = [signal.SIGKILL] * KILLS + [signal.SIGTERM] * ENDS
    dice.shuffle(ends)
    assassin = Assassin(dice)
    server = ChaosServer(plan=assassin)
    doubtful, struck = 0, Counter[str]()
    with running(server) as port:
        for number, how in enumerate(ends):
            left = DIGESTS - len(server.copies())
            assassin.aim(how, dice.randint(1, max(1, 2 * left // (len(ends) - number + 1))))
            before = len(server.stored)
            with one_life(db, port, number) as assassin.victim:
                code = assassin.victim.wait()
            struck[how.name] += code == (-signal.SIGKILL if how is signal.SIGKILL else 0)
            assert sum(report(db).deliveries.values()) == DIGESTS
            in_doubt = len({to.partition("@")[0] for _, to, _ in server.stored[before:]} - sent(db))
            assert in_doubt <= (in_flight() if how is signal.SIGKILL else 0)
            doubtful += in_doubt
        with one_life(db, port, len(ends)) as last:
            assert last.wait() == 0
    copies = server.copies()
    assert struck == {"SIGKILL": KILLS, "SIGTERM": ENDS}
    assert len(copies) == DIGESTS
    assert copies.total() - DIGESTS <= doubtful <= KILLS * in_flight()
    message_ids = {email.message_from_bytes(content)["Message-ID"] for _, _, content in server.stored}
    assert message_ids == {row.message_id for row in deliveries(db).values()}
    assert report(db).deliveries == {DeliveryState.SENT: DIGESTS}
    assert report(db).mails["sent"] == DIGESTS


def test_a_sender_that_is_told_to_end_repeats_nothing(db: Database) -> None:
    queue_for(db, [f"n{number}" for number in range(400)])
    assassin = Assassin(Random(1))
    server = ChaosServer(plan=assassin)
    with running(server) as port:
        for number in range(3):
            assassin.aim(signal.SIGTERM, 20)
            # the same minute each time: what was not sent is free again at once, without waiting for a lease
            with one_life(db, port, 0) as assassin.victim:
                assert assassin.victim.wait() == 0
            assert report(db).deliveries[DeliveryState.SENT] == len(server.copies()), number
        assassin.aim(signal.SIGTERM, 0)
        with one_life(db, port, 0) as assassin.victim:
            assert assassin.victim.wait() == 0
    assert Counter(server.copies().values()) == {1: 400}
    assert {row.attempts for row in deliveries(db).values()} == {1}
