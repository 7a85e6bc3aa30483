"""The life of an article: at which stage it is, by its file, by who approved it, and by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trialalerts.sources.editors.article_file import ArticleFile

__all__ = ["ArticleStage", "Life", "life_of"]


class ArticleStage(StrEnum):
    """At which stage of its life an article is."""

    DRAFT = "draft"
    REVIEW = "review"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    CORRECTED = "corrected"
    RETRACTED = "retracted"

    @property
    def is_public(self) -> bool:
        """Whether readers may see it."""
        return self in {ArticleStage.PUBLISHED, ArticleStage.CORRECTED, ArticleStage.RETRACTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """At which stage an article is, since when it may be seen (aware; None: since its own date), and what it waits for.

    ``waits_for`` is empty where it waits for nothing but its author.
    """

    stage: ArticleStage
    since: datetime | None = None
    waits_for: str = ""


def life_of(file: ArticleFile, approved: Sequence[tuple[str, datetime]] | None, now: datetime) -> Life:
    """Return how an article stands.

    Args:
        file: the article.
        approved: what of it was approved (digests of the file), and when; None: nothing needs to be.
        now: aware.
    """
    if file.status == "draft":
        return Life(stage=ArticleStage.DRAFT)
    if approved is not None and all(digest != file.digest for digest, _ in approved):
        waits = "approval, for it was changed after it was approved" if approved else "approval"
        return Life(stage=ArticleStage.REVIEW, waits_for=waits)
    if file.status == "review":
        return Life(stage=ArticleStage.REVIEW, waits_for="being published" if approved else "its review")
    # Later approvals are of corrections: the article is as old as the first one.
    began = min(at for _, at in approved) if approved else None
    since = max((each for each in (began, file.publish_at) if each is not None), default=None)
    if file.publish_at is not None and file.publish_at > now:
        return Life(stage=ArticleStage.SCHEDULED, since=since, waits_for="its time")
    if file.status == "retracted":
        return Life(stage=ArticleStage.RETRACTED, since=since)
    corrected = file.status == "corrected" or file.corrected_on is not None
    return Life(stage=ArticleStage.CORRECTED if corrected else ArticleStage.PUBLISHED, since=since)
