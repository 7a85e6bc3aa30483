"""Which kinds of bounce mailbox there are: what ``feedback.mailbox`` may say, and opening it."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from trialalerts.clock import Clock
from trialalerts.delivery.feedback.mailbox.maildir import Maildir
from trialalerts.delivery.feedback.mailbox.reader import MailFolder
from trialalerts.errors import ConfigurationError

__all__ = ["open_mailbox"]

_EXPECTED = "expected imaps://USER:PASSWORD@HOST/FOLDER or maildir:///PATH"
_PORTS = {"imaps": 993, "imap": 143}


def open_mailbox(url: str, clock: Clock) -> MailFolder:
    """Return the mailbox that a URL names; it connects when it is first read.

    Raises:
        ConfigurationError: the URL makes no sense. The message does not show it: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"feedback.mailbox: this is no URL; {_EXPECTED}") from None
    if parts.scheme == "maildir" and parts.path.startswith("/") and not parts.netloc and not parts.query:
        return Maildir(Path(unquote(parts.path)))
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username or parts.password is None:
        raise ConfigurationError(f"feedback.mailbox: found {parts.scheme or 'nothing'}://…, {_EXPECTED}")
    if any(ord(letter) < ord(" ") for letter in unquote(f"{parts.username}{parts.password}{parts.path}")):
        raise ConfigurationError(f"feedback.mailbox: found control characters, {_EXPECTED}")
    if parts.scheme == "imap" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            "feedback.mailbox: imap:// sends the password in the clear, so it is for this machine only; use imaps://"
        )
    from trialalerts.delivery.feedback.mailbox.imap import ImapFolder  # 3 MB of library that few need

    return ImapFolder(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username),
        password=unquote(parts.password),
        folder=unquote(parts.path.strip("/")) or "INBOX",
        tls=parts.scheme == "imaps",
        clock=clock,
        delete_after=_delete_after(parts),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _delete_after(parts: SplitResult) -> timedelta | None:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    text = options.pop("delete_after", None)
    if options:
        raise ConfigurationError(f"feedback.mailbox: there is no option {next(iter(options))}; there is delete_after")
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,4})d", text)
    if found is None:
        raise ConfigurationError(f"feedback.mailbox: found delete_after={text}, expected a number of days such as 30d")
    return timedelta(days=int(found[1]))
