"""What must be there before work begins: the tables, the disease areas, the topics, the places."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from trialalerts.catalog.outline_rows import complete_outlines
from trialalerts.clock import SystemClock
from trialalerts.database import Database
from trialalerts.database.schema import upgrade_schema
from trialalerts.files import private_paths, shipped, tighten
from trialalerts.settings import Settings, VocabularySettings
from trialalerts.sources.context import SourceContext
from trialalerts.sources.polling.reread import reread_trials
from trialalerts.subscribers.signing_secret import hold_secret
from trialalerts.vocabulary.areas.shipped import store_shipped
from trialalerts.vocabulary.places.loading import store_places
from trialalerts.vocabulary.topics import store_topics

__all__ = ["Prepared", "prepare"]

_REREADING_SECONDS = 30.0
"""So long a start reads stored trials anew: all of those of a small installation."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What was done: whether the tables changed, how many disease areas there are, how many places were loaded."""

    upgraded: bool
    areas: int
    places: int


def prepare(db: Database, settings: Settings, *, accept_secret: bool = False) -> Prepared:
    """Upgrade the tables; store areas, topics and places as their files have them now.

    Where the vocabulary or its reading changed, the areas and sites of stored trials are told anew; what is not done
    within half a minute the poll role goes on with. With ``accept_secret`` a secret that this database does not know
    is taken for its own.

    Raises:
        ConfigurationError: the file of areas or of topics is wrong.
        DatabaseTooNew: the database belongs to a newer program.
    """
    upgraded = upgrade_schema(db)
    hold_secret(db, settings.service, accept=accept_secret)
    for path in private_paths(db.engine.url, settings.mail.url.get_secret_value()):
        tighten(path)
    curated, topics, names = _own_files(settings.vocabulary)
    with db.write() as session:
        areas = store_shipped(session, curated=curated, names=names)
        store_topics(session, topics or shipped("config/topics.toml"))
        places = store_places(session)
    complete_outlines(db)
    _reread(db, settings)
    return Prepared(upgraded=upgraded, areas=areas, places=places)


def _own_files(vocabulary: VocabularySettings) -> tuple[Path | None, ...]:
    """Return the operator's own files of areas and topics and the folder of names; None where there is none."""
    own = (vocabulary.disease_areas, vocabulary.topics, vocabulary.area_names)
    return tuple(Path(file) if file else None for file in own)


def _reread(db: Database, settings: Settings) -> None:
    end = time.monotonic() + _REREADING_SECONDS
    with SourceContext(db, settings, SystemClock()) as desk:
        reread_trials(db, desk, stop=lambda: time.monotonic() >= end)
