"""Errors that say nothing of the other side: there is no network, or no name server."""

from __future__ import annotations

import errno
import socket

__all__ = ["is_no_network"]

_AWAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


def is_no_network(error: BaseException | None) -> bool:
    """Tell whether an error, or what it came from, says that the other side could not be asked."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, socket.gaierror | TimeoutError) or (isinstance(error, OSError) and error.errno in _AWAY):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
