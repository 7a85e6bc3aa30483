"""The way to the network beneath HTTP: which addresses may be called, and for how long.

A name is resolved once, its addresses are checked, and the connection goes to an address that was
checked: a name that answers differently a moment later (DNS rebinding) gains nothing. TLS still
checks the certificate against the name. Waiting is sliced, so that a body that drips and a
program that is told to stop are both noticed.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ssl import SSLContext
from typing import Any

import httpcore

from trialalerts.errors import TrialAlertsError

__all__ = ["Interrupted", "PrivateAddress", "PublicNetwork", "TookTooLong", "is_public", "resolve_host"]

_SLICE = 0.5
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NEVER = (ipaddress.ip_network("2001::/32"), ipaddress.ip_network("2001:db8::/32"), ipaddress.ip_network("3fff::/20"))
"""Teredo (RFC 4380), which no server has, and what is kept for documentation (RFC 3849, RFC 9637)."""
_TUNNELS = ipaddress.ip_network("2002::/16")
"""6to4 (RFC 3056): the IPv4 address of a router stands in it."""
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""The third quarter of an address that holds an IPv4 address in its fourth (RFC 5214)."""

Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host."""


class Interrupted(TrialAlertsError):
    """The program was told to stop while it waited for a source."""


class PrivateAddress(Exception):
    """A host has no public address."""


class TookTooLong(Exception):
    """An answer did not end in the time it had as a whole."""


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order in which they should be tried.

    Raises:
        httpcore.ConnectError: the name is unknown, or the resolver does not answer.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"the name {host} cannot be resolved ({error})") from None
    return [str(address[4][0]) for address in found]


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet; IPv4 addresses inside one of IPv6 must too."""
    if "%" in address:
        return False  # a zone is one of this machine's own links
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return _is_global(parsed)
    if (whole := _whole_inside(parsed)) is not None:
        return _is_global(whole)
    if parsed not in _GLOBAL_UNICAST or any(parsed in network for network in _NEVER):
        return False
    inner = [parsed.sixtofour] if parsed.sixtofour is not None else []
    if int(parsed) >> 32 & 0xFFFFFFFF in _ISATAP:
        inner.append(_last_four(parsed))
    return _is_global(parsed) and all(_is_global(each) for each in inner)


def _whole_inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an address only stands for (NAT64, ``::ffff:…``)."""
    return _last_four(address) if address in _NAT64 else address.ipv4_mapped


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address in _TUNNELS:
        return not address.is_multicast  # Python calls them private; what they lead to is looked at beside this
    return address.is_global and not address.is_multicast


def _last_four(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


class PublicNetwork(httpcore.NetworkBackend):
    """Connects to public addresses only, unless private ones are allowed.

    Args:
        allow_private: whether loopback, link-local and private addresses may be called.
        stop: asked about twice a second while waiting; True ends the wait with :class:`Interrupted`.
        resolver: gives the addresses of a host.
        dialler: makes the connections.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        stop: Callable[[], bool] = lambda: False,
        resolver: Resolver = resolve_host,
        dialler: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._stop = stop
        self._resolve = resolver
        self._dial = dialler or httpcore.SyncBackend()
        self._deadline = float("inf")
        self._interrupted = False

    def allow(self, seconds: float) -> None:
        """Give what follows ``seconds`` in all."""
        # An elapsed time, not a time of day: the clock that people can set has no say in it.
        self._deadline = time.monotonic() + seconds

    def interrupt(self) -> None:
        """Let whoever waits stop waiting."""
        self._interrupted = True

    def check_stop(self) -> None:
        """Raise when the program is told to stop."""
        if self._interrupted or self._stop():
            raise Interrupted("The program was told to stop.")

    def check(self) -> None:
        """Raise when the time is up or the program is told to stop."""
        self.check_stop()
        if time.monotonic() > self._deadline:
            raise TookTooLong

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's allowed addresses that answers."""
        self.check()
        addresses = [a for a in self._resolve(host, port) if self._allow_private or is_public(a)]
        if not addresses:
            raise PrivateAddress(host)
        for last, address in enumerate(addresses, start=1 - len(addresses)):
            try:
                stream = self._dial.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not last:
                    raise
            else:
                return _WatchedStream(stream, self)
        raise AssertionError("the loop returns or raises")

    def sleep(self, seconds: float) -> None:
        """Wait; httpcore does so between attempts, of which it makes none here."""
        self._dial.sleep(seconds)


class _WatchedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, network: PublicNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            self._network.check()
            left = until - time.monotonic()
            try:
                return self._stream.read(max_bytes, min(_SLICE, max(left, 0.001)))
            except httpcore.ReadTimeout:
                if left <= _SLICE:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _WatchedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
