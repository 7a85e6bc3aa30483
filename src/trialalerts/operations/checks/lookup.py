"""Looking things up in the DNS: a few kinds of records, within a time."""

from __future__ import annotations

import time
from typing import Any

import dns.exception
import dns.flags
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

__all__ = ["DnsLookup", "NotAsked"]

_LONGEST_TRY = 1.2


class NotAsked(Exception):
    """The DNS gave no answer, or none that says anything; the text is why."""


class DnsLookup:
    """Asks the name servers of this machine, for so many seconds in all; used by one thread.

    Raises:
        NotAsked: this machine has no name server.
    """

    def __init__(self, seconds: float) -> None:
        try:
            system = dns.resolver.get_default_resolver()
        except dns.exception.DNSException:
            raise NotAsked("this machine has no name server") from None
        self._resolver = dns.resolver.Resolver(configure=False)
        self._resolver.nameservers = list(system.nameservers)
        self._resolver.port, self._resolver.nameserver_ports = system.port, dict(system.nameserver_ports)
        self._resolver.timeout = _LONGEST_TRY
        self._until = time.monotonic() + seconds
        self._proven: dict[str, bool] = {}

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, the pieces of each put together."""
        return [b"".join(each.strings).decode("utf-8", "replace") for each in self._asked(name, "TXT")]

    def exchanges(self, name: str) -> list[str]:
        """Return the hosts that take mail for a domain, the first choice first; one that is empty: nobody does."""
        found = sorted(self._asked(name, "MX"), key=lambda each: each.preference)
        return [each.exchange.to_text(omit_final_dot=True).rstrip(".") for each in found]

    def addresses(self, name: str) -> list[str]:
        """Return the addresses of a host, IPv4 first."""
        return [each.address for kind in ("A", "AAAA") for each in self._asked(name, kind)]

    def names(self, address: str) -> list[str]:
        """Return the names of an address."""
        reverse = dns.reversename.from_address(address).to_text()
        return [each.target.to_text(omit_final_dot=True) for each in self._asked(reverse, "PTR")]

    def require_known(self, domain: str) -> None:
        """Make sure that what was not found is missing, and not only unknown to a server of a closed network.

        Raises:
            NotAsked: the server says that the domain does not exist, without the record that proves it (RFC 2308).
        """
        self._asked(domain, "TXT")
        if not self._proven.get(domain, True):
            raise NotAsked(f"this machine's name server does not know {domain} at all")

    def _asked(self, name: str, kind: str) -> list[Any]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise NotAsked("no answer in time")
        try:
            answer = self._resolver.resolve(name, kind, lifetime=left, search=False)
        except dns.resolver.NXDOMAIN as error:
            self._proven[name] = _is_proven(error)
            return []
        except dns.resolver.NoAnswer:
            return []
        except dns.exception.Timeout:
            raise NotAsked("no answer in time") from None
        except (dns.exception.DNSException, OSError) as error:
            raise NotAsked(f"the name server gave no answer ({type(error).__name__})") from None
        return list(answer)


def _is_proven(error: dns.resolver.NXDOMAIN) -> bool:
    responses = error.responses().values()  # type: ignore[no-untyped-call]  # dnspython has no types there
    return any(each.rdtype == dns.rdatatype.SOA for response in responses for each in response.authority)
