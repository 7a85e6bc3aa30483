"""The open trials and the articles that have no disease area, and what they say that they are about.

No follower of a disease hears of them: the vocabulary lacks a name, or the record names no disease.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from sqlalchemy import or_
from sqlmodel import Session, col

from trialalerts.catalog.tables import Item, ItemKind, ItemOutline
from trialalerts.database.types import table_of

__all__ = ["AreaGaps", "find_gaps"]

_BATCH = 1_000
_SAID: dict[ItemKind, str] = {ItemKind.TRIAL: "conditions", ItemKind.ARTICLE: "categories"}
_NOTHING = "(none)"


@dataclass(kw_only=True)
class AreaGaps:
    """How many open trials and articles have no area; ``said`` counts their items by kind and condition or category."""

    trials: int = 0
    articles: int = 0
    said: Counter[tuple[ItemKind, str]] = field(default_factory=Counter)

    def note(self, kind: ItemKind, names: list[str]) -> None:
        """Count one more item, and each of its names once, in whatever case it is written."""
        self.trials += kind is ItemKind.TRIAL
        self.articles += kind is ItemKind.ARTICLE
        own = {" ".join(name.split()).casefold(): name for name in reversed(names)}
        self.said.update((kind, name) for name in (own or {_NOTHING: _NOTHING}))

    def most_frequent(self, limit: int | None = None) -> list[tuple[ItemKind, str, int]]:
        """Return kind, name (in small letters) and number of items, the most frequent first, then by the alphabet."""
        ordered = sorted(self.said.items(), key=lambda counted: (-counted[1], counted[0]))
        return [(kind, name, number) for (kind, name), number in ordered[:limit]]


def find_gaps(session: Session) -> AreaGaps:
    """Look at all trials that are open now and at all articles."""
    gaps = AreaGaps()
    for kind, facts in _without_areas(session):
        names = facts.get(_SAID[kind])
        gaps.note(kind, [name for name in names or () if isinstance(name, str) and name.strip()])
    return gaps


def _without_areas(session: Session) -> Iterator[tuple[ItemKind, dict[str, Any]]]:
    """Give kind and facts of the items without areas; their outlines, which are short, tell which these may be."""
    outline = table_of(ItemOutline).c
    about_nothing = [outline.outline.startswith(f'["{kind}",[],[],', autoescape=True) for kind in ItemKind]
    empty = or_(*about_nothing, outline.outline == "")
    columns = col(Item.kind), col(Item.areas), col(Item.facts)
    found = sqlalchemy.select(*columns).join(ItemOutline, outline.item_id == col(Item.id))
    query = found.where(empty, or_(outline.is_open, col(Item.kind) == ItemKind.ARTICLE))
    for kind, areas, facts in session.connection().execute(query.execution_options(yield_per=_BATCH)):
        if not areas.get("direct") and not areas.get("ancestors"):
            yield kind, facts
