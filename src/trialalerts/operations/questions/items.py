"""An item by the number that somebody has of it."""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from trialalerts.catalog.tables import Item, ItemNumber
from trialalerts.errors import NotFound

__all__ = ["find_item"]

_DIGITS = 18
"""A longer number is none of ours."""


def find_item(session: Session, number: str) -> Item:
    """Return the trial or article with this number: of a registry, however it is spelled, or our own (``article 17``).

    Raises:
        NotFound: nothing here is known under it.
    """
    typed = " ".join(number.split())
    same = select(Item).where(func.lower(Item.external_id) == typed.lower()).order_by(col(Item.id)).limit(1)
    also = (
        select(Item)
        .join(ItemNumber, col(ItemNumber.item_id) == col(Item.id))
        .where(col(ItemNumber.number).in_([typed, typed.upper()]))
    )
    own = typed.lower().removeprefix("article").strip()
    found = session.exec(also.order_by(col(Item.id)).limit(1)).first() or session.exec(same).first()
    if found is None and own.isascii() and own.isdigit() and len(own) <= _DIGITS:
        found = session.get(Item, int(own))
    if found is None:
        raise NotFound(f"Nothing is known here under “{typed}”; write it like NCT01234567, or article 17.")
    return found
