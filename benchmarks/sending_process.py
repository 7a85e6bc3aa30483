"""Sends what is queued, prints what it came to: ``-m benchmarks.sending_process DATABASE PORT CONNECTIONS LIMIT``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from sqlmodel import Session

from benchmarks.figures import peak_megabytes
from benchmarks.letters import SETTINGS
from trialalerts.cli.main import collect_seldom
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.delivery.mail.message import Message, to_bytes
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports import open_transport
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.logs import configure_logs
from trialalerts.subscribers.tables import Subscriber


def main() -> None:
    """Say that we are ready, wait for a line, send; say in JSON how many, and what it took of processor and memory."""
    database, port, connections, limit = sys.argv[1:]
    configure_logs(json_lines=False)
    clock = SystemClock()
    transport = open_transport(f"smtp://127.0.0.1:{port}?connections={connections}")
    renderer = _Weighed(SETTINGS, clock)
    collect_seldom()  # as the daemon does
    with open_database(database) as db:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        cpu = time.process_time()
        count = send_queued(db, transport, renderer, settings=SETTINGS, clock=clock, limit=int(limit))
        worked = time.process_time() - cpu
    memory = peak_megabytes()
    if count.broken:
        raise RuntimeError(count.broken)
    told = {"sent": count.sent, "cpu": worked, "megabytes": memory, "size": renderer.size}
    sys.stdout.write(json.dumps(told))


class _Weighed(MailRenderer):
    """Writes as always and weighs the first mail."""

    size = 0

    def __call__(
        self, session: Session, mails: Sequence[tuple[Delivery, Subscriber]]
    ) -> list[Message | Exception | None]:
        """Write the messages of a slice."""
        written = super().__call__(session, mails)
        if not self.size and isinstance(written[0], Message):
            self.size = len(to_bytes(written[0]))
        return written


if __name__ == "__main__":
    main()
