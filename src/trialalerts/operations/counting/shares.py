"""How many people are written to by area, region, language or where they came from; nobody is told of alone.

A group of fewer than :data:`FEWEST` is not named: together with a place or a rare disease its number may point to one
person. How many stand in such groups is told in one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, func, select

from trialalerts.subscribers.tables import ONE_TRIAL, Preference, Subscriber, SubscriberState
from trialalerts.vocabulary.tables import Area, Place

__all__ = ["FEWEST", "Share", "ShareBy", "Shares", "count_shares"]

FEWEST = 10
"""So many people a group has at least that is named."""


class ShareBy(StrEnum):
    """By what people are counted."""

    AREA = "area"
    REGION = "region"
    LANGUAGE = "language"
    SOURCE = "source"


@dataclass(frozen=True, kw_only=True)
class Share:
    """A group of people: ``what`` they have in common, and how many they are."""

    what: str
    people: int


@dataclass(frozen=True, kw_only=True)
class Shares:
    """The groups of at least :data:`FEWEST` people, the largest first, and how many groups are smaller.

    ``people`` counts all who are written to; who follows two areas stands in two groups.
    """

    by: ShareBy
    people: int
    groups: tuple[Share, ...]
    smaller: int


def count_shares(session: Session, by: ShareBy) -> Shares:
    """Count the people who are written to, by what they have in common."""
    counted = _counted(session, by)
    large = {what: people for what, people in counted if people >= FEWEST}
    names = _names(session, by, [str(what) for what in large if what is not None])
    nameless = "anywhere" if by is ShareBy.REGION else "not said"
    groups = [Share(what=names.get(str(what), str(what)) if what else nameless, people=n) for what, n in large.items()]
    total = select(func.count()).select_from(Subscriber).where(col(Subscriber.state) == SubscriberState.ACTIVE)
    return Shares(
        by=by,
        people=session.exec(total).one(),
        groups=tuple(sorted(groups, key=lambda group: (-group.people, group.what))),
        smaller=len(counted) - len(groups),
    )


def _counted(session: Session, by: ShareBy) -> Sequence[tuple[Any, int]]:
    if by in {ShareBy.AREA, ShareBy.REGION}:
        return _followed(session, by)
    what = col(Subscriber.came_by) if by is ShareBy.SOURCE else func.substr(col(Subscriber.locale), 1, 2)
    asked = select(what, func.count()).where(col(Subscriber.state) == SubscriberState.ACTIVE).group_by(what)
    return session.exec(asked).all()


def _followed(session: Session, by: ShareBy) -> Sequence[tuple[Any, int]]:
    """Count by what confirmed preferences follow: an area, or the country and its part where towns are no answer."""
    what = col(Preference.area_id) if by is ShareBy.AREA else func.coalesce(Preference.subdivision, Preference.country)
    asked = (
        select(what, func.count(func.distinct(Preference.subscriber_id)))
        .join(Subscriber, col(Subscriber.id) == col(Preference.subscriber_id))
        .where(
            col(Subscriber.state) == SubscriberState.ACTIVE,
            col(Preference.confirmed_at).is_not(None),
            col(Preference.area_id) != ONE_TRIAL,
        )
        .group_by(what)
    )
    return session.exec(asked).all()


def _names(session: Session, by: ShareBy, ids: Sequence[str]) -> Mapping[str, str]:
    """Return what areas and regions are called; what is not here is its own name."""
    asked = {
        ShareBy.AREA: select(Area.id, Area.name).where(col(Area.id).in_(ids)),
        ShareBy.REGION: select(Place.id, Place.name).where(col(Place.id).in_(ids)),
    }.get(by)
    return {} if asked is None else dict(session.exec(asked).all())
