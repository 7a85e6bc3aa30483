"""A sender that is killed: nothing is lost, and what comes twice bears the same Message-ID."""

from __future__ import annotations

import email
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.conftest import REPOSITORY
from tests.delivery.mailserver import Mailbox, running
from tests.delivery.post import deliveries, queue_for, states
from trialalerts.database import Database
from trialalerts.delivery.tables import DeliveryState

PEOPLE = 50
KILLS = (3, 17, 26, 38)
ACKNOWLEDGED_TOGETHER = 10


@dataclass
class KillingMailbox(Mailbox):
    """Accepts a message and kills its sender before it can hear so."""

    victim: subprocess.Popen[bytes] | None = None
    kill_at: int | None = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the message; kill the sender when its time has come."""
        reply = await super().handle_DATA(server, session, envelope)
        if len(self.received) == self.kill_at and self.victim is not None:
            self.victim.kill()
            self.victim.wait()
        return reply


def test_a_killed_sender_loses_nothing_and_repeats_only_what_was_in_flight(db: Database) -> None:
    names = [f"n{number}" for number in range(PEOPLE)]
    queue_for(db, names)
    mailbox = KillingMailbox()
    url = db.engine.url.render_as_string(hide_password=False)
    with running(mailbox) as port:
        for life, kill_at in enumerate((*KILLS, None)):
            mailbox.kill_at = kill_at
            command = [sys.executable, "-m", "tests.delivery.sending_process", url, str(port), str(life * 11)]
            with subprocess.Popen(command, cwd=REPOSITORY) as mailbox.victim:
                code = mailbox.victim.wait()
            assert code == (-9 if kill_at else 0)
    assert set(states(db).values()) == {DeliveryState.SENT}
    copies = Counter(to.partition("@")[0] for _, to, _ in mailbox.received)
    assert copies.keys() == set(names)
    assert sum(copies.values()) - PEOPLE <= len(KILLS) * ACKNOWLEDGED_TOGETHER
    message_ids = {email.message_from_bytes(content)["Message-ID"] for _, _, content in mailbox.received}
    assert message_ids == {row.message_id for row in deliveries(db).values()}
