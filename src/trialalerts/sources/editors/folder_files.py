"""The articles of a folder: every file with how it stands, originals with their translations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trialalerts.catalog.draft import FieldProblem
from trialalerts.errors import SourceError
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.article_file import ArticleFile, article_text, read_article
from trialalerts.sources.editors.front_matter import UnreadableArticle
from trialalerts.sources.editors.life import ArticleStage, Life, life_of
from trialalerts.sources.stumbles import unreadable

__all__ = ["FolderArticle", "FolderFiles", "article_files", "article_paths"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderArticle:
    """An original with how it stands, and its translations, each with how that stands."""

    file: ArticleFile
    life: Life
    translations: Sequence[tuple[ArticleFile, Life]] = ()

    @property
    def texts(self) -> list[ArticleFile]:
        """The translations that readers may see; one that was taken back alone is none of them."""
        also_retracted = self.life.stage is ArticleStage.RETRACTED
        return [
            file
            for file, life in self.translations
            if life.stage.is_public and (also_retracted or life.stage is not ArticleStage.RETRACTED)
        ]


@dataclass(slots=True)
class FolderFiles:
    """What a folder holds; ``problems`` are of files that give no article."""

    articles: list[FolderArticle] = field(default_factory=list)
    problems: list[FieldProblem] = field(default_factory=list)


def article_files(source: str, folder: Path, context: SourceContext) -> FolderFiles:
    """Read all articles of a folder and of those in it, sorted by name. Hidden files and folders are left out.

    Raises:
        SourceError: there is no such folder, or it cannot be read.
    """
    found, read = FolderFiles(), dict[str, tuple[ArticleFile, Life]]()
    approvals, now = context.approvals(source), context.moment
    for path, name in article_paths(source, folder):
        try:
            file = read_article(article_text(path), name, context.zone)
            read[name] = file, life_of(file, None if approvals is None else approvals[name], now)
        except UnreadableArticle as error:
            found.problems.append(FieldProblem(external_id=name, field=error.field, message=str(error)))
        except Exception as error:  # noqa: BLE001 - a file that nobody foresaw must not stop the others
            found.problems.append(unreadable(name, error))
    translations = defaultdict[str, list[tuple[ArticleFile, Life]]](list)
    originals = {name for name, (file, _) in read.items() if not file.translation_of}
    for file, life in read.values():
        if file.translation_of and (problem := _misplaced(file, originals, translations[file.translation_of])):
            found.problems.append(problem)
        elif file.translation_of:
            translations[file.translation_of].append((file, life))
    found.articles += [
        FolderArticle(file=file, life=life, translations=translations.get(name, ()))
        for name, (file, life) in read.items()
        if name in originals
    ]
    return found


def _misplaced(
    file: ArticleFile, originals: set[str], known: Sequence[tuple[ArticleFile, Life]]
) -> FieldProblem | None:
    """Return why a file cannot be told as a translation; None where it can."""
    field_name, message = "translation_of", ""
    if file.translation_of not in originals:
        message = f"there is no article “{file.translation_of[:60]}”; name its file as it stands within the folder"
    elif not file.language:
        field_name, message = "language", "a translation says its language; add a line such as language: de"
    elif any(other.language == file.language for other, _ in known):
        field_name, message = "language", f"another file translates {file.translation_of} into “{file.language}”, too"
    return FieldProblem(external_id=file.name, field=field_name, message=message) if message else None


def article_paths(source: str, folder: Path) -> Iterator[tuple[Path, str]]:
    """Give the Markdown files with their names within the folder, sorted by these.

    Raises:
        SourceError: there is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise SourceError(f"Source {source}: there is no folder {folder}; make it or mend the source's path.")
    try:
        found = [path for path in folder.rglob("*.md") if path.is_file()]
    except OSError as error:
        raise SourceError(
            f"Source {source}: the folder {folder} cannot be read ({error.strerror}); mend its permissions."
        ) from None
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in found):
        if not any(part.startswith(".") for part in name.split("/")):
            yield path, name
