"""The limits on what one client may do: they slow an abuser, no more."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from threading import Lock

from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.delivery.outbox.request_limits import count_client

__all__ = ["ClientLimit", "SharedClientLimit", "client_of"]

_MOST_CLIENTS = 20_000


def client_of(host: str | None) -> str:
    """Return what stands for a client: its IPv4 address, or the /64 network of its IPv6 address."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return address.exploded[:19]
    return str(address)


class ClientLimit:
    """Lets each client do ``times`` things within ``within``, then counts anew; kept in memory, for one process."""

    def __init__(self, clock: Clock, *, times: int, within: timedelta) -> None:
        self._clock = clock
        self._times = times
        self._within = within
        self._seen: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._lock = Lock()

    def wait(self, client: str) -> int:
        """Count one more; return 0 where it is allowed, else the seconds until it is."""
        now = self._clock.now()
        with self._lock:
            since, count = self._seen.get(client, (now, 0))
            if not timedelta() <= now - since < self._within:
                since, count = now, 0
            self._seen[client] = (since, count + 1)
            self._seen.move_to_end(client)
            while len(self._seen) > _MOST_CLIENTS:
                self._seen.popitem(last=False)
        return 0 if count < self._times else max(1, round((since + self._within - now).total_seconds()))


class SharedClientLimit:
    """The same in the database: all processes and machines share it, and a restart forgets nothing.

    What this process alone has counted too often does not get that far, so that a flood costs the database no more than
    what is allowed.
    """

    def __init__(self, db: Database, clock: Clock, *, secret: str, times: int, within: timedelta) -> None:
        self._db = db
        self._clock = clock
        self._secret = secret
        self._times = times
        self._within = within
        self._own = ClientLimit(clock, times=times, within=within)

    def wait(self, client: str) -> int:
        """Count one more; return 0 where it is allowed, else the seconds until it is."""
        if seconds := self._own.wait(client):
            return seconds
        now = self._clock.now()
        with self._db.write() as session:
            return count_client(session, client, self._secret, times=self._times, within=self._within, now=now)
