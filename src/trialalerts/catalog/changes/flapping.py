"""Turns: what undoes a change that was told within a week is told only once it has held a day.

Registries close a trial by mistake and open it again the next morning. The first change is told at once, since nobody
knows that it will be undone. What turns back waits in a table of its own, in the transaction that stores the record; it
goes out when it has held a day (:func:`release_held`), or is dropped where the record turned once more before. That
there are results is told once of a trial, and once of an article that it is retracted, or that there is concern about
it: a record that lost this for a while tells nothing new.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import Session, col

from trialalerts.catalog.changes.comparison import Difference, latest_of, status_step
from trialalerts.catalog.changes.publishing import Happened, publish
from trialalerts.catalog.changes.sites import whole_country
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.tables import Change, ChangeKind, HeldChange, Item
from trialalerts.catalog.trials.status import site_is_open, status_group
from trialalerts.database.bulk import in_chunks
from trialalerts.database.types import table_of
from trialalerts.vocabulary.names import folded

__all__ = ["hold_flapping", "release_held"]

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_AT_ONCE = 200
_STATUS = "status"
_OPENINGS = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED})
_OF_STATUS = _OPENINGS | {ChangeKind.PAUSED, ChangeKind.CLOSED, ChangeKind.WITHDRAWN}
_SIDES = {ChangeKind.SITE_OPENED: "after", ChangeKind.SITE_CLOSED: "before"}
_OPPOSITE = {ChangeKind.SITE_OPENED: ChangeKind.SITE_CLOSED, ChangeKind.SITE_CLOSED: ChangeKind.SITE_OPENED}
_TURNING = tuple(_OF_STATUS | set(_SIDES))
_ONCE = frozenset({ChangeKind.RESULTS_POSTED, ChangeKind.RETRACTED, ChangeKind.CONCERN})


@dataclass(kw_only=True)
class _Known:
    """What was told of an item within a week, and what is held back of it, by its subject."""

    told: list[tuple[ChangeKind, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    held: dict[str, HeldChange] = field(default_factory=dict)

    @property
    def left(self) -> list[str | None]:
        """The statuses that it was told to have left."""
        return [before["status"] for kind, before, _ in self.told if kind in _OF_STATUS and "status" in before]


def hold_flapping(connection: Connection, happened: Sequence[Happened], now: datetime) -> list[Happened]:
    """Return what is told now; hold back what turns back, and forget what is held of that which turned once more.

    Call it in the transaction in which the items were compared: their rows are locked.
    """
    happened = _told_once(connection, happened)
    turning = {each.item_id for each in happened if each.difference.kind in _TURNING}
    if not turning:
        return list(happened)
    known = _known(connection, sorted(turning), now)
    book = _Book(connection, now)
    told = [
        Happened(each.item_id, difference)
        for each in happened
        for difference in _settled(each, known.get(each.item_id), book)
    ]
    book.close()
    return told


def _told_once(connection: Connection, happened: Sequence[Happened]) -> list[Happened]:
    """Leave out what is told once of an item, and was."""
    once = {each.item_id for each in happened if each.difference.kind in _ONCE}
    told: set[tuple[int, ChangeKind]] = set()
    for some in in_chunks(sorted(once), _AT_ONCE):
        asked = select(col(Change.item_id), col(Change.kind))
        rows = connection.execute(asked.where(col(Change.item_id).in_(some), col(Change.kind).in_(_ONCE)))
        told.update((item_id, kind) for item_id, kind in rows)
    return [each for each in happened if (each.item_id, each.difference.kind) not in told]


def release_held(session: Session, now: datetime) -> int:
    """Publish what has held a day and is still so; return how many changes that made.

    Args:
        session: a writing session; the numbers of the changes are taken last, so call this last.
        now: aware. What was held back by a clock that was ahead waits a day from now.
    """
    connection = session.connection()
    ahead = update(HeldChange).where(col(HeldChange.since) > now).values(since=now)
    due = select(col(HeldChange.item_id)).where(col(HeldChange.since) <= now - _DAY).distinct()
    connection.execute(ahead)
    items = list(connection.execute(due.order_by(col(HeldChange.item_id)).limit(_AT_ONCE)).scalars())
    if not items:
        return 0
    asked = select(col(Item.id), col(Item.status), col(Item.facts)).where(col(Item.id).in_(items))
    rows = connection.execute(asked.order_by(col(Item.id)).with_for_update()).all()
    held = [row for known in _held(connection, items).values() for row in known if row.since <= now - _DAY]
    book = _Book(connection, now)
    for row in held:
        book.drop(row.item_id, row.subject)
    book.close()
    facts = {item_id: _facts(status, stored) for item_id, status, stored in rows}
    happened = _joined(row for row in held if _holds(row, facts.get(row.item_id)))
    publish(session, happened, now)
    return len(happened)


class _Book:
    """What is to be written into the table of what is held, all at once."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._gone: list[tuple[int, str]] = []
        self._new: list[dict[str, Any]] = []

    def hold(self, item_id: int, subject: str, difference: Difference, since: datetime | None = None) -> None:
        """Hold a change back."""
        self.drop(item_id, subject)
        row = {"item_id": item_id, "subject": subject, "kind": difference.kind, "since": since or self._now}
        self._new.append({**row, "before": difference.before, "after": difference.after})

    def drop(self, item_id: int, subject: str) -> None:
        """Forget what is held, where it is."""
        self._gone.append((item_id, subject))

    def close(self) -> None:
        """Write it all."""
        for item_id, subject in self._gone:
            named = col(HeldChange.item_id) == item_id, col(HeldChange.subject) == subject
            self._connection.execute(delete(HeldChange).where(*named))
        if self._new:
            self._connection.execute(insert(HeldChange), self._new)


def _settled(each: Happened, known: _Known | None, book: _Book) -> Iterable[Difference]:
    difference = each.difference
    if known is None:
        return [difference]
    if difference.kind in _OF_STATUS:
        return _settled_status(each, known, book)
    return _settled_sites(each, known, book) if difference.kind in _SIDES else [difference]


def _settled_status(each: Happened, known: _Known, book: _Book) -> list[Difference]:
    """Compare a status with the one that was told last: what is held between them was not."""
    difference, held = each.difference, known.held.get(_STATUS)
    now = difference.after.get("status")
    since = None
    if held is not None:
        book.drop(each.item_id, _STATUS)
        kind = status_step(held.before.get("status"), now)
        if kind is None:
            return []
        difference = replace(difference, kind=kind, before=held.before)
        since = held.since if status_group(now) == status_group(held.after.get("status")) else None
    if status_group(now) in {status_group(was) for was in known.left}:
        book.hold(each.item_id, _STATUS, difference, since)
        return []
    if difference.kind in _OPENINGS:  # it tells of all its sites
        for subject in known.held.keys() - {_STATUS}:
            book.drop(each.item_id, subject)
    return [difference]


def _settled_sites(each: Happened, known: _Known, book: _Book) -> list[Difference]:
    kind, side = each.difference.kind, _SIDES[each.difference.kind]
    opposite = _OPPOSITE[kind]
    turned = {
        _subject(site)
        for was, before, after in known.told
        if was is opposite
        for site in (after if _SIDES[opposite] == "after" else before).get("sites", ())
    }
    told = []
    for site in getattr(each.difference, side)["sites"]:
        subject = _subject(site)
        held = known.held.get(subject)
        if held is not None and held.kind is opposite:
            book.drop(each.item_id, subject)
        elif subject in turned:
            book.hold(each.item_id, subject, Difference(kind=kind, **{side: {"sites": [site]}}))
        else:
            told.append(site)
    return [Difference(kind=kind, **{side: {"sites": told}})] if told else []


def _known(connection: Connection, items: Sequence[int], now: datetime) -> dict[int, _Known]:
    known: dict[int, _Known] = defaultdict(_Known)
    columns = col(Change.item_id), col(Change.kind), col(Change.before), col(Change.after)
    for some in in_chunks(items, _AT_ONCE):
        recent = col(Change.at) > now - _WEEK, col(Change.kind).in_(_TURNING)
        asked = select(*columns).where(col(Change.item_id).in_(some), *recent)
        for item_id, kind, before, after in connection.execute(asked):
            known[item_id].told.append((kind, before, after))
        for item_id, rows in _held(connection, some).items():
            known[item_id].held = {row.subject: row for row in rows}
    return known


def _held(connection: Connection, items: Sequence[int]) -> dict[int, list[HeldChange]]:
    found: dict[int, list[HeldChange]] = defaultdict(list)
    columns = table_of(HeldChange).c
    asked = select(*columns).where(columns.item_id.in_(items)).order_by(columns.item_id, columns.subject)
    for row in connection.execute(asked).mappings():
        found[row["item_id"]].append(HeldChange(**row))
    return found


def _holds(held: HeldChange, facts: TrialFacts | None) -> bool:
    """Tell whether what was held back is so now: a sweep that tells nothing may have changed it again."""
    if facts is None:
        return False
    now = latest_of(facts)
    if held.subject == _STATUS:
        return status_group(now) == status_group(held.after.get("status"))
    is_open = any(_subject(site.model_dump()) == held.subject for site in facts.sites if site_is_open(site, now))
    return status_group(now) == "open" and is_open is (held.kind is ChangeKind.SITE_OPENED)


def _joined(held: Iterable[HeldChange]) -> list[Happened]:
    """Return what is told: sites of one trial that turned alike are one change."""
    sites: dict[tuple[int, ChangeKind], list[Mapping[str, Any]]] = defaultdict(list)
    found = []
    for row in held:
        if row.subject == _STATUS:
            found.append(Happened(row.item_id, Difference(kind=row.kind, before=row.before, after=row.after)))
        else:
            sites[row.item_id, row.kind] += (row.after or row.before)["sites"]
    for (item_id, kind), listed in sites.items():
        found.append(Happened(item_id, Difference(kind=kind, **{_SIDES[kind]: {"sites": listed}})))
    return found


def _facts(status: str | None, stored: dict[str, Any]) -> TrialFacts | None:
    try:
        return TrialFacts.model_validate(stored | {"status": status})
    except ValidationError:
        return None


def _subject(site: Mapping[str, Any]) -> str:
    """Return by what a site is known: its facility, city and country, however they are written."""
    known = Site.model_validate(site)
    words = (folded(known.facility or ""), folded(known.city or ""), whole_country(known.country or ""))
    return f"site:{hashlib.blake2b(repr(words).encode(), digest_size=12).hexdigest()}"
