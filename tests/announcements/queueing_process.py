"""A process that queues what was announced, to be killed: ``python -m tests.announcements.queueing_process URL``."""

from __future__ import annotations

import sys

from tests.digests.stage import SETTINGS
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.digests.announcements import queueing

if __name__ == "__main__":
    queueing.PAGE = 8
    database = open_database(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    queueing.queue_unfinished(database, SETTINGS, SystemClock())
    sys.stdout.write("done\n")
