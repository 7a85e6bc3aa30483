"""E-mail addresses: which are valid, when two are the same, and hints about slips of the finger."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from trialalerts.errors import InvalidInput

__all__ = ["address_key", "checked_address", "mailbox_of", "masked", "typo_hint"]

_COMMON_DOMAINS = (
    "aol.com",
    "bluewin.ch",
    "btinternet.com",
    "comcast.net",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.fr",
    "icloud.com",
    "laposte.net",
    "live.com",
    "mail.com",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "proton.me",
    "protonmail.com",
    "sfr.fr",
    "t-online.de",
    "telefonica.net",
    "verizon.net",
    "web.de",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "ymail.com",
)


_REAL_DOMAINS = frozenset((
    "aim.com", "aol.de", "aol.fr", "aol.it", "e-mail.de", "email.com", "email.de", "fastmail.com", "fastmail.fm",
    "gmx.com", "gmx.fr", "gmx.it", "gmx.us", "hotmail.be", "hotmail.ca", "hotmail.de", "hotmail.es", "hotmail.it",
    "hotmail.nl", "icloud.de", "live.at", "live.be", "live.ca", "live.cn", "live.co.uk", "live.de", "live.es",
    "live.fr", "live.ie", "live.in", "live.it", "live.nl", "mac.com", "mail.de", "mail.ru", "ms.com", "outlook.at",
    "outlook.be", "outlook.es", "outlook.fr", "outlook.ie", "outlook.it", "pm.me", "proton.ch", "qmail.com",
    "rocketmail.com", "sfr.net", "t-online.com", "web.com", "wp.de", "ya.ru", "yahoo.at", "yahoo.ca", "yahoo.co.in",
    "yahoo.com.au", "yahoo.com.br", "yahoo.com.mx", "yahoo.in", "yahoo.it", "yandex.com", "yandex.ru", "zoho.com",
    "zoho.eu",
))  # fmt: skip
"""Domains that people do have, and that differ from a common one by a letter or two."""
_LONG_DOMAIN = 10
"""From this length on (``icloud.com``) two letters may be wrong, and nobody means another name."""
_SAME_DOMAIN = {"googlemail.com": "gmail.com", "protonmail.com": "proton.me", "protonmail.ch": "proton.me"}
_SAME_DOMAIN |= {"pm.me": "proton.me", "me.com": "icloud.com", "mac.com": "icloud.com", "ya.ru": "yandex.ru"}
_TAG = {f"yahoo.{country}": "-" for country in ("com", "co.uk", "de", "fr", "es", "it", "ca")} | {"ymail.com": "-"}
_IGNORED = {"gmail.com": str.maketrans("", "", "."), "proton.me": str.maketrans("", "", "._-")}
"""What providers take for the same mailbox: https://support.google.com/mail/answer/7436150,
https://proton.me/support/addresses-and-aliases; Yahoo's disposable addresses are ``name-word``."""
_PLAIN_LOCAL = re.compile(r"[\w!#$%&'*+\-/=?^`{|}~]+(\.[\w!#$%&'*+\-/=?^`{|}~]+)*", re.ASCII)
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254


def checked_address(text: str) -> str:
    """Return the address as it is stored: without surrounding blanks, NFC, its domain in lower case.

    >>> checked_address(" Anna@Example.ORG ")
    'Anna@example.org'

    Raises:
        InvalidInput: this is no address; the message shows it as it was typed, so it belongs on the
            screen of the person who typed it and in no log.
    """
    from email_validator import EmailNotValidError, validate_email

    typed = text.strip()
    if plain := _plain_address(typed):
        return plain
    try:
        return validate_email(typed, check_deliverability=False).normalized
    except EmailNotValidError as error:
        reason = str(error).removeprefix("The email address is not valid. ")
        raise InvalidInput(f"“{typed}” is not an e-mail address: {reason}") from None


def _plain_address(typed: str) -> str | None:
    """Return what nearly every address of a long list is without a look at each of its letters; None: look at it."""
    from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

    local, _, domain = typed.rpartition("@")
    if len(local) > _LONGEST_LOCAL or _PLAIN_LOCAL.fullmatch(local) is None:
        return None
    if local.lower() in CASE_INSENSITIVE_MAILBOX_NAMES or (checked := _plain_domain(domain)) is None:
        return None
    return f"{local}@{checked}" if len(local) + 1 + len(checked) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=10_000)
def _plain_domain(domain: str) -> str | None:
    """Return a domain of ASCII letters as it is stored; None where it is none, or another."""
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(f"a@{domain}", check_deliverability=False).normalized.removeprefix("a@")
    except EmailNotValidError:
        return None
    return checked if domain.isascii() and checked.isascii() else None


def address_key(address: str) -> str:
    """Return the key under which an address is looked up: case folded, NFC, the domain in its ASCII form."""
    if address.isascii():
        return address.lower()
    local, _, domain = address.rpartition("@")
    return f"{_folded(local)}@{_ascii(_folded(domain))}"


def mailbox_of(address: str) -> str:
    """Return what is the same for all addresses of one mailbox: without ``+tag``, at Google and Proton without dots.

    For counting only: elsewhere two people may share what is left.

    >>> mailbox_of("Anna.Lee+trials@googlemail.com")
    'annalee@gmail.com'
    """
    local, _, domain = address_key(address).rpartition("@")
    domain = _SAME_DOMAIN.get(domain, domain)
    local = local.partition(_TAG.get(domain, "+"))[0] or local
    return f"{local.translate(_IGNORED.get(domain, {}))}@{domain}"


def typo_hint(address: str) -> str | None:
    """Return the address that may have been meant (``…@gmial.com`` → ``…@gmail.com``); None where nothing looks odd."""
    from rapidfuzz.distance import OSA

    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    if domain in _COMMON_DOMAINS or domain in _REAL_DOMAINS:
        return None
    most = 2 if len(domain) >= _LONG_DOMAIN else 1
    distances = {common: OSA.distance(domain, common, score_cutoff=most) for common in _COMMON_DOMAINS}
    nearest = min(distances, key=lambda common: distances[common])
    return f"{local}@{nearest}" if distances[nearest] <= most else None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def masked(address: str) -> str:
    """Return an address as its owner knows it again and nobody else reads it: ``p•••@example.org``."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"
