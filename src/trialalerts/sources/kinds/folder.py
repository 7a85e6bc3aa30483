"""Folders of Markdown articles as a source: what an organisation's own editors write.

A file begins with front matter (``title``, ``subtitle``, ``date``, ``corrected``, ``correction``, ``categories``,
``audience``, ``url``);
its name within the folder is its id. A file that cannot be read is a problem of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from trialalerts.catalog.articles.audience import AUDIENCES, Audience, audience_in
from trialalerts.catalog.articles.keys import article_keys
from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.catalog.facts import ArticleFacts
from trialalerts.catalog.tables import ItemKind
from trialalerts.catalog.text import clean_line, clean_text, sanitised_html, summary_of
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.errors import SourceError
from trialalerts.settings import SourceSettings
from trialalerts.sources.base import Batch, Position, SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.feeds.dates import When, at_a_time, on_a_day, read_when
from trialalerts.sources.feeds.links import usable_link
from trialalerts.sources.reading.fields import Fields
from trialalerts.sources.stumbles import unreadable

__all__ = ["KIND", "FolderSettings", "FolderSource"]

_LARGEST = 2_000_000
_SUMMARY_LIMIT = 400
_FENCE = "---"


class _Unreadable(Exception):
    """A file gives no article; says which part of it is wrong and how."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class FolderSettings(SourceSettings):
    """Where the articles lie."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1)


class FolderSource:
    """A folder, with the folders in it. Hidden files and folders are left out."""

    def __init__(self, settings: FolderSettings) -> None:
        self._name = settings.name
        self._path = Path(settings.path)

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Give all articles of the folder."""
        began = context.clock.now()
        drafts: list[ItemDraft] = []
        problems: list[FieldProblem] = []
        for path, external_id in self._files():
            try:
                drafts.append(self._draft(path, external_id, context))
            except _Unreadable as error:
                problems.append(FieldProblem(external_id=external_id, field=error.field, message=str(error)))
            except Exception as error:  # noqa: BLE001 - a file that nobody foresaw must not stop the others
                problems.append(unreadable(external_id, error))
        yield Batch(
            drafts=drafts, problems=problems, cursor=position.cursor, sweep_began=began, ends_sweep=True, whole=True,
            strange=context.categories.strange,
        )  # fmt: skip

    def _files(self) -> list[tuple[Path, str]]:
        """Return the Markdown files with their names within the folder, sorted."""
        if not self._path.is_dir():
            raise SourceError(
                f"Source {self._name}: there is no folder {self._path}; make it or mend the source's path."
            )
        try:
            found = [path for path in self._path.rglob("*.md") if path.is_file()]
        except OSError as error:
            raise SourceError(
                f"Source {self._name}: the folder {self._path} cannot be read ({error.strerror}); mend its permissions."
            ) from None
        named = [(path, path.relative_to(self._path).as_posix()) for path in found]
        return sorted((path, name) for path, name in named if not any(p.startswith(".") for p in name.split("/")))

    def _draft(self, path: Path, external_id: str, context: SourceContext) -> ItemDraft:
        head, body = _parts(_read(path))
        fields = Fields(external_id)
        title = clean_line(fields.text(head, "title") or "")
        if not title:
            raise _Unreadable("title", "the front matter has no title")
        html = _rendered(body)
        text = clean_text(html)
        subtitle = clean_line(fields.text(head, "subtitle") or "")
        categories = fields.lines(head, "categories")
        link = fields.line(head, "url") or ""
        url = usable_link(link, "")
        if link and not url:
            fields.note("url", f"found “{link[:60]}”, expected an address that starts with https://")
        published = _when(head, "date", fields)
        corrected, correction = _correction(head, fields)
        named, words = context.categories.read(categories), f"{subtitle}\n\n{text}"
        return ItemDraft(
            registry=self._name,
            external_id=external_id,
            kind=ItemKind.ARTICLE,
            url=url,
            title=title,
            summary=subtitle or summary_of(text, _SUMMARY_LIMIT),
            published_at=published.at if published else None,
            facts=ArticleFacts(
                authors=(*fields.lines(head, "author"), *fields.lines(head, "authors")),
                categories=categories,
                audience=_audience(fields.lines(head, "audience"), named.audience, fields),
                html=html,
                language=fields.line(head, "language"),
                published_on=published.day if published else None,
                corrected_on=corrected,
                correction=correction or None,
                trials=registry_numbers((title, words)),
            ),
            source=self._name,
            areas=context.categories.areas(named.areas, title=title, text=words),
            topics=context.categories.topics(named.topics, title=title, text=words),
            keys=article_keys(links=[url]),
            problems=tuple(fields.problems),
        )


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise _Unreadable("file", f"the file has more than {_LARGEST:,} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable("file", f"the file is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise _Unreadable("file", f"the file cannot be read ({error.strerror})") from None


def _parts(text: str) -> tuple[Mapping[str, Any], str]:
    """Part the front matter from the article."""
    import frontmatter
    import yaml  # type: ignore[import-untyped]  # the package ships no type hints

    lines = text.splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        raise _Unreadable("front matter", f"the file does not begin with a line {_FENCE}")
    if not any(line.rstrip() == _FENCE for line in lines[1:]):
        raise _Unreadable("front matter", f"there is no second line {_FENCE}; is the file half written?")
    try:
        head, body = frontmatter.parse("\n".join(lines))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise _Unreadable("front matter", f"line {line} is no YAML: {error.problem or 'it cannot be read'}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _Unreadable("front matter", "it is no YAML") from None
    return {str(key).lower(): value for key, value in head.items()}, str(body)


def _rendered(markdown: str) -> str:
    from markdown_it import MarkdownIt

    return sanitised_html(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def _correction(head: Mapping[str, Any], fields: Fields) -> tuple[date | None, str]:
    """Return the day on which the article was put right, and the sentence that says what was wrong."""
    when, sentence = _when(head, "corrected", fields), clean_line(fields.line(head, "correction") or "")
    if sentence and "corrected" not in head:
        fields.note(
            "correction", "no date stands beside it, so nobody is told; add a line such as corrected: 2026-01-15"
        )
    if when and not sentence:
        fields.note("corrected", "no sentence says what was put right; add a line correction: …")
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


def _audience(said: tuple[str, ...], by_category: Audience | None, fields: Fields) -> Audience | None:
    """Return for whom the front matter and the categories together say that the article is."""
    if said and audience_in(said) is None:
        fields.wrong("audience", ", ".join(said), f"one of: {', '.join(AUDIENCES)}")
    return audience_in([*said, by_category])


KIND = SourceKind(what="a folder of Markdown articles with front matter", settings=FolderSettings, open=FolderSource)
