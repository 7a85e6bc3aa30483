"""Owns a message and its bytes: headers encoded or refused once, a text part, an HTML part.

What goes in comes out: a message is clean from the moment it is made (see :class:`Message`), and its
bytes read back to the same values with Python's ``email`` package. Control characters, line ends and lone
surrogates never reach a header. Bodies are quoted-printable, so that no line is longer than 76 bytes.
"""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parseaddr
from hashlib import sha256

__all__ = ["Message", "ascii_domain", "clean_line", "clean_text", "mail_domain", "new_message_id", "to_bytes"]

_BLANKS = re.compile(r"[ \x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_OWN_HEADERS = {"date", "from", "to", "subject", "message-id", "mime-version", "content-type"}
_LINE = 76
_LONGEST_LINE = 998


@dataclass(frozen=True, kw_only=True)
class Message:
    """One mail, ready to be sent.

    ``sender`` is a mailbox such as ``Trial Alerts <alerts@example.org>``, ``to`` a bare address. The subject
    and the sender's name become one line: control characters and line ends turn into blanks, runs of blanks
    into one, lone surrogates into U+FFFD. Bodies get LF line ends and a last one; NUL and lone surrogates
    become U+FFFD. ``headers`` are added as they are (List-Unsubscribe, Auto-Submitted …).

    Raises:
        ValueError: an address, a Message-ID or an added header holds what must never be in a header.
    """

    sender: str
    to: str
    subject: str
    text: str
    html: str | None = None
    message_id: str
    date: datetime
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Clean what can be cleaned, refuse the rest."""
        _set(self, "sender", clean_line(self.sender))
        _set(self, "subject", clean_line(self.subject))
        _set(self, "text", clean_text(self.text))
        if self.html is not None:
            _set(self, "html", clean_text(self.html))
        for address in (self.sender_address, self.to):
            if not re.fullmatch(
                r"[^\s<>@,;\"\x00-\x1f\x7f\ud800-\udfff]+@[^\s<>@,;\"\x00-\x1f\x7f\ud800-\udfff]+", address
            ):
                raise ValueError("a message needs one bare address to go to and one to come from")
        if not re.fullmatch(r"<[!-;=?-~]{1,200}@[!-;=?A-~]{1,255}>", self.message_id):
            raise ValueError("a Message-ID looks like <unique@domain>")
        for name, value in self.headers:
            _check_header(name, value)

    @property
    def sender_address(self) -> str:
        """The bare address in ``sender``: where bounces go, as far as the transport decides."""
        return parseaddr(self.sender)[1]


def to_bytes(message: Message) -> bytes:
    """Return the message as it goes over the wire: CRLF line ends, no line longer than 998 bytes.

    The same message gives the same bytes each time. Only an address with letters outside ASCII
    before its ``@`` makes the headers other than ASCII (SMTPUTF8, RFC 6531).
    """
    head = [
        _text_header("Date", format_datetime(message.date)),
        _mailbox_header("From", message.sender),
        _mailbox_header("To", message.to),
        _text_header("Subject", message.subject),
        f"Message-ID: {message.message_id}",
        *(_added_header(name, value) for name, value in message.headers),
        "MIME-Version: 1.0",
    ]
    return "\r\n".join(head).encode() + b"\r\n" + _body(message)


def new_message_id(domain: str) -> str:
    """Return a Message-ID that nothing else has, such as ``<4f0c…@example.org>``."""
    return f"<{secrets.token_hex(16)}@{domain}>"


def mail_domain(mailbox: str) -> str:
    """Return the domain of a mailbox in its ASCII form: the right side of our Message-IDs."""
    domain = ascii_domain(parseaddr(mailbox)[1].rpartition("@")[2])
    return domain if re.fullmatch(r"[A-Za-z0-9.-]+", domain) else "localhost.localdomain"


def clean_line(text: str) -> str:
    """Return the text on one line, without control characters (see :class:`Message`)."""
    return _BLANKS.sub(" ", _SURROGATES.sub("\ufffd", text)).strip(" ")


def clean_text(text: str) -> str:
    """Return the text with LF line ends and a last one, without NUL and lone surrogates."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return _SURROGATES.sub("\ufffd", lines if lines.endswith("\n") else lines + "\n")


def _set(message: Message, name: str, value: str) -> None:
    object.__setattr__(message, name, value)  # the one moment at which a frozen value may still be shaped


def _check_header(name: str, value: str) -> None:
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"the header {name} is written from the message's own values")
    if not _HEADER_NAME.fullmatch(name) or _UNSAFE.search(value):
        raise ValueError(f"the header {name!r} holds a control character or a line end")
    if any(len(word) > _LONGEST_LINE - len(name) - 2 for word in value.split(" ")):
        raise ValueError(f"the header {name} holds a word that fits on no line")


def _text_header(name: str, value: str) -> str:
    """Write free text: plain where it is plain, else as encoded words (RFC 2047)."""
    plain = value.isascii() and "=?" not in value and all(len(word) < _LINE - len(name) for word in value.split(" "))
    return _folded(name, value.split(" ") if plain else list(_encoded_words(value, room=_LINE - len(name) - 2)))


def _added_header(name: str, value: str) -> str:
    """Write a header with a syntax of its own: folded at its blanks, never encoded while it is ASCII."""
    if name.lower() == "reply-to":
        return _mailbox_header(name, value)
    return _folded(name, value.split(" ")) if value.isascii() else _text_header(name, value)


def _mailbox_header(name: str, mailbox: str) -> str:
    display, address = parseaddr(mailbox)
    local, _, domain = address.rpartition("@")
    bare = f"{local}@{ascii_domain(domain)}"
    if not display:
        return f"{name}: {bare}"
    if len(display) < _LONGEST_LINE // 2 and display.isascii() and "=?" not in display:
        quoted = display if _ATOMS.fullmatch(display) else '"' + re.sub(r'(["\\])', r"\\\1", display) + '"'
        return _folded(name, [quoted, f"<{bare}>"])
    return _folded(name, [*_encoded_words(display, room=_LINE - len(name) - 2), f"<{bare}>"])


def _folded(name: str, words: list[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def _encoded_words(text: str, *, room: int) -> Iterator[str]:
    """Cut the text between characters into UTF-8 encoded words of at most ``room`` signs (the first) or 75."""
    raw = text.encode()
    while raw:
        size = (min(room, 75) - 12) // 4 * 3
        while size < len(raw) and raw[size] & 0xC0 == 0x80:  # noqa: PLR2004 - inside a character
            size -= 1
        yield f"=?utf-8?b?{binascii.b2a_base64(raw[:size], newline=False).decode()}?="
        raw = raw[size:]
        room = 75


def _body(message: Message) -> bytes:
    text = _part("plain", message.text)
    if message.html is None:
        return text
    # A quoted-printable "=" is followed by two hex digits or a line end: "=_" is in no body.
    boundary = b"=_" + sha256(message.message_id.encode()).hexdigest()[:32].encode()
    return b"".join(
        (
            b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n\r\n',
            b"--" + boundary + b"\r\n" + text + b"\r\n",
            b"--" + boundary + b"\r\n" + _part("html", message.html) + b"\r\n",
            b"--" + boundary + b"--\r\n",
        )
    )


def _part(subtype: str, text: str) -> bytes:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + binascii.b2a_qp(text.replace("\n", "\r\n").encode())


def ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError("the domain of an address cannot be written in ASCII") from error
