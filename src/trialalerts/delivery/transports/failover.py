"""``failover(URL URL …)``: the first transport that works takes the mail; one that does not rests for a minute."""

from __future__ import annotations

from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.members import Combined, members_of

__all__ = ["FailoverTransport", "open_members"]


class FailoverTransport(Combined):
    """Sends through the first of its members that works; the favourite stands first."""

    name = "failover"
    rotating = False


def open_members(inner: str) -> FailoverTransport:
    """Open what stands between the parentheses of ``failover(…)``.

    Raises:
        ConfigurationError: a member's URL makes no sense, or there are fewer than two.
    """
    return FailoverTransport([open_transport(url) for url in members_of(inner)])
