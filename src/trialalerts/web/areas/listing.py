"""What an area's page lists, at a cost that does not grow with the area: its open trials, and the latest news.

Of an area with few open trials all are read. A large one is dense: whoever looks through the newest trials, the latest
changes or what is around a place soon meets enough that is on it. So nothing is read whole but what is small.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from trialalerts.catalog import outlines
from trialalerts.catalog.outline_rows import StoredOutline, outlines_of
from trialalerts.catalog.outlines import Outline
from trialalerts.catalog.tables import FOLLOWERS_ONLY, Change, ChangeKind, Item, ItemKind
from trialalerts.database.bulk import in_chunks, is_sqlite, list_value
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.places.regions import Region

__all__ = ["AreaListing", "NearItem"]

_COUNTED = 1_000
"""So many trials are counted; of more the page says that there are more."""
_LATEST_CHANGES = 300
_LATEST_ARTICLES = 500
_LATEST_TRIALS = 2_000
_MOST_AROUND = 4_000
_RADII = (50.0, 200.0, 600.0)

_WITHIN = {True: "IN (SELECT value FROM json_each(:{}))", False: "= ANY(:{})"}
_IN_COUNTRY = " AND EXISTS (SELECT 1 FROM item_term b WHERE b.term {country} AND b.item_id = {item})"
_SOME = "SELECT DISTINCT a.item_id FROM item_term a WHERE a.term {terms}{also} LIMIT :most"
_NEWEST = (
    "SELECT n.id FROM (SELECT i.id FROM item i WHERE i.kind = 'trial' AND i.is_open AND i.published_at IS NOT NULL "
    "ORDER BY i.published_at DESC LIMIT :looked) n "
    "WHERE EXISTS (SELECT 1 FROM item_term a WHERE a.item_id = n.id AND a.term {terms}){also} LIMIT :most"
)


@dataclass(frozen=True, kw_only=True)
class NearItem:
    """An open trial by its item, and how far its nearest open site is; None: not known, or nobody asked."""

    item_id: int
    km: float | None = None


class AreaListing:
    """Asks for one area with those below it; ``country`` (ISO 3166-1 alpha-2) leaves out what is elsewhere."""

    def __init__(self, session: Session, areas: AreaTree, area_id: str, country: str | None = None) -> None:
        self._session = session
        self._sqlite = is_sqlite(session)
        self._below = frozenset(areas.with_below(area_id))
        self._country = sorted(outlines.country_terms(country)) if country else []
        self._country_code = country

    @cached_property
    def _open(self) -> list[int]:
        """The open trials of the area, at most one more than are counted."""
        terms = sorted(outlines.area_terms(self._below, is_open=True))
        return self._run(_SOME, {"terms": self._value(terms), "most": _COUNTED + 1}, item="a.item_id")

    @property
    def is_small(self) -> bool:
        """Whether all open trials are known."""
        return len(self._open) <= _COUNTED

    def count(self) -> tuple[int, bool]:
        """Return how many trials are open, and whether that is all; it stops counting at some point."""
        return min(len(self._open), _COUNTED), self.is_small

    def newest(self, most: int) -> list[NearItem]:
        """Return the open trials that their registries posted last."""
        found = sorted(self._posted(self._open), reverse=True)[:most] if self.is_small else []
        ids = [item_id for _, item_id in found]
        if not self.is_small:
            terms = sorted(outlines.area_terms(self._below, is_open=True))
            values = {"terms": self._value(terms), "most": most, "looked": _LATEST_TRIALS}
            ids = self._run(_NEWEST, values, item="n.id") or self._open[:most]
        return [NearItem(item_id=item_id) for item_id in ids]

    def nearest(self, near: Region, most: int) -> list[NearItem]:
        """Return the open trials with the nearest open sites around a place, as far as a day's journey."""
        if near.latitude is None or near.longitude is None:
            return []
        found: list[NearItem] = []
        for radius in _RADII:
            ids = self._open if self.is_small else self._around(near, radius)
            measured = self._measured(self._outlines(ids), near)
            found = [each for each in measured if each.km is not None and each.km <= radius]
            if len(found) >= most:
                break
        return sorted(found, key=lambda each: (each.km, each.item_id))[:most]

    def news(self, most: int) -> list[Change]:
        """Return the latest changes of its items, the latest first."""
        asked = select(Change).where(col(Change.kind).not_in(FOLLOWERS_ONLY)).order_by(col(Change.seq).desc())
        latest: Sequence[Change] = self._session.exec(asked.limit(_LATEST_CHANGES)).all()
        about = self._outlines({each.item_id for each in latest})
        found = [each for each in latest if each.item_id in about and _is_news(each)]
        if len(found) < most and self.is_small:
            found = [each for each in self._news_of_few(most) if _is_news(each)]
        return found[:most]

    def articles(self, most: int) -> list[Item]:
        """Return the latest articles that are about the area, without those that their journal withdrew."""
        asked = select(Item.id).where(col(Item.kind) == ItemKind.ARTICLE, col(Item.published_at).is_not(None))
        latest = self._session.exec(asked.order_by(col(Item.published_at).desc()).limit(_LATEST_ARTICLES)).all()
        stored = outlines_of(self._session.connection(), {each for each in latest if each is not None})
        about = [each for each in latest if each in stored and self._is_about(stored[each].outline)][:most]
        withdrawn = select(Change.item_id).where(
            col(Change.item_id).in_(about), col(Change.kind) == ChangeKind.RETRACTED
        )
        good = [each for each in about if each not in {*self._session.exec(withdrawn)}]
        found = {each.id: each for each in self._session.exec(select(Item).where(col(Item.id).in_(good)))}
        return [found[each] for each in good if each in found]

    def _news_of_few(self, most: int) -> list[Change]:
        """Return the latest changes of the items of a small area, open or not."""
        terms = sorted(outlines.area_terms(self._below, is_open=False))
        over = self._run(_SOME, {"terms": self._value(terms), "most": _COUNTED}, item="a.item_id")
        ids = list(self._outlines({*self._open, *over}))
        asked = select(Change).where(col(Change.item_id).in_(ids), col(Change.kind).not_in(FOLLOWERS_ONLY))
        return list(self._session.exec(asked.order_by(col(Change.seq).desc()).limit(most * 3)))

    def _around(self, near: Region, radius: float) -> list[int]:
        terms = outlines.around_terms(None, near.latitude or 0.0, near.longitude or 0.0, radius) or set()
        cells = sorted(terms - {outlines.ANYWHERE, "around:None"})
        return self._run(_SOME, {"terms": self._value(cells), "most": _MOST_AROUND}, item="", also=False)

    def _outlines(self, ids: Collection[int]) -> dict[int, Outline]:
        """Return the outlines of those of the items that are on the area, and in the country."""
        stored = outlines_of(self._session.connection(), set(ids))
        return {item_id: each.outline for item_id, each in stored.items() if self._is_on(each)}

    def _is_on(self, stored: StoredOutline) -> bool:
        outline = stored.outline
        if not self._is_about(outline):
            return False
        places = outline.open_places if stored.is_open else outline.all_places
        return self._country_code is None or places is None or places.unknown or self._country_code in places.countries

    def _is_about(self, outline: Outline) -> bool:
        return not (self._below.isdisjoint(outline.direct) and self._below.isdisjoint(outline.ancestors))

    def _posted(self, ids: Sequence[int]) -> Iterable[tuple[str, int]]:
        for some in in_chunks(ids):
            rows = self._session.exec(select(Item.id, Item.published_at).where(col(Item.id).in_(some)))
            yield from ((posted.isoformat() if posted else "", item_id or 0) for item_id, posted in rows)

    def _measured(self, about: dict[int, Outline], near: Region) -> Iterable[NearItem]:
        here = (near.latitude or 0.0, near.longitude or 0.0)
        for item_id, outline in about.items():
            points = outline.open_places.points if outline.open_places else ()
            pairs = zip(points[::2], points[1::2], strict=True)
            km = min((distance_km(*here, *point) for point in pairs), default=inf)
            yield NearItem(item_id=item_id, km=None if km == inf else km)

    def _run(self, statement: str, values: dict[str, Any], *, item: str, also: bool = True) -> list[int]:
        within = {name: _WITHIN[self._sqlite].format(name) for name in ("terms", "country")}
        in_country = _IN_COUNTRY.format(item=item, **within) if also and self._country else ""
        named = values | ({"country": self._value(self._country)} if in_country else {})
        filled = text(statement.format(also=in_country, **within))
        return [row[0] for row in self._session.connection().execute(filled, named)]

    def _value(self, terms: Sequence[str]) -> Any:
        return list_value(terms, sqlite=self._sqlite)


def _is_news(change: Change) -> bool:
    """Tell whether a change is news to everybody: what a baseline brought is old, a further area no event.

    That an article is found to name a trial is news to those who follow that."""
    if change.kind is ChangeKind.PUBLISHED:
        return "trials" not in change.after
    return change.kind is not ChangeKind.REGISTERED or not {"baseline", "areas"} & change.after.keys()
