"""The program as it is, only with short pauses between the daemon's steps: ``-m tests.short_pauses run``."""

from __future__ import annotations

from trialalerts import daemon
from trialalerts.cli.main import main

if __name__ == "__main__":
    daemon._POLL_SECONDS = daemon._COMPOSE_SECONDS = daemon._SEND_SECONDS = 1
    main()
