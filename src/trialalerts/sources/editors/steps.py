"""The steps in an article's life that a command takes: they are written into the file's front matter."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from trialalerts.catalog.draft import ItemDraft
from trialalerts.errors import InvalidInput
from trialalerts.settings import Settings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.editors.article_file import ArticleFile, article_text, read_article
from trialalerts.sources.editors.drafting import draft_of
from trialalerts.sources.editors.folder_files import article_files
from trialalerts.sources.editors.front_matter import UnreadableArticle, with_values
from trialalerts.sources.editors.life import ArticleStage, Life, life_of
from trialalerts.sources.kinds import settled
from trialalerts.sources.kinds.folder import FolderSettings

__all__ = [
    "EditedArticle",
    "correct_article",
    "current_draft",
    "editors_folders",
    "find_article",
    "moment_to_publish",
    "publish_article",
    "read_edited",
    "retract_article",
    "settle_review",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedArticle:
    """A file with what it says; ``source`` is the folder that it lies in, None where that is no source."""

    path: Path
    source: FolderSettings | None
    file: ArticleFile


def editors_folders(settings: Settings) -> list[FolderSettings]:
    """Return the sources that are folders of articles."""
    return [each for each in map(settled, settings.sources) if isinstance(each, FolderSettings)]


def find_article(settings: Settings, path: Path) -> EditedArticle:
    """Return the article of a file that lies in a folder of the configuration.

    Raises:
        InvalidInput: it does not, or it is no article.
    """
    found = read_edited(settings, path)
    if found.source is None:
        folders = [f"{each.path} (source {each.name})" for each in editors_folders(settings)]
        named = f"the folders are: {', '.join(folders)}" if folders else "no source is of the kind folder"
        raise InvalidInput(f"{path} lies in no folder of articles; {named}")
    return found


def read_edited(settings: Settings, path: Path) -> EditedArticle:
    """Return the article of a file, wherever it lies.

    Raises:
        InvalidInput: it is no article.
    """
    resolved = path.resolve()
    inside = [each for each in editors_folders(settings) if resolved.is_relative_to(Path(each.path).resolve())]
    source = max(inside, key=lambda each: len(Path(each.path).resolve().parts), default=None)
    name = resolved.relative_to(Path(source.path).resolve()).as_posix() if source else path.name
    try:
        file = read_article(article_text(path), name, ZoneInfo(settings.service.timezone))
    except UnreadableArticle as error:
        raise InvalidInput(f"{path}: {error.field}: {error}") from None
    return EditedArticle(path=path, source=source, file=file)


def current_draft(article: EditedArticle, context: SourceContext) -> tuple[ItemDraft, Life]:
    """Return the item that an article is as it stands, with its translations, whatever its stage; and that stage.

    Raises:
        InvalidInput: it gives none.
    """
    file, source, now = article.file, "articles", context.clock.now()
    life, texts = life_of(file, None, now), list[ArticleFile]()
    if article.source is not None:
        source = article.source.name
        approvals = context.approvals(source)
        life = life_of(file, None if approvals is None else approvals[file.name], now)
        found = article_files(source, Path(article.source.path), context).articles
        texts = [text for each in found if each.file.name == file.name for text, _ in each.translations]
    try:
        return draft_of(source, file, texts, life.since, context), life
    except UnreadableArticle as error:
        raise InvalidInput(f"{article.path}: {error.field}: {error}") from None


def moment_to_publish(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the moment to come that somebody wrote for an article; in ``zone``, which is meant where none is named.

    Raises:
        InvalidInput: it is no moment, or it is over.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"“{text.strip()}” is no moment; write 2026-03-02 14:00") from None
    at = found.astimezone(zone) if found.tzinfo else found.replace(tzinfo=zone)
    if at <= now:
        raise InvalidInput(f"{text.strip()} is over; choose a time to come, or publish the article now")
    return at


def publish_article(article: EditedArticle, at: datetime | None) -> None:
    """Let an article be published, at once or at a moment to come.

    Raises:
        InvalidInput: it is retracted, or the file cannot be written.
    """
    if article.file.status in {"retracted", "corrected"}:
        raise InvalidInput(f"{article.path} is {article.file.status} already; a new article is a new file")
    if at is None:
        _write(article.path, {"status": "published"}, without="publish_at")
    else:
        _write(article.path, {"status": "scheduled", "publish_at": at.replace(tzinfo=None, microsecond=0)})


def settle_review(article: EditedArticle, by: str, now: datetime) -> None:
    """Write down who approved an article, and let one that waited for its review go on.

    Raises:
        InvalidInput: it is a draft, or the file cannot be written.
    """
    file = article.file
    if file.status == "draft":
        raise InvalidInput(f"{article.path} is a draft; its author sets status: review when it is ready")
    ahead = file.publish_at is not None and file.publish_at > now
    onward = {"status": "scheduled" if ahead else "published"} if file.status == "review" else {}
    _write(article.path, {"reviewer": by, **onward})


def correct_article(article: EditedArticle, sentence: str, now: datetime) -> None:
    """Say in an article what was put right in it; ``now`` is in the service's time zone.

    Raises:
        InvalidInput: it was never published, was corrected today already or with the same sentence, or the file cannot
            be written.
    """
    _require_published(article, "corrected", now)
    said = _sentence(sentence)
    if article.file.corrected_on is not None and article.file.corrected_on >= now.date():
        raise InvalidInput(
            f"{article.path} was corrected on {article.file.corrected_on} already, and people hear once a day at most; "
            "correct it again tomorrow"
        )
    if article.file.corrected_on is not None and article.file.correction == said:
        raise InvalidInput(
            f"{article.path} says so since its correction of {article.file.corrected_on}, and readers are told "
            "the same once; say what was put right this time"
        )
    _write(article.path, {"status": "corrected", "corrected": now.date(), "correction": said})


def retract_article(article: EditedArticle, reason: str, now: datetime) -> None:
    """Take an article back; ``now`` is in the service's time zone.

    Raises:
        InvalidInput: it was never published, or is retracted already, or the file cannot be written.
    """
    _require_published(article, "retracted", now)
    _write(article.path, {"status": "retracted", "retracted": now.date(), "retraction": _sentence(reason)})


def _require_published(article: EditedArticle, step: str, now: datetime) -> None:
    stage = life_of(article.file, None, now).stage
    if not stage.is_public:
        raise InvalidInput(
            f"{article.path} is not published ({stage.value}), so nobody is to be told that it is {step}"
        )
    if stage is ArticleStage.RETRACTED:
        raise InvalidInput(f"{article.path} is retracted already")


def _sentence(text: str) -> str:
    sentence = " ".join(text.split())
    if not sentence:
        raise InvalidInput("no sentence is given; say in one what readers should know")
    return sentence


def _write(path: Path, values: Mapping[str, str | date | datetime], *, without: str = "") -> None:
    """Write keys of the front matter: the file is the old one or the new one, whatever happens."""
    try:
        changed = with_values(article_text(path), values, without=without)
        handle, beside = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.resolve().parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(changed)
            shutil.copymode(path, beside)
            Path(beside).replace(path.resolve())
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except UnreadableArticle as error:
        raise InvalidInput(f"{path}: {error.field}: {error}") from None
    except OSError as error:
        named = ", ".join(f"{key}: {value}" for key, value in values.items())
        raise InvalidInput(f"{path} cannot be written ({error.strerror}); set in its front matter {named}") from None
