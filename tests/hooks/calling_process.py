"""A process that calls webhooks until nothing is due, to be killed: ``python -m tests.hooks.calling_process URL``."""

from __future__ import annotations

import sys

from tests.hooks.stage import SETTINGS
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.hooks.calls import WebhookCalls

if __name__ == "__main__":
    WebhookCalls(SETTINGS, open_database(sys.argv[1]), SystemClock()).finish()
