"""What is packed is read as it was written: by any thread, by later programs, and never as something else."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlmodel import col, select

from tests import postgres
from trialalerts.catalog.tables import Item, Record
from trialalerts.database import Database, open_database
from trialalerts.database.packing import dictionary
from trialalerts.database.packing.dictionary import pack, unpack
from trialalerts.database.schema import upgrade_schema
from trialalerts.database.types import PackedJson, PackedText
from trialalerts.errors import DatabaseUnusable

VALUES = st.text(max_size=40) | st.integers(-9, 9) | st.none()
BEFORE = "0035"
_SEEN = "'2026-02-01 00:00:00', '2026-03-01 00:00:00'"
_ITEM = f"""INSERT INTO item (id, registry, external_id, kind, url, title, summary, is_open, facts, facts_hash, areas,
source, first_seen_at, last_seen_at) VALUES (:id, 'r', :external_id, 'trial', 'u', 't', :summary, :open, :facts, 'h',
'{{}}', 's', {_SEEN})"""
_RECORD = f"""INSERT INTO record (id, registry, external_id, item_id, source, facts_hash, summary, facts, first_seen_at,
last_seen_at) VALUES (:id, 'r', :external_id, :id, 's', 'h', :own_summary, :own_facts, {_SEEN})"""
PACKED_ON_ITS_FIRST_DAY = {
    "Participants in Leeds": "0128b52ffd24157d000040696e204c656564730100b1cdc180a83d5416",
    '{"facility":"University Hospital","city":"Leeds","status":"RECRUITING"}': (
        "0128b52ffd2447750000087d034000586444bfa00d789b22a3d3dc91"
    ),
}


@given(st.none() | st.dictionaries(st.text(max_size=8), VALUES, max_size=8))
def test_a_packed_value_is_read_as_it_was_written(value: dict[str, str | int | None] | None) -> None:
    dialect, column = sqlite.dialect(), PackedJson()
    packed = column.process_bind_param(value, dialect)
    assert (packed is None) == (value is None)
    assert column.process_result_value(packed, dialect) == value


@given(st.none() | st.text())
def test_a_packed_text_is_read_as_it_was_written(value: str | None) -> None:
    dialect, column = sqlite.dialect(), PackedText()
    packed = column.process_bind_param(value, dialect)
    assert (packed is None) == (value is None)
    assert column.process_result_value(packed, dialect) == value


@pytest.mark.parametrize("plain", PACKED_ON_ITS_FIRST_DAY)
def test_what_was_packed_long_ago_can_still_be_read(plain: str) -> None:
    """Where this fails the dictionary was changed, and no database in use could be read."""
    assert unpack(bytes.fromhex(PACKED_ON_ITS_FIRST_DAY[plain])) == plain.encode()


@pytest.mark.parametrize("plain", [b"", b"x" * 10, bytes(range(256)), b"Participants in Leeds " * 9_000])
def test_what_is_broken_is_never_read_as_something_else(plain: bytes) -> None:
    packed = pack(plain)
    for bit in range(8 * min(len(packed), 60)):
        broken = bytearray(packed)
        broken[bit // 8] ^= 1 << bit % 8
        with suppress(ValueError):
            assert unpack(bytes(broken)) == plain  # a bit that means nothing


def test_a_dictionary_that_was_touched_is_told_and_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched = tmp_path / "dictionary.txt"
    touched.write_bytes(dictionary._DICTIONARY.read_bytes().replace(b"Leeds", b"York"))
    monkeypatch.setattr(dictionary, "_DICTIONARY", touched)
    monkeypatch.setattr(dictionary, "_dictionary", dictionary._dictionary.__wrapped__)
    with pytest.raises(DatabaseUnusable, match=r"dictionary\.txt is not as it was shipped.*install it anew"):
        open_database(f"sqlite:///{tmp_path}/new.db")


def test_a_checkout_that_writes_line_ends_its_own_way_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "dictionary.txt"
    own.write_bytes(dictionary._DICTIONARY.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(dictionary, "_DICTIONARY", own)
    assert dictionary._dictionary.__wrapped__().dict_content == dictionary._dictionary().dict_content


def test_many_threads_pack_and_unpack_at_once() -> None:
    texts = [f"{number} participants in Leeds, ".encode() * (number % 50) for number in range(2_000)]
    with ThreadPoolExecutor(8) as threads:
        packed = list(threads.map(pack, texts))
        assert list(threads.map(unpack, packed)) == texts
    assert packed == [pack(each) for each in texts]


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the revision before: facts packed by zlib, summaries plain."""
    url = f"sqlite:///{tmp_path}/old.db"
    if request.param == "postgresql":
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        cluster.execute("CREATE DATABASE before_dictionary")
        url = cluster.url("before_dictionary")
    with open_database(url) as db:
        upgrade_schema(db, to=BEFORE)
        yield db
    if request.param == "postgresql":
        cluster.execute("DROP DATABASE before_dictionary WITH (FORCE)")


def test_facts_that_are_broken_stop_no_upgrade(old: Database) -> None:
    whole = zlib.compress(orjson.dumps({"numbers": ["NCT00000001"]}))
    row = {"summary": "Does walking help?", "open": False}
    broken = [whole[:-3], b"", b"\x78", b"nothing"]
    rows = [
        {**row, "id": n, "external_id": f"NCT{n:08}", "facts": facts} for n, facts in enumerate([whole, *broken], 1)
    ]
    with old.write() as session:
        session.connection().execute(text(_ITEM), rows)
    upgrade_schema(old)
    with old.read() as session:
        assert session.exec(select(Item.summary).order_by(col(Item.id))).all() == ["Does walking help?"] * 5
        assert session.exec(select(Item.facts).where(col(Item.id) == 1)).one() == {"numbers": ["NCT00000001"]}
        for number in range(2, 6):
            with pytest.raises(ValueError, match="packed"):
                session.exec(select(Item.facts).where(col(Item.id) == number)).one()


def test_what_was_packed_before_is_read_after_the_upgrade(old: Database) -> None:
    number = 2_345  # more than one page of rows
    facts = [{"numbers": [f"NCT{n:08}"], "criteria": "Adults with “asthma” é " * (n % 7)} for n in range(number)]
    summaries = [f"Does walking help? {n}" * (n % 3) for n in range(number)]
    rows = [
        {
            "id": n + 1,
            "external_id": f"NCT{n:08}",
            "summary": summary,
            "facts": zlib.compress(orjson.dumps(fact), 1),
            "own_summary": summary if n % 5 == 0 else None,
            "own_facts": zlib.compress(orjson.dumps(fact)) if n % 5 == 0 else None,
            "open": False,
        }
        for n, (fact, summary) in enumerate(zip(facts, summaries, strict=True))
    ]
    with old.write() as session:
        session.connection().execute(text(_ITEM), rows)
        session.connection().execute(text(_RECORD), rows)
    upgrade_schema(old)
    with old.read() as session:
        items = session.exec(select(Item).order_by(col(Item.id))).all()
        records = session.exec(select(Record).order_by(col(Record.id))).all()
    assert [(each.summary, each.facts) for each in items] == list(zip(summaries, facts, strict=True))
    assert [(each.summary, each.facts) for each in records] == [
        (summary, fact) if n % 5 == 0 else (None, None)
        for n, (summary, fact) in enumerate(zip(summaries, facts, strict=True))
    ]
