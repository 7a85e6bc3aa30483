"""No kind reads less of the real records beside the checkout than docs/reference/records.md says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.real_records import PAGE, SAMPLES, facts_of
from trialalerts.sources.context import SourceContext


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, int]]:
    """What the page says: by kind, how many records have which fact."""
    return {kind: facts for table in _tables(PAGE.read_text(encoding="utf-8")) for kind, facts in table.items()}


def _tables(page: str) -> Iterator[dict[str, dict[str, int]]]:
    for table in re.findall(r"^\| fact \|.*?(?=^$)", page, re.MULTILINE | re.DOTALL):
        head, _, *rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in table.strip().splitlines())
        kinds = [kind.strip("`") for kind in head[1:]]
        yield {kind: {row[0]: int(row[place].replace(",", "")) for row in rows} for place, kind in enumerate(kinds, 1)}


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_record_is_read_and_no_share_of_filled_facts_falls(
    kind: str, told: dict[str, dict[str, int]], shared_data: Path, context: SourceContext
) -> None:
    given, unread = facts_of(kind, shared_data, context)
    counted = {"records": given.records, "not read": unread, **{k.replace("_", " "): n for k, n in given.facts}}
    assert {name: counted[name] for name in told[kind]} == told[kind]
    assert unread == 0
    words = {(f"`{field}`", word, str(times)) for field, word, times in given.unknown}
    listed = re.findall(rf"^\| {kind} \| (.*) \| (.*) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {(field, re.sub(r"[|`]", "", word), times) for field, word, times in words} == set(listed)
