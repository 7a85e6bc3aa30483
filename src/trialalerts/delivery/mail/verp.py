"""The signed token that names a delivery on its way back: in a return address, a webhook, a complaint.

The token is the delivery's number and a keyed digest of it, in base32: only lower-case letters and digits, so
that it survives mail servers which change the case of a local part and providers which allow few characters.
What does not carry a right digest names nothing: nobody can make us believe that somebody else's mail bounced.
"""

from __future__ import annotations

import hmac
from base64 import b32decode, b32encode
from binascii import Error
from datetime import datetime
from email.utils import parseaddr
from functools import lru_cache

from trialalerts.delivery.mail.message import mail_domain
from trialalerts.errors import ConfigurationError
from trialalerts.settings import Settings
from trialalerts.subscribers.tokens import keyed_digest, required_secret

__all__ = ["METADATA_KEY", "delivery_metadata", "delivery_of", "report_headers", "return_address"]

METADATA_KEY = "delivery"
"""The name under which the token travels with a message through a provider."""

_PURPOSE = b"trialalerts.delivery:"
_DIGEST_BYTES = 10
_MOST_NUMBER_BYTES = 8
_LONGEST_TOKEN = 29
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 320


def return_address(settings: Settings, delivery_id: int) -> str:
    """Return where a bounce of this delivery goes: ``b+<token>@bounce.example.org``.

    Without ``mail.bounces`` it is the address of ``mail.from``: bounces come back to people, unread by us.

    Raises:
        ConfigurationError: ``mail.bounces`` is no address, or leaves no room for the token; there is no secret.
    """
    if not settings.mail.bounces:
        return parseaddr(settings.mail.sender)[1]
    local, at, domain = settings.mail.bounces.rpartition("@")
    if not (at and local and domain) or len(local) + 1 + _LONGEST_TOKEN > _LONGEST_LOCAL_PART:
        raise ConfigurationError(
            f"mail.bounces: found {settings.mail.bounces!r}, expected an address with a short local part "
            "such as b@bounce.example.org"
        )
    return f"{local}+{_token(settings, delivery_id)}@{domain}"


def delivery_metadata(settings: Settings, delivery_id: int) -> dict[str, str]:
    """Return what goes with the message through a provider and comes back in its webhooks."""
    return {METADATA_KEY: _token(settings, delivery_id)}


def report_headers(settings: Settings, delivery_id: int, *, kind: str, at: datetime) -> tuple[tuple[str, str], ...]:
    """Return the headers that let a mailbox provider tell of this mail, whatever it leaves out.

    ``Feedback-ID`` says what kind of mail it is, of which week, and whose; its third field is the token. Where a bounce
    mailbox is read, ``CFBL-Address`` (RFC 9477) asks for complaints there, at the address of this one mail.
    """
    token = _token(settings, delivery_id)
    year, week, _ = at.isocalendar()
    about = (("Feedback-ID", f"{kind}:{year}w{week:02}:{token}:{mail_domain(settings.mail.sender)}"),)
    if not (settings.mail.bounces and settings.feedback.mailbox.get_secret_value()):
        return about
    address = return_address(settings, delivery_id)
    return (*about, ("CFBL-Address", f"{address}; report=arf"), ("CFBL-Feedback-ID", token))


def delivery_of(settings: Settings, address_or_token: str) -> int | None:
    """Return the number of the delivery that a return address or a token names; None where it is not ours.

    The case of its letters and ``<>`` around an address do not matter; everything else does.
    """
    text = address_or_token.strip().removeprefix("<").removesuffix(">")
    if len(text) > _LONGEST_ADDRESS or not text.isascii():
        return None
    local, at, _ = text.rpartition("@")
    token = (local if at else text).rpartition("+")[2].lower()
    number = _number(token)
    if number is None:
        return None
    secrets = [required_secret(settings.service.secrets[0]), *filter(None, settings.service.secrets[1:])]
    return number if any(hmac.compare_digest(_signed(secret, number), token) for secret in secrets) else None


def _token(settings: Settings, number: int) -> str:
    return _signed(required_secret(settings.service.secret.get_secret_value()), number)


@lru_cache(maxsize=16)  # return address, headers and metadata of a mail are made one after the other
def _signed(secret: str, number: int) -> str:
    key = secret.encode()
    written = number.to_bytes(max(1, (number.bit_length() + 7) // 8))
    digest = keyed_digest(key, _PURPOSE + written)[:_DIGEST_BYTES]
    return b32encode(written + digest).decode().rstrip("=").lower()


def _number(token: str) -> int | None:
    """Return the number that a token claims; whether it may is not looked at."""
    try:
        written = b32decode(token.upper() + "=" * (-len(token) % 8))[:-_DIGEST_BYTES]
    except (Error, ValueError):
        return None
    return int.from_bytes(written) if 1 <= len(written) <= _MOST_NUMBER_BYTES else None
