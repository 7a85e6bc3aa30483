"""Owns what a digest says: entries, best first, each with what happened and why this person is told.

A stored digest holds only numbers; its entries are made from them when somebody reads it
(:mod:`trialalerts.digests.reading`).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trialalerts.matching.reasons import Reason
from trialalerts.matching.window import RECRUITING_NOW

__all__ = ["RECRUITING_NOW", "Entry", "Reason", "Told"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    def as_json(self) -> dict[str, Any]:
        """Return the value as JSON types, compact: what equals its default is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Told(_Value):
    """One thing that happened to the item.

    ``seq`` is the number of the change, None in a first digest. ``kind`` is the value of a
    :class:`~trialalerts.catalog.tables.ChangeKind` or :data:`~trialalerts.matching.window.RECRUITING_NOW`;
    ``before`` and ``after`` are the change's own.
    """

    kind: str
    seq: int | None = None
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}


class Entry(_Value):
    """One item in a digest, with everything that happened to it and every reason to tell of it.

    ``tier`` is the rank's tier (0 is the best); entries are stored best first.
    """

    item_id: int
    kind: Literal["trial", "article"]
    told: tuple[Told, ...] = ()
    reasons: tuple[Reason, ...] = ()
    tier: int = 0
