"""Which records are one trial: told by registry numbers alone, and the same whatever came first.

A record has numbers of its own and names others. Records are joined, the surest first: under one number; each naming
the other's number; one naming the other's; both naming a third number that no record here has. Never are two records
joined that one registry gave different numbers, nor two that the operator split. What could mean two trials means none:
a record that names two numbers of one registry, a number that records of two trials name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from trialalerts.catalog.trials.numbers import issuer_of, numbers_in_words, registry_numbers

__all__ = ["LinkedRecord", "RecordKey", "linked_groups"]

RecordKey = tuple[str, str]
"""The registry of a record and its id there."""

_Link = tuple[int, RecordKey, RecordKey]
_MOST_CLAIMS = 10
"""A number that more records name than these is no trial's: a programme's, or a filler."""


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """A record by its numbers, in their one spelling: ``own`` are its own and former ones, ``named`` all others."""

    key: RecordKey
    own: frozenset[str]
    named: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(
        cls, key: RecordKey, former: Iterable[str], numbers: Iterable[str], titles: Iterable[str], criteria: str
    ) -> LinkedRecord:
        """Return a record by what it says.

        Args:
            key: its registry, and its id there.
            former: former ids of it in the same registry.
            numbers: what stands in its fields for ids.
            titles: its titles.
            criteria: who can take part.
        """
        own = frozenset(registry_numbers((key[1], *former), are_ids=True))
        said = {*registry_numbers(numbers, are_ids=True), *numbers_in_words(titles, criteria)}
        return cls(key, own or frozenset({"\x1f".join(key)}), frozenset(said - own))

    @property
    def numbers(self) -> frozenset[str]:
        """All of its registry numbers."""
        return self.named | {number for number in self.own if "\x1f" not in number}

    def by_issuer(self) -> dict[str, set[str]]:
        """Return its own numbers by the registries that gave them; an id that is no such number is its registry's."""
        found: dict[str, set[str]] = defaultdict(set)
        for number in self.own:
            found[self.key[0] if "\x1f" in number else issuer_of(number) or number].add(number)
        return found


def linked_groups(
    records: Iterable[LinkedRecord], apart: Collection[frozenset[RecordKey]] = ()
) -> list[list[RecordKey]]:
    """Return the records that are one trial each, in the order of their keys.

    Args:
        records: all that could be one trial with each other.
        apart: pairs that are never joined.
    """
    ordered = sorted(records, key=lambda record: record.key)
    groups = {record.key: _Group([record.key], record.by_issuer()) for record in ordered}
    for _, one, other in sorted(_links(ordered)):
        first, second = groups[one], groups[other]
        if first is not second and first.takes(second, apart):
            first.take(second)
            groups |= dict.fromkeys(second.keys, first)
    found = {id(group): sorted(group.keys) for group in groups.values()}
    return sorted(found.values())


class _Group:
    """Records that are one trial, as far as is known."""

    def __init__(self, keys: list[RecordKey], own: Mapping[str, set[str]]) -> None:
        self.keys = keys
        self._own = dict(own)

    def takes(self, other: _Group, apart: Collection[frozenset[RecordKey]]) -> bool:
        """Tell whether both can be one trial."""
        if any(other._own[issuer].isdisjoint(own) for issuer, own in self._own.items() if issuer in other._own):
            return False
        return not apart or not any(frozenset({a, b}) in apart for a in self.keys for b in other.keys)

    def take(self, other: _Group) -> None:
        """Let the records of another be of this one, too."""
        self.keys.extend(other.keys)
        for issuer, own in other._own.items():
            self._own[issuer] = self._own.get(issuer, set()) | own


def _links(records: Sequence[LinkedRecord]) -> Iterator[_Link]:
    """Give how two records are linked: the lower the number, the surer."""
    owners: dict[str, list[LinkedRecord]] = defaultdict(list)
    for record in records:
        for number in record.own:
            owners[number].append(record)
    for same in owners.values():
        for one, other in combinations(same, 2):
            yield 0, *_pair(one, other)
    clear = {record.key: _clear_numbers(record, owners) for record in records}
    for record in records:
        for number in record.named:
            yield from _links_to_owners(record, owners.get(number, ()), is_clear=number in clear[record.key])
    yield from _links_by_third(records, clear, owners)


def _links_to_owners(record: LinkedRecord, owners: Iterable[LinkedRecord], *, is_clear: bool) -> Iterator[_Link]:
    """Give the links of a record that names a number to those whose number it is."""
    for owner in owners:
        is_mutual = not owner.named.isdisjoint(record.own)
        if owner.key != record.key and (is_mutual or is_clear):
            yield 1 if is_mutual else 2, *_pair(record, owner)


def _links_by_third(
    records: Iterable[LinkedRecord], clear: Mapping[RecordKey, Collection[str]], owners: Collection[str]
) -> Iterator[_Link]:
    """Give the links of records that name one number which no record here has."""
    claims: dict[str, list[LinkedRecord]] = defaultdict(list)
    for record in records:
        for number in record.named:
            if number not in owners and number in clear[record.key]:
                claims[number].append(record)
    for claimants in claims.values():
        if len(claimants) <= _MOST_CLAIMS and not any(_differ(a, b) for a, b in combinations(claimants, 2)):
            for one, other in combinations(claimants, 2):
                yield 3, *_pair(one, other)


def _pair(one: LinkedRecord, other: LinkedRecord) -> tuple[RecordKey, RecordKey]:
    first, second = sorted((one.key, other.key))
    return first, second


def _clear_numbers(record: LinkedRecord, owners: Mapping[str, Sequence[LinkedRecord]]) -> set[str]:
    """Return those of the named numbers beside which the record names no other trial of the same registry."""
    by_issuer: dict[str | None, dict[str, set[str]]] = defaultdict(dict)
    for number in record.named:
        owner = owners.get(number)
        trial = repr(owner[0].key) if owner else number
        by_issuer[issuer_of(number)].setdefault(trial, set()).add(number)
    return {
        number
        for issuer, trials in by_issuer.items()
        for numbers in trials.values()
        for number in numbers
        if issuer is None or len(trials) == 1
    }


def _differ(one: LinkedRecord, other: LinkedRecord) -> bool:
    """Tell whether one registry gave both different numbers."""
    own, others = one.by_issuer(), other.by_issuer()
    return any(own[issuer].isdisjoint(others[issuer]) for issuer in own.keys() & others.keys())
