"""The groups of a digest: what each wish brought, named as its reader would, with what it comes to in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from trialalerts.digests.cards.headings import Extent
from trialalerts.digests.cards.reasons import followed, foreign_names, wish_details, wish_heading
from trialalerts.digests.cards.text import one_line
from trialalerts.digests.cards.wording import Wording
from trialalerts.digests.entries import Entry
from trialalerts.digests.reading import GroupSize
from trialalerts.digests.rendering.items import Heading, StoredDigest
from trialalerts.digests.rendering.layout import GroupLayout
from trialalerts.digests.tables import DigestKind
from trialalerts.matching.ranking import is_new
from trialalerts.subscribers.tables import RegionKind

__all__ = ["READING", "areas_named", "extent_of", "group_layouts", "grouped_entries"]

READING = "read"
"""The anchor of the articles."""
_AREA = 80


def grouped_entries(
    digest: Heading, entries: Sequence[Entry], since: datetime | None, silent: Sequence[tuple[int, int]] = ()
) -> StoredDigest:
    """Return a digest of entries that are all there, by the first wish of each; articles are the last group."""
    groups: dict[int | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        first = entry.reasons[0].preference_id if entry.reasons else 0
        groups[first if entry.kind == "trial" else None].append(entry)
    ordered = sorted(groups.items(), key=lambda group: group[0] is None)
    sizes = [_size_of(number, found) for number, found in ordered]
    return StoredDigest(
        digest=digest,
        entries=[entry for _, found in ordered for entry in found],
        total=len(entries),
        trials=sum(entry.kind == "trial" for entry in entries),
        since=since,
        groups=sizes,
        silent=silent,
    )


def _size_of(preference_id: int | None, entries: Sequence[Entry]) -> GroupSize:
    kinds = [{one.kind for one in entry.told} for entry in entries]
    new = sum(map(is_new, kinds))
    if preference_id is None:
        return GroupSize.of_articles(kinds, entries=len(entries), new=new)
    return GroupSize(preference_id, len(entries), len(entries), new)


def extent_of(stored: StoredDigest) -> Extent:
    """Return what a digest tells, as a whole."""
    firsts = [stored.entries[at] for at, group in _starts(stored) if group.preference_id is not None]
    wishes = [entry.reasons[0].wish for entry in firsts if entry.reasons]
    return Extent(
        first=stored.digest.kind is DigestKind.FIRST,
        added=stored.digest.added,
        total=stored.total,
        trials=stored.trials,
        new=sum(group.new for group in stored.groups if group.preference_id is not None),
        near=bool(wishes) and all(wish.kind is RegionKind.PLACE for wish in wishes),
        corrected=sum(group.corrected for group in stored.groups),
        withdrawn=sum(group.withdrawn for group in stored.groups),
    )


def _starts(stored: StoredDigest) -> list[tuple[int, GroupSize]]:
    """Return where each group begins among the entries."""
    found, at = [], 0
    for group in stored.groups:
        if group.entries:
            found.append((at, group))
        at += group.entries
    return found


def group_layouts(words: Wording, stored: StoredDigest, today: date, unit: str | None) -> list[GroupLayout]:
    """Return the groups of a digest as they are laid out."""
    is_first = stored.digest.kind is DigestKind.FIRST
    return [
        _layout(words, stored.entries[at], group, number, at, (today, unit, is_first))
        for number, (at, group) in enumerate(_starts(stored), start=1)
    ]


def _layout(
    words: Wording, first: Entry, group: GroupSize, number: int, at: int, told: tuple[date, str | None, bool]
) -> GroupLayout:
    today, unit, is_first = told
    plain = GroupLayout(
        anchor=f"g{number}",
        heading="",
        detail=" · ".join(_counts(words, group, is_first=is_first)),
        entries=range(at, at + group.entries),
        total=group.total,
        rest=("group.more", {}),
    )
    if group.preference_id is None:
        put_right = group.corrected + group.withdrawn == group.total
        return plain._replace(anchor=READING, heading=words.say("group.put_right" if put_right else "group.read"))
    if not first.reasons:
        return plain._replace(heading=words.say("group.gone"))
    reason = first.reasons[0]
    area = followed(words, reason)
    details = wish_details(words, reason.label, reason.wish, today, unit)
    return plain._replace(
        heading=wish_heading(words, area, reason.wish),
        detail=" · ".join([*details, plain.detail]),
        wish=group.preference_id or None,
        foreign=foreign_names(words, reason),
        rest=plain.rest if reason.wish.item_id is not None else ("group.more_for", {"area": area}),
    )


def _counts(words: Wording, group: GroupSize, *, is_first: bool) -> list[str]:
    if group.preference_id is None:
        fresh = group.total - group.corrected - group.withdrawn
        counts = [("articles", fresh), ("corrected", group.corrected), ("withdrawn", group.withdrawn)]
    elif is_first:
        counts = [("open_now", group.total)]
    else:
        counts = [("new", group.new), ("changes", group.total - group.new)]
    return [words.count(f"news.{key}", count) for key, count in counts if count]


def areas_named(words: Wording, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the areas that a digest is about, each once."""
    named = (one_line(followed(words, reason), _AREA) for entry in entries for reason in entry.reasons[:1])
    return tuple(dict.fromkeys(named))
