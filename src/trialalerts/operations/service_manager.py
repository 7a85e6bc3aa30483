"""What the daemon tells systemd: that it is ready, lives, reloads, ends.

A datagram to the socket that ``$NOTIFY_SOCKET`` names (sd_notify(3)); without one nobody is told anything. The watchdog
is fed by the daemon's main loop alone: a source that hangs holds up a thread of its own, never the pages.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

from trialalerts.logs import Logger

__all__ = ["ServiceManager"]

log = Logger()


class ServiceManager:
    """The systemd that started this process, if it did.

    The variables are taken away: what this process starts is not to speak for it.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        self._socket = environment.pop("NOTIFY_SOCKET", "")
        asked = environment.pop("WATCHDOG_USEC", "")
        meant = environment.pop("WATCHDOG_PID", "") in {"", str(os.getpid())}
        # Three times as often as it must be: a busy machine may be late.
        self._every = int(asked) / 3_000_000 if asked.isdigit() and int(asked) and meant else None
        self._next = 0.0

    def ready(self) -> None:
        """Tell that the pages are served and the steps are set to the clock; also that reloading is over."""
        self._tell("READY=1")

    def lives(self) -> None:
        """Tell that the main loop goes on, where systemd watches; to be called again and again."""
        if self._every is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """Tell that the configuration is read anew; :meth:`ready` is to follow."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Tell that the end has begun."""
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if not self._socket:
            return
        # A name that begins with @ is an abstract one: it stands in no folder.
        address = "\0" + self._socket[1:] if self._socket.startswith("@") else self._socket
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
                way.settimeout(1.0)
                way.sendto(state.encode(), address)
        except OSError as error:
            log.warning(
                "systemd.not_told", state=state.partition("\n")[0], error=error.strerror or type(error).__name__
            )
