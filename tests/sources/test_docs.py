"""Proves that the example of docs/adding-a-source.md works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from tests.sources.poll_stage import items_of, poll, problems_of, settings_of
from tests.sources.registry_server import Fault, Handler, RegistryServer
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.settings import HttpSettings, SourceSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-source.md"


def test_the_example_source_gives_its_trials(
    sqlite_world: Database, clock: FrozenClock, server: RegistryServer, http_settings: HttpSettings
) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    module: dict[str, Any] = {}
    exec(code[1], module)  # noqa: S102 - our own page
    trials = [{"id": "EX1", "title": "Asthma trial", "status": "RECRUITING"}, {"id": "EX2", "title": ["a", "b"]}]

    def answer(handler: Handler) -> None:
        after = server.requests[-1].params.get("after", "")
        page = {"trials": [] if after == "EX2" else trials[int(after == "EX1") :][:1]}
        handler.answer(200, orjson.dumps(page))

    server.faults.append(Fault(act=answer, times=99))
    source = module["ExampleRegistry"](SourceSettings(name="ctgov", kind="feed", url=server.root))
    settings = settings_of(http_settings, {"name": "ctgov", "kind": "feed", "url": server.root})
    count = poll(sqlite_world, settings, clock, source=source)
    assert (count.error, count.new, count.complete) == (None, 2, True)
    assert set(items_of(sqlite_world)) == {"EX1", "EX2"}
    assert problems_of(sqlite_world) == [("EX2", "title")]
