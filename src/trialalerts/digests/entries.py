"""Owns what a digest says: entries, best first, each with what happened and why this person is told.

Stored as JSON in :attr:`trialalerts.digests.tables.Digest.entries`. A digest keeps no texts of its own:
titles and facts are read from the catalog when it is rendered; only what was true at the time it was
composed (the change, the reason, the distance) stands here.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["RECRUITING_NOW", "Entry", "Reason", "Told"]

RECRUITING_NOW = "recruiting_now"
"""The kind of :class:`Told` in a first digest: nothing changed, the trial is open."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    def as_json(self) -> dict[str, Any]:
        """Return the value as JSON types, compact: what equals its default is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Reason(_Value):
    """Why this person is told: one of their preferences and how the item meets it.

    ``through_id`` and ``through_name`` are the item's own area where that is narrower than the area followed;
    None where the item is on the area itself. ``nearest`` is the town of the nearest open site, ``distance_km``
    how far that is from the place followed. ``no_site``: the trial lists no site yet. ``near_unknown``: there is
    an open site in the region, but how far away is not known. ``may_fit`` names the facts that were missing
    (``age``, ``sex``), so that nothing was excluded for their sake.
    """

    preference_id: int
    area_id: str
    area_name: str
    label: str | None = None
    through_id: str | None = None
    through_name: str | None = None
    region_label: str = ""
    distance_km: float | None = None
    nearest: str | None = None
    no_site: bool = False
    near_unknown: bool = False
    may_fit: tuple[str, ...] = ()


class Told(_Value):
    """One thing that happened to the item.

    ``seq`` is the number of the change, None in a first digest. ``kind`` is the value of a
    :class:`~trialalerts.catalog.tables.ChangeKind` or :data:`RECRUITING_NOW`; ``before`` and ``after`` are the
    change's own.
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
