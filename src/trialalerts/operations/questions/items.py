"""An item by the number that somebody has of it: what its record says, what it is about, and whom it reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import JOINED, Change, Item, ItemKind, ItemNumber, Record
from trialalerts.catalog.trials.lookup import current_item, find_trial
from trialalerts.catalog.trials.status import site_is_open
from trialalerts.delivery.outbox.notices.announcing import progress_of, told_counts
from trialalerts.delivery.outbox.notices.tables import Announcement
from trialalerts.digests.tables import SelectionKind
from trialalerts.errors import NotFound
from trialalerts.operations.questions.reach import reached_by
from trialalerts.vocabulary.areas.tree import load_areas
from trialalerts.vocabulary.topics import load_topics

__all__ = ["ItemStory", "find_item", "story_of"]

_DIGITS = 18
"""A longer number is none of ours."""


@dataclass(frozen=True, kw_only=True)
class ItemStory:
    """An item for the operator.

    ``said_by`` and ``conflicts`` stand with a trial of several records: which registries tell each fact, and what they
    tell differently. ``areas`` say why each was found (``title``, ``mesh``: a MeSH term of the record, ``text``);
    ``sites`` counts all and the open ones by country. Each of ``changes`` has ``reached``: the mails that told it by
    what became of them; ``shown`` is that for digests which told it as open, or as recent. ``announced``: as what an
    article was announced.
    """

    item: Item
    numbers: tuple[str, ...]
    records: tuple[dict[str, Any], ...]
    areas: tuple[dict[str, Any], ...]
    said_by: dict[str, Any]
    conflicts: tuple[dict[str, Any], ...]
    topics: tuple[str, ...]
    sites: dict[str, dict[str, int]]
    changes: tuple[dict[str, Any], ...]
    shown: dict[str, int]
    announced: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        item = self.item
        return {
            "id": item.id,
            "kind": item.kind.value,
            "registry": item.registry_name,
            "number": item.external_id,
            "numbers": list(self.numbers),
            "title": item.title,
            "url": item.url,
            "status": item.status,
            "is_open": item.is_open,
            "published_at": item.published_at,
            "first_seen_at": item.first_seen_at,
            "last_seen_at": item.last_seen_at,
            "records": list(self.records),
            "said_by": self.said_by,
            "conflicts": list(self.conflicts),
            "areas": list(self.areas),
            "topics": list(self.topics),
            "sites": self.sites,
            "changes": list(self.changes),
            "shown": self.shown,
            "announced": list(self.announced),
        }


def find_item(session: Session, number: str) -> Item:
    """Return the trial or article with this number: of a registry, however it is spelled, or our own (``article 17``).

    Raises:
        NotFound: nothing here is known under it.
    """
    typed = " ".join(number.split())
    same = select(Item).where(func.lower(Item.external_id) == typed.lower(), col(Item.registry_name) != JOINED)
    own = typed.lower().removeprefix("article").strip()
    found = find_trial(session, typed) or session.exec(same.order_by(col(Item.id)).limit(1)).first()
    if found is None and own.isascii() and own.isdigit() and len(own) <= _DIGITS:
        found = current_item(session, int(own))
        if found is not None and own != typed and found.kind is not ItemKind.ARTICLE:
            found = None
    if found is None:
        raise NotFound(f"Nothing is known here under “{typed}”; write it like NCT01234567, or article 17.")
    return found


def story_of(session: Session, item: Item) -> ItemStory:
    """Return all that is known of an item, and how many it reached."""
    facts = _facts(item)
    topics = load_topics(session)
    numbers = session.exec(select(ItemNumber.number).where(col(ItemNumber.item_id) == item.id)).all()
    shown = reached_by(session, SelectionKind.OPEN, item)
    return ItemStory(
        item=item,
        numbers=tuple(sorted(numbers)),
        records=tuple(_records(session, item)),
        areas=tuple(_areas(session, item, facts)),
        said_by={fact: list(registries) for fact, registries in ((facts and facts.said_by) or {}).items()},
        conflicts=tuple({"fact": each.fact, "said": dict(each.said)} for each in (facts and facts.conflicts) or ()),
        topics=tuple(topics.name(each, "en") if each in topics else each for each in item.topics),
        sites=_sites(item, facts),
        changes=tuple(_changes(session, item)),
        shown=dict(shown.get(item.id or 0, Counter())),
        announced=tuple(_announced(session, item)),
    )


def _announced(session: Session, item: Item) -> list[dict[str, Any]]:
    rows = session.exec(select(Announcement).where(col(Announcement.item_id) == item.id).order_by(col(Announcement.id)))
    told = [(each, told_counts(session, each)) for each in rows]
    return [
        {"id": each.id, "at": each.started_at, "state": progress_of(each, counts), "mails": counts}
        for each, counts in told
    ]


def _facts(item: Item) -> TrialFacts | None:
    try:
        return TrialFacts.model_validate(item.facts) if item.kind is ItemKind.TRIAL else None
    except ValueError:
        return None


def _records(session: Session, item: Item) -> list[dict[str, Any]]:
    rows = session.exec(select(Record).where(col(Record.item_id) == item.id).order_by(col(Record.id)))
    return [
        {
            "registry": row.registry_name,
            "id": row.external_id,
            "source": row.source,
            "origin": row.origin,
            "status": (item.facts if row.facts is None else row.facts).get("status"),
            "first_seen_at": row.first_seen_at,
        }
        for row in rows
    ]


def _areas(session: Session, item: Item, facts: TrialFacts | None) -> list[dict[str, Any]]:
    tree = load_areas(session)
    mesh = {term.id for term in facts.mesh} if facts else set[str]()
    return [
        {
            "id": area["id"],
            "name": tree.name(area["id"]),
            "because": "title" if area.get("in_title") else "mesh" if area["id"] in mesh else "text",
        }
        for area in item.areas.get("direct", ())
    ]


def _sites(item: Item, facts: TrialFacts | None) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for site in facts.sites if facts else ():
        country = counted.setdefault(site.country or site.country_name or "unknown", {"sites": 0, "open": 0})
        country["sites"] += 1
        country["open"] += site_is_open(site, item.status)
    return dict(sorted(counted.items()))


def _changes(session: Session, item: Item) -> list[dict[str, Any]]:
    changes = session.exec(select(Change).where(col(Change.item_id) == item.id).order_by(col(Change.seq))).all()
    reached = reached_by(session, SelectionKind.CHANGES, item)
    return [_change(each, each.at, reached.get(each.seq, Counter())) for each in changes]


def _change(each: Change, at: datetime, reached: Counter[str]) -> dict[str, Any]:
    what = {"seq": each.seq, "kind": each.kind.value, "at": at, "before": each.before, "after": each.after}
    return {**what, "reached": {"digests": reached.total(), **reached}}
