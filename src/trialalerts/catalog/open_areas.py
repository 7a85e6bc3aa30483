"""The number of open trials of each disease area and of each topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import orjson
import sqlalchemy
from sqlalchemy import String, cast
from sqlmodel import Session, col, func

from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["count_open_topics", "count_open_trials"]


def count_open_trials(session: Session, tree: AreaTree) -> Mapping[str, int]:
    """Return area id → how many trials about it, or about anything below it, are open now; 0 for any other id.

    What lies above a trial's areas is what the tree says and what its source said, as in matching.
    """
    areas = cast(col(Item.areas), String)  # as text, and each text once
    query = sqlalchemy.select(areas, func.count()).where(col(Item.is_open), col(Item.kind) == ItemKind.TRIAL)
    alike: Counter[tuple[str, ...]] = Counter()
    for stored, number in session.connection().execute(query.group_by(areas)):
        item = orjson.loads(stored)
        alike[(*(area["id"] for area in item.get("direct", ())), "", *item.get("ancestors", ()))] += number
    found: Counter[str] = Counter()
    for ids, number in alike.items():
        own = ids[: ids.index("")]
        for area_id in {*ids}.union(*map(tree.ancestors, own)):
            found[area_id] += number
    del found[""]
    return found


def count_open_topics(session: Session) -> Mapping[str, int]:
    """Return topic id → how many trials on it are open now; 0 for any other id."""
    topics = cast(col(Item.topics), String)
    query = sqlalchemy.select(topics, func.count()).where(col(Item.is_open), col(Item.kind) == ItemKind.TRIAL)
    found: Counter[str] = Counter()
    for stored, number in session.connection().execute(query.group_by(topics)):
        for topic in orjson.loads(stored):
            found[topic] += number
    return found
