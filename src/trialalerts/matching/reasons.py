"""The reason why a person is told of an item: which preference, through which area, near or far."""

from __future__ import annotations

from typing import Any, NamedTuple

from trialalerts.catalog.facts import Reach
from trialalerts.vocabulary.topics import TopicName

__all__ = ["Reason"]


class Reason(NamedTuple):
    """One of the person's preferences and how the item meets it.

    ``through_id`` and ``through_name`` are the item's own area where that is narrower than the area followed;
    None where the item is on the area itself. ``nearest`` is the town of the nearest open site, ``distance_km``
    how far that is from the place followed. ``no_site``: the trial lists no site yet. ``near_unknown``: there is
    an open site in the region, but how far away is not known. ``reach``: one takes part from home (``remote``) or
    all over the country (``nationwide``), so that it is near wherever in that country the person lives. ``may_fit``
    names the facts that were missing (``age``, ``sex``), so that nothing was excluded for their sake. ``topics`` are
    those that the preference asks for; ``area_id`` may be that of any area, whose ``area_name`` is then its id.
    ``closed`` are the towns of the sites that closed and were the nearest, or the last ones open in the region; with
    ``paused`` the record says now that they only pause.
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
    reach: Reach | None = None
    may_fit: tuple[str, ...] = ()
    topics: tuple[TopicName, ...] = ()
    closed: tuple[str, ...] = ()
    paused: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the reason as JSON types, compact: what equals its default is left out."""
        values = self._asdict() | {"topics": tuple(topic.id for topic in self.topics)}
        return {name: value for name, value in values.items() if value != self._field_defaults.get(name, ...)}
