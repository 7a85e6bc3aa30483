"""Texts and addresses without their secrets: passwords, keys, tokens.

The one place where they are taken out of whatever is printed, logged or stored to be shown. An address keeps its
scheme, host and path; user, password, query and fragment go. Where somebody forgot to write a ``/``, ``?`` or ``@`` of
a password as ``%XX``, nobody can tell where it ends: then nothing but the scheme is left. What others say (a server
that repeats the token it refuses) is cleaned of the secrets of the address that was asked.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, unquote, unquote_plus

__all__ = ["hidden", "shown_url", "without_secrets"]

_HIDDEN = "…"
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>“”]*")
_CLOSING = re.compile(r"[.,;:!)\]}]*$")
_AUTHORITY_ENDS = re.compile(r"[/?#]")
_NAMED = re.compile(
    r"(?<![A-Za-z])((?:[a-z]+_)?(?:password|passwd|pwd|secret|token|api[_-]?key|key|signature|sig)=)[^\s&'\"]+"
    r"|\b(authorization: ?(?:basic|bearer) |(?:basic|bearer) (?=[A-Za-z0-9+/=._~-]{16}))[A-Za-z0-9+/=._~-]+",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[:/?#@&=;,\s()]+")
_OF_THE_WEB = {"http", "https"}
"""Their paths may hold an @ (``https://example.org/@somebody``)."""
_LONGEST = 300
_SHORTEST = 4
"""Shorter words are too often others' to be taken out of a sentence; as a part of an address they are."""


def shown_url(url: str) -> str:
    """Return an address without user, password, query and fragment, at most 300 letters of it.

    >>> shown_url("https://user:secret@example.org/feed?key=abc")
    'https://example.org/feed'
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        return _AUTHORITY_ENDS.split(url.rpartition("@")[2], maxsplit=1)[0][:_LONGEST]
    if _is_unclear(scheme, rest):
        return f"{scheme}://{_HIDDEN}"
    authority = _AUTHORITY_ENDS.split(rest, maxsplit=1)[0]
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    return f"{scheme}://{authority.rpartition('@')[2]}{path}"[:_LONGEST]


def without_secrets(text: str, *urls: str) -> str:
    """Return a text in which every address is as :func:`shown_url` shows it, and no ``token=…`` has its value.

    ``urls`` are addresses whose secrets may stand in the text by themselves.
    """
    text = hidden(text, *(secret for url in urls for secret in _secrets(url)))
    if "://" in text:
        text = _URL.sub(_shown, text)
    return _NAMED.sub(rf"\1\2{_HIDDEN}", text)


def hidden(text: str, *secrets: str) -> str:
    """Return a text without these secrets, be they as they are or in base64, as HTTP and SMTP write them."""
    spelt = {form for each in secrets for form in (each, b64encode(each.encode()).decode().rstrip("="))}
    for form in sorted((form for form in spelt if len(form) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(form, _HIDDEN)
    return text


def _shown(found: re.Match[str]) -> str:
    end = _CLOSING.search(found[0])
    begin = found[0][: end.start()] if end else found[0]
    return shown_url(begin) + found[0][len(begin) :]


def _is_unclear(scheme: str, rest: str) -> bool:
    """Tell whether a password or key may go on where, by the rules, it has ended."""
    authority = _AUTHORITY_ENDS.split(rest, maxsplit=1)[0]
    port = authority.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    if port and not port.isdigit():
        return True
    after = rest[len(authority) :]
    may_have_begun = "@" in authority or (":" in authority and not authority.startswith("["))
    return "@" in after and (may_have_begun or (bool(authority) and scheme.lower() not in _OF_THE_WEB))


def _secrets(url: str) -> Iterator[str]:
    """Yield what an address hides, as it stands there and decoded: the user only where it is the key."""
    scheme, _, rest = url.partition("://")
    authority = _AUTHORITY_ENDS.split(rest, maxsplit=1)[0]
    given = authority.rpartition("@")[0]
    query = re.sub("^[^?#]*", "", rest)
    parts = (part for ends in ("[?&;#]", "[?&#]", "[?#]") for part in re.split(ends, query))
    pieces = [given.partition(":")[2] or given, *(each.partition("=")[2] or each for each in parts)]
    pieces.append(query.partition("=")[2])  # where nobody wrote the signs of a key as %XX, it may be all of it
    if ":" in given:
        pieces.append(given)  # in HTTP they are written together
    if _is_unclear(scheme, rest):
        given = rest.rpartition("@")[0]
        pieces += [given, given.partition(":")[2], authority.partition(":")[2], *_PARTS.split(rest)]
    for piece in pieces:
        yield from (piece, unquote(piece), unquote_plus(piece), quote(piece, safe=""))
