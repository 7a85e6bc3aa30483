"""``roundrobin(URL URL …)``: the transports take turns; one that does not work rests for a minute."""

from __future__ import annotations

from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.members import Combined, members_of

__all__ = ["RoundRobinTransport", "open_members"]


class RoundRobinTransport(Combined):
    """Sends through its members in turn, each call through the next that works."""

    name = "roundrobin"
    rotating = True


def open_members(inner: str) -> RoundRobinTransport:
    """Open what stands between the parentheses of ``roundrobin(…)``.

    Raises:
        ConfigurationError: a member's URL makes no sense, or there are fewer than two.
    """
    return RoundRobinTransport([open_transport(url) for url in members_of(inner)])
