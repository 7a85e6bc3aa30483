"""A trial that somebody wants to follow from its public page: found by its number, and shown."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from trialalerts.catalog.trials.lookup import find_trial

__all__ = ["FollowedTrial", "trial_asked_for"]


@dataclass(frozen=True, kw_only=True)
class FollowedTrial:
    """A trial as the sign-up shows it: its item, the ``number`` under which its register has it, and its title."""

    item_id: int
    number: str
    title: str


def trial_asked_for(session: Session, number: str) -> FollowedTrial | None:
    """Return the trial known under a number; None where nothing was asked for, or nothing is known."""
    found = find_trial(session, number)
    if found is None or found.id is None:
        return None
    return FollowedTrial(item_id=found.id, number=found.external_id, title=found.title)
