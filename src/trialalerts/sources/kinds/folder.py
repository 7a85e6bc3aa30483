"""Folders of Markdown articles as a source: what an organisation's own editors write.

A file begins with front matter (docs/how-to/write-articles.md tells its keys); its name within the folder is its id.
What is a draft, waits for its review or its time, or is not approved, is not given. A file that cannot be read is a
problem of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ConfigDict, Field

from trialalerts.catalog.draft import FieldProblem, ItemDraft
from trialalerts.settings import SourceSettings
from trialalerts.sources.base import Batch, Position, SourceKind
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.drafting import draft_of
from trialalerts.sources.editors.folder_files import FolderArticle, article_files
from trialalerts.sources.editors.front_matter import UnreadableArticle
from trialalerts.sources.editors.life import ArticleStage
from trialalerts.sources.stumbles import unreadable

__all__ = ["KIND", "FolderSettings", "FolderSource"]


class FolderSettings(SourceSettings):
    """Where the articles lie."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1)


class FolderSource:
    """A folder, with the folders in it."""

    def __init__(self, settings: FolderSettings) -> None:
        self._name = settings.name
        self._path = Path(settings.path)

    def batches(self, position: Position, context: SourceContext) -> Iterator[Batch]:
        """Give all articles of the folder that readers may see."""
        began = context.clock.now()
        found = article_files(self._name, self._path, context)
        problems, drafts = list(found.problems), list[ItemDraft]()
        known = context.known(self._name, [each.file.name for each in found.articles])
        for article in found.articles:
            name = article.file.name
            problems += _corrected_alone(article)
            if problem := _out_of_order(article, is_known=name in known):
                problems.append(problem)
            elif article.life.stage.is_public:
                try:
                    drafts.append(draft_of(self._name, article.file, article.texts, article.life.since, context))
                except UnreadableArticle as error:
                    problems.append(FieldProblem(external_id=name, field=error.field, message=str(error)))
                except Exception as error:  # noqa: BLE001 - a file that nobody foresaw must not stop the others
                    problems.append(unreadable(name, error))
        yield Batch(
            drafts=drafts, problems=problems, cursor=position.cursor, sweep_began=began, ends_sweep=True, whole=True,
            strange=context.categories.strange,
        )  # fmt: skip


def _out_of_order(article: FolderArticle, *, is_known: bool) -> FieldProblem | None:
    """Return what is wrong with a step that an article took; None: it may take it."""
    message = ""
    if is_known and article.file.status in {"draft", "review"}:
        message = "it was published before, and goes on being read; to take it back: trialalerts articles retract"
    elif not is_known and article.life.stage is ArticleStage.RETRACTED:
        message = "retracted before it was published: nobody was told of it, and nobody will be"
    return FieldProblem(external_id=article.file.name, field="status", message=message) if message else None


def _corrected_alone(article: FolderArticle) -> Iterator[FieldProblem]:
    """Give the translations that were put right after their original: nobody hears of that."""
    said = article.file.corrected_on
    for text in article.texts:
        if text.corrected_on is not None and (said is None or text.corrected_on > said):
            message = f"nobody is told, for readers hear of it from {article.file.name}: say it there, too"
            yield FieldProblem(external_id=text.name, field="corrected", message=message)


KIND = SourceKind(what="a folder of Markdown articles with front matter", settings=FolderSettings, open=FolderSource)
