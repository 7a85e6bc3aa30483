"""The transports: what carries a message away. One file each; one URL (``mail.url``) names one and its options.

A new transport is one file with ``open_url(parts: SplitResult) -> Transport`` and one line in ``_SCHEMES``.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from urllib.parse import SplitResult, parse_qsl, urlsplit

from trialalerts.delivery.mail.envelope import Envelope, Outcome
from trialalerts.errors import ConfigurationError, did_you_mean, nearest

__all__ = ["Channel", "Transport", "carries_pictures", "open_transport", "options_of"]

_SCHEMES = {
    "file": "file",
    "smtp": "smtp.transport",
    "smtps": "smtp.transport",
    "ses": "providers.ses",
    "sendgrid": "providers.sendgrid",
    "mailgun": "providers.mailgun",
    "postmark": "providers.postmark",
    "resend": "providers.resend",
    "brevo": "providers.brevo",
    "memory": "memory",
}
"""Which module of this package serves which scheme; it is imported only when it is asked for."""
_OF_SEVERAL = re.compile(r"\s*(failover|roundrobin)\s*\((.*)\)\s*", re.DOTALL)
"""A transport made of others; the module ``combined`` makes it."""
_WITHOUT_PICTURES = re.compile(r"(?:^|[\s(])(?:resend|brevo)://")
"""Resend's batches take no attachments (resend.com/docs/dashboard/emails/embed-inline-images), Brevo's API no pictures
that belong to the HTML (anymail.dev/en/stable/esps/brevo)."""


class Channel(Protocol):
    """One way out, such as a connection; used by one thread at a time."""

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Hand messages over, at most the transport's ``batch`` of them; return what became of each, in their order.

        Never raises for a message: what is refused, or could not be tried at all, is an outcome too.
        """
        ...

    def close(self) -> None:
        """Say goodbye and let go; the next :meth:`send` connects again."""
        ...


class Transport(Protocol):
    """What carries messages away, through channels that work side by side."""

    @property
    def name(self) -> str:
        """What it is called in tables and reports, such as ``smtp``."""
        ...

    @property
    def batch(self) -> int:
        """How many envelopes one call of :meth:`Channel.send` takes at most."""
        ...

    @property
    def connections(self) -> int:
        """How many channels may be at work at once (``connections=`` in the URL)."""
        ...

    def open(self) -> Channel:
        """Return a channel of its own for a thread; it connects when it first sends."""
        ...


def carries_pictures(url: str) -> bool:
    """Tell whether all ways of ``url`` take a picture within a message."""
    return _WITHOUT_PICTURES.search(url) is None


def open_transport(url: str) -> Transport:
    """Return the transport that ``url`` names; it connects when it first sends.

    ``failover(URL URL …)`` and ``roundrobin(URL URL …)`` make one transport of several.

    Raises:
        ConfigurationError: an unknown scheme or option, or a value that makes no sense. The URL, which may
            hold a password, is not shown.
    """
    if found := _OF_SEVERAL.fullmatch(url):
        several: Transport = importlib.import_module(f"{__name__}.combined").open_members(found[1], found[2])
        return several
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(
            "mail.url: this is no URL; a host is a name, a port a number, and what is special in a password is "
            "percent-encoded, written %XX (@ as %40, : as %3A, / as %2F)"
        ) from None
    if parts.scheme != "file" and "@" in parts.path + parts.fragment:
        raise ConfigurationError(
            f"mail.url: {parts.scheme}:// has an @ behind its host; what is special in a user or password is "
            "percent-encoded, written %XX (/ as %2F, # as %23, ? as %3F, @ as %40)"
        )
    if parts.scheme not in _SCHEMES:
        known = [f"{scheme}://" for scheme in _SCHEMES]
        raise ConfigurationError(
            f"mail.url: there is no transport {parts.scheme!r}.{_near(parts.scheme + '://', known)}"
        )
    opened: Transport = importlib.import_module(f"{__name__}.{_SCHEMES[parts.scheme]}").open_url(parts)
    return opened


def options_of(parts: SplitResult, known: Collection[str]) -> Mapping[str, str]:
    """Return the options behind the ``?`` of a transport's URL.

    Raises:
        ConfigurationError: one is not known.
    """
    if "@" in parts.query and "@" not in parts.netloc:
        raise ConfigurationError(
            f"mail.url: {parts.scheme}:// has an @ behind its ?; what is special in a key or password is "
            "percent-encoded, written %XX (? as %3F, # as %23)"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in known:
            raise ConfigurationError(f"mail.url: {parts.scheme}:// has no option {name!r}.{_near(name, known)}")
    return options


def _near(word: str, known: Collection[str]) -> str:
    return did_you_mean(nearest(word, known) or sorted(known))
