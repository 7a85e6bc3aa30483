"""Owns how the text part is wrapped: quickly, and without ever breaking a link."""

from __future__ import annotations

__all__ = ["wrapped"]

_WIDTH = 76


def wrapped(text: str, indent: str = "") -> str:
    """Return a text in lines of at most 76 characters where its words allow it; later lines begin with ``indent``."""
    if len(text) <= _WIDTH:
        return text
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = indent + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
