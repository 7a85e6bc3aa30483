"""How the text part is wrapped: quickly, and without ever breaking a link."""

from __future__ import annotations

from trialalerts.digests.render_fragments import left_open

__all__ = ["wrapped"]

_WIDTH = 76


def wrapped(text: str, indent: str = "") -> str:
    """Return a text in lines of at most 76 characters where its words allow it; later lines begin with ``indent``.

    A text with holes in it is wrapped when they are filled; a hole is longer than a line.
    """
    text = str(text)
    if len(text) <= _WIDTH:
        return text
    if (to_fill := left_open(text, indent)) is not None:
        return to_fill
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = indent + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
