"""For whom something is that editors tell to many at once, said as if it were an article."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from trialalerts.catalog.articles.audience import AUDIENCES, Audience
from trialalerts.catalog.facts import ArticleFacts, ArticleRegion
from trialalerts.catalog.outlines import Outline, outline_of
from trialalerts.catalog.tables import ItemKind

__all__ = ["READERS", "READERS_OPTION", "AddressedTo"]

READERS = AUDIENCES
READERS_OPTION = "--audience"


class AddressedTo(BaseModel):
    """For whom something is: who follows one of these areas in one of these regions, as if it were an article on them.

    What is empty limits nothing. ``areas`` and ``topics`` are ids, ``readers`` the audience that people want to read
    for, ``languages`` those that they read (ISO 639-1).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    areas: tuple[str, ...] = ()
    regions: tuple[ArticleRegion, ...] = ()
    topics: tuple[str, ...] = ()
    readers: Audience | None = None
    languages: tuple[str, ...] = ()

    @classmethod
    def by(cls, facts: ArticleFacts, areas: Sequence[str], topics: Sequence[str]) -> Self:
        """Return for whom an article with these facts, areas and topics would be."""
        return cls(
            areas=tuple(areas),
            regions=facts.regions,
            topics=tuple(topics),
            readers=facts.audience,
            languages=facts.languages,
        )

    def __bool__(self) -> bool:
        """Whether anything limits it."""
        return self != AddressedTo()

    def outline(self, areas: Iterable[str], topics: Iterable[str]) -> Outline:
        """Return the outline of an article for the same people; on all these areas and topics where none is named."""
        facts = {
            "audience": self.readers,
            "regions": [each.model_dump() for each in self.regions],
            "languages": list(self.languages),
        }
        direct = {"direct": [{"id": area} for area in self.areas or areas]}
        return outline_of(
            kind=ItemKind.ARTICLE, status=None, facts=facts, areas=direct, topics=list(self.topics or topics)
        )
