"""A message and its bytes: headers encoded or refused once, a text part, an HTML part.

What goes in comes out: a message is clean from the moment it is made (see :class:`Message`), and its
bytes read back to the same values with Python's ``email`` package. Control characters, line ends and lone
surrogates never reach a header. Bodies are quoted-printable, so that no line is longer than 76 bytes; they may
come in pieces encoded before. What repeats from mail to mail is checked and encoded once.
"""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from hashlib import sha256

from trialalerts.delivery.mail.picture import Picture
from trialalerts.delivery.mail.quoted_printable import Body, Quoted

__all__ = [
    "Message",
    "ascii_domain",
    "header_line",
    "mail_domain",
    "message_ids_for",
    "new_message_id",
    "subscriber_in",
    "to_bytes",
]

_BLANKS = re.compile(r"[ \x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_ADDRESS = re.compile(r"[^\s<>@,;\"\x00-\x1f\x7f\ud800-\udfff]+@[^\s<>@,;\"\x00-\x1f\x7f\ud800-\udfff]+")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?A-~]{1,255}>")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_OWN_HEADERS = {"date", "from", "to", "subject", "message-id", "mime-version", "content-type"}
_PLAIN_PART, _HTML_PART = (
    f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
    for kind in ("plain", "html")
)
_SECRET_BYTES = 12
_MADE_FOR = re.compile(rf"<([0-9a-f]{{1,15}})\.[0-9a-f]{{{2 * _SECRET_BYTES}}}@[^<>@\s]{{1,255}}>", re.IGNORECASE)
_LINE = 76
_LONGEST_LINE = 998


@dataclass(frozen=True, kw_only=True, init=False, slots=True)
class Message:
    """One mail, ready to be sent.

    ``sender`` is a mailbox such as ``Trial Alerts <alerts@example.org>``, ``to`` a bare address. The subject
    and the sender's name become one line: control characters and line ends turn into blanks, runs of blanks
    into one, lone surrogates into U+FFFD. Bodies get LF line ends and a last one; NUL and lone surrogates
    become U+FFFD; they may be given as pieces from ``quoted_printable.encode``. ``headers``
    are added as they are (List-Unsubscribe, Auto-Submitted …). ``picture`` is one that the HTML shows.

    Raises:
        ValueError: an address, a Message-ID or an added header holds what must never be in a header.
    """

    sender: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    plain: Body = field(repr=False)
    rich: Body | None = field(repr=False)
    message_id: str
    date: datetime
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    picture: Picture | None = field(repr=False)

    def __init__(
        self,
        *,
        sender: str,
        to: str,
        subject: str,
        text: str | Sequence[Quoted],
        html: str | Sequence[Quoted] | None = None,
        message_id: str,
        date: datetime,
        headers: tuple[tuple[str, str], ...] = (),
        picture: Picture | None = None,
    ) -> None:
        """Clean what can be cleaned, refuse the rest."""
        keep = object.__setattr__  # the one moment at which a frozen value may still be shaped
        clean_sender, sender_address = _sender(sender)
        if not (_ADDRESS.fullmatch(sender_address) and _ADDRESS.fullmatch(to)):
            raise ValueError("a message needs one bare address to go to and one to come from")
        if not _MESSAGE_ID.fullmatch(message_id):
            raise ValueError("a Message-ID looks like <unique@domain>")
        for name, value in headers:
            _added_header(name, value)
        keep(self, "sender", clean_sender)
        keep(self, "to", to)
        keep(self, "subject", _subject(subject))
        keep(self, "plain", Body(text))
        keep(self, "rich", None if html is None else Body(html))
        keep(self, "message_id", message_id)
        keep(self, "date", date)
        keep(self, "headers", headers)
        keep(self, "picture", picture)

    def with_headers(self, added: tuple[tuple[str, str], ...]) -> Message:
        """Return the message with more headers. Raises ValueError as of a message with one that must not be."""
        for name, value in added:
            _added_header(name, value)
        found = object.__new__(Message)  # its other values are clean already
        for name in Message.__slots__:
            object.__setattr__(found, name, getattr(self, name))
        object.__setattr__(found, "headers", self.headers + added)
        return found

    @property
    def text(self) -> str:
        """The text part."""
        return self.plain.text

    @property
    def html(self) -> str | None:
        """The HTML part."""
        return None if self.rich is None else self.rich.text

    @property
    def html_alone(self) -> str | None:
        """The HTML part as a page of its own: its picture stands in it."""
        if self.html is None or self.picture is None:
            return self.html
        return self.html.replace(self.picture.url, f"data:{self.picture.media_type};base64,{self.picture.text}")

    @property
    def sender_address(self) -> str:
        """The bare address in ``sender``: where bounces go, as far as the transport decides."""
        return _sender(self.sender)[1]


def to_bytes(message: Message) -> bytes:
    """Return the message as it goes over the wire: CRLF line ends, lines of at most 998 bytes, none begins with a dot.

    The same message gives the same bytes each time. Only an address with letters outside ASCII
    before its ``@`` makes the headers other than ASCII (SMTPUTF8, RFC 6531).
    """
    head = [
        _date_header(message.date.replace(microsecond=0), message.date.tzinfo),  # one for all mails of a second
        _mailbox_header("From", message.sender),
        _to_header(message.to),
        _subject_header(message.subject),
        f"Message-ID: {message.message_id}",
        *[_added_header(name, value) for name, value in message.headers],
        "MIME-Version: 1.0\r\n",
    ]
    return b"".join(("\r\n".join(head).encode(), *_body(message)))


def new_message_id(domain: str) -> str:
    """Return a Message-ID that nothing else has, such as ``<4f0c…@example.org>``."""
    return f"<{secrets.token_hex(16)}@{domain}>"


def message_ids_for(subscriber_ids: Sequence[int], domain: str) -> list[str]:
    """Return a new Message-ID for a mail to each of these: ``<subscriber.secret@example.org>``, in hexadecimal.

    The number leads to the few mails among which it is looked for when a report names it, so that no index of all of
    them is kept; the 96 secret bits of each mail prove that who names it has seen it.
    """
    drawn = secrets.token_hex(_SECRET_BYTES * len(subscriber_ids))
    return [
        f"<{number:x}.{drawn[start : start + 2 * _SECRET_BYTES]}@{domain}>"
        for number, start in zip(subscriber_ids, range(0, len(drawn), 2 * _SECRET_BYTES), strict=True)
    ]


def subscriber_in(message_id: str) -> int | None:
    """Return whose mail a Message-ID of :func:`message_ids_for` claims to be of; None where it has another form."""
    found = _MADE_FOR.fullmatch(message_id)
    return int(found[1], 16) if found else None


@lru_cache(maxsize=16)
def mail_domain(mailbox: str) -> str:
    """Return the domain of a mailbox in its ASCII form: the right side of our Message-IDs."""
    domain = ascii_domain(parseaddr(mailbox)[1].rpartition("@")[2])
    return domain if re.fullmatch(r"[A-Za-z0-9.-]+", domain) else "localhost.localdomain"


def header_line(text: str) -> str:
    """Return the text on one line, without control characters (see :class:`Message`)."""
    return _BLANKS.sub(" ", _SURROGATES.sub("\ufffd", text)).strip(" ")


@lru_cache(maxsize=64)
def _sender(mailbox: str) -> tuple[str, str]:
    """Return the sender on one line, and the bare address in it."""
    line = header_line(mailbox)
    return line, parseaddr(line)[1]


_subject = lru_cache(maxsize=1024)(header_line)


def _check_header(name: str, value: str) -> None:
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"the header {name} is written from the message's own values")
    if not _HEADER_NAME.fullmatch(name) or _UNSAFE.search(value):
        raise ValueError(f"the header {name!r} holds a control character or a line end")
    room = _LONGEST_LINE - len(name) - 2
    if len(value) > room and any(len(word) > room for word in value.split(" ")):
        raise ValueError(f"the header {name} holds a word that fits on no line")


def _text_header(name: str, value: str) -> str:
    """Write free text: plain where it is plain, else as encoded words (RFC 2047)."""
    plain = value.isascii() and "=?" not in value and all(len(word) < _LINE - len(name) for word in value.split(" "))
    return _folded(name, value.split(" ") if plain else list(_encoded_words(value, room=_LINE - len(name) - 2)))


@lru_cache(maxsize=1024)
def _subject_header(subject: str) -> str:
    return _text_header("Subject", subject)


@lru_cache(maxsize=16)
def _date_header(date: datetime, zone: tzinfo | None) -> str:
    del zone  # equal moments in different zones are written differently
    return _text_header("Date", format_datetime(date))


@lru_cache(maxsize=1024)
def _added_header(name: str, value: str) -> str:
    """Write a header with a syntax of its own: folded at its blanks, never encoded while it is ASCII.

    Raises:
        ValueError: it holds what must never be in a header.
    """
    _check_header(name, value)
    if name.lower() == "reply-to":
        return _mailbox_header(name, value)
    return _folded(name, value.split(" ")) if value.isascii() else _text_header(name, value)


def _to_header(address: str) -> str:
    return f"To: {address}" if _PLAIN_ADDRESS.fullmatch(address) else _mailbox_header("To", address)


@lru_cache(maxsize=64)
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


def _body(message: Message) -> list[bytes]:
    if message.rich is None:
        return [_PLAIN_PART, *message.plain.lines]
    # A quoted-printable "=" is followed by two hex digits or a line end: "=_" is in no body.
    boundary = b"=_" + sha256(message.message_id.encode()).hexdigest()[:32].encode()
    return [
        b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n\r\n--' + boundary + b"\r\n",
        _PLAIN_PART,
        *message.plain.lines,
        b"\r\n--" + boundary + b"\r\n",
        *_html_part(message.rich, message.picture, b"=_r" + boundary[2:]),
        b"\r\n--" + boundary + b"--\r\n",
    ]


def _html_part(html: Body, picture: Picture | None, boundary: bytes) -> list[bytes]:
    """Return the HTML, with the picture that belongs to it (RFC 2387)."""
    if picture is None:
        return [_HTML_PART, *html.lines]
    related = b'Content-Type: multipart/related; type="text/html";\r\n boundary="' + boundary + b'"\r\n\r\n'
    between = b"\r\n--" + boundary
    return [
        related + between[2:] + b"\r\n",
        _HTML_PART,
        *html.lines,
        between + b"\r\n",
        picture.part,
        between + b"--\r\n",
    ]


def ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError("the domain of an address cannot be written in ASCII") from error
