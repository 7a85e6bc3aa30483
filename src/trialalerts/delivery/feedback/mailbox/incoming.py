"""Reading a mail that came back: which of its words may be trusted, and what kind of news it is.

Anybody can write to a return address. A mail is believed only about the delivery whose signed token it carries: in
the address it was sent to, or in what it quotes of our own message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from hashlib import sha256
from itertools import islice

from trialalerts.delivery.feedback.events import EventKind, Meaning
from trialalerts.delivery.feedback.mailbox.words import own_words, text_of

__all__ = [
    "HEADERS_ONLY",
    "WHOLE",
    "IncomingMail",
    "MailReport",
    "addresses_in",
    "ours_in",
    "read_incoming",
    "value_of",
]

_ADDRESS = re.compile(r"[^\s<>,;:\"()]{1,64}@[^\s<>,;\"()]{1,255}")
_SENT_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To", "Cc", "Received")
_MOST_PARTS = 100
_MOST_WORDS = 20_000
_EDGE = re.compile(r"^--([^\s\"]{1,70})[ \t]*$", re.MULTILINE)
WHOLE = {"message/rfc822", "message/global", "message/partial"}
HEADERS_ONLY = {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
_QUOTATIONS = WHOLE | HEADERS_ONLY


@dataclass(frozen=True, kw_only=True)
class MailReport:
    """One thing that a mail tells; ``told`` are the lines that say so, without what our own message said.

    ``message_ids`` and ``links`` are what else may name the mail (see ``identifiers``).
    """

    kind: EventKind
    told: str
    token: str | None = None
    meaning: Meaning | None = None
    message_ids: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class IncomingMail:
    """A mail that came to the bounce mailbox; ``sent_to`` is the return address of ours that it was sent to."""

    message: Message
    digest: str
    arrived: datetime
    sent_to: str | None

    def header(self, name: str) -> str:
        """Return a header's value in one line; empty where there is none."""
        return value_of(self.message, name)

    def decoded(self, name: str) -> str:
        """Return a header's value as people read it; as it stands where it cannot be decoded."""
        try:
            return _one_line(make_header(decode_header(self.header(name))))
        except (HeaderParseError, LookupError, ValueError):
            return self.header(name)

    def parts(self) -> list[Message]:
        """Return the parts, but not what is within a quoted message."""
        return list(islice(_parts(self.message), _MOST_PARTS))

    def texts(self) -> list[str]:
        """Return the texts of the mail itself that stand before what it quotes."""
        found: list[str] = []
        for part in self.parts():
            if part is not self.message and _is_quotation(part):
                break
            if part.get_content_maintype() == "text" or (not part.is_multipart() and part is self.message):
                found.append(text_of(part))
        return found

    def words(self) -> str:
        """Return what the mail itself says, without a copy of ours."""
        texts = [text for text in self.texts() if text.strip()]
        return own_words("\n\n".join(texts))[:_MOST_WORDS]

    def sent_on(self) -> IncomingMail | None:
        """Return the report that a mail system's mail holds as a whole, where it is one for machines."""
        for part in self.parts():
            payload = part.get_payload()
            inner = payload[0] if _is_quotation(part) and isinstance(payload, list) and payload else None
            if isinstance(inner, Message) and inner.get_content_type() == "multipart/report":
                return replace(self, message=_mended(inner))
        return None

    def quotes(self) -> bool:
        """Tell whether a part of it is the message that it tells of, or its headers."""
        return any(_is_quotation(part) for part in self.parts() if part is not self.message)


def read_incoming(content: bytes, *, arrived: datetime, is_ours: Callable[[str], bool]) -> IncomingMail:
    """Read a mail; ``is_ours`` tells whether an address or a token is one that we signed."""
    message = _mended(BytesParser(policy=compat32).parsebytes(content))
    digest = sha256(content).hexdigest()
    sent_to = next(ours_in(message, _SENT_TO, is_ours), None)
    return IncomingMail(message=message, digest=digest, arrived=arrived, sent_to=sent_to)


def value_of(message: Message, name: str) -> str:
    """Return a header's value in one line; empty where there is none."""
    value = message.get(name)
    return "" if value is None else _one_line(value)


def _mended(message: Message) -> Message:
    """Return a mail whose parts were not found for a wrong or missing boundary, read by the one that stands there."""
    body = message.get_payload()
    if message.get_content_maintype() != "multipart" or not isinstance(body, str):
        return message
    found = _EDGE.search(body)
    if found is None:
        return message
    head = f'Content-Type: {message.get_content_type()}; boundary="{found[1]}"\n\n'
    inner = BytesParser(policy=compat32).parsebytes((head + body).encode(errors="surrogateescape"))
    message.set_payload(inner.get_payload())
    return message


def _is_quotation(part: Message) -> bool:
    return part.get_content_type() in _QUOTATIONS


def _one_line(value: object) -> str:
    return re.sub(r"[\x00-\x20\x7f]+", " ", str(value)[:_MOST_WORDS].encode(errors="replace").decode()).strip()


def addresses_in(text: str) -> list[str]:
    """Return what looks like addresses in a text."""
    return _ADDRESS.findall(_one_line(text))


def ours_in(message: Message, names: Sequence[str], is_ours: Callable[[str], bool]) -> Iterator[str]:
    """Yield the addresses of ours in these headers."""
    for name in names:
        for value in message.get_all(name, []):
            yield from filter(is_ours, addresses_in(value))


def _parts(message: Message) -> Iterator[Message]:
    yield message
    if message.get_content_maintype() == "multipart" and isinstance(message.get_payload(), list):
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _parts(part)
