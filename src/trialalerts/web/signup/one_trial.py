"""A trial that somebody wants to follow from its public page: found by its number, and shown."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from trialalerts.catalog.trials.lookup import find_trial
from trialalerts.digests.cards.wording import Wording
from trialalerts.web.preference_text import TrialNamed, trial_named

__all__ = ["FollowedTrial", "trial_asked_for"]


@dataclass(frozen=True, kw_only=True)
class FollowedTrial:
    """A trial as the sign-up shows it: its item, and how it is called there."""

    item_id: int
    named: TrialNamed


def trial_asked_for(session: Session, number: str, words: Wording) -> FollowedTrial | None:
    """Return the trial known under a number, called in plain words; None where nothing is known."""
    found = find_trial(session, number)
    if found is None or found.id is None:
        return None
    return FollowedTrial(item_id=found.id, named=trial_named(found, words))
