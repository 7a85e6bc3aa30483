"""The facts of real studies, packed as they are stored."""

from __future__ import annotations

import zlib

import orjson

from trialalerts.catalog.draft import ItemDraft
from trialalerts.database.packing.dictionary import pack, unpack


def test_facts_take_two_thirds_of_what_they_take_by_zlib(drafts: list[ItemDraft]) -> None:
    facts = [orjson.dumps(draft.facts.model_dump(mode="json")) for draft in drafts[::5]]
    packed = [pack(each) for each in facts]
    assert sum(map(len, packed)) < 0.68 * sum(len(zlib.compress(each, 1)) for each in facts)
    assert [unpack(each) for each in packed] == facts
