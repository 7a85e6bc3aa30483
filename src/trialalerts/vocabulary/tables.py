"""The tables of the vocabulary: disease areas, places, and which shipped files are stored."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from trialalerts.database.types import EnumText, Json, empty_list

__all__ = ["Area", "AreaOrigin", "Place", "PlaceKind", "PlaceName", "Postcode", "StoredFiles", "Topic"]


class AreaOrigin(StrEnum):
    """Where an area comes from; a curated one is never overwritten by the others."""

    CURATED = "curated"
    IMPORT = "import"
    TRIAL = "trial"


class Area(SQLModel, table=True):
    """A disease area: a therapeutic area or a condition.

    ``id`` is the MeSH descriptor id (``D009103``) where there is one, else a slug (``rare-diseases``).
    ``parents`` are ids of areas; together they make a directed graph without circles. ``names`` are those of other
    languages than English by the language's code: the name first, then the commonest other words (``de.mit``: the
    German form behind "mit").
    """

    __tablename__ = "area"

    id: str = Field(primary_key=True)
    name: str
    names: dict[str, list[str]] = Field(
        default_factory=dict, sa_type=Json, sa_column_kwargs={"server_default": text("'{}'")}
    )
    synonyms: list[str] = Field(default_factory=empty_list, sa_type=Json)
    acronyms: list[str] = Field(default_factory=empty_list, sa_type=Json)
    tree_numbers: list[str] = Field(default_factory=empty_list, sa_type=Json)
    parents: list[str] = Field(default_factory=empty_list, sa_type=Json)
    therapeutic: bool = False
    origin: AreaOrigin = Field(sa_type=EnumText(AreaOrigin))


class Topic(SQLModel, table=True):
    """A topic of research beside the diseases: ``gene-therapy``.

    ``names`` are those of other languages than English, by the language's code. ``parents`` are ids of topics.
    """

    __tablename__ = "topic"

    id: str = Field(primary_key=True)
    name: str
    names: dict[str, str] = Field(default_factory=dict, sa_type=Json)
    synonyms: list[str] = Field(default_factory=empty_list, sa_type=Json)
    acronyms: list[str] = Field(default_factory=empty_list, sa_type=Json)
    parents: list[str] = Field(default_factory=empty_list, sa_type=Json)


class PlaceKind(StrEnum):
    """What a place is."""

    COUNTRY = "country"
    SUBDIVISION = "subdivision"
    CITY = "city"
    POSTCODE = "postcode"
    REGION = "region"


class Place(SQLModel, table=True):
    """A country (``GB``), a subdivision (ISO 3166-2, ``US-CA``) or a city (GeoNames id, ``g2644688``)."""

    __tablename__ = "place"

    id: str = Field(primary_key=True)
    kind: PlaceKind = Field(sa_type=EnumText(PlaceKind))
    name: str
    country: str
    subdivision: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    population: int = 0
    timezone: str | None = None


class PlaceName(SQLModel, table=True):
    """A name under which a place can be found; ``key`` is folded (lower case, no accents, single blanks)."""

    __tablename__ = "place_name"
    __table_args__ = (Index("ix_place_name_place_id", "place_id"),)

    key: str = Field(primary_key=True)
    place_id: str = Field(primary_key=True, foreign_key="place.id", ondelete="CASCADE")


class Postcode(SQLModel, table=True):
    """A postcode imported from GeoNames, as coarse as a district of a town.

    ``code`` has capitals and digits only; ``written`` is what is shown. Degrees, to two decimals.
    """

    __tablename__ = "postcode"
    __table_args__ = (Index("ix_postcode_country", "country"),)

    code: str = Field(primary_key=True)
    country: str = Field(primary_key=True)
    written: str
    name: str
    subdivision: str | None = None
    latitude: float
    longitude: float


class StoredFiles(SQLModel, table=True):
    """Which shipped files the tables hold: ``digest`` tells what was in them when they were stored.

    ``name`` says of which kind (``areas``). A start that finds the files as they were has nothing to store.
    """

    __tablename__ = "stored_files"

    name: str = Field(primary_key=True)
    digest: str
