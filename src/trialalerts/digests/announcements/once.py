"""An article that is announced is told once: by its announcement, or by the digest that tells that it is news.

Whoever has had the announcement finds it in no digest; where a digest comes first, the mail that waits is taken away.
A correction reaches those whom an announcement told it, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import false, select
from sqlmodel import Session

from trialalerts.catalog.tables import Change, ChangeKind, Item
from trialalerts.database import table_of
from trialalerts.database.bulk import in_chunks, in_list, is_sqlite, list_value
from trialalerts.delivery.outbox.notices.announcing import people_reached
from trialalerts.delivery.outbox.notices.tables import Announcement
from trialalerts.digests.tables import Digest, Selection
from trialalerts.matching.bits import bits_of, numbers_of
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.query import SelectionKind

__all__ = ["AnnouncedArticles", "articles_announced", "told_by_digests"]

_NOBODY: Mapping[int, frozenset[int]] = MappingProxyType({})
_CLOCKS_DIFFER = timedelta(days=1)
"""Rounds of several processes note their digests a little out of order."""


def articles_announced(session: Session, items: Collection[int]) -> dict[int, int]:
    """Return the announcements of these articles: the item of each by its number."""
    if not items:
        return {}
    sqlite = is_sqlite(session)
    row = table_of(Announcement).c
    asked = select(row.id, row.item_id).where(in_list(row.item_id, "items", sqlite=sqlite))
    rows = session.connection().execute(asked, {"items": list_value(sorted(items), sqlite=sqlite)})
    return {number: item for number, item in rows}  # noqa: C416 - rows are no pairs for mypy


class AnnouncedArticles:
    """The announcements of what is news in the windows of a round, or is shown in first digests; mostly there are none.

    Args:
        session: reads.
        windows: of the round.
    """

    def __init__(self, session: Session, windows: Sequence[WindowIndex]) -> None:
        self._news = [
            {n: each.item_id for n, each in enumerate(window.candidates) if each.kind == ChangeKind.PUBLISHED}
            for window in windows
        ]
        self._windows = windows
        self.items = articles_announced(session, {item for news in self._news for item in news.values()})
        self._masks: dict[tuple[int, frozenset[int]], int] = {}
        self._all = frozenset(self.items.values())

    def told(self, session: Session, people: Collection[int]) -> Mapping[int, frozenset[int]]:
        """Return which of these articles (items) people (subscribers by their ids) have had by an announcement."""
        if not self.items:
            return _NOBODY
        found = defaultdict[int, set[int]](set)
        for who, announcement in people_reached(session, self.items, people):
            found[who].add(self.items[announcement])
        return {who: frozenset(items) for who, items in found.items()}

    def news_of(self, window: WindowIndex, items: frozenset[int]) -> int:
        """Return, as bits, that these articles are news."""
        at = self._windows.index(window)
        if (at, items) not in self._masks:
            self._masks[at, items] = bits_of([n for n, item in self._news[at].items() if item in items])
        return self._masks[at, items]

    def articles_in(self, window: WindowIndex, bits: int) -> set[int]:
        """Return which of these articles (items) are told as news by these bits of a window."""
        news = self._news[self._windows.index(window)]
        return {news[number] for number in numbers_of(bits & self.news_of(window, self._all))}


def told_by_digests(session: Session, item_id: int, people: Collection[int] | None = None) -> set[int]:
    """Return who (subscribers by their ids) was told by a digest that an article (an item) is news.

    Only digests since the article was there are read. ``people`` are subscribers by their ids; None: anybody.
    """
    item = session.get(Item, item_id)
    if item is None:
        return set()
    change = table_of(Change).c
    asked = select(change.seq).where(change.item_id == item_id, change.kind == ChangeKind.PUBLISHED)
    news = set(session.connection().execute(asked).scalars())
    since = item.first_seen_at - _CLOCKS_DIFFER
    rows = [(who, {each for _, each in parts}) for who, parts in _digests(session, since, news, people)]
    telling = _telling(session, {each for _, parts in rows for each in parts}, item_id, news)
    return {who for who, parts in rows if parts & telling}


def _digests(
    session: Session, since: datetime, news: Collection[int], people: Collection[int] | None
) -> Iterable[tuple[int, list[list[int]]]]:
    """Return reader and parts of the digests since a moment that may tell one of these changes, or show what is."""
    digest, sqlite = table_of(Digest).c, is_sqlite(session)
    within = (digest.from_seq < max(news)) & (digest.to_seq >= min(news)) if news else false()
    asked = select(digest.subscriber_id, digest.parts).where(digest.created_at >= since, within | (digest.from_seq < 0))
    values = {}
    if people is not None:
        asked = asked.where(in_list(digest.subscriber_id, "people", sqlite=sqlite))
        values = {"people": list_value(sorted(people), sqlite=sqlite)}
    return ((row[0], row[1]) for row in session.connection().execute(asked, values))


def _telling(session: Session, selections: Collection[int], item_id: int, news: set[int]) -> set[int]:
    """Return those selections that hold that an article is news, or show it as it is."""
    selection, found = table_of(Selection).c, set[int]()
    for some in in_chunks(sorted(selections)):
        asked = select(selection.id, selection.kind, selection.numbers).where(selection.id.in_(some))
        for number, kind, numbers in session.connection().execute(asked):
            held = {SelectionKind.OPEN: {item_id}, SelectionKind.CHANGES: news}.get(kind, set())
            if not held.isdisjoint(numbers):
                found.add(number)
    return found
