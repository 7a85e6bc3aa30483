"""How fast records of several registries are put together into one trial each, beside storing them alone, on SQLite.

The real studies are stored under new numbers, as a baseline stores them. Then a second registry has every second of
them, a portal all of them; each record names the number. What is measured is storing alone, in processor time of this
process: reading is done before.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmarks.figures import Figure

__all__ = ["run"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_DATA = Path(os.environ.get("TRIALALERTS_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
_STUDIES = _DATA / "ctgov" / "ctgov_v2_studies.jsonl.gz"
_LAPS = 3
_PAGE = 500
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def run() -> list[Figure]:
    """Store, join, and sweep again."""
    if not _STUDIES.exists():
        return [Figure(what="joining", value=f"not measured: {_STUDIES} is missing (set TRIALALERTS_TEST_DATA)")]
    from trialalerts.bootstrap import prepare
    from trialalerts.database import open_database
    from trialalerts.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        db = open_database(f"sqlite:///{folder}/joining.db")
        prepare(db, Settings())
        parsed, drafts = _read(db)
        european = [_under(each, "euclinicaltrials.eu", f"2025-5{n:05d}-11") for n, each in enumerate(drafts[::2])]
        copies = [replace(each, registry="who.int", source="who", origin="aggregator") for each in drafts]
        alone = _stored(db, drafts, 0)
        joined = _stored(db, european, 1)
        portal = _stored(db, copies, 2)
        again = _stored(db, copies, 3)
        changed = _stored(db, [_changed(each) for each in european], 4)
        db.dispose()
    beside = f"stored alone: {alone:,.0f}/s; parsed and read alone: {parsed:,.0f}/s"
    return [
        Figure(
            what=f"{len(european):,} records of a second registry, each joined",
            value=_ratio(joined, alone),
            reference=beside,
        ),
        Figure(what=f"{len(copies):,} copies of a portal, each joined", value=_ratio(portal, alone), reference=beside),
        Figure(what="the copies again, none changed", value=_ratio(again, alone), reference=beside),
        Figure(
            what=f"{len(european):,} joined records changed, the trials put together anew",
            value=_ratio(changed, alone),
            reference=beside,
        ),
    ]


def _ratio(rate: float, alone: float) -> str:
    return f"{rate:,.0f}/s, {rate / alone:.2f} of storing alone"


def _read(db: Any) -> tuple[float, list[Any]]:
    """Return the rate of reading, and the drafts under new numbers."""
    from tests.sources.study_reader import read_study
    from trialalerts.clock import SystemClock
    from trialalerts.settings import Settings
    from trialalerts.sources.context import SourceContext

    began, drafts = time.process_time(), []
    with gzip.open(_STUDIES) as lines, SourceContext(db, Settings(), SystemClock()) as context:
        for n, line in enumerate(lines):
            study, where = orjson.loads(line)["study"], str(n)
            draft, _ = read_study(
                study, context.locator, context.conditions, source="ctgov", position=where, topics=context.topics
            )
            drafts += [draft] if draft is not None else []
    rate = len(drafts) / (time.process_time() - began)
    laps = [_under(each, each.registry, f"NCT9{lap}{n:06d}") for lap in range(_LAPS) for n, each in enumerate(drafts)]
    return rate, laps


def _under(draft: Any, registry: str, number: str) -> Any:
    """Return a draft under another number, which names the old one where it is another registry's."""
    numbers = (number,) if registry == draft.registry else (number, draft.external_id)
    facts = draft.facts.model_copy(update={"numbers": numbers})
    return replace(draft, registry=registry, external_id=number, facts=facts, aliases=(), source=registry)


def _changed(draft: Any) -> Any:
    return replace(draft, facts=draft.facts.model_copy(update={"enrolment": (draft.facts.enrolment or 0) + 1}))


def _stored(db: Any, drafts: Sequence[Any], day: int) -> float:
    """Store drafts page by page, as a baseline does; return how many a second of processor time."""
    from trialalerts.catalog.store import store_items

    began = time.process_time()
    for start in range(0, len(drafts), _PAGE):
        with db.write() as session:
            store_items(session, drafts[start : start + _PAGE], baseline=True, now=_NOW + timedelta(days=day))
    return len(drafts) / (time.process_time() - began)
