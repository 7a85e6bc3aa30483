"""A sender of messages to the nurse in a process of its own: ``-m tests.web.handoff_process DATABASE PORT MINUTES``."""

from __future__ import annotations

import sys
from datetime import timedelta

from tests.delivery.post import NOW
from tests.web.conftest import settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.delivery.sending.sender import send_queued
from trialalerts.delivery.transports import open_transport
from trialalerts.digests.rendering.renderer import MailRenderer
from trialalerts.settings import HandoffSettings

NURSE = "nurse@trials.example"
SETTINGS = settings_of(handoff=HandoffSettings(address=f"Research Nurse <{NURSE}>"))


def main() -> None:
    """Send all that is queued, ``MINUTES`` after the tests' moment."""
    database, port, minutes = sys.argv[1:]
    clock = FrozenClock(NOW + timedelta(minutes=int(minutes)))
    with open_database(database) as db:
        transport = open_transport(f"smtp://127.0.0.1:{port}?connections=1")
        send_queued(db, transport, MailRenderer(SETTINGS, clock), settings=SETTINGS, clock=clock)


if __name__ == "__main__":
    main()
