"""What a digest says: entries, best first, each with what happened and why this person is told.

A stored digest holds only numbers; its entries are made from them when somebody reads it
(:mod:`trialalerts.digests.reading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from trialalerts.matching.reasons import Reason
from trialalerts.matching.window import RECRUITING_NOW

__all__ = ["RECRUITING_NOW", "Entry", "EntryChange", "Reason"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class EntryChange(NamedTuple):
    """One thing that happened to the item.

    ``seq`` is the number of the change, None in a first digest. ``kind`` is the value of a
    :class:`~trialalerts.catalog.tables.ChangeKind` or :data:`~trialalerts.matching.window.RECRUITING_NOW`;
    ``before`` and ``after`` are the change's own.
    """

    kind: str
    seq: int | None = None
    before: Mapping[str, Any] = _NOTHING
    after: Mapping[str, Any] = _NOTHING

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types, without what is not known."""
        return {name: value for name, value in self._asdict().items() if value}


class Entry(NamedTuple):
    """One item in a digest, with everything that happened to it and every reason to tell of it.

    ``tier`` is the rank's tier (0 is the best); entries are stored best first. ``version`` is the hash of all that is
    shown of the item, as it was read.
    """

    item_id: int
    kind: Literal["trial", "article"]
    told: tuple[EntryChange, ...] = ()
    reasons: tuple[Reason, ...] = ()
    tier: int = 0
    version: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON types, without what is empty."""
        return {
            "item_id": self.item_id,
            "kind": self.kind,
            "told": [told.as_json() for told in self.told],
            "reasons": [reason.as_json() for reason in self.reasons],
            "tier": self.tier,
        }
