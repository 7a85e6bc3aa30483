"""A sender in a process of its own, to be killed: ``-m tests.delivery.sending_process DATABASE PORT MINUTES``."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import timedelta

from tests.delivery.post import NOW, render, settings
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.delivery.sending.sender import most_in_flight, send_queued
from trialalerts.delivery.transports import Transport, open_transport

SETTINGS = settings(batch=60)


def transport(port: int) -> Transport:
    """Return the transport that is used: two connections."""
    return open_transport(f"smtp://127.0.0.1:{port}?connections=2")


def in_flight(port: int = 25) -> int:
    """Return how many messages may be in flight."""
    return most_in_flight(transport(port), SETTINGS)


def main() -> None:
    """Send all that is queued, ``MINUTES`` after the tests' moment; SIGTERM ends it as the daemon ends."""
    database, port, minutes = sys.argv[1:]
    told_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told_to_stop.set())
    with open_database(database) as db:
        send_queued(
            db,
            transport(int(port)),
            render,
            settings=SETTINGS,
            clock=FrozenClock(NOW + timedelta(minutes=int(minutes))),
            stop=told_to_stop.is_set,
        )


if __name__ == "__main__":
    main()
