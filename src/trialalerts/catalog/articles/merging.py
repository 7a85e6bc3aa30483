"""The rule by which an article is computed from what its sources say.

The record that was seen first leads: its words, its link and its day stand on the card, so that a card does not change
its face when another source has the article too. Where it says nothing (no link, no date, no summary) the next one
does. A record whose title says that the article is retracted leads in any case. Areas and topics are those of all
records: who follows one of them follows the article; so are the trials that it names and the notices about it. With
several sources, all are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, select

from trialalerts.catalog.changes.comparison import Difference, is_retracted
from trialalerts.catalog.changes.gains import gained
from trialalerts.catalog.tables import ChangeKind, Record
from trialalerts.database.types import table_of

__all__ = ["ArticleVersion", "gain", "merged", "version_of"]


_CORRECTED = ("corrected_on", "correction")
_EDITORS = ("retracted_on", "retraction", "translations", "regions", "languages")
"""What editors and authorities alone say: it holds whichever record leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleVersion:
    """What one record says of an article, in the types of its columns."""

    registry: str
    external_id: str
    source: str
    facts_hash: str
    url: str
    title: str
    summary: str
    published_at: datetime | None
    facts: Mapping[str, Any]
    areas: Mapping[str, Any]
    topics: Sequence[str]
    first_seen_at: datetime


def version_of(connection: Connection, item_ids: Sequence[int]) -> dict[int, list[ArticleVersion]]:
    """Return what the records of items (at most some hundreds) say, by item."""
    record = table_of(Record).c
    columns = [record[name] for name in ArticleVersion.__slots__]
    said: dict[int, list[ArticleVersion]] = {item_id: [] for item_id in item_ids}
    for item_id, *values in connection.execute(select(record.item_id, *columns).where(record.item_id.in_(item_ids))):
        said[item_id].append(ArticleVersion(**dict(zip(ArticleVersion.__slots__, values, strict=True))))
    return said


def merged(records: Sequence[ArticleVersion]) -> dict[str, Any]:
    """Return the columns of the item that these records (at least one) are; without its id and the moments."""
    ordered = sorted(records, key=_rank)
    leader = ordered[0]
    return {
        "url": _first(ordered, "url") or "",
        "title": leader.title,
        "summary": _first(ordered, "summary") or "",
        "published_at": _first(ordered, "published_at"),
        "facts": _facts(ordered),
        "facts_hash": _hash(ordered),
        "areas": _areas(ordered),
        "topics": list(dict.fromkeys(topic for record in ordered for topic in record.topics or ())),
        "source": leader.source,
    }


def gain(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference | None:
    """Return what it is for an article to be of more areas or topics than before; None: it is of no more.

    Args:
        before: its columns ``areas``, ``topics`` and ``facts``.
        after: the same columns and its title, computed anew.
    """
    found = None if is_retracted(after["title"]) else gained(before, after)
    if not found:
        return None
    named = {"trials": list(before["facts"].get("trials") or ())}
    return Difference(kind=ChangeKind.PUBLISHED, before={**found[0], **named}, after=found[1])


def _rank(record: ArticleVersion) -> tuple[Any, ...]:
    return not is_retracted(record.title), record.first_seen_at, record.registry, record.external_id


def _first(records: Sequence[ArticleVersion], column: str) -> Any:
    return next((value for record in records if (value := getattr(record, column))), None)


def _facts(records: Sequence[ArticleVersion]) -> dict[str, Any]:
    facts = dict(records[0].facts)
    corrected = max(records, key=lambda record: record.facts.get("corrected_on") or "")
    facts |= {name: value for name in _CORRECTED if (value := corrected.facts.get(name))}
    for name in _EDITORS:
        if not facts.get(name) and (said := next(filter(None, (record.facts.get(name) for record in records)), None)):
            facts[name] = said
    dated = next((record for record in records if record.published_at), records[0])
    if day := dated.facts.get("published_on"):
        facts["published_on"] = day
    if journal := next(filter(None, (record.facts.get("journal") for record in records)), None):
        facts["journal"] = journal
    if trials := sorted({number for record in records for number in record.facts.get("trials") or ()}):
        facts["trials"] = trials
    if notices := _notices(records):
        facts["notices"] = notices
    sources = list(dict.fromkeys(record.source for record in records))
    return facts | {"sources": sources} if len(sources) > 1 else facts


def _notices(records: Sequence[ArticleVersion]) -> list[Mapping[str, Any]]:
    """Return the notices of all records, each once; one without an id says nothing beside one that has one."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for notice in (notice for record in records for notice in record.facts.get("notices") or ()):
        known = found.setdefault((notice["kind"], notice["id"] or ""), dict(notice))
        known["on"] = _exacter(known["on"], notice["on"])
    named = {kind for kind, id_ in found if id_}
    return [found[key] for key in sorted(found) if key[1] or key[0] not in named]


def _exacter(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the date that is exact to more; of two as exact the earlier, whoever said it first."""
    given = sorted(filter(None, (one, other)), key=lambda day: (-len(day["value"]), day["value"]))
    return given[0] if given else None


def _hash(records: Sequence[ArticleVersion]) -> str:
    if len(records) == 1:
        return records[0].facts_hash
    said = "\n".join(f"{record.source} {record.facts_hash}" for record in records)
    return blake2b(said.encode(), digest_size=16).hexdigest()


def _areas(records: Sequence[ArticleVersion]) -> dict[str, Any]:
    direct: dict[str, bool] = {}
    ancestors: dict[str, None] = {}
    for record in records:
        areas = record.areas
        for area in areas.get("direct", ()):
            direct[area["id"]] = direct.get(area["id"], False) or area["in_title"]
        ancestors |= dict.fromkeys(areas.get("ancestors", ()))
    return {"direct": [{"id": id_, "in_title": said} for id_, said in direct.items()], "ancestors": list(ancestors)}
