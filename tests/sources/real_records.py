"""What the kinds read of the real records beside the checkout (``python -m tests.sources.real_records FOLDER``).

It writes the page docs/reference/records.md anew. The counts of ``trialalerts sources check NAME --sample FILE`` are
the same ones; areas are left out, for they depend on the vocabulary that is loaded.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from trialalerts.operations.questions.source_check import SourceFacts, facts_given
from trialalerts.sources.base import Batch
from trialalerts.sources.context import SourceContext
from trialalerts.sources.kinds import find_kind
from trialalerts.sources.sweeps.registry import Registry

__all__ = ["PAGE", "SAMPLES", "facts_of", "page_of"]

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "reference" / "records.md"
_LEFT_OUT = {"areas", "topics", "said_by", "conflicts", "sources", "a site with a place"}
_INTRODUCTION = """# What is read of real records

Real records, from other projects' test data and from registries' own exports, as each kind reads them: how many of
them have a fact. A fact that none has is left out. What stands in the way of more is often the sample: ISRCTN's records
came as JSON that had lost their attributes and contacts, Europe PMC's in its short form, ten of CTIS's in the form of
before June 2024, one as its list has it, NCI's cut to seven fields. Every record was read; the words that no table
knows stand at the end.
Written by `python -m tests.sources.real_records FOLDER`; a test holds it.
"""


def _lines(path: Path) -> Iterator[Any]:
    with gzip.open(path) as opened:
        yield from map(orjson.loads, opened)


def _emptied(value: Any) -> Any:
    """Return a record as XML gives it: an element without anything is None, not an empty list or object."""
    if isinstance(value, dict):
        return {key: _emptied(inner) for key, inner in value.items()} or None
    if isinstance(value, list):
        return [_emptied(inner) for inner in value] or None
    return None if isinstance(value, str) and not value.strip() else value


def _american(data: Path) -> Iterator[bytes]:
    yield orjson.dumps([each["study"] for each in _lines(data / "ctgov" / "ctgov_v2_studies.jsonl.gz")])
    yield orjson.dumps([each["record"] for each in _lines(data / "registries" / "ctrdata_ctgov2.jsonl.gz")])


def _european(data: Path) -> Iterator[bytes]:
    yield orjson.dumps([each["record"] for each in _lines(data / "registries" / "ctrdata_ctis.jsonl.gz")])
    for name in ("retrieve_2023-505613-24-00_cut_no_persons", "search_response_2025-523726-40-00"):
        yield (data / "registries" / "samples" / "ctis" / f"{name}.json").read_bytes()


def _british(data: Path) -> Iterator[bytes | Any]:
    for line in _lines(data / "registries" / "ctrdata_isrctn.jsonl.gz"):
        record = _emptied(line["record"])
        yield {"trial": {**record, "isrctn": {"#": record["isrctn"]}}}
    yield (data / "registries" / "samples" / "isrctn" / "allTrials_one_fullTrial.xml").read_bytes()


def _exports(data: Path) -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted((data / "registries").glob("who_ictrp_*")))


def _citations(data: Path) -> Iterator[bytes]:
    for path in sorted((data / "pubmed").glob("*.xml.gz")):
        yield gzip.decompress(path.read_bytes())
    yield (data / "registries" / "samples" / "pubmed" / "efetch_citation_22663011.xml").read_bytes()


def _search(data: Path) -> Iterator[bytes]:
    yield (data / "registries" / "samples" / "europepmc" / "search_pmid_22663011.json").read_bytes()


def _of_cancer(data: Path) -> Iterator[bytes]:
    yield (data / "registries" / "samples" / "nci_cts" / "search_melanoma_20260811.json").read_bytes()


SAMPLES: Mapping[str, tuple[Mapping[str, str], Any]] = {
    "clinicaltrials_gov": ({}, _american),
    "ctis": ({}, _european),
    "isrctn": ({}, _british),
    "file": ({"path": "exports", "mapping": "who_ictrp"}, _exports),
    "nci_cts": ({"api_key": "x"}, _of_cancer),
    "pubmed": ({"query": "x"}, _citations),
    "europe_pmc": ({"query": "x"}, _search),
}
"""By kind: the keys that it needs, and its samples as it would be answered."""


def facts_of(kind: str, data: Path, context: SourceContext) -> tuple[SourceFacts, int]:
    """Return what a kind reads of its samples, and how many of their records it could not read."""
    keys, samples = SAMPLES[kind]
    settings = find_kind(kind).settings.model_validate({"name": kind, "kind": kind, **keys})
    source = find_kind(kind).open(settings)
    assert isinstance(source, Registry)
    batches = [_batch(source, sample, context) for sample in samples(data)]
    drafts = [draft for batch in batches for draft in batch.drafts]
    problems = [problem for batch in batches for problem in batch.problems]
    whole = Batch(drafts=drafts, problems=problems, cursor={}, sweep_began=context.clock.now(), ends_sweep=True)
    return facts_given(whole), len(problems)


def _batch(source: Registry[Any, Any], sample: Any, context: SourceContext) -> Batch:
    if isinstance(sample, bytes):
        return source.sample(sample, "sample", context)
    draft, problems = source.read(sample, "sample", context)
    return Batch(
        drafts=[draft] if draft else [], problems=problems, cursor={}, sweep_began=context.clock.now(), ends_sweep=True
    )


def page_of(found: Mapping[str, tuple[SourceFacts, int]]) -> str:
    """Return the page."""
    trials = {kind: facts for kind, facts in found.items() if dict(facts[0].facts).get("numbers") is not None}
    articles = {kind: facts for kind, facts in found.items() if kind not in trials}
    unknown = [(kind, *each) for kind, (given, _) in found.items() for each in given.unknown]
    rows = [f"| {kind} | `{field}` | {re.sub(r'[|`]', '', word)} | {times} |" for kind, field, word, times in unknown]
    parts = ["## Trials\n", *_table(trials), "\n## Papers\n", *_table(articles), "\n## Words that no table knows\n"]
    return "\n".join((_INTRODUCTION, *parts, "| kind | field | word | times |", "|---|---|---|---|", *rows, ""))


def _table(found: Mapping[str, tuple[SourceFacts, int]]) -> Iterable[str]:
    counts = {kind: dict(given.facts) for kind, (given, _) in found.items()}
    names = [name for name in next(iter(counts.values())) if any(count[name] for count in counts.values())]
    yield f"| fact | {' | '.join(f'`{kind}`' for kind in found)} |"
    yield "|---" * (len(found) + 1) + "|"
    yield f"| records | {' | '.join(f'{given.records:,}' for given, _ in found.values())} |"
    yield f"| not read | {' | '.join(str(unread) for _, unread in found.values())} |"
    for name in names:
        if name not in _LEFT_OUT:
            yield f"| {name.replace('_', ' ')} | {' | '.join(f'{count[name]:,}' for count in counts.values())} |"


def _main() -> None:
    import tempfile

    from tests.sources.conftest import fill_world, place_rows
    from trialalerts.clock import FrozenClock
    from trialalerts.database import open_database
    from trialalerts.database.schema import upgrade_schema
    from trialalerts.settings import Settings

    data = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, open_database(f"sqlite:///{folder}/records.db") as database:
        upgrade_schema(database)
        fill_world(database, place_rows())
        with SourceContext(database, Settings(), FrozenClock(datetime(2026, 3, 2, tzinfo=UTC))) as context:
            found = {kind: facts_of(kind, data, context) for kind in SAMPLES}
    PAGE.write_text(page_of(found), encoding="utf-8")


if __name__ == "__main__":
    _main()
