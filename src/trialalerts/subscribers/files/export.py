"""The export: all subscribers but the erased, as CSV (which the import reads) or JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from sqlmodel import Session, col, select

from trialalerts.catalog.trials.lookup import numbers_of_trials
from trialalerts.subscribers.account.nudging import told_elsewhere
from trialalerts.subscribers.files.csv_rows import COLUMNS, csv_cells
from trialalerts.subscribers.tables import Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["export_csv", "export_json"]

_AT_ONCE = 1_000


def export_csv(session: Session, file: TextIO) -> int:
    """Write all subscribers but the erased, one line for each preference; return the number of lines."""
    area_name, numbers, nudged = load_areas(session).name, _numbers(session), told_elsewhere(session)
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    count = 0
    for subscriber, preference in _rows(session):
        writer.writerow(csv_cells(subscriber, preference, area_name, numbers, nudged))
        count += 1
    return count


def export_json(session: Session) -> list[dict[str, Any]]:
    """Return all subscribers but the erased, each with its preferences."""
    people: dict[int | None, dict[str, Any]] = {}
    numbers = _numbers(session)
    for subscriber, preference in _rows(session):
        hidden = {"id", "cursor"}
        person = people.setdefault(subscriber.id, {**subscriber.model_dump(exclude=hidden), "preferences": []})
        if preference is not None:
            trial = {"trial": numbers.get(preference.item_id)} if preference.item_id is not None else {}
            person["preferences"].append(preference.model_dump(exclude={"subscriber_id"}) | trial)
    return list(people.values())


def _numbers(session: Session) -> dict[int, str]:
    """Return the numbers of all trials that anybody follows, by their items."""
    followed = session.exec(select(Preference.item_id).where(col(Preference.item_id).is_not(None)).distinct())
    return numbers_of_trials(session, {number for number in followed if number is not None})


def _rows(session: Session) -> Iterator[tuple[Subscriber, Preference | None]]:
    rows = (
        select(Subscriber, Preference)
        .join(Preference, col(Preference.subscriber_id) == col(Subscriber.id), isouter=True)
        .where(col(Subscriber.state) != SubscriberState.ERASED)
        .order_by(col(Subscriber.id), col(Preference.id))
    )
    yield from session.exec(rows).yield_per(_AT_ONCE)
