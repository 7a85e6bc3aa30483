"""Joiner: records of several registries that are one trial become one item, and what was two items becomes one.

Which records are one trial says :mod:`~trialalerts.catalog.joining.linking`, what the trial then says
:mod:`~trialalerts.catalog.joining.merging`. Here the tables are brought to that: records move to the item that stays,
with changes, followers and numbers; an item that is left empty keeps its row, for old mails refer to it. A record that
is linked no more (its registry took a number back, or the operator split it off) gets its item back, or a new one.

Nothing is told twice: who knows the trial under one of its numbers is told only what the other records make new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from trialalerts.catalog.changes.announcing import Announcer
from trialalerts.catalog.changes.publishing import Happened
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.joining.linking import LinkedRecord, RecordKey, linked_groups
from trialalerts.catalog.joining.merging import MergedTrial, TrialVersion, merged_trial
from trialalerts.catalog.joining.moving import (
    empty_item,
    free_numbers,
    mark_what_was_told,
    move_along,
    move_back,
    revivable,
)
from trialalerts.catalog.joining.telling import Side, Teller, sides_of
from trialalerts.catalog.joining.versions import StoredVersion, items_under, link_of, read_items, read_versions
from trialalerts.catalog.outline_rows import Described, write_outlines
from trialalerts.catalog.records import (
    SAID,
    change_items,
    change_records,
    insert_items,
    insert_records,
    update_records,
)
from trialalerts.catalog.rows import PreparedItem
from trialalerts.catalog.tables import ItemKind, ItemNumber, KeptApart
from trialalerts.catalog.trials.identity import StoredTrial, note_numbers
from trialalerts.catalog.trials.status import is_recruiting
from trialalerts.database.types import table_of
from trialalerts.logs import Logger

__all__ = ["Joiner", "described", "is_outdated"]

_BESIDE_FACTS = ("registry", "external_id", "source", *(name for name in SAID if name != "facts"))
_MOST_ITEMS = 500
"""So many items are looked at for one batch; no trial has more than a dozen records."""

log = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A record as it is now: from an entry, from the table, or both."""

    version: TrialVersion
    link: LinkedRecord
    entry: PreparedItem | None = None
    stored: StoredVersion | None = None


@dataclass(kw_only=True)
class _Group:
    """The records of one trial, the items that they had, and the item that they get."""

    members: list[_Member]
    merged: MergedTrial
    items: list[int] = field(default_factory=list)
    target: int = 0
    sides: list[Side] = field(default_factory=list)

    @cached_property
    def trial(self) -> PreparedItem:
        """The trial as if one record had said all of it."""
        return _as_entry(self.merged)

    @cached_property
    def is_as_told(self) -> bool:
        """Tell whether its item says all of it already, whatever a record that counts less says anew."""
        if [side.item_id for side in self.sides] != [self.target]:
            return False
        if not all(member.stored and member.stored.is_kept for member in self.members):
            return False  # another record is among them now: who said what is told anew
        if self.merged.facts != self.sides[0].facts:
            return False
        now, was = self.trial.row(), self.sides[0].row
        return all(now[name] == was[name] for name in _BESIDE_FACTS)

    @cached_property
    def entries(self) -> list[PreparedItem]:
        """What was read just now."""
        return [member.entry for member in self.members if member.entry is not None]


class Joiner:
    """The records of a batch that are linked with others, while they are stored."""

    def __init__(self, connection: Connection, now: datetime, announcer: Announcer | None) -> None:
        self._connection = connection
        self._now = now
        self._teller = Teller(connection, announcer)
        self.new = self.updated = 0

    def store(self, entries: Sequence[PreparedItem], stored: Mapping[str, StoredTrial]) -> list[Happened]:
        """Bring the tables to what the entries say; return what is told of it."""
        if not entries:
            return []
        links = {entry.external_id: link_of(entry) for entry in entries}
        numbers = {number for link in links.values() for number in link.numbers}
        known = {record.item_id for entry in entries if (record := stored.get(entry.external_id))}
        items, versions = self._related(known, numbers)
        by_record = {record.record_id: entry for entry in entries if (record := stored.get(entry.external_id))}
        members = [self._member(version, by_record.pop(version.record_id, None)) for version in versions]
        unknown = [entry for entry in entries if entry.external_id not in stored]
        members += [_Member(version=_version_of(e), link=links[e.external_id], entry=e) for e in unknown]
        return self._arrange(members, items)

    def rearrange(self, item_ids: Iterable[int]) -> None:
        """Bring the tables to what the records of items say, telling nothing."""
        items, versions = self._related(item_ids, ())
        self._arrange([self._member(version, None) for version in versions], items)

    def put_together(self, item_ids: Iterable[int]) -> None:
        """Compute items anew from their records, which were written otherwise; telling nothing."""
        items = read_items(self._connection, item_ids)
        members: dict[int, list[_Member]] = {}
        for version in read_versions(self._connection, items):
            members.setdefault(version.item_id, []).append(self._member(version, None))
        self._write_items(
            [
                _Group(members=mine, merged=merged_trial(each.version for each in mine), target=item_id)
                for item_id, mine in sorted(members.items())
            ],
            seen=False,
        )

    def _related(
        self, item_ids: Iterable[int], numbers: Iterable[str]
    ) -> tuple[dict[int, Row[Any]], list[StoredVersion]]:
        """Return the items that can be one with these or with each other, and what their records say."""
        wanted, asked = set(item_ids), set(numbers)
        wanted |= set().union(*items_under(self._connection, asked).values())
        items: dict[int, Row[Any]] = {}
        versions: list[StoredVersion] = []
        while wanted and len(items) < _MOST_ITEMS:
            more = read_items(self._connection, wanted)
            items |= more
            found = read_versions(self._connection, more)
            versions += found
            new = {number for version in found for number in version.link.numbers} - asked
            asked |= new
            wanted = set().union(*items_under(self._connection, new).values()) - items.keys()
        return items, sorted(versions, key=lambda version: version.record_id)

    def _member(self, stored: StoredVersion, entry: PreparedItem | None) -> _Member:
        if entry is None or is_outdated(entry, stored.version.facts.last_update_posted, self._now):
            return _Member(version=stored.version, link=stored.link, stored=stored)
        entry = entry.after(stored.said["facts"])
        own = link_of(entry)
        link = LinkedRecord(own.key, own.own | stored.link.own, own.named - stored.link.own)
        return _Member(version=_version_of(entry), link=link, entry=entry, stored=stored)

    def _arrange(self, members: Sequence[_Member], items: Mapping[int, Row[Any]]) -> list[Happened]:
        """Tell which records are one trial, and bring the tables to that."""
        by_key = {member.version.key: member for member in members}
        groups = []
        for keys in linked_groups([member.link for member in members], self._kept_apart()):
            mine = [by_key[key] for key in keys]
            groups.append(_Group(members=mine, merged=merged_trial(each.version for each in mine)))
        self._assign(groups, items)
        held = Counter(member.stored.item_id for member in members if member.stored)
        groups = [group for group in groups if group.entries or not _is_as_it_was(group, held)]
        sides = sides_of(self._connection, [items[item] for group in groups for item in group.items])
        for group in groups:
            group.sides = [sides[item] for item in group.items]
        for group in groups:
            self._place(group, members)
        self._write_items(groups)
        self._write_records(groups)
        self._write_numbers(groups)
        return [each for group in groups for each in self._told(group)]

    def _kept_apart(self) -> set[frozenset[RecordKey]]:
        pairs = self._connection.execute(select(KeptApart)).mappings()
        return {
            frozenset({(row["registry"], row["external_id"]), (row["other_registry"], row["other_external_id"])})
            for row in pairs
        }

    def _assign(self, groups: Sequence[_Group], items: Mapping[int, Row[Any]]) -> None:
        """Give each item to the records that it had: if they part, to those that would be left without one.

        Of several that one goes first whose number the item bears.
        """
        had: dict[int, list[_Group]] = {item_id: [] for item_id in items}
        bears: dict[int, _Group] = {}
        for group in groups:
            for stored in (member.stored for member in group.members if member.stored):
                row = items[stored.item_id]
                if group not in had[row.id]:
                    had[row.id].append(group)
                if stored.version.key == (row.registry, row.external_id):
                    bears[row.id] = group
        for item_id, several in sorted(had.items(), key=lambda each: (len(each[1]) > 1, each[0])):
            ordered = sorted(several, key=lambda group: group is not bears.get(item_id))
            if ordered:
                chosen = next((each for each in ordered if not each.items), ordered[0])
                chosen.items = sorted([*chosen.items, item_id])

    def _place(self, group: _Group, members: Sequence[_Member]) -> None:
        """Tell which item the records get; what hangs on the others goes along."""
        if group.items:
            group.target, *gone = group.items
            if gone:
                mark_what_was_told(self._connection, {side.item_id: side.outline for side in group.sides})
            for item_id in gone:
                had = [m.stored.version.key for m in members if m.stored and m.stored.item_id == item_id]
                empty_item(self._connection, item_id)
                move_along(self._connection, item_id, group.target, had, self._now)
                log.info("trials.joined", item=group.target, joined=item_id)
            return
        left = {member.stored.item_id for member in group.members if member.stored}
        keys = {member.stored.version.key for member in group.members if member.stored}
        for item_id in sorted(left):
            revived = revivable(self._connection, item_id, keys)
            if revived is not None:
                move_back(self._connection, revived)
                group.target = revived
                return

    def _write_items(self, groups: Sequence[_Group], *, seen: bool = True) -> None:
        # A number may go from one item to another: first those that lose theirs let go of it.
        renamed = [group.target for group in groups for side in group.sides if _bears_another(group, side)]
        free_numbers(self._connection, renamed)
        known = [group for group in groups if group.target]
        change_items(self._connection, [(group.target, self._columns(group, seen=seen)) for group in known])
        new = [group for group in groups if not group.target]
        for group, item_id in zip(new, insert_items(self._connection, [g.trial for g in new], self._now), strict=True):
            group.target = item_id
        self.new += sum(1 for group in new if group.entries)
        self.updated += sum(len(group.entries) for group in known) + sum(max(0, len(g.entries) - 1) for g in new)
        changed = [group for group in groups if not group.is_as_told]
        told = [is_recruiting(group.merged.facts.status) or self._teller.is_told(group.entries) for group in changed]
        for is_told in (True, False):  # what nobody is told of gets no outline, unless it has one
            some = [described(g.target, g.trial) for g, each in zip(changed, told, strict=True) if each is is_told]
            write_outlines(self._connection, some, only_known=not is_told)

    def _columns(self, group: _Group, *, seen: bool) -> dict[str, Any]:
        """Return the columns of an item that are written: not its facts where what its records say is as it was."""
        row = {"facts_hash": group.trial.facts_hash} if group.is_as_told else group.trial.row()
        if group.sides:
            row |= {"first_seen_at": min(side.first_seen_at for side in group.sides)}
        return row | ({"last_seen_at": self._now} if seen else {})

    def _write_records(self, groups: Sequence[_Group]) -> None:
        """Write what each record says: with itself where its trial has others, with its item where it has none."""
        new, read, moved = [], [], []
        for group in groups:
            is_alone = len(group.members) == 1
            for member in group.members:
                columns = {"item_id": group.target, **_said_by(member, is_alone=is_alone)}
                if member.stored is None and member.entry is not None:
                    new.append((group.target, member.entry, columns))
                elif member.stored is not None and member.entry is not None:
                    read.append((member.stored.record_id, member.entry, columns))
                elif member.stored is not None and columns != {"item_id": member.stored.item_id}:
                    moved.append((member.stored.record_id, columns))
        insert_records(self._connection, new, self._now)
        update_records(self._connection, read)
        change_records(self._connection, sorted(moved, key=lambda change: change[0]))

    def _write_numbers(self, groups: Sequence[_Group]) -> None:
        """Let each item be known under the numbers of its records, and under none of a record that left it."""
        note_numbers(self._connection, [(group.target, entry) for group in groups for entry in group.entries])
        number = table_of(ItemNumber).c
        for group in groups:
            for member in group.members:
                if member.stored is None or member.stored.item_id == group.target:
                    continue
                own = {each for each in (member.version.external_id, *member.link.own) if "\x1f" not in each}
                theirs = number.number.in_(sorted(own)), number.registry == member.version.registry
                self._connection.execute(delete(ItemNumber).where(*theirs, number.item_id != group.target))
                moved: dict[str, str | None] = dict.fromkeys(member.link.named)  # mentioned only
                self._add_numbers(group.target, moved | dict.fromkeys(own, member.version.registry))

    def _add_numbers(self, item_id: int, numbers: Mapping[str, str | None]) -> None:
        number = table_of(ItemNumber).c
        known = set(self._connection.execute(select(number.number).where(number.item_id == item_id)).scalars())
        rows = [{"number": n, "item_id": item_id, "registry": r} for n, r in sorted(numbers.items()) if n not in known]
        if rows:
            self._connection.execute(insert(table_of(ItemNumber)), rows)

    def _told(self, group: _Group) -> list[Happened]:
        versions = {m.version.key: m.stored.version.facts for m in group.members if m.stored and m.entry}
        is_split = not group.sides and any(member.stored for member in group.members)
        if is_split or not group.entries:
            return self._teller.of_split(group.target, group.sides, group.merged)
        return self._teller.of_joined(group.target, group.sides, group.trial, group.entries, versions)


def _bears_another(group: _Group, side: Side) -> bool:
    """Tell whether an item is to bear another number than it does."""
    return side.item_id == group.target and group.merged.leader.key != (side.row["registry"], side.row["external_id"])


def is_outdated(entry: PreparedItem, stored: date | str | None, now: datetime) -> bool:
    """Tell whether a record was updated, by its registry's date, before the version that is stored.

    A stored date that lies ahead is a slip, and covers nothing.
    """
    facts = entry.draft.facts
    day = facts.last_update_posted if isinstance(facts, TrialFacts) else None
    return day is not None and stored is not None and day.isoformat() < str(stored) <= now.date().isoformat()


def described(item_id: int, entry: PreparedItem) -> Described:
    """Return an item as its outline is made of it."""
    draft = entry.draft
    facts = draft.facts if isinstance(draft.facts, TrialFacts) else None
    status = facts.status if facts else None
    areas = {"direct": draft.areas, "ancestors": draft.ancestors}
    return Described(item_id, draft.kind, status, is_recruiting(status), facts, areas, draft.topics)


def _is_as_it_was(group: _Group, held: Mapping[int, int]) -> bool:
    """Tell whether nothing of a group is to be written: its records had one item, and that no other records."""
    items = {member.stored.item_id if member.stored else None for member in group.members}
    return items == set(group.items) and len(items) == 1 and held[group.items[0]] == len(group.members)


def _version_of(entry: PreparedItem) -> TrialVersion:
    draft = entry.draft
    return TrialVersion(
        registry=draft.registry,
        external_id=entry.external_id,
        source=draft.source,
        origin=draft.origin,
        facts_hash=entry.facts_hash,
        url=draft.url,
        title=draft.title,
        summary=draft.summary,
        published_at=draft.published_at,
        facts=draft.facts if isinstance(draft.facts, TrialFacts) else TrialFacts(),
        areas={"direct": list(draft.areas), "ancestors": list(draft.ancestors)},
        topics=list(draft.topics),
    )


def _as_entry(merged: MergedTrial) -> PreparedItem:
    """Return a trial as if one record had said all of it."""
    leader = merged.leader
    draft = ItemDraft(
        registry=leader.registry,
        external_id=leader.external_id,
        kind=ItemKind.TRIAL,
        url=leader.url,
        title=leader.title,
        facts=merged.facts,
        source=leader.source,
        summary=merged.summary,
        published_at=merged.published_at,
        areas=merged.direct,
        ancestors=merged.ancestors,
        topics=merged.topics,
    )
    return PreparedItem(draft=draft, external_id=leader.external_id, facts_hash=merged.facts_hash)


def _said_by(member: _Member, *, is_alone: bool) -> dict[str, Any]:
    """Return the columns of what a record says, where they are to be written with it; each is None where it is alone.

    There what it says stands in its item.
    """
    if is_alone:
        return dict.fromkeys(SAID) if member.stored is None or member.stored.is_kept else {}
    if member.entry is not None:
        row = member.entry.row()
        return {name: row[name] for name in SAID}
    if member.stored is not None and not member.stored.is_kept:
        return {name: member.stored.said[name] for name in SAID}
    return {}
