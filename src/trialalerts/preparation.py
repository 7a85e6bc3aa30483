"""What must be there before work begins: the tables, the disease areas, the topics, the places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import select

from trialalerts.database import Database
from trialalerts.database.schema import upgrade
from trialalerts.resources import shipped
from trialalerts.settings import Settings
from trialalerts.sources.reread import reread_areas
from trialalerts.vocabulary.places import load_places
from trialalerts.vocabulary.shipped_areas import store_shipped
from trialalerts.vocabulary.tables import Place
from trialalerts.vocabulary.topics import store_topics

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What was done: whether the tables changed, how many disease areas there are, how many places were loaded."""

    upgraded: bool
    areas: int
    places: int


def prepare(db: Database, settings: Settings) -> Prepared:
    """Upgrade the tables, store areas and topics as their files have them now, load the places where there are none.

    Where the vocabulary or its reading changed, the areas of stored trials are told anew.

    Raises:
        ConfigurationError: the file of areas or of topics is wrong.
        DatabaseTooNew: the database belongs to a newer program.
    """
    upgraded = upgrade(db)
    curated, topics = settings.vocabulary.disease_areas, settings.vocabulary.topics
    with db.write() as session:
        areas = store_shipped(session, curated=Path(curated) if curated else None)
        store_topics(session, Path(topics) if topics else shipped("config/topics.toml"))
        known = session.exec(select(Place.id).limit(1)).first() is not None
        places = 0 if known else load_places(session)
    reread_areas(db)
    return Prepared(upgraded=upgraded, areas=areas, places=places)
