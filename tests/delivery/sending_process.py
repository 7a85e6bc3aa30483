"""A sender in a process of its own, to be killed: ``-m tests.delivery.sending_process DATABASE PORT MINUTES``."""

from __future__ import annotations

import sys
from datetime import timedelta

from tests.delivery.post import NOW, render, settings
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.delivery.sender import send_queued
from trialalerts.delivery.transports import open_transport


def main() -> None:
    """Send all that is queued, ``MINUTES`` after the tests' moment."""
    database, port, minutes = sys.argv[1:]
    send_queued(
        open_database(database),
        open_transport(f"smtp://127.0.0.1:{port}"),
        render,
        settings=settings(batch=20),
        clock=FrozenClock(NOW + timedelta(minutes=int(minutes))),
    )


if __name__ == "__main__":
    main()
