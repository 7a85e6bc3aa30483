"""What the tests of polling ask: one poll, and what the tables hold after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select

from tests.sources.registry_server import RegistryServer
from trialalerts.catalog.tables import Change, Item
from trialalerts.clock import Clock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, Settings, SourceSettings
from trialalerts.sources.base import Source
from trialalerts.sources.polling.poll import PollCount, poll_source
from trialalerts.sources.tables import Problem, SourceState

__all__ = [
    "changes_of",
    "items_of",
    "look_back",
    "news_of",
    "poll",
    "problems_of",
    "registry_settings",
    "settings_of",
    "state_of",
]


def settings_of(http: HttpSettings, *sources: dict[str, Any]) -> Settings:
    """Return a configuration with sources."""
    return Settings(http=http, sources=tuple(SourceSettings.model_validate(source) for source in sources))


def registry_settings(server: RegistryServer, http: HttpSettings, **more: Any) -> Settings:
    """Return a configuration with the server as its one registry, three studies a page."""
    return settings_of(http, {"name": "ctgov", "kind": "clinicaltrials_gov", "url": server.url, "page_size": 3, **more})


def poll(db: Database, settings: Settings, clock: Clock, *, source: Source | None = None) -> PollCount:
    """Poll the first source."""
    return poll_source(db, settings, settings.sources[0], clock, source=source)


def state_of(db: Database, name: str = "ctgov") -> SourceState:
    """Return where a source stands."""
    with db.read() as session:
        return session.exec(select(SourceState).where(col(SourceState.name) == name)).one()


def look_back(db: Database, day: str = "1999-01-01") -> None:
    """Let the next sweep of the registry reach back to ``day``."""
    with db.write() as session:
        state = session.get_one(SourceState, "ctgov")
        state.cursor = {**state.cursor, "high_water": day}
        session.add(state)


def items_of(db: Database) -> dict[str, str]:
    """Return the id of each item and the hash of what matters of it."""
    with db.read() as session:
        return dict(session.exec(select(Item.external_id, Item.facts_hash)).all())


def changes_of(db: Database) -> Sequence[tuple[str, str]]:
    """Return the changes in their order: the item's id and what happened."""
    with db.read() as session:
        query = select(Item.external_id, Change.kind).join(Change, col(Change.item_id) == col(Item.id))
        return [(number, str(kind)) for number, kind in session.exec(query.order_by(col(Change.seq)))]


def news_of(db: Database) -> Sequence[tuple[str, str]]:
    """Return the changes in their order without what a baseline found to be open."""
    with db.read() as session:
        query = select(Item.external_id, Change).join(Change, col(Change.item_id) == col(Item.id))
        rows = session.exec(query.order_by(col(Change.seq)))
        return [(number, str(change.kind)) for number, change in rows if "baseline" not in change.after]


def problems_of(db: Database) -> Sequence[tuple[str, str]]:
    """Return the id and the field of all problems, sorted."""
    with db.read() as session:
        return sorted(session.exec(select(Problem.external_id, Problem.field)).all())
