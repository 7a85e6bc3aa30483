"""A name server on loopback that knows what a test tells it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

Zone = Mapping[tuple[str, str], Sequence[str]]
"""Records by name and kind: ``{("example.org", "MX"): ["10 mail.example.org."]}``."""


@contextmanager
def name_server(zone: Zone, *, silent: bool = False, proves: bool = True) -> Iterator[int]:
    """Serve a zone; ``silent``: never answer; without ``proves`` what does not exist is said without the SOA record."""
    names = {name for name, _ in zone}

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, socket = self.request
            query = dns.message.from_wire(data)
            question = query.question[0]
            name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
            reply: Any = dns.message.make_response(query)
            if found := zone.get((name, kind)):
                reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
            elif not any(each == name or each.endswith(f".{name}") for each in names):
                reply.set_rcode(dns.rcode.NXDOMAIN)
                if proves:
                    soa = "a.invalid. b.invalid. 1 2 3 4 5"
                    reply.authority.append(dns.rrset.from_text("org.", 60, "IN", "SOA", soa))
            if not silent:
                socket.sendto(reply.to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def ask_it(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let this process ask that server."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
