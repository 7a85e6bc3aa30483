"""Followed trials of which nothing was told for a year: how they stand goes with the next mail.

It waits a month for a mail that goes anyway, then has one of its own. When somebody was shown last how a trial stands
is when it was introduced to them (``preference.introduced_at``): that moves on, so that it is said once a year.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import Session, col

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Change, Item, ItemKind
from trialalerts.catalog.trials.awaited import Awaited, awaited
from trialalerts.database.bulk import in_chunks
from trialalerts.digests.due import DueRow
from trialalerts.digests.due_subscribers import DueSubscriber
from trialalerts.matching.query import MatchSet, SelectionKind
from trialalerts.subscribers.tables import NEVER_SERVED, Preference, Subscriber

__all__ = ["SilentTrials", "note_looked_back"]

_YEAR = timedelta(days=365)
_WAITS_FOR_A_MAIL = timedelta(days=30)
_MOST = 5
"""So many trials go with one mail; the others with the next ones."""


class SilentTrials:
    """The silent trials of the people of a round."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._parts: dict[int, MatchSet] = {}

    def add(self, session: Session, served: Iterable[DueSubscriber], rows: Sequence[DueRow]) -> None:
        """Add to what people are told how their silent trials stand.

        Args:
            session: reads.
            served: the people of a page, with all else that they are told.
            rows: of their preferences.
        """
        people = {each.subscriber_id: each for each in served if each.cursor != NEVER_SERVED}
        follows = [
            row.preference_id or 0
            for row in rows
            if row.item_id is not None and not row.is_new and row.paused_seq is None and row.subscriber_id in people
        ]
        found: dict[int, list[Any]] = defaultdict(list)
        for some in in_chunks(sorted(follows)):
            for row in session.connection().execute(_silent(some, self._now - _YEAR)):
                if _is_awaited(row):
                    found[row.subscriber_id].append(row)
        for who, silent in found.items():
            self._tell(people[who], sorted(silent, key=_since)[:_MOST])

    def _tell(self, one: DueSubscriber, silent: Sequence[Any]) -> None:
        if not one.is_told:
            if _since(silent[0]) > self._now - _YEAR - _WAITS_FOR_A_MAIL:
                return
            one.changed = True
        for row in silent:
            part = self._parts.setdefault(row.item_id, MatchSet(SelectionKind.SILENT, row.item_id))
            one.parts.append((row.id, part))
            one.looked_back += (row.id,)


def note_looked_back(session: Session, preferences: Sequence[int], now: datetime) -> int:
    """Note that somebody is told how silent trials stand, by the preferences that follow these; return how many were.

    One that another process told of meanwhile is not counted.
    """
    noted = 0
    for some in in_chunks(sorted(preferences)):
        silent = col(Preference.id).in_(some), col(Preference.introduced_at) <= now - _YEAR
        changed = sqlalchemy.update(Preference).where(*silent).values(introduced_at=now)
        noted += session.connection().execute(changed).rowcount
    return noted


def _silent(preferences: Sequence[int], since: datetime) -> Any:
    """Return what asks for those of the preferences that follow a trial of which nothing was told since."""
    columns: list[Any] = [col(Preference.id), col(Preference.subscriber_id), col(Preference.item_id)]
    columns += [col(Preference.introduced_at), col(Item.registry_name).label("registry"), col(Item.facts)]
    happened = select(col(Change.seq)).where(col(Change.item_id) == col(Preference.item_id), col(Change.at) > since)
    return (
        select(*columns)
        .join(Item, col(Item.id) == col(Preference.item_id))
        .join(Subscriber, col(Subscriber.id) == col(Preference.subscriber_id))
        .where(
            col(Preference.id).in_(preferences),
            col(Preference.introduced_at) <= since,
            col(Item.kind) == ItemKind.TRIAL,
            ~happened.exists(),
        )
    )


def _is_awaited(row: Any) -> bool:
    """Tell whether anything is still to come of a trial: else all was told."""
    try:
        facts = TrialFacts.model_validate(row.facts)
    except ValidationError:
        return False
    return awaited(row.registry, facts) is not Awaited.NOTHING


def _since(row: Any) -> datetime:
    since: datetime = row.introduced_at
    return since
