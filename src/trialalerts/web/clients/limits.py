"""The limit on sign-ups from one client, kept in memory: it slows an abuser, no more."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from threading import Lock

from trialalerts.clock import Clock

__all__ = ["ClientLimit", "client_of"]

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
    """Lets each client do ``times`` things within ``within``; counts begin anew when the span is over."""

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
