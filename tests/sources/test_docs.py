"""Proves that the example of docs/adding-a-source.md works as it stands there."""

from __future__ import annotations

import re
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

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-source.md"


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
