"""Proves that the example of docs/adding-a-source.md works as it stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import orjson
from sqlmodel import select

from tests.sources.poll_stage import items_of, poll, problems_of, settings_of
from tests.sources.registry_server import Fault, Handler, RegistryServer
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings
from trialalerts.sources.mapping.columns import FACT_NAMES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-source.md"


def test_the_example_of_a_file_gives_its_trials(
    sqlite_world: Database, clock: FrozenClock, http_settings: HttpSettings, tmp_path: Path
) -> None:
    said = re.search(
        r"```toml\n(\[\[sources\]\]\nname = \"ours\"\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert said
    (source,) = tomllib.loads(said[1])["sources"]
    list_ = tmp_path / "studies.csv"
    list_.write_text(
        "id,name of the study,State,Disease,Country,Town,Entered,From,Page\n"
        "X-1,Walking,We are looking for people,Asthma;Melanoma,United Kingdom,Leeds,15.01.2026,18,https://x.example/1\n"
        "X-2,Swimming,dreaming,Asthma,,,2026-01-16,6 months,\n"
    )
    settings = settings_of(http_settings, source | {"path": str(list_)})
    count = poll(sqlite_world, settings, clock)
    assert (count.error, count.new) == (None, 2)
    assert problems_of(sqlite_world) == [("X-2", "status")]
    with sqlite_world.read() as session:
        first = session.exec(select(Item).where(Item.external_id == "X-1")).one()
    assert (first.status, first.url) == ("RECRUITING", "https://x.example/1")
    assert (first.facts["conditions"], first.facts["first_posted"]) == (["Asthma", "Melanoma"], "2026-01-15")
    assert (first.facts["minimum_age_days"], first.facts["sites"][0]["city"]) == (6574, "Leeds")


def test_the_page_names_all_that_a_column_can_tell() -> None:
    said = re.search(r"What else a column can tell: (.*?)\.\n", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert said
    assert {"number", "title", *re.findall(r"`(\w+)`", said[1])} == set(FACT_NAMES)


def test_the_example_source_gives_its_trials(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    module: dict[str, Any] = {}
    exec(code[1], module)  # noqa: S102 - our own page
    leeds = {"name": "Example Hospital", "town": "Leeds", "country": "United Kingdom"}
    trials = [
        {"id": "EX1", "title": "Asthma trial", "state": "open", "hospitals": leeds, "registered": "02/03/2026"},
        {"id": "EX2", "title": ["a", "b"], "state": "dreaming"},
    ]

    def answer(handler: Handler) -> None:
        after = server.requests[-1].params.get("after", "")
        page = {"count": 2, "trials": trials[1:] if after else trials[:1], "next": None if after else "EX1"}
        handler.answer(200, orjson.dumps(page))

    server.faults.append(Fault(act=answer, times=99))
    raw = {"name": "ctgov", "kind": "example", "url": server.root}
    kind = module["KIND"]
    source = kind.open(kind.settings.model_validate(raw))
    count = poll(sqlite_world, settings_of(http_settings, raw), clock, source=source)
    assert (count.error, count.new, count.complete) == (None, 2, True)
    assert set(items_of(sqlite_world)) == {"EX1", "EX2"}
    assert problems_of(sqlite_world) == [("EX2", "state"), ("EX2", "title")]
    with sqlite_world.read() as session:
        first = session.exec(select(Item).where(Item.external_id == "EX1")).one()
    assert (first.status, first.facts["sites"][0]["country"]) == ("RECRUITING", "GB")
