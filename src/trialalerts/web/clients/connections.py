"""The open connections of the web port: nobody holds so many, or one so long, that others find the door shut.

A request's head has to come within seconds, however slowly its bytes drip. One client has so many connections at once,
and all clients together so many; where there is one more, the one for which we have waited longest is closed, so that
whoever has something to say is let in. Trusted proxies speak for many people: only the time for a head holds for them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from trialalerts.web.clients.limits import client_of
from trialalerts.web.clients.proxies import TrustedProxies

__all__ = ["HEAD_SECONDS", "MOST_BY_CLIENT", "MOST_CONNECTIONS", "Connections", "connection_class"]

HEAD_SECONDS = 10.0
MOST_BY_CLIENT = 50
MOST_CONNECTIONS = 500


class Connections:
    """Those that are open, and for which of them we wait, the longest first."""

    def __init__(
        self, trusted: TrustedProxies, *, by_client: int = MOST_BY_CLIENT, most: int = MOST_CONNECTIONS
    ) -> None:
        self._trusted = trusted
        self._by_client = by_client
        self._most = most
        self._open: dict[str, set[_Connection]] = {}
        self._waiting: OrderedDict[_Connection, None] = OrderedDict()
        self._count = 0

    def admit(self, connection: _Connection) -> bool:
        """Let a connection in, where needed in the place of one that waits; False where none of them does."""
        if connection.peer in self._trusted:
            return True
        theirs = self._open.setdefault(connection.client_key, set())
        if len(theirs) >= self._by_client and not self._close_waiting(theirs):
            return False
        if self._count >= self._most and not self._close_waiting(None):
            return False
        theirs.add(connection)
        self._count += 1
        return True

    def leave(self, connection: _Connection) -> None:
        """Forget a connection that is closed."""
        self._waiting.pop(connection, None)
        theirs = self._open.get(connection.client_key, set())
        if connection in theirs:
            theirs.remove(connection)
            self._count -= 1
            if not theirs:
                del self._open[connection.client_key]

    def waits(self, connection: _Connection, *, waits: bool) -> None:
        """Note that we wait for a request on a connection, or no longer."""
        if not waits:
            self._waiting.pop(connection, None)
        elif connection in self._open.get(connection.client_key, ()):
            self._waiting.setdefault(connection)

    def _close_waiting(self, theirs: set[_Connection] | None) -> bool:
        """Close the connection, of these or of all, for which we have waited longest."""
        oldest = next((each for each in self._waiting if theirs is None or each in theirs), None)
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.cut_off()
        return True


class _Connection(H11Protocol):
    """One connection, which waits for the head of a request only so long."""

    among: Connections
    head_seconds: float
    _head_timer: asyncio.TimerHandle | None = None
    peer = ""
    client_key = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        self.client_key = client_of(self.peer)
        if self.among.admit(self):
            self._look()
        else:
            self.cut_off()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self.among.leave(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def cut_off(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.abort()

    def _look(self) -> None:
        """Begin to wait, or stop waiting: a client that is idle owes the head of a request, another its body."""
        closes, state = self.transport.is_closing(), self.conn.their_state
        self.among.waits(self, waits=not closes and state in {h11.IDLE, h11.SEND_BODY})
        if closes or state is not h11.IDLE:
            self._stop_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.cut_off)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def connection_class(among: Connections, head_seconds: float = HEAD_SECONDS) -> type[asyncio.Protocol]:
    """Return the class of connections for one server of uvicorn, which makes one for each that it accepts."""
    values: dict[str, Any] = {"among": among, "head_seconds": head_seconds}
    return type("Connection", (_Connection,), values)
