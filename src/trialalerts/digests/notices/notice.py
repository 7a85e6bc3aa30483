"""A notice before it is a mail: its words, its one button, and what may follow."""

from __future__ import annotations

from dataclasses import dataclass

from trialalerts.digests.notices.passages import Passage

__all__ = ["Notice", "NoticeGroup", "NoticeLink"]


@dataclass(frozen=True, kw_only=True)
class NoticeLink:
    """A link with the sentence before it, which may be empty."""

    text: str
    url: str
    before: str = ""


@dataclass(frozen=True, kw_only=True)
class NoticeGroup:
    """A heading with lines under it, each a text and a number; ``detail`` stands right below the heading."""

    title: str
    lines: tuple[tuple[str, str], ...]
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a notice says. ``small`` are the quiet sentences behind the button; ``tail`` links end the mail.

    ``brand`` is who writes, as the head and the foot of the mail say it. ``passages`` are what editors wrote, in the
    language ``lang`` (empty where nobody said).
    """

    subject: str
    preview: str
    title: str
    brand: str
    paragraphs: tuple[str, ...]
    groups: tuple[NoticeGroup, ...] = ()
    button: NoticeLink | None = None
    small: tuple[str, ...] = ()
    more: tuple[NoticeLink, ...] = ()
    closing: str = ""
    tail: tuple[NoticeLink, ...] = ()
    passages: tuple[Passage, ...] = ()
    lang: str = ""
