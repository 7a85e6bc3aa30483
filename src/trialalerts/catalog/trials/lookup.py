"""The trial that somebody means: by a registry's number, however it is spelled, or by the number of an item."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, case, col, func, select

from trialalerts.catalog.tables import JOINED, Item, ItemKind, ItemNumber, JoinedItem
from trialalerts.catalog.trials.numbers import registry_numbers
from trialalerts.database.bulk import in_chunks

__all__ = ["LONGEST_NUMBER", "current_item", "find_trial", "joined_into", "numbers_of_trials"]

LONGEST_NUMBER = 100
"""A longer text is no number of a registry."""


def find_trial(session: Session, number: str) -> Item | None:
    """Return the trial that is known under a number; None: nothing here is.

    Where several are, the one whose own number it is comes first, then one that a registry's record of this number was
    read as, then the oldest of those that only mention it.
    """
    typed = " ".join(number.split())
    if not typed or len(typed) > LONGEST_NUMBER:
        return None
    spelled = sorted({typed, typed.upper(), *registry_numbers([typed], are_ids=True)})
    rank = case((col(Item.external_id).in_(spelled), 0), (col(ItemNumber.registry_name).is_not(None), 1), else_=2)
    also = (
        select(Item)
        .join(ItemNumber, col(ItemNumber.item_id) == col(Item.id))
        .where(col(ItemNumber.number).in_(spelled), col(Item.kind) == ItemKind.TRIAL)
        .order_by(rank, col(Item.id))
        .limit(1)
    )
    found = session.exec(also).first()
    if found is not None:
        return found
    same = select(Item).where(func.lower(Item.external_id) == typed.lower(), col(Item.kind) == ItemKind.TRIAL)
    same = same.where(col(Item.registry_name) != JOINED)
    return session.exec(same.order_by(col(Item.id)).limit(1)).first()


def numbers_of_trials(session: Session, item_ids: Collection[int]) -> dict[int, str]:
    """Return the numbers under which trials stand in their registries, by their items; of others none."""
    found: dict[int, str] = {}
    for some in in_chunks(sorted(item_ids)):
        asked = select(Item.id, Item.external_id).where(col(Item.id).in_(some), col(Item.kind) == ItemKind.TRIAL)
        found |= {number or 0: external for number, external in session.exec(asked)}
    return found


def joined_into(session: Session, item_ids: Collection[int]) -> dict[int, int]:
    """Return, of those items that are another one now, which that is."""
    found: dict[int, int] = {}
    for some in in_chunks(sorted(item_ids)):
        asked = select(JoinedItem.item_id, JoinedItem.into_id).where(col(JoinedItem.item_id).in_(some))
        found |= dict(session.exec(asked).all())
    if further := joined_into(session, set(found.values())) if found else {}:
        found = {item_id: further.get(into, into) for item_id, into in found.items()}
    return found


def current_item(session: Session, item_id: int) -> Item | None:
    """Return the item of this number, or the one that it is now."""
    return session.get(Item, joined_into(session, [item_id]).get(item_id, item_id))
