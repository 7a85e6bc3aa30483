"""Which changes concern which webhooks: asked of the same index as people's preferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

from sqlmodel import Session

from trialalerts.catalog.tables import ChangeKind
from trialalerts.hooks.tables import Hook
from trialalerts.matching.bits import numbers_of
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.query import RegionKey
from trialalerts.matching.window import Indexed, changes_between
from trialalerts.subscribers.tables import RegionKind
from trialalerts.vocabulary.areas.tree import load_areas

__all__ = ["concerned", "public_changes"]


def public_changes(session: Session, after: int, upto: int) -> list[Indexed]:
    """Return the changes of a span of numbers that a public page tells, oldest first.

    Not what a baseline brought or an item merely gained, which is no event; nor what is for followers of a trial.
    """
    found = changes_between(session, after, upto, baselines_after=upto)
    return [_placed(each) for each in found if not each.only_followers]


def concerned(session: Session, changes: Sequence[Indexed], webhooks: Sequence[Hook]) -> dict[str, list[int]]:
    """Return for each webhook, by its name, the numbers of the changes in one of its areas and one of its regions.

    What an item gained areas by is no news to a webhook that was told of it as it was.
    """
    if not changes:
        return {each.name: [] for each in webhooks}
    index = WindowIndex(changes, load_areas(session))
    return {each.name: [changes[number].seq for number in _numbers(index, each)] for each in webhooks}


def _numbers(index: WindowIndex, webhook: Hook) -> list[int]:
    about = [index.area(area, frozenset()) for area in webhook.areas] or [index.every]
    near = [index.region(_key(region)) for region in webhook.regions] or [index.every]
    bits = index.gains.not_told_before([reduce(or_, about) & reduce(or_, near)])[0]
    return [int(number) for number in numbers_of(bits)] if bits else []


def _key(region: dict[str, object]) -> RegionKey:
    values = (region[name] for name in ("country", "subdivision", "latitude", "longitude", "radius_km"))
    return (RegionKind(str(region["kind"])), *values)  # type: ignore[return-value]  # as Region has them


def _placed(change: Indexed) -> Indexed:
    """Return a change so that it is found by its place.

    A correction reaches people by what they were told, wherever they live; a webhook by where the article is for.
    """
    return replace(change, kind=ChangeKind.PUBLISHED.value, ours=False) if change.told_before_only else change
