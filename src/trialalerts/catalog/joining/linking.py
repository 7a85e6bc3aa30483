"""Which records are one trial: told by registry numbers alone, and the same whatever came first.

A record has numbers of its own and names others. Records are joined, the surest first: under one number; each naming
the other's number; one naming the other's; both naming a third number that no record here has. Never are two records
joined that one registry gave different numbers, nor two that the operator split. What could mean two trials means none:
a record that names two numbers of one registry, a number that records of two trials name, a chain that leads from one
trial to another. An extension that names its parent speaks of the parent where it repeats a number that the parent
names: such numbers are the parent's. As long as the parent has no record here, any number that the extension gives may
be such a one: then the other record has to name the extension.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from trialalerts.catalog.trials.numbers import issuer_of, numbers_in_words, registry_numbers

__all__ = ["LinkedRecord", "RecordKey", "linked_groups"]

RecordKey = tuple[str, str]
"""The registry of a record and its id there."""

_Pair = tuple[RecordKey, RecordKey]
_Owners = Mapping[str, Sequence["LinkedRecord"]]
_MOST_CLAIMS = 10
"""A number that more records name than these is no trial's: a programme's, or a filler."""
_FILLER = re.compile(r"(?:U1111-|20\d\d-|[A-Z]+)(\d)(?:-?\1){7,}")
"""What is typed where a form insists on a number: noughts, or ones."""


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
        said = (*registry_numbers(numbers, are_ids=True), *numbers_in_words(titles, criteria))
        return cls.naming(key, former, said)

    @classmethod
    def naming(cls, key: RecordKey, former: Iterable[str], said: Iterable[str]) -> LinkedRecord:
        """Return a record by all registry numbers that it says, in their one spelling."""
        own = frozenset(registry_numbers((key[1], *former), are_ids=True))
        named = frozenset(number for number in set(said) - own if not _FILLER.fullmatch(number))
        return cls(key, own or frozenset({"\x1f".join(key)}), named)

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
    owners: dict[str, list[LinkedRecord]] = defaultdict(list)
    for record in ordered:
        for number in record.own:
            owners[number].append(record)
    same = {pair for mine in owners.values() for pair in combinations([each.key for each in mine], 2)}
    for pair in sorted(same):
        _join([pair], groups, apart)
    _join_what_is_clear(_mutual_links(ordered, owners), groups, apart)
    clear = _clear_numbers(ordered, owners, groups)
    _join_what_is_clear(_links_to_owners(ordered, owners, clear), groups, apart)
    _join_what_is_clear(_links_by_third(ordered, owners, clear), groups, apart)
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


def _join_what_is_clear(
    links: Iterable[_Pair], groups: dict[RecordKey, _Group], apart: Collection[frozenset[RecordKey]]
) -> None:
    """Join what links of one strength lead to; where they would lead from one trial to another, none of them counts."""
    possible = {pair for pair in links if groups[pair[0]].takes(groups[pair[1]], apart)}
    for chain in _chains(possible, groups):
        members = {id(groups[key]): groups[key] for pair in chain for key in pair}
        if all(one.takes(other, apart) for one, other in combinations(members.values(), 2)):
            _join(chain, groups, apart)


def _chains(links: Iterable[_Pair], groups: Mapping[RecordKey, _Group]) -> list[list[_Pair]]:
    """Return links that hang together, by records or by what is joined already."""
    reached: dict[int, list[_Pair]] = {}
    for pair in sorted(links):
        one, other = (id(groups[key]) for key in pair)
        first, second = reached.get(one, []), reached.get(other, [])
        chain = [*first, *([] if first is second else second), pair]
        for key in {one, other, *(id(groups[key]) for linked in chain for key in linked)}:
            reached[key] = chain
    return list({id(chain): chain for chain in reached.values()}.values())


def _join(links: Iterable[_Pair], groups: dict[RecordKey, _Group], apart: Collection[frozenset[RecordKey]]) -> None:
    for one, other in links:
        first, second = groups[one], groups[other]
        if first is not second and first.takes(second, apart):
            first.take(second)
            groups |= dict.fromkeys(second.keys, first)


def _mutual_links(records: Iterable[LinkedRecord], owners: _Owners) -> Iterator[_Pair]:
    """Give the links of records that name each other."""
    for record in records:
        for number in record.named:
            for owner in owners.get(number, ()):
                if not owner.named.isdisjoint(record.own):
                    yield _pair(record, owner)


def _links_to_owners(
    records: Iterable[LinkedRecord], owners: _Owners, clear: Mapping[RecordKey, Collection[str]]
) -> Iterator[_Pair]:
    """Give the links of records that name a number to those whose number it is."""
    for record in records:
        for number in clear[record.key]:
            for owner in owners.get(number, ()):
                yield _pair(record, owner)


def _links_by_third(
    records: Iterable[LinkedRecord], owners: _Owners, clear: Mapping[RecordKey, Collection[str]]
) -> Iterator[_Pair]:
    """Give the links of records that name one number which no record here has."""
    claims: dict[str, list[LinkedRecord]] = defaultdict(list)
    for record in records:
        for number in clear[record.key]:
            if number not in owners:
                claims[number].append(record)
    for claimants in claims.values():
        if len(claimants) <= _MOST_CLAIMS and not any(_differ(a, b) for a, b in combinations(claimants, 2)):
            for one, other in combinations(claimants, 2):
                yield _pair(one, other)


def _pair(one: LinkedRecord, other: LinkedRecord) -> _Pair:
    first, second = sorted((one.key, other.key))
    return first, second


def _clear_numbers(
    records: Sequence[LinkedRecord], owners: _Owners, groups: Mapping[RecordKey, _Group]
) -> dict[RecordKey, set[str]]:
    """Return, by records, the named numbers that can be theirs alone."""
    named: dict[int, set[str]] = defaultdict(set)
    for record in records:
        named[id(groups[record.key])] |= record.named
    return {
        record.key: _beside_no_other(record, owners)
        - {
            number
            for parent in _parents(record, owners)
            for number in named[id(groups[parent.key])]
            if groups[parent.key] is not groups[record.key]
        }
        for record in records
    }


def _beside_no_other(record: LinkedRecord, owners: _Owners) -> set[str]:
    """Return those of the named numbers beside which the record has and names no other trial of the same registry.

    Of a record that names another one of its own registry, which is not here, that is none.
    """
    by_issuer: dict[str | None, dict[str, set[str]]] = defaultdict(dict)
    own = record.by_issuer().keys()
    if any(issuer_of(number) in own and number not in owners for number in record.named):
        return set()  # all of it may be its parent's, of which no record is here
    for number in record.named:
        owner = owners.get(number)
        trial = repr(owner[0].key) if owner else number
        by_issuer[issuer_of(number)].setdefault(trial, set()).add(number)
    return {
        number
        for issuer, trials in by_issuer.items()
        for numbers in trials.values()
        for number in numbers
        if issuer is None or (len(trials) == 1 and issuer not in own)
    }


def _parents(record: LinkedRecord, owners: _Owners) -> Iterator[LinkedRecord]:
    """Give the other trials of its own registry that a record names."""
    for number in record.named:
        yield from (owner for owner in owners.get(number, ()) if _differ(record, owner))


def _differ(one: LinkedRecord, other: LinkedRecord) -> bool:
    """Tell whether one registry gave both different numbers."""
    own, others = one.by_issuer(), other.by_issuer()
    return any(own[issuer].isdisjoint(others[issuer]) for issuer in own.keys() & others.keys())
