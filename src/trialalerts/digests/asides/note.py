"""A note of a mail: a bold word, a sentence, and ways to change a wish."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Note", "NoteLink"]


class NoteLink(NamedTuple):
    """A link to the form of a wish with a step taken, and what that brings: ``Only within 100 km`` ``: 9 of 124``."""

    text: str
    url: str
    after: str = ""


class Note(NamedTuple):
    """What stands in a box under the heading of a mail."""

    label: str
    text: str
    links: tuple[NoteLink, ...] = ()

    def __str__(self) -> str:
        """Return it without its links, for a template that puts it out as a text."""
        return f"{self.label} {self.text}".strip()
