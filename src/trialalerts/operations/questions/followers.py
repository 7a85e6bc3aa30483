"""Who follows what: subscribers by state, by when they confirmed, by what they follow where, by address.

The database answers, one statement each: of a million people none is read who is not asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, tuple_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, or_, select

from trialalerts.database import table_of
from trialalerts.subscribers.tables import Preference, RegionKind, Subscriber, SubscriberState
from trialalerts.vocabulary.places.distance import distance_km

if TYPE_CHECKING:
    from trialalerts.vocabulary.places.regions import Region  # with numpy, which a list of people needs not

__all__ = ["Wanted", "count_subscribers", "find_subscribers", "find_values"]

_KM_OF_A_DEGREE = 111.0
_MARGIN_DEGREES = 0.1


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Who is asked for; what is None or empty asks nothing.

    ``since``: who confirmed since then; where ``states`` names pending ones, of these who signed up since then.
    ``areas`` and ``region`` are met by one and the same preference. ``trial`` is the item that is followed. ``search``
    is a part of the address.
    """

    states: Collection[SubscriberState] = ()
    since: datetime | None = None
    areas: Collection[str] | None = None
    region: Region | None = None
    trial: int | None = None
    search: str | None = None


def find_subscribers(session: Session, wanted: Wanted, *, limit: int | None = None) -> Iterator[Subscriber]:
    """Yield those who are asked for, in the order in which they came; rows are read as they are taken."""
    asked = select(Subscriber).where(*_conditions(session, wanted)).order_by(col(Subscriber.id)).limit(limit)
    yield from session.exec(asked.execution_options(yield_per=1_000))


def find_values(
    session: Session, wanted: Wanted, names: Sequence[str], *, limit: int | None = None
) -> Iterator[Sequence[Any]]:
    """Yield the values of these columns of each who is asked for, as they are read: a million are not all in memory.

    As columns, for as instances they take eight times as long.
    """
    columns = [table_of(Subscriber).c[name] for name in names]
    asked = select_columns(*columns).where(*_conditions(session, wanted)).order_by(table_of(Subscriber).c.id)
    yield from session.connection().execute(asked.limit(limit).execution_options(yield_per=1_000))


def count_subscribers(session: Session, wanted: Wanted) -> int:
    """Return how many are asked for."""
    return session.exec(select(func.count()).select_from(Subscriber).where(*_conditions(session, wanted))).one()


def _conditions(session: Session, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    states = list(wanted.states) or [state for state in SubscriberState if state is not SubscriberState.ERASED]
    yield col(Subscriber.state).in_(states)
    if wanted.since is not None:
        yield _since(wanted)
    if wanted.search:
        yield col(Subscriber.address_key).contains(wanted.search.strip().lower(), autoescape=True)
    follows: list[ColumnElement[bool]] = []
    if wanted.trial is not None:
        yield col(Subscriber.id).in_(select(Preference.subscriber_id).where(col(Preference.item_id) == wanted.trial))
    if wanted.areas is not None:
        follows.append(col(Preference.area_id).in_(sorted(wanted.areas)))
    if wanted.region is not None:
        follows.append(_in_region(session, wanted.region))
    if follows:
        yield col(Subscriber.id).in_(select(Preference.subscriber_id).where(*follows))


def _since(wanted: Wanted) -> ColumnElement[bool]:
    confirmed = col(Subscriber.confirmed_at) >= wanted.since
    if SubscriberState.PENDING not in wanted.states:
        return confirmed
    asked = and_(col(Subscriber.confirmed_at).is_(None), col(Subscriber.created_at) >= wanted.since)
    return or_(confirmed, asked)


def _in_region(session: Session, region: Region) -> ColumnElement[bool]:
    """Return who follows something there: in a country or a part of it, or around a place that lies there."""
    kind = RegionKind(region.kind)
    if kind is RegionKind.ANYWHERE:
        return and_(col(Preference.region_kind) == kind, col(Preference.item_id).is_(None))
    somewhere = col(Preference.region_kind) != RegionKind.ANYWHERE
    if kind is RegionKind.COUNTRY:
        return and_(somewhere, col(Preference.country) == region.country)
    if kind is RegionKind.SUBDIVISION:
        return and_(somewhere, col(Preference.subdivision) == region.subdivision)
    if kind is RegionKind.GROUP:
        return _in_group(region.subdivision or "")
    return _around(session, region)


def _in_group(codes: str) -> ColumnElement[bool]:
    """Return who follows the same group, one of its countries or parts, or a place there."""
    own = codes.split()
    countries = col(Preference.country).in_([code for code in own if "-" not in code])
    parts = col(Preference.subdivision).in_([*own, codes])
    return and_(col(Preference.region_kind) != RegionKind.ANYWHERE, or_(countries, parts))


def _around(session: Session, region: Region) -> ColumnElement[bool]:
    """Return who follows something around a place that lies within the radius: there are few different places."""
    latitude, longitude, radius = region.latitude or 0.0, region.longitude or 0.0, region.radius_km or 0.0
    band = radius / _KM_OF_A_DEGREE + _MARGIN_DEGREES
    placed = [
        col(Preference.region_kind) == RegionKind.PLACE,
        col(Preference.latitude).between(latitude - band, latitude + band),
    ]
    asked = select(Preference.latitude, Preference.longitude).where(*placed).distinct()
    near = [
        (there[0], there[1])
        for there in session.exec(asked)
        if there[0] is not None and there[1] is not None
        if distance_km(latitude, longitude, there[0], there[1]) <= radius
    ]
    return and_(*placed, tuple_(col(Preference.latitude), col(Preference.longitude)).in_(near))
