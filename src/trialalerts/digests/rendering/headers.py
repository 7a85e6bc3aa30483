"""Subjects and headers of the mails: neutral by default, and right for programs that read them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from email.utils import parseaddr
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from trialalerts.delivery.mail.message import ascii_domain
from trialalerts.digests.cards.reasons import followed
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Entry
from trialalerts.digests.rendering.items import StoredDigest
from trialalerts.digests.tables import DigestKind
from trialalerts.settings import Settings

__all__ = ["Extent", "digest_headers", "digest_subject", "list_id", "plain_headers"]

_AREA = 80


class Extent(NamedTuple):
    """What a digest tells, as a whole: its kind, and of how many items."""

    kind: DigestKind
    added: bool
    total: int
    trials: int

    @classmethod
    def of(cls, stored: StoredDigest) -> Extent:
        """Return what a digest tells."""
        return cls(stored.digest.kind, stored.digest.added, stored.total, stored.trials)

    @property
    def is_welcome(self) -> bool:
        """Whether it is somebody's first mail, which always comes."""
        return self.kind is DigestKind.FIRST and not self.added

    @property
    def is_first_of_nothing(self) -> bool:
        """Whether it is somebody's first mail, and no trial is open."""
        return self.is_welcome and not self.trials


def digest_subject(words: Wording, extent: Extent, entries: Sequence[Entry], *, name_areas: bool) -> str:
    """Return a digest's subject: how many things it tells, and what they are about only if ``name_areas``."""
    key, total = _subject(extent)
    if not name_areas or extent.is_first_of_nothing:
        return _counted(words, key, total)
    areas = dict.fromkeys(one_line(followed(words, reason), _AREA) for entry in entries for reason in entry.reasons)
    if not areas:
        return _counted(words, key, total)
    first, *others = areas
    named = words.count("subject.several_areas", len(others), area=first) if others else first
    about = f"{key}_about"
    return words.say(about, areas=named) if words.knows(about) else words.count(about, total, areas=named)


def _subject(extent: Extent) -> tuple[str, int]:
    """Return the key of the phrase and what it counts."""
    if extent.kind is not DigestKind.FIRST:
        return "subject.regular", extent.total
    if extent.added:
        return "subject.added", extent.total
    return ("subject.first", extent.trials) if extent.trials else ("subject.first_nothing", 0)


@lru_cache(maxsize=1_000)
def _counted(words: Wording, key: str, total: int) -> str:
    return words.say(key) if words.knows(key) else words.count(key, total)


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
