"""How words from outside (registries, feeds, labels) are made fit for a mail: one line, short, harmless."""

from __future__ import annotations

import re

__all__ = ["first_sentence", "one_line", "shortened", "usable_address", "web_address"]

_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Control characters but blanks, marks that turn the direction of the text after them, halves of characters."""

_LONGEST_LINK = 600
_WEB = re.compile(r"https?://[^\s/?#\\@<>\"]+(?:[/?#][^\s\\<>\"]*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_SENTENCE_END = re.compile(r"[.!?…]['\"”»)]?\s")


def one_line(text: str | None, limit: int | None = None) -> str:
    """Return a text on one line without control characters; cut at a word to at most ``limit`` characters."""
    line = text or ""
    if not line.isascii() or not line.isprintable():
        line = _UNWANTED.sub("", line)
    line = " ".join(line.split())
    return line if limit is None or len(line) <= limit else _cut(line, limit)


def shortened(text: str | None, limit: int) -> str:
    """Return the beginning of a text on one line, at most ``limit`` characters, cut at a sentence if possible."""
    line = one_line(text)
    if len(line) <= limit:
        return line
    ends = [found.end() for found in _SENTENCE_END.finditer(line, 0, limit)]
    return line[: ends[-1]].rstrip() if ends and ends[-1] >= limit // 2 else _cut(line, limit)


def first_sentence(text: str | None, limit: int) -> str:
    """Return the first sentence of a text on one line, cut at a word to at most ``limit`` characters.

    >>> first_sentence("It eases attacks. It prevents none.", 80)
    'It eases attacks.'
    """
    line = one_line(text)
    end = _SENTENCE_END.search(line)
    return one_line(line[: end.end()] if end else line, limit)


def _cut(line: str, limit: int) -> str:
    head = line[: limit - 1]
    if not line[limit - 1].isspace() and (blank := head.rfind(" ")) >= limit // 2:
        head = head[:blank]
    return head.rstrip(" ,;:-–") + "…"


def web_address(url: str | None) -> str | None:
    """Return a link that may stand in a mail: http(s) only; None for everything else."""
    found = (url or "").strip()
    return found if len(found) <= _LONGEST_LINK and found.isprintable() and _WEB.fullmatch(found) else None


def usable_address(address: str | None) -> str | None:
    """Return an e-mail address that can be made a link as it is; None for everything else."""
    found = (address or "").strip()
    return found if _ADDRESS.fullmatch(found) else None
