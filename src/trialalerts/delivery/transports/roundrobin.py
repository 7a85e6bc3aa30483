"""Owns ``roundrobin(URL URL …)``: the transports take turns; one that does not work rests for a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.members import BENCH, MemberChannel, Members, members_of

__all__ = ["RoundRobinTransport", "open_members"]


class RoundRobinTransport:
    """Sends through its members in turn, each call through the next that works.

    Args:
        transports: the members.
        monotonic: gives seconds that only grow.
        bench: how many seconds a member rests that does not work.
    """

    name = "roundrobin"

    def __init__(
        self, transports: Sequence[Transport], *, monotonic: Callable[[], float] = time.monotonic, bench: float = BENCH
    ) -> None:
        self.members = Members(transports, rotating=True, monotonic=monotonic, bench=bench)

    @property
    def batch(self) -> int:
        """What every member takes at once."""
        return self.members.batch

    @property
    def connections(self) -> int:
        """What every member bears at once."""
        return self.members.connections

    def open(self) -> MemberChannel:
        """Return a channel with a way to each member."""
        return MemberChannel(self.members)


def open_members(inner: str) -> RoundRobinTransport:
    """Open what stands between the parentheses of ``roundrobin(…)``.

    Raises:
        ConfigurationError: a member's URL makes no sense, or there are fewer than two.
    """
    return RoundRobinTransport([open_transport(url) for url in members_of(inner)])
