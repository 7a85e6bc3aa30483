"""What an area's page lists, at a cost that does not grow with the area: its open trials, and the latest news.

Of an area with few open trials all are read. A large one is dense: whoever looks through the newest trials, the latest
changes or what is around a place soon meets enough that is on it. So nothing is read whole but what is small.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import inf
from typing import Any

from sqlalchemy import bindparam, text
from sqlmodel import Session, col, select

from trialalerts.catalog import outlines
from trialalerts.catalog.outline_rows import StoredOutline, outlines_of
from trialalerts.catalog.outlines import Outline, OutlinePlaces
from trialalerts.catalog.tables import FOLLOWERS_ONLY, Change, ChangeKind, Item, ItemKind
from trialalerts.database.bulk import in_chunks, is_sqlite, list_value
from trialalerts.database.types import UtcDateTime
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.distance import distance_km
from trialalerts.vocabulary.places.regions import Region

__all__ = ["MOST_KM", "AreaListing", "NearItem"]

_COUNTED = 1_000
"""So many trials are counted; of more the page says that there are more."""
_LATEST_CHANGES = 300
_LATEST_ARTICLES = 500
_LATEST_TRIALS = 2_000
_MOST_AROUND = 4_000
_RADII = (50.0, 200.0, 600.0)
MOST_KM = _RADII[-1]
"""A day's journey: what is open farther away is near nobody."""
_ALL = 1 << 31

_WITHIN = {True: "IN (SELECT value FROM json_each(:{}))", False: "= ANY(:{})"}
_IN_PLACES = " AND EXISTS (SELECT 1 FROM item_term b WHERE b.term {places} AND b.item_id = {item})"
_SOME = "SELECT DISTINCT a.item_id FROM item_term a WHERE a.term {terms}{also} LIMIT :most"
_FROM_NEWEST = (
    "SELECT n.id FROM (SELECT i.id FROM item i WHERE i.kind = 'trial' AND i.is_open AND {which} "
    "ORDER BY i.published_at DESC, i.id DESC LIMIT :looked) n "
    "WHERE EXISTS (SELECT 1 FROM item_term a WHERE a.item_id = n.id AND a.term {{terms}}){{also}} LIMIT :most"
)
_NEWEST = _FROM_NEWEST.format(which="i.published_at IS NOT NULL")
_POSTED_BEFORE = _FROM_NEWEST.format(which="(i.published_at < :posted OR (i.published_at = :posted AND i.id < :last))")
_UNDATED = _FROM_NEWEST.format(which="i.published_at IS NULL AND i.id < :last")
_MOMENTS = (bindparam("posted", type_=UtcDateTime()),)
_SINCE_EVER = 1 << 62


@dataclass(frozen=True, kw_only=True)
class NearItem:
    """An open trial by its item, and how far its nearest open site is; None: not known, or nobody asked.

    ``posted`` is the moment (ISO 8601) when its registry posted it; empty: not known, or not asked.
    """

    item_id: int
    km: float | None = None
    posted: str = ""


class AreaListing:
    """Asks for one area with those below it.

    ``within`` leaves out what is elsewhere: countries (ISO 3166-1 alpha-2) and parts of them (ISO 3166-2).
    """

    def __init__(self, session: Session, areas: AreaTree, area_id: str, within: Collection[str] = ()) -> None:
        self._session = session
        self._sqlite = is_sqlite(session)
        self._below = frozenset(areas.with_below(area_id))
        self._within = tuple(within)
        self._places = sorted({term for code in within for term in _terms_within(code)})

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
        if self.is_small:
            return self.newest_after(None, most)
        ids = self._run(_NEWEST, self._of_many(most, _LATEST_TRIALS), item="n.id") or self._open[:most]
        return [NearItem(item_id=item_id) for item_id in ids]

    def newest_after(self, last: NearItem | None, most: int) -> list[NearItem]:
        """Return the next in this order, so that page by page none is left out; those without a day come last.

        Args:
            last: the one before them, as it was returned here; None: from the beginning.
            most: how many.
        """
        if self.is_small:
            found = sorted(self._posted(self._open), reverse=True)
            rest = [each for each in found if last is None or each < (last.posted, last.item_id)]
            return [NearItem(item_id=item_id, posted=posted) for posted, item_id in rest[:most]]
        values = self._of_many(most, _ALL)
        ids: list[int] = []
        if last is None:
            ids = self._run(_NEWEST, values, item="n.id")
        elif last.posted:
            before = {"posted": datetime.fromisoformat(last.posted), "last": last.item_id}
            ids = self._run(_POSTED_BEFORE, values | before, item="n.id")
        if len(ids) < most:
            end = last.item_id if last is not None and not last.posted else _SINCE_EVER
            ids += self._run(_UNDATED, values | {"last": end, "most": most - len(ids)}, item="n.id")
        posted_at = {item_id: posted for posted, item_id in self._posted(ids)}
        return [NearItem(item_id=item_id, posted=posted_at[item_id]) for item_id in ids if item_id in posted_at]

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

    def around(self, near: Region, radius_km: float) -> list[NearItem]:
        """Return all open trials with an open site within so many kilometres of a place, the nearest first."""
        ids = self._open if self.is_small else self._around(near, radius_km, about=True)
        measured = self._measured(self._outlines(ids), near)
        found = [(each.km, each.item_id, each) for each in measured if each.km is not None and each.km <= radius_km]
        return [each for _, _, each in sorted(found, key=lambda known: known[:2])]

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

    def _around(self, near: Region, radius: float, *, about: bool = False) -> list[int]:
        """Return what is open in the cells around a place, at most some thousands; ``about`` the area, and all of it.

        Near a pole the cells are too many to tell, and all that is about the area is looked at.
        """
        own = sorted(outlines.area_terms(self._below, is_open=True))
        terms = outlines.around_terms(None, near.latitude or 0.0, near.longitude or 0.0, radius)
        if about and terms is None:
            return self._run(_SOME, {"terms": self._value(own), "most": _ALL}, item="a.item_id")
        cells = sorted((terms or set()) - {outlines.ANYWHERE, "around:None"})
        values = {"terms": self._value(cells), "most": _ALL if about else _MOST_AROUND}
        return self._run(_SOME, values, item="a.item_id", places=own if about else [])

    def _outlines(self, ids: Collection[int]) -> dict[int, Outline]:
        """Return the outlines of those of the items that are on the area, and in the country."""
        stored = outlines_of(self._session.connection(), set(ids))
        return {item_id: each.outline for item_id, each in stored.items() if self._is_on(each)}

    def _is_on(self, stored: StoredOutline) -> bool:
        outline = stored.outline
        if not self._is_about(outline):
            return False
        places = outline.open_places if stored.is_open else outline.all_places
        if not self._within or places is None or places.unknown:
            return True
        return any(_is_within(code, places) for code in self._within)

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

    def _of_many(self, most: int, looked: int) -> dict[str, Any]:
        terms = sorted(outlines.area_terms(self._below, is_open=True))
        return {"terms": self._value(terms), "most": most, "looked": looked}

    def _run(
        self, statement: str, values: dict[str, Any], *, item: str, places: Sequence[str] | None = None
    ) -> list[int]:
        """Return the items of a statement that have one of the terms ``places``, too; None: those of the listing."""
        also = self._places if places is None else places
        within = {name: _WITHIN[self._sqlite].format(name) for name in ("terms", "places")}
        in_places = _IN_PLACES.format(item=item, **within) if also else ""
        named = values | ({"places": self._value(also)} if in_places else {})
        filled = text(statement.format(also=in_places, **within))
        if "posted" in values:
            filled = filled.bindparams(*_MOMENTS)
        return [row[0] for row in self._session.connection().execute(filled, named)]

    def _value(self, terms: Sequence[str]) -> Any:
        return list_value(terms, sqlite=self._sqlite)


def _terms_within(code: str) -> set[str]:
    country, part, _ = code.partition("-")
    return outlines.subdivision_terms(country, code) if part else outlines.country_terms(code)


def _is_within(code: str, places: OutlinePlaces) -> bool:
    """Tell whether some of the places are in a country or a part of one, or may be."""
    country, part, _ = code.partition("-")
    if not part:
        return code in places.countries
    return code in {*places.parts, *places.everywhere} or country in {*places.without_part, *places.everywhere}


def _is_news(change: Change) -> bool:
    """Tell whether a change is news to everybody: what a baseline brought is old, a further area no event.

    That an article is found to name a trial is news to those who follow that."""
    if change.kind is ChangeKind.PUBLISHED:
        return "trials" not in change.after
    return change.kind is not ChangeKind.REGISTERED or not {"baseline", "areas"} & change.after.keys()
