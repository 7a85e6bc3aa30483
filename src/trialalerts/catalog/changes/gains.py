"""What an item is about that it was not about before, and whom that is news to: who followed nothing of it so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from trialalerts.catalog.changes.comparison import Difference
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import ChangeKind
from trialalerts.catalog.trials.status import is_recruiting

__all__ = ["about_of", "further_condition", "gained"]

_About = dict[str, list[str]]
_TOLD_TO_ALL = {ChangeKind.OPENED, ChangeKind.REOPENED}
"""News to whoever follows what the record names now: nothing is left to tell."""


def gained(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[_About, _About] | None:
    """Return what an item was about, and what it is about beyond that; None: nothing.

    Args:
        before: its columns ``areas`` and ``topics``.
        after: the same columns of now.
    """
    was, now = about_of(before), about_of(after)
    more = {name: [each for each in now[name] if each not in was[name]] for name in now}
    return (was, more) if any(more.values()) else None


def further_condition(before: Mapping[str, Any], draft: ItemDraft, told: Collection[Difference]) -> list[Difference]:
    """Return the news that an open trial names a further condition: it is shown to those who follow that alone.

    Only what the record's own conditions bring: that the same words are read otherwise, or that a registry's program
    gives other terms, is no news of the trial.

    Args:
        before: the columns ``areas``, ``topics`` and ``facts`` as they are stored.
        draft: the record as it was read.
        told: what else happened to the trial.
    """
    facts = draft.facts
    if not isinstance(facts, TrialFacts) or not is_recruiting(facts.status):
        return []
    if set(facts.conditions) <= set(before["facts"].get("conditions") or ()):
        return []
    now = {"areas": {"direct": draft.areas, "ancestors": draft.ancestors}, "topics": draft.topics}
    found = gained(before, now)
    if found is None or any(each.kind in _TOLD_TO_ALL for each in told):
        return []
    was, more = found
    if not set(more["areas"]) - set(was["ancestors"]):
        return []
    return [Difference(kind=ChangeKind.REGISTERED, before=was, after={"status": facts.status, **more})]


def about_of(row: Mapping[str, Any]) -> _About:
    """Return what an item is about, by its columns ``areas`` and ``topics``."""
    areas = row["areas"]
    return {
        "areas": [area["id"] for area in areas.get("direct", ())],
        "ancestors": list(areas.get("ancestors", ())),
        "topics": list(row["topics"] or ()),
    }
