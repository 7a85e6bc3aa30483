"""The trials that articles name by their registry numbers: whoever follows one of them is told of the article."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, column, func, select, table
from sqlmodel import Session, col

from trialalerts.catalog.changes.comparison import Difference, is_retracted
from trialalerts.catalog.changes.gains import about_of
from trialalerts.catalog.outlines import naming_terms
from trialalerts.catalog.tables import ChangeKind, Item, ItemKind, ItemNumber, ItemTerm
from trialalerts.database.bulk import in_chunks

__all__ = ["NamedTrials", "articles_naming", "followed_numbers", "names_trials", "trials_named"]

# Preferences are in a room above this one, which must not be imported here: they are read by name.
_PREFERENCE = table("preference", column("item_id"), column("confirmed_at"))


@dataclass(frozen=True)
class NamedTrials:
    """Which trials some numbers name, by their items."""

    _items: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def of(self, numbers: Iterable[str]) -> frozenset[int]:
        """Return the trials that these numbers name."""
        return frozenset(item for number in numbers for item in self._items.get(number, ()))


def names_trials(
    was: Collection[str] | None, after: Mapping[str, Any], followed: Container[str], *, is_told: bool
) -> Difference | None:
    """Return the news that an article names trials that it did not name before; None: it names none.

    It is for those only who follow one of them. Where the article was told before, it is not told again to who follows
    what it is about.

    Args:
        was: the numbers that it named; None: nobody knows, for it was stored before the program read such numbers.
        after: its columns ``title``, ``facts``, ``areas`` and ``topics`` as they are now.
        followed: the numbers of trials that somebody follows: nothing is to be told of others.
        is_told: whether it was told as new.
    """
    if was is None or is_retracted(after["title"]):
        return None
    more = [each for each in after["facts"].get("trials") or () if each not in was and each in followed]
    if not more:
        return None
    before = {**about_of(after), "trials": list(was or ())} if is_told else {}
    return Difference(kind=ChangeKind.PUBLISHED, before=before, after={"trials": more})


def trials_named(connection: Connection, numbers: Collection[str]) -> NamedTrials:
    """Return which trials the numbers name.

    A number names the trial of which a registry's record has it; where there is none, the trials that mention it as
    theirs.
    """
    held: dict[str, set[int]] = defaultdict(set)
    mentioned: dict[str, set[int]] = defaultdict(set)
    for some in in_chunks(sorted(numbers)):
        asked = (
            select(col(ItemNumber.number), col(ItemNumber.item_id), col(ItemNumber.registry_name))
            .join(Item, col(Item.id) == col(ItemNumber.item_id))
            .where(col(ItemNumber.number).in_(some), col(Item.kind) == ItemKind.TRIAL)
        )
        for number, item_id, registry in connection.execute(asked):
            (mentioned if registry is None else held)[number].add(item_id)
    return NamedTrials({number: frozenset(items) for number, items in {**mentioned, **held}.items()})


def articles_naming(session: Session, numbers: Collection[str], most: int) -> Sequence[Item]:
    """Return the articles that name one of the numbers, in their one spelling, the newest first, ``most`` of them."""
    named = select(col(ItemTerm.item_id)).where(col(ItemTerm.term).in_(sorted(naming_terms(numbers))))
    asked = select(Item).where(col(Item.id).in_(named), col(Item.kind) == ItemKind.ARTICLE)
    newest = func.coalesce(col(Item.published_at), col(Item.first_seen_at)).desc()
    return session.execute(asked.order_by(newest, col(Item.id).desc()).limit(most)).scalars().all()


def followed_numbers(connection: Connection, numbers: Collection[str]) -> frozenset[str]:
    """Return those of the numbers that name a trial that somebody follows."""
    named = trials_named(connection, numbers)
    followed: set[int] = set()
    for some in in_chunks(sorted(named.of(numbers))):
        asked = select(_PREFERENCE.c.item_id).where(_PREFERENCE.c.item_id.in_(some))
        followed |= set(connection.execute(asked.where(_PREFERENCE.c.confirmed_at.is_not(None))).scalars())
    return frozenset(number for number in numbers if not followed.isdisjoint(named.of([number])))
