"""The tables of the catalog: items, the records they are made of, their numbers and keys, and the changes."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from trialalerts.database.types import BigId, EnumText, Json, PackedJson, PackedText, UtcDateTime, empty_list

__all__ = [
    "FOLLOWERS_ONLY",
    "JOINED",
    "TOLD_BEFORE_ONLY",
    "ArticleKey",
    "BaselineItem",
    "Change",
    "ChangeKind",
    "HeldChange",
    "Item",
    "ItemKind",
    "ItemNumber",
    "ItemOutline",
    "ItemTerm",
    "JoinedItem",
    "KeptApart",
    "Record",
    "appeared_at",
]


_ARTICLE = text("title_key IS NOT NULL")
_TURNS = text("turns_on IS NOT NULL")
_UNMADE = text("outline = ''")


JOINED = "joined"
"""The registry of an item that is another one now (see :class:`JoinedItem`)."""


class ItemKind(StrEnum):
    """What an item is."""

    TRIAL = "trial"
    ARTICLE = "article"


class ChangeKind(StrEnum):
    """What happened to an item; subscribers can switch each off."""

    REGISTERED = "registered"
    OPENED = "opened"
    PAUSED = "paused"
    CLOSED = "closed"
    REOPENED = "reopened"
    SITE_OPENED = "site_opened"
    SITE_CLOSED = "site_closed"
    ELIGIBILITY_CHANGED = "eligibility_changed"
    RESULTS_POSTED = "results_posted"
    WITHDRAWN = "withdrawn"
    PUBLISHED = "published"
    RETRACTED = "retracted"
    CORRECTED = "corrected"
    CONCERN = "concern"
    CONTACT_CHANGED = "contact_changed"
    RESULTS_MISSING = "results_missing"


FOLLOWERS_ONLY = frozenset({ChangeKind.CONTACT_CHANGED, ChangeKind.RESULTS_MISSING})
"""Told to those only who follow the trial; none of them is a choice of a filter."""
TOLD_BEFORE_ONLY = frozenset({ChangeKind.CORRECTED, ChangeKind.CONCERN})
"""Told to those only whom a digest told the article."""


class Item(SQLModel, table=True):
    """A trial or an article as last read from its source.

    ``registry_name`` (column ``registry``) is the registry of a trial, the source's name for an article.
    ``facts`` is the JSON of :class:`~trialalerts.catalog.facts.TrialFacts` or
    :class:`~trialalerts.catalog.facts.ArticleFacts`. ``areas`` is
    ``{"direct": [{"id": str, "in_title": bool}], "ancestors": [str]}``: the areas the item is about
    and the ancestors its source gave; the vocabulary adds its own ancestors when matching. ``topics`` are ids of
    topics, those above them included.
    """

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("registry", "external_id", name="uq_item_registry_external_id"),
        Index("ix_item_is_open_kind", "is_open", "kind"),  # the counts of `metrics` read nothing else
        Index("ix_item_kind_published_at", "kind", "published_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    registry_name: str = Field(sa_column_kwargs={"name": "registry"})
    external_id: str
    kind: ItemKind = Field(sa_type=EnumText(ItemKind))
    url: str
    title: str
    summary: str = Field(default="", sa_type=PackedText)
    status: str | None = None
    is_open: bool = False
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    facts: dict[str, Any] = Field(sa_type=PackedJson)
    facts_hash: str
    areas: dict[str, Any] = Field(sa_type=Json)
    topics: list[str] = Field(
        default_factory=empty_list, sa_type=Json, sa_column_kwargs={"server_default": text("'[]'")}
    )
    source: str
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)


def appeared_at(published_at: datetime | None, first_seen_at: datetime) -> datetime:
    """Return when an item appeared: as its source says, but no later than we saw it, for some are dated ahead."""
    return min(published_at or first_seen_at, first_seen_at)


class Record(SQLModel, table=True):
    """What one registry (or one source of articles) says under one id.

    An item is computed from its records: :mod:`~trialalerts.catalog.joining.merging` writes the rule for trials,
    :mod:`~trialalerts.catalog.articles.merging` that for articles. Where a trial has this record alone, what it says
    stands in the item's row and not twice: the columns from ``url`` to ``topics`` are None here. ``origin`` is what a
    trial's record weighs beside others. ``title_key`` and ``keys`` are by what an article is
    recognised: None for a trial; an empty ``title_key`` says that they are still to be made. ``version`` is what its
    registry's list said of it when its details were read; ``turns_on`` the day on which a status that follows from
    dates becomes another (see :mod:`~trialalerts.catalog.trials.status`).
    """

    __tablename__ = "record"
    __table_args__ = (
        UniqueConstraint("registry", "external_id", name="uq_record_registry_external_id"),
        Index(
            "ix_record_title_key_registry", "title_key", "registry",
            sqlite_where=_ARTICLE, postgresql_where=_ARTICLE,
        ),
        Index(
            "ix_record_registry_last_seen_at", "registry", "last_seen_at",
            sqlite_where=_ARTICLE, postgresql_where=_ARTICLE,
        ),
        Index("ix_record_turns_on", "turns_on", sqlite_where=_TURNS, postgresql_where=_TURNS),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    registry_name: str = Field(sa_column_kwargs={"name": "registry"})
    external_id: str
    item_id: int = Field(foreign_key="item.id", ondelete="CASCADE", index=True, sa_type=BigId)
    source: str
    facts_hash: str
    url: str | None = None
    title: str | None = None
    summary: str | None = Field(default=None, sa_type=PackedText)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    facts: dict[str, Any] | None = Field(default=None, sa_type=PackedJson)
    areas: dict[str, Any] | None = Field(default=None, sa_type=Json)
    topics: list[str] | None = Field(default=None, sa_type=Json)
    title_key: str | None = None
    keys: list[str] | None = Field(default=None, sa_type=Json)
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    version: str | None = None
    turns_on: date | None = Field(default=None)
    origin: str = Field(default="registry", sa_column_kwargs={"server_default": text("'registry'")})


class JoinedItem(SQLModel, table=True):
    """An item that was found to be the same trial as another one: its row stays, empty, for what refers to it.

    ``moved`` is what went along, so that ``items split`` brings it back: ``records`` (registry and id), ``changes``
    (numbers), ``preferences`` (of followers), and ``doubled``: those preferences of the other item whose follower had
    followed this one, too.
    """

    __tablename__ = "joined_item"

    item_id: int = Field(primary_key=True, foreign_key="item.id", ondelete="CASCADE", sa_type=BigId)
    into_id: int = Field(foreign_key="item.id", ondelete="CASCADE", index=True, sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime)
    moved: dict[str, Any] = Field(sa_type=Json)


class KeptApart(SQLModel, table=True):
    """Two records that the operator split: no number joins them again. The one that sorts first stands first."""

    __tablename__ = "kept_apart"

    registry_name: str = Field(primary_key=True, sa_column_kwargs={"name": "registry"})
    external_id: str = Field(primary_key=True)
    other_registry: str = Field(primary_key=True)
    other_external_id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)


class ArticleKey(SQLModel, table=True):
    """What identifies an article in whatever source it appears; each key leads to one item, whoever writes first."""

    __tablename__ = "article_key"

    key: str = Field(primary_key=True)
    item_id: int = Field(foreign_key="item.id", ondelete="CASCADE", index=True, sa_type=BigId)


class ItemNumber(SQLModel, table=True):
    """A registry number under which an item is known too (NCT, EU CT, ISRCTN …), its own one included.

    ``registry_name`` (column ``registry``) is the registry whose record of this number was read as this
    item; None where the number is only mentioned. An item holds records of several registries, but of
    each registry only one (and its former numbers).
    """

    __tablename__ = "item_number"

    number: str = Field(primary_key=True)
    item_id: int = Field(primary_key=True, foreign_key="item.id", ondelete="CASCADE", index=True, sa_type=BigId)
    registry_name: str | None = Field(default=None, sa_column_kwargs={"name": "registry"})


class ItemOutline(SQLModel, table=True):
    """What matching reads of an item (see :mod:`~trialalerts.catalog.outlines`): written with the item.

    Every item has one that is open or of which a change was told. A trial of a baseline that was over then has none.
    An empty ``outline`` says that it is still to be made.
    """

    __tablename__ = "item_outline"
    __table_args__ = (Index("ix_item_outline_unmade", "item_id", sqlite_where=_UNMADE, postgresql_where=_UNMADE),)

    item_id: int = Field(primary_key=True, foreign_key="item.id", ondelete="CASCADE", sa_type=BigId)
    is_open: bool
    outline: str


class ItemTerm(SQLModel, table=True):
    """A term under which an item is found that has an outline: an area, a topic, a place, a trial that it names."""

    __tablename__ = "item_term"
    __table_args__ = {"sqlite_with_rowid": False}

    term: str = Field(primary_key=True)
    item_id: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})


class BaselineItem(SQLModel, table=True):
    """A trial that a source's baseline brought and that is kept back until that ends (see ``catalog.baselines``)."""

    __tablename__ = "baseline_item"

    item_id: int = Field(primary_key=True, foreign_key="item.id", ondelete="CASCADE", sa_type=BigId)
    source: str = Field(index=True)


class Change(SQLModel, table=True):
    """Something worth telling, append-only; ``seq`` grows in the order of commits and has no gaps."""

    __tablename__ = "change"

    seq: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    item_id: int = Field(foreign_key="item.id", ondelete="CASCADE", index=True, sa_type=BigId)
    kind: ChangeKind = Field(sa_type=EnumText(ChangeKind))
    before: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    after: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    at: datetime = Field(sa_type=UtcDateTime)


class HeldChange(SQLModel, table=True):
    """A change that undoes one told within a week: told once it has held a day (see ``changes.flapping``).

    ``subject`` is what turned: ``status``, or one site. ``before`` is how it was told last.
    """

    __tablename__ = "held_change"

    item_id: int = Field(primary_key=True, foreign_key="item.id", ondelete="CASCADE", sa_type=BigId)
    subject: str = Field(primary_key=True)
    kind: ChangeKind = Field(sa_type=EnumText(ChangeKind))
    before: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    after: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    since: datetime = Field(sa_type=UtcDateTime, index=True)
