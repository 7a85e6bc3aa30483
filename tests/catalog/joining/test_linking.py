"""Tests of which records are one trial, on made-up records whose trials are told by hand beforehand."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, permutations
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert
from sqlmodel import Session, select

import trialalerts.subscribers.tables  # noqa: F401 - followers move along with items: their table must be known
from tests.catalog.samples import NOW, trial
from trialalerts.catalog.draft import ItemDraft
from trialalerts.catalog.joining.linking import RecordKey, linked_groups
from trialalerts.catalog.joining.versions import link_of
from trialalerts.catalog.rows import prepare_item
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import KeptApart, Record
from trialalerts.database import Database
from trialalerts.sources.kinds.ctis import Ctis, CtisSettings
from trialalerts.sources.kinds.file import FileSettings, FileSource
from trialalerts.sources.kinds.isrctn import Isrctn, IsrctnSettings

CASES = tomllib.loads((Path(__file__).parent / "linking_cases.toml").read_text(encoding="utf-8"))
_KINDS = {
    kind.registry: kind
    for kind in (
        Ctis(CtisSettings(name="ctis", kind="ctis")),
        Isrctn(IsrctnSettings(name="isrctn", kind="isrctn")),
        FileSource(FileSettings(name="who", kind="file", path="exports", mapping="who_ictrp")),
    )
}
"""The kinds that store records under another spelling than their registry's."""


class _Written(BaseModel):
    """A record as a case writes it."""

    model_config = ConfigDict(extra="forbid")

    at: str
    id: str
    numbers: tuple[str, ...] = ()
    title: str = "Examplinib for example syndrome"
    official: str | None = None
    criteria: str = "Adults with example syndrome"
    former: tuple[str, ...] = ()

    @property
    def key(self) -> RecordKey:
        """The registry, and the id under which the kind that reads it stores the record."""
        kind = _KINDS.get(self.at)
        return self.at, kind.external_id(self.id.upper()) if kind else self.id.upper()

    @property
    def draft(self) -> ItemDraft:
        facts: dict[str, Any] = {
            "numbers": (self.key[1], *self.numbers), "official_title": self.official, "criteria": self.criteria,
        }  # fmt: skip
        draft = trial(self.key[1], registry=self.at, aliases=self.former, **facts)
        return replace(draft, title=self.title, origin="aggregator" if self.at == "who.int" else "registry")


class _Case(BaseModel):
    """Trials with their records; ``apart`` are the ids of those that the operator split."""

    model_config = ConfigDict(extra="forbid")

    why: str
    trials: list[list[_Written]]
    apart: list[list[str]] = []

    @property
    def drafts(self) -> list[ItemDraft]:
        return [each.draft for each in chain(*self.trials)]

    @property
    def expected(self) -> list[list[RecordKey]]:
        return sorted(sorted(each.key for each in records) for records in self.trials)

    @property
    def pairs(self) -> list[list[RecordKey]]:
        keys = {each.id: each.key for each in chain(*self.trials)}
        return [sorted(keys[id_] for id_ in pair) for pair in self.apart]


MERGES, OTHERS = ([_Case.model_validate(case) for case in CASES[kind]] for kind in ("merges", "others"))
EACH = pytest.mark.parametrize("case", [pytest.param(case, id=case.why) for case in (*MERGES, *OTHERS)])


def orders(drafts: Sequence[ItemDraft], most: int, why: str) -> list[Sequence[ItemDraft]]:
    """Return the drafts in all orders where there are few, else in some; always the same ones."""
    if len(drafts) <= 4:
        found = [list(order) for order in permutations(drafts)]
        random.Random(why).shuffle(found)
        return list(found[:most])
    return [random.Random(f"{why} {turn}").sample(drafts, len(drafts)) for turn in range(most)]


def test_there_are_as_many_cases_as_were_asked_for_and_each_is_of_its_kind() -> None:
    assert len(MERGES) >= 40
    assert len(OTHERS) >= 20
    assert all(any(len(records) > 1 for records in case.trials) for case in MERGES)
    assert all(len(case.trials) > 1 for case in OTHERS)
    keys = [each.key for case in (*MERGES, *OTHERS) for each in chain(*case.trials)]
    assert len(keys) == len(set(keys))


@EACH
def test_records_that_are_one_trial_are_one_in_whatever_order_they_are_given(case: _Case) -> None:
    apart = {frozenset(pair) for pair in case.pairs}
    for order in orders(case.drafts, 24, case.why):
        assert linked_groups([link_of(prepare_item(draft)) for draft in order], apart) == case.expected


@EACH
def test_records_that_come_one_by_one_are_the_same_trials(sqlite_db: Database, case: _Case) -> None:
    columns = "registry", "external_id", "other_registry", "other_external_id"
    for order in orders(case.drafts, 2, case.why):
        with sqlite_db.write() as session:
            try:
                for one, other in case.pairs:
                    row = dict(zip(columns, (*one, *other), strict=True)) | {"at": NOW}
                    session.connection().execute(insert(KeptApart), row)
                for draft in order:
                    store_items(session, [draft], baseline=False, now=NOW)
                assert stored_groups(session) == case.expected
            finally:
                session.rollback()


def stored_groups(session: Session) -> list[list[RecordKey]]:
    """Return the records that have one item each, as linking returns them."""
    found: dict[int, list[RecordKey]] = {}
    for item_id, *key in session.exec(select(Record.item_id, Record.registry_name, Record.external_id)):
        found.setdefault(item_id, []).append((key[0], key[1]))
    return sorted(sorted(keys) for keys in found.values())
