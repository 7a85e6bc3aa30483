"""The headers of the mails: right for programs that read them."""

from __future__ import annotations

import ipaddress
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import quote, urlsplit

from trialalerts.delivery.mail.message import ascii_domain
from trialalerts.settings import Settings

__all__ = ["digest_headers", "list_id", "plain_headers"]


def plain_headers(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the headers of every mail: a machine wrote it, so no machine shall answer (RFC 3834)."""
    return _of_a_machine(settings.mail.reply_to)


def _of_a_machine(reply_to: str) -> tuple[tuple[str, str], ...]:
    written = ("Auto-Submitted", "auto-generated")
    return (("Reply-To", reply_to), written) if reply_to else (written,)


def digest_headers(settings: Settings, one_click: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a digest.

    ``List-Unsubscribe`` is the one-click link of RFC 8058, and an address where one is set up: the token of the
    link in the subject proves who leaves.
    ``Precedence: bulk`` keeps those absence replies away that are older than ``Auto-Submitted``.
    """
    mail = settings.mail
    before, mailto, after = _around_the_link(mail.reply_to, mail.unsubscribe_mailto, settings.service.base_url)
    by_mail = f"{mailto}%20{one_click.rpartition('/')[2]}>" if mailto else ""
    return (*before, ("List-Unsubscribe", f"<{one_click}>{by_mail}"), *after)


_Headers = tuple[tuple[str, str], ...]


@lru_cache(maxsize=16)
def _around_the_link(reply_to: str, mailto: str, base_url: str) -> tuple[_Headers, str, _Headers]:
    """Return what is the same in all digests: the headers before the link, what follows it, the headers after."""
    address = parseaddr(mailto.removeprefix("mailto:"))[1]
    before = (*_of_a_machine(reply_to), ("List-Id", list_id(base_url)))
    after = (("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"), ("Precedence", "bulk"))
    written = quote(address, safe="@+")  # RFC 6068: what is more than letters and signs of addresses
    return before, f", <mailto:{written}?subject=unsubscribe" if address else "", after


def list_id(base_url: str) -> str:
    """Return the one List-Id of the service (RFC 2919): stable, and the same whatever somebody follows."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        ipaddress.ip_address(host)
        host = "localhost"
    except ValueError:
        host = ascii_domain(host)
    return f"Trial alerts <alerts.{host}>"
