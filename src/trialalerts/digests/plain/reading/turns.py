"""Whether everybody gets everything in turn, as in most studies whose groups cross over."""

from __future__ import annotations

from collections.abc import Sequence

from trialalerts.digests.plain.reading.comparison import Group

__all__ = ["all_get_all"]


def all_get_all(groups: Sequence[Group]) -> bool:
    """Tell whether the arms are orders of the same things, or one thing each: then all get all in turn."""
    if len(groups) < 2:  # noqa: PLR2004 - nothing crosses over with itself
        return False
    if len({(group.keys, group.placebo) for group in groups}) == 1:
        return True
    if all(len(group.keys) + group.has_marks == 1 for group in groups) and not any(group.nothing for group in groups):
        return True
    named = {group.keys for group in groups if group.keys}
    return len(named) == 1 and all(len(keys) == 1 for keys in named) and any(group.placebo for group in groups)
