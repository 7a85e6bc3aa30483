"""The draft: an item as a source read it, before it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypedDict

from trialalerts.catalog.facts import ArticleFacts, TrialFacts
from trialalerts.catalog.tables import ItemKind

__all__ = ["AreaTag", "FieldProblem", "ItemDraft", "RecordOrigin"]

RecordOrigin = Literal["registry", "aggregator", "list"]
"""What a record is: a registry's own, a copy in a portal that gathers registries, somebody's own list."""


class AreaTag(TypedDict):
    """An area that an item is about; ``in_title`` tells whether its title says so."""

    id: str
    in_title: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """A field of a record that could not be read or kept; the rest of the record was.

    Some fields stand for the whole record (``trialalerts.sources.polling.problems.WHOLE_RECORD``): nothing of it was.
    """

    external_id: str
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDraft:
    """An item as read from a source.

    ``registry`` is the registry of a trial (``clinicaltrials.gov``), the source's name for an article;
    with ``external_id`` it names the record. ``published_at`` is aware. ``aliases`` are former numbers
    of this very record in its own registry (merged duplicates): a stored item under one of them is
    this item. Other numbers that the record mentions belong into ``facts.numbers`` alone. ``topics`` are ids, those
    above them included. ``version`` is what the registry's list said of the record, where details are asked for apart;
    ``turns_on`` is the day on which a status that follows from dates becomes another. ``origin`` is what the
    record of a trial weighs beside others of the same trial.
    """

    registry: str
    external_id: str
    kind: ItemKind
    url: str
    title: str
    facts: TrialFacts | ArticleFacts
    source: str
    summary: str = ""
    published_at: datetime | None = None
    areas: Sequence[AreaTag] = ()
    ancestors: Sequence[str] = ()
    topics: Sequence[str] = ()
    aliases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    problems: tuple[FieldProblem, ...] = ()
    version: str | None = None
    turns_on: date | None = None
    origin: RecordOrigin = "registry"
