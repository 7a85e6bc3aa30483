"""The client behind a proxy: ``X-Forwarded-For`` is believed of ``web.trusted_proxies`` alone.

Anybody can send that header; whoever is believed can choose whose limits they use up. Each proxy adds, behind what it
was given, who called it. So the list is read from its end, past the proxies that are trusted, and who stands before
them is the client.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ForwardedClients", "TrustedProxies"]


class TrustedProxies:
    """The addresses and networks that are believed, as ``10.0.0.5`` or ``10.1.0.0/16``."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ip_network(each) for each in networks]

    def __contains__(self, host: str) -> bool:
        """Tell whether this address is one of them."""
        return (address := _address(host)) is not None and any(address in network for network in self._networks)

    def client(self, peer: str, forwarded: str) -> str:
        """Return the address of the client, where ``peer`` called and brought this ``X-Forwarded-For``."""
        client = peer
        for entry in reversed(forwarded.split(",")):
            if client not in self or (named := _address(_without_port(entry))) is None:
                break
            client = str(named)
        return client


class ForwardedClients:
    """Puts the client of a request in the place of the proxy that passed it on."""

    def __init__(self, app: ASGIApp, *, trusted: TrustedProxies) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope.get("client"):
            peer = scope["client"][0]
            named = ",".join(HTTPConnection(scope).headers.getlist("x-forwarded-for"))
            if named and (client := self._trusted.client(peer, named)) != peer:
                scope = {**scope, "client": (client, 0)}
        await self._app(scope, receive, send)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _without_port(entry: str) -> str:
    """Return the address of ``192.0.2.1:4711``, ``[2001:db8::1]:4711`` or the like."""
    text = entry.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
