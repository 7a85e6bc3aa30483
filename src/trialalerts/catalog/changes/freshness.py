"""What is news of an item seen for the first time: new to us is not new.

A registry that is read more widely, or a feed whose archive appears, brings what is years old. Only the record's own
date tells: the day on which the registry posted a trial, the day of an article.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trialalerts.catalog.changes.comparison import Difference
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import ChangeKind
from trialalerts.catalog.trials.status import status_group

__all__ = ["Freshness", "has_ended"]

_ENDED = frozenset({"closed", "withdrawn"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """How long after its own date an item counts as new; reckoned from when its source was read last, where it was."""

    trial: timedelta = timedelta(days=60)
    article: timedelta = timedelta(days=30)
    looked_at: datetime | None = None

    def since(self, looked_at: datetime | None) -> Freshness:
        """Return the same for a source that was read to its end then: what came after that is news, however long ago.

        So a service that stood still for months misses nothing, nor does one whose clock is ahead.
        """
        return replace(self, looked_at=looked_at)

    def is_old(self, draft: ItemDraft, now: datetime) -> bool:
        """Tell whether the record's own date says that it is new to us only; without a date nothing says so."""
        now = min(now, self.looked_at or now)
        if isinstance(draft.facts, TrialFacts):
            posted = draft.facts.first_posted
            return posted is not None and posted < (now - self.trial).date()
        return draft.published_at is not None and self.is_past(draft.published_at, now)

    def is_past(self, appeared: datetime, now: datetime) -> bool:
        """Tell whether an article that appeared then is new no more."""
        return appeared < now - self.article

    def news(self, draft: ItemDraft, now: datetime) -> Difference | None:
        """Return what is told of an item that is stored for the first time; None: nothing.

        An article is told where it is new. A trial is told where it is new, or where it has not ended: as *newly
        found* unless the registry's own date says that it is new.
        """
        is_old = self.is_old(draft, now)
        if not isinstance(draft.facts, TrialFacts):
            return None if is_old else Difference(kind=ChangeKind.PUBLISHED)
        if is_old and has_ended(draft):
            return None
        facts = draft.facts
        after = {"status": facts.status}
        if is_old or facts.first_posted is None:
            after["newly_found"] = facts.first_posted.isoformat() if facts.first_posted else "undated"
        return Difference(kind=ChangeKind.REGISTERED, after=after)


def has_ended(draft: ItemDraft) -> bool:
    """Tell whether nobody can take part any more; so it is with what is no trial."""
    facts = draft.facts
    return not isinstance(facts, TrialFacts) or status_group(facts.status, facts.last_known_status) in _ENDED
