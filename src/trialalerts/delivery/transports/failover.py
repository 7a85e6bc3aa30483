"""Owns ``failover(URL URL …)``: the first transport that works takes the mail; one that does not rests for a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.members import BENCH, MemberChannel, Members, members_of

__all__ = ["FailoverTransport", "open_members"]


class FailoverTransport:
    """Sends through the first of its members that works.

    Args:
        transports: the members, the favourite first.
        monotonic: gives seconds that only grow.
        bench: how many seconds a member rests that does not work.
    """

    name = "failover"

    def __init__(
        self, transports: Sequence[Transport], *, monotonic: Callable[[], float] = time.monotonic, bench: float = BENCH
    ) -> None:
        self.members = Members(transports, rotating=False, monotonic=monotonic, bench=bench)

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


def open_members(inner: str) -> FailoverTransport:
    """Open what stands between the parentheses of ``failover(…)``.

    Raises:
        ConfigurationError: a member's URL makes no sense, or there are fewer than two.
    """
    return FailoverTransport([open_transport(url) for url in members_of(inner)])
