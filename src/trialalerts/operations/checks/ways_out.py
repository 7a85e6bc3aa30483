"""By which ways mail leaves: which servers, whose, and what SPF says of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.combined import Combined
from trialalerts.delivery.transports.providers.channel import ApiTransport
from trialalerts.delivery.transports.smtp.transport import SmtpTransport
from trialalerts.errors import ConfigurationError

__all__ = ["WaysOut", "members_out", "ways_out"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_RELAYS = {
    "sendgrid.net": "include:sendgrid.net",
    "amazonaws.com": "include:amazonses.com",
    "mailgun.org": "include:mailgun.org",
    "postmarkapp.com": "include:spf.mtasv.net",
    "brevo.com": "include:spf.brevo.com",
    "resend.com": "include:amazonses.com",
    "office365.com": "include:spf.protection.outlook.com",
    "outlook.com": "include:spf.protection.outlook.com",
    "google.com": "include:_spf.google.com",
    "gmail.com": "include:_spf.google.com",
}
"""What providers ask to be put into SPF, by the domain of their SMTP servers."""


@dataclass(frozen=True, kw_only=True)
class WaysOut:
    """What is known of the ways out.

    Attributes:
        leave: whether mail leaves at all.
        smtp: whether some of it leaves over SMTP, with a return address of ours.
        through_here: whether a mail server of this machine sends it.
        own_hosts: the names of mail servers that are no provider's.
        spf: what SPF has to allow.
    """

    leave: bool
    smtp: bool
    through_here: bool
    own_hosts: tuple[str, ...]
    spf: str


def ways_out(url: str) -> WaysOut:
    """Return by which ways ``mail.url`` leads out; none where it makes no sense."""
    try:
        members = list(members_out(open_transport(url)))
    except ConfigurationError:
        members = []
    hosts = [each.server.host for each in members if isinstance(each, SmtpTransport)]
    here = any(host in _LOOPBACK for host in hosts)
    own = [host for host in hosts if host not in _LOOPBACK and not _relay(host)]
    if here and "." in (name := socket.gethostname()):
        own.append(name)
    allowed = [
        *(f"ip{6 if ':' in host else 4}:{host}" if _is_number(host) else f"a:{host}" for host in own),
        *filter(None, map(_relay, hosts)),
    ]
    return WaysOut(
        leave=any(isinstance(each, SmtpTransport | ApiTransport) for each in members),
        smtp=bool(hosts),
        through_here=here,
        own_hosts=tuple(dict.fromkeys(own)),
        spf=" ".join(dict.fromkeys(allowed)) or "mx",
    )


def members_out(transport: Transport) -> Iterator[Transport]:
    """Return the transports of which one is made, itself where it is no other's."""
    if isinstance(transport, Combined):
        for member in transport.members.transports:
            yield from members_out(member)
    else:
        yield transport


def _relay(host: str) -> str:
    return next((spf for domain, spf in _RELAYS.items() if host == domain or host.endswith(f".{domain}")), "")


def _is_number(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
