"""One machine: the program as it is, only with short pauses and leases: ``-m tests.many_machines.machine run …``.

What turns back is held a second instead of a day. The leases are still far longer than anything that is done under
them, so that only who dies or is frozen loses one.
"""

from __future__ import annotations

from datetime import timedelta

from trialalerts import daemon
from trialalerts.catalog.changes import flapping
from trialalerts.cli.main import main
from trialalerts.database import engine
from trialalerts.delivery.outbox import lifecycle
from trialalerts.delivery.sending import sender
from trialalerts.sources.polling import state

POLL_LEASE = timedelta(seconds=8)
SEND_LEASE = timedelta(seconds=16)

if __name__ == "__main__":
    daemon._POLL_SECONDS = daemon._COMPOSE_SECONDS = daemon._SEND_SECONDS = 1
    engine.PATIENCE = state.LEASE = POLL_LEASE
    sender.LEASE = SEND_LEASE
    flapping._DAY = timedelta(seconds=1)
    sender._LEASE_MARGIN = timedelta(seconds=10)
    lifecycle._FIRST_WAIT = timedelta(milliseconds=500)
    main()
