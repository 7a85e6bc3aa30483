"""A process that nudges until nothing is due, to be killed: ``python -m tests.nudges.telling_process URL ROOT``."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import cast

from tests.nudges.stage import nudge, settings_with, way_to
from tests.sources.registry_server import RegistryServer
from trialalerts.clock import SystemClock
from trialalerts.database import open_database

if __name__ == "__main__":
    server = cast("RegistryServer", SimpleNamespace(root=sys.argv[2]))
    nudge(open_database(sys.argv[1]), SystemClock(), settings_with(way_to(server)))
