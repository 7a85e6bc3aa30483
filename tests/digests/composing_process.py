"""A process that composes for everybody who is due, to be killed: ``python -m tests.digests.composing_process URL``."""

from __future__ import annotations

import sys

from tests.digests.stage import SETTINGS
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.digests import compose

if __name__ == "__main__":
    compose.BATCH = 50
    database = open_database(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    compose.compose_due(database, SETTINGS, SystemClock())
    sys.stdout.write("done\n")
