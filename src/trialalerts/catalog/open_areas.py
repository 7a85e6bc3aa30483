"""The number of open trials of each disease area and of each topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlmodel import Session

from trialalerts.catalog.outline_rows import open_outlines
from trialalerts.vocabulary.areas.tree import AreaTree

__all__ = ["count_open_topics", "count_open_trials"]


def count_open_trials(session: Session, tree: AreaTree) -> Mapping[str, int]:
    """Return area id → how many trials about it, or about anything below it, are open now; 0 for any other id.

    What lies above a trial's areas is what the tree says and what its source said, as in matching.
    """
    alike = Counter((*each.direct, "", *each.ancestors) for _, each in open_outlines(session.connection(), None))
    found: Counter[str] = Counter()
    for ids, number in alike.items():
        own = ids[: ids.index("")]
        for area_id in {*ids}.union(*map(tree.ancestors, own)):
            found[area_id] += number
    del found[""]
    return found


def count_open_topics(session: Session) -> Mapping[str, int]:
    """Return topic id → how many trials on it are open now; 0 for any other id."""
    return Counter(topic for _, each in open_outlines(session.connection(), None) for topic in each.topics)
