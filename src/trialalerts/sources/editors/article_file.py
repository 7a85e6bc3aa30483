"""The file of an article, as its editors wrote it: what the front matter says, and the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import orjson

from trialalerts.catalog.draft import FieldProblem
from trialalerts.catalog.text import clean_line, clean_text, sanitised_html, summary_of
from trialalerts.sources.editors.front_matter import UnreadableArticle, parts_of
from trialalerts.sources.feeds.dates import When, at_a_time, on_a_day, read_when
from trialalerts.sources.feeds.links import usable_link
from trialalerts.sources.reading.fields import Fields

__all__ = ["ArticleFile", "ArticleStatus", "article_text", "read_article"]

ArticleStatus = Literal["draft", "review", "scheduled", "published", "corrected", "retracted"]
"""The words of ``status`` in the front matter; without it an article is published."""

_STATUSES: tuple[ArticleStatus, ...] = get_args(ArticleStatus)
_SUCH_A_TIME = "add a line such as publish_at: 2026-01-15 08:00"
_NAMES_ZONE = re.compile(r":\d{2}\s*(?:Z|[A-Z]{2,5}|[+-]\d{2}:?\d{2})$")
_LARGEST = 2_000_000
_SUMMARY_LIMIT = 400
_NOT_APPROVED = frozenset({"status", "publish_at", "reviewer"})
"""What is no part of what a reviewer approves: the next steps of the article's life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFile:
    """An article as a file has it.

    Attributes:
        name: the file's, within its folder, with slashes: the article's id.
        status: as the front matter says, or as it follows from a correction.
        publish_at: before which nobody sees it (aware); None: at once.
        published: the day or moment that it bears.
        translation_of: the name of the file that it translates; empty where it translates none.
        regions: where those live for whom it is, as written; empty: anywhere.
        languages: of those for whom it is (ISO 639-1); empty: any.
        digest: stands for all that a reviewer approves.
        problems: what of it could not be read; the rest was.
    """

    name: str
    status: ArticleStatus
    publish_at: datetime | None
    title: str
    summary: str
    subtitle: str
    html: str
    text: str
    url: str
    authors: tuple[str, ...]
    reviewer: str
    categories: tuple[str, ...]
    audience: tuple[str, ...]
    language: str | None
    translation_of: str
    regions: tuple[str, ...]
    languages: tuple[str, ...]
    published: When | None
    corrected_on: date | None
    correction: str
    retracted_on: date | None
    retraction: str
    digest: str
    problems: tuple[FieldProblem, ...]


def article_text(path: Path) -> str:
    """Return what a file holds.

    Raises:
        UnreadableArticle: it cannot be read, is too large, or is no UTF-8.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableArticle("file", f"the file has more than {_LARGEST:,} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableArticle("file", f"the file is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise UnreadableArticle("file", f"the file cannot be read ({error.strerror})") from None


def read_article(text: str, name: str, zone: ZoneInfo) -> ArticleFile:
    """Read the text of a file.

    Args:
        text: the whole of it.
        name: its name within its folder.
        zone: where a time of the front matter without a zone is meant.

    Raises:
        UnreadableArticle: it has no title, or what decides who may see it cannot be told.
    """
    head, body = parts_of(text)
    fields = Fields(name)
    title = clean_line(fields.text(head, "title") or "")
    if not title:
        raise UnreadableArticle("title", "the front matter has no title")
    html = _rendered(body)
    words = clean_text(html)
    subtitle = clean_line(fields.text(head, "subtitle") or "")
    corrected, correction = _dated(head, "corrected", "correction", "what was put right", fields)
    retracted, retraction = _dated(head, "retracted", "retraction", "why", fields)
    publish_at = _publish_at(head, zone)
    return ArticleFile(
        name=name,
        status=_status(head, fields, corrected=corrected is not None, retracted=retracted is not None),
        publish_at=publish_at,
        title=title,
        summary=subtitle or summary_of(words, _SUMMARY_LIMIT),
        subtitle=subtitle,
        html=html,
        text=words,
        url=_link(head, fields),
        authors=(*fields.lines(head, "author"), *fields.lines(head, "authors")),
        reviewer=fields.line(head, "reviewer") or "",
        categories=fields.lines(head, "categories"),
        audience=fields.lines(head, "audience"),
        language=fields.line(head, "language"),
        translation_of=fields.line(head, "translation_of") or "",
        regions=_all_lines(head, "regions", fields),
        languages=tuple(_language(each) for each in _all_lines(head, "languages", fields)),
        published=_when(head, "date", fields),
        corrected_on=corrected,
        correction=correction,
        retracted_on=retracted,
        retraction=retraction,
        digest=_digest(head, body),
        problems=tuple(fields.problems),
    )


def _status(head: Mapping[str, Any], fields: Fields, *, corrected: bool, retracted: bool) -> ArticleStatus:
    """Return the status; one that nobody understands keeps the article from everybody."""
    said = fields.line(head, "status")
    if said is None:
        if head.get("status") is not None:
            raise UnreadableArticle("status", f"expected one of: {', '.join(_STATUSES)}")
        return "retracted" if retracted else "corrected" if corrected else "published"
    for status in _STATUSES:
        if said.lower() == status:
            if status == "scheduled" and head.get("publish_at") is None:
                raise UnreadableArticle("publish_at", f"scheduled for no time; {_SUCH_A_TIME}")
            return status
    raise UnreadableArticle("status", f"found “{said[:40]}”, expected one of: {', '.join(_STATUSES)}")


def _publish_at(head: Mapping[str, Any], zone: ZoneInfo) -> datetime | None:
    """Return the moment of ``publish_at``; one without a zone, and a day, are the service's."""
    value = head.get("publish_at")
    if value is None:
        return None
    if isinstance(value, str) and (found := read_when(value)):
        value = found.at if _NAMES_ZONE.search(value) else found.at.replace(tzinfo=None)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone)
    raise UnreadableArticle("publish_at", f"no day or time is understood; {_SUCH_A_TIME}")


def _all_lines(head: Mapping[str, Any], key: str, fields: Fields) -> tuple[str, ...]:
    """Return a list that narrows who is told: one of which a part cannot be read must not reach everybody."""
    found = fields.lines(head, key)
    if len(found) != len(fields.items(head, key)) or (not found and head.get(key) not in (None, [], "")):
        raise UnreadableArticle(key, "expected a list of names, each once")
    return found


def _language(text: str) -> str:
    code = text.replace("_", "-").partition("-")[0].lower()
    if not (len(code) == 2 and code.isascii() and code.isalpha()):  # noqa: PLR2004 - ISO 639-1
        raise UnreadableArticle("languages", f"found “{text[:40]}”, expected codes such as en or de")
    return code


def _link(head: Mapping[str, Any], fields: Fields) -> str:
    written = fields.line(head, "url") or ""
    url = usable_link(written, "")
    if written and not url:
        fields.note("url", f"found “{written[:60]}”, expected an address that starts with https://")
    return url


def _dated(head: Mapping[str, Any], day: str, key: str, what: str, fields: Fields) -> tuple[date | None, str]:
    """Return the day on which an article was put right or taken back, and the sentence that says so."""
    when, sentence = _when(head, day, fields), clean_line(fields.line(head, key) or "")
    if sentence and day not in head:
        fields.note(key, f"no date stands beside it, so nobody is told; add a line such as {day}: 2026-01-15")
    if when and not sentence:
        fields.note(day, f"no sentence says {what}; add a line {key}: …")
    return (when.day or when.at.date() if when else None), sentence


def _when(head: Mapping[str, Any], key: str, fields: Fields) -> When | None:
    value = head.get(key)
    if isinstance(value, datetime):
        return at_a_time(value)
    if isinstance(value, date):
        return on_a_day(value)
    found = read_when(value) if isinstance(value, str) else None
    if value is not None and found is None:
        fields.wrong(key, value, "a date such as 2026-01-15")
    return found


def _rendered(markdown: str) -> str:
    from markdown_it import MarkdownIt

    return sanitised_html(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def _digest(head: Mapping[str, Any], body: str) -> str:
    said = {key: str(value) for key, value in sorted(head.items()) if key not in _NOT_APPROVED}
    return blake2b(orjson.dumps(said) + b"\n" + body.encode(), digest_size=16).hexdigest()
