"""What a report's copy of our mail says of itself: tokens, Message-IDs, links.

Feedback loops take the recipient out, the body too, and sometimes all headers but one. Each of these was signed or
drawn by us for one mail, so that any of them proves which it was; a bare address proves nothing. Only the copy counts
(what is a message, its headers, or stands behind the report): in the words of a mail anybody can quote somebody's link.
"""

from __future__ import annotations

import html
import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.errors import MissingHeaderBodySeparatorDefect
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from itertools import islice
from quopri import decodestring
from urllib.parse import unquote

from trialalerts.delivery.feedback.mailbox.incoming import (
    HEADERS_ONLY,
    WHOLE,
    IncomingMail,
    addresses_in,
    ours_in,
    value_of,
)
from trialalerts.delivery.feedback.webhooks.payload import token_in
from trialalerts.delivery.mail.message import subscriber_in

__all__ = ["Identifiers", "identifiers_of"]

_METADATA = "X-Metadata"
_SENT_FROM = ("Return-Path", "X-Return-Path", "Authentication-Results", "ARC-Authentication-Results", "Received-SPF")
"""Where our signed return address stands in a mail of ours that was quoted; ``smtp.mailfrom=`` in the later ones."""
_REPORT = "message/feedback-report"
_LINK = re.compile(r"(?<![\w.-])[\w-]{8,400}\.[\w-]{4,9}\.[\w-]{43}(?![\w-])", re.ASCII)
"""What looks like the token of a link (see :class:`~trialalerts.subscribers.tokens.Tokens`)."""
_MESSAGE_ID = re.compile(r"<?([^<>@\s]{1,100}@[^<>@\s]{1,255})>?")
_FOLD = re.compile(r"\r?\n[ \t]+")
_PARTED = re.compile(r"[\s:;,<>]+")
_QUOTED_PRINTABLE = re.compile(r"=(?:\r?\n|3D)", re.IGNORECASE)
_LONGEST = 300_000
_MOST = 20


@dataclass(frozen=True, kw_only=True)
class Identifiers:
    """Which mail is meant: a token of ours; Message-IDs and tokens of links, which are looked up and checked later."""

    token: str | None = None
    message_ids: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


def identifiers_of(
    returned: IncomingMail, is_ours: Callable[[str], bool], fields: Mapping[str, str] | None = None
) -> Identifiers:
    """Return by what a report names a mail of ours; ``fields`` are those of the report itself, in lower case."""
    copies = list(islice(_copies(returned), _MOST))
    told = [(name, value) for name, value in (fields or {}).items()]
    told += [(name.lower(), str(value)) for copy in copies for name, value in copy.items()]
    return Identifiers(
        token=_token(returned, is_ours, (fields or {}).get("original-mail-from", ""), copies)
        or _feedback_token(told, is_ours),
        message_ids=tuple(islice(_message_ids(told), _MOST)),
        links=_links(text for copy in copies for text in _texts(copy)),
    )


def _token(
    returned: IncomingMail, is_ours: Callable[[str], bool], sender: str, copies: Sequence[Message]
) -> str | None:
    if returned.sent_to is not None:
        return returned.sent_to
    found = next(filter(is_ours, addresses_in(sender)), None)
    for copy in copies:
        found = found or next(ours_in(copy, _SENT_FROM, is_ours), None)
        if not found and (token := token_in(value_of(copy, _METADATA))) and is_ours(token):
            found = token
    return found


def _feedback_token(told: Sequence[tuple[str, str]], is_ours: Callable[[str], bool]) -> str | None:
    """Return the token among the fields of a Feedback-ID (also CFBL-Feedback-ID, RFC 9477)."""
    values = (value for name, value in told if name.endswith("feedback-id"))
    tokens = (token for value in values for token in _PARTED.split(value[:1_000]) if token)
    return next(filter(is_ours, tokens), None)


def _message_ids(told: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in told:
        if name.endswith("message-id"):
            for found in _MESSAGE_ID.findall("".join(value[:1_000].split())):
                if subscriber_in(f"<{found}>") is not None:
                    yield f"<{found}>"


def _links(texts: Iterator[str]) -> tuple[str, ...]:
    """Return what looks like tokens of links; programs rewrite links, fold and encode them."""
    found: dict[str, None] = {}
    for text in texts:
        for written in {text, _FOLD.sub("", text), unquote(html.unescape(text)), unquote(_FOLD.sub("", text))}:
            found |= dict.fromkeys(islice((each[0] for each in _LINK.finditer(written)), _MOST))
    return tuple(found)[:_MOST]


def _copies(returned: IncomingMail) -> Iterator[Message]:
    """Yield the copies of the mail in question, each as it stands and as it is once decoded."""
    behind_report = False
    for part in returned.parts():
        kind = part.get_content_type()
        if kind in WHOLE | HEADERS_ONLY or (behind_report and not part.is_multipart()):
            yield from _readings(part)
        behind_report = behind_report or kind == _REPORT


def _readings(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        inner = [each for each in payload if isinstance(each, Message)]
        yield from inner
        source = "\n\n".join(map(_source, inner))[:_LONGEST]
    else:
        content = part.get_payload(decode=True)
        source = content[:_LONGEST].decode(errors="replace") if isinstance(content, bytes) else ""
        yield _parsed(source)
    if isinstance(payload, list) and value_of(part, "Content-Transfer-Encoding").lower() == "base64":
        yield _parsed(_from_base64(source))
    elif _QUOTED_PRINTABLE.search(source):
        yield _parsed(_from_quoted_printable(source))


def _source(message: Message) -> str:
    """Return a message as it was written, but for its boundaries; a header that was cut in two goes on as it did."""
    heads = "\n".join(f"{name}: {value}" for name, value in message.raw_items())
    payload = message.get_payload()
    inner = [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
    body = payload if isinstance(payload, str) else "\n\n".join(_source(each) for each in inner)
    cut = any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in message.defects)
    return f"{heads}{chr(10) if cut else chr(10) * 2}{body}"


def _texts(copy: Message) -> Iterator[str]:
    """Yield what a copy says: headers and bodies as written, and each body decoded."""
    source = _source(copy)[:_LONGEST]
    yield source
    if _QUOTED_PRINTABLE.search(source):
        yield _from_quoted_printable(source)
    for part in islice(copy.walk(), _MOST):
        content = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield content[:_LONGEST].decode(errors="replace")


def _parsed(source: str) -> Message:
    return BytesParser(policy=compat32).parsebytes(source.encode(errors="replace"))


def _from_base64(text: str) -> str:
    try:
        return b64decode("".join(text.split()), validate=False).decode(errors="replace")
    except (Error, ValueError):
        return ""


def _from_quoted_printable(text: str) -> str:
    return decodestring(text.encode(errors="replace")).decode(errors="replace")
