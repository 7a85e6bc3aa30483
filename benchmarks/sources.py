"""How many records a second of each kind of source are read, stored and joined, beside downloading and parsing alone.

A server in a process of its own hands out the real samples; another process polls it, one for each kind, and measures
its own processor time. Few samples are real, so they are given several times under other numbers; what they look like
the first time is measured apart, for then no town and no condition is known yet. Of trials, a portal's copy is stored
before the poll, so that each record is joined with one. Alone is the same sweep with the same parsing, of which no
record is read. The vocabularies are loaded before. Papers in Europe PMC's form are made of PubMed's.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson

from benchmarks.figures import Figure

__all__ = ["run"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_DATA = Path(os.environ.get("TRIALALERTS_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
_REGISTRIES = _DATA / "registries"
_NOW = datetime(2026, 3, 2, tzinfo=UTC)
_DAY = "2026-02-20"
_TARGET = 0.25
_LAPS = {"clinicaltrials_gov": 1, "ctis": 20, "isrctn": 20, "europe_pmc": 4, "pubmed": 4, "file": 1}
_NUMBER = re.compile(r"(<isrctn[^>]*>|<PMID[^>]*>|IdType=.pubmed.>|[A-Za-z/-])(\d*)(\d{5})(?!\d)")
"""The end of a number of a trial or a paper; in each lap it is another one."""
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s<\"]+")
_PAPER = re.compile(rb"<PubmedArticle>.*?</PubmedArticle>", re.DOTALL)


def run() -> list[Figure]:
    """Measure each kind in processes of their own."""
    if not _REGISTRIES.exists():
        return [Figure(what="sources", value=f"not measured: {_REGISTRIES} is missing (set TRIALALERTS_TEST_DATA)")]
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        _call("prepare", folder)
        for kind in _LAPS:
            found = _call("measure", folder, kind)
            alone, whole = found["alone"], found.get("joined", found["polled"])
            joined = f"; {found['polled']:,.0f}/s where none is joined" if "joined" in found else ""
            figures.append(
                Figure(
                    what=f"`{kind}`, {found['records']:,} records{', each joined with a copy' if joined else ''}",
                    value=f"{whole:,.0f}/s, {whole / alone:.2f} of downloading and parsing alone",
                    target=f"≥ {_TARGET}",
                    met=whole / alone >= _TARGET,
                    reference=f"downloaded and parsed alone: {alone:,.0f}/s{joined}; the samples once: "
                    f"{found['first']:,.0f}/s",
                )
            )
    return figures


def _call(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.sources", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=_REPOSITORY)
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def _prepare(folder: str) -> dict[str, Any]:
    from trialalerts.bootstrap import prepare
    from trialalerts.database import open_database
    from trialalerts.settings import Settings

    db = open_database(f"sqlite:///{folder}/empty.db")
    prepare(db, Settings())
    db.dispose()
    return {}


def _measure(folder: str, kind: str) -> dict[str, Any]:
    """Return rates by processor time: of the samples once, of all laps, with copies, and of parsing alone."""
    found: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sources", "serve", kind], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as server:
        assert server.stdout
        once, laps = (server.stdout.readline().decode().strip() for _ in range(2))
        found["first"], _ = _polled(folder, "first", kind, once)
        found["polled"], drafts = _polled(folder, "whole", kind, laps)
        found["records"] = len(drafts)
        if kind not in {"europe_pmc", "pubmed"}:
            copies = [replace(each, registry="copies", source="copies", origin="aggregator") for each in drafts]
            found["joined"], _ = _polled(folder, "joined", kind, laps, copies)
        found["alone"] = _parsed_alone(folder, kind, laps)
        server.terminate()
    return found


def _polled(folder: str, name: str, kind: str, url: str, copies: Any = ()) -> tuple[float, list[Any]]:
    """Poll a fresh database in which some copies are; return the rate, and what was read."""
    from trialalerts.catalog.store import store_items
    from trialalerts.clock import FrozenClock
    from trialalerts.database import open_database
    from trialalerts.logs import configure_logs
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.kinds import open_source
    from trialalerts.sources.polling.poll import poll_source

    configure_logs(level="error")
    settings = _settings(kind, url)
    shutil.copy(f"{folder}/empty.db", f"{folder}/{name}.db")
    db = open_database(f"sqlite:///{folder}/{name}.db")
    for start in range(0, len(copies), 500):
        with db.write() as session:
            store_items(session, copies[start : start + 500], baseline=True, now=_NOW)
    source, drafts = open_source(settings.sources[0]), []
    read = source.read  # type: ignore[attr-defined]  # every registry has it

    def kept(*words: Any) -> Any:
        found = read(*words)
        drafts.append(found[0])
        return found

    source.read = kept  # type: ignore[attr-defined]  # of this one source, to see what it reads
    with SourceContext(db, settings, FrozenClock(_NOW)) as context:  # loads the vocabularies
        for loaded in (context.conditions, context.topics, context.categories):
            assert loaded is not None
    began = time.process_time()
    count = poll_source(db, settings, settings.sources[0], FrozenClock(_NOW), source=source)
    seconds = time.process_time() - began
    db.dispose()
    assert count.error is None, count.error
    found = [each for each in drafts if each is not None]
    assert count.new + count.updated + count.unchanged, count
    return len(found) / seconds, found


def _parsed_alone(folder: str, kind: str, url: str) -> float:
    """Return the rate of the same sweep, of which no record is read."""
    from trialalerts.clock import FrozenClock
    from trialalerts.database import open_database
    from trialalerts.sources.base import Position
    from trialalerts.sources.context import SourceContext
    from trialalerts.sources.kinds import open_source

    settings, seen = _settings(kind, url), 0
    source: Any = open_source(settings.sources[0])

    def counted(*_: Any) -> Any:
        nonlocal seen
        seen += 1
        return None, ()

    source.read = counted
    db = open_database(f"sqlite:///{folder}/empty.db")
    with SourceContext(db, settings, FrozenClock(_NOW)) as context:
        began = time.process_time()
        for _ in source.batches(Position(), context):
            pass
        seconds = time.process_time() - began
    db.dispose()
    return seen / seconds


def _settings(kind: str, url: str) -> Any:
    from trialalerts.settings import HttpSettings, Settings, SourceSettings

    more: dict[str, Any] = {"at_most": None}
    if kind == "file":
        more = {"mapping": "who_ictrp"}
    if kind in {"europe_pmc", "pubmed"}:
        more["conditions"] = ["everything"]
    source = SourceSettings.model_validate({"name": "samples", "kind": kind, "url": url, **more})
    http = HttpSettings(allow_private_addresses=True, contact="admin@example.org")
    return Settings(http=http, sources=(source,))


def _serve(kind: str) -> None:
    """Serve the samples once, and all laps, each at an address of its own."""
    from tests.sources.registry_server import RegistryServer

    with RegistryServer() as once, RegistryServer() as several:
        for server, laps in ((once, 1), (several, _LAPS[kind])):
            print(_SERVED[kind](server, laps), flush=True)
        sys.stdin.read()


def _serve_american(server: Any, laps: int) -> str:
    studies = [each["study"] for each in _lines(_DATA / "ctgov" / "ctgov_v2_studies.jsonl.gz")]
    studies += [each["record"] for each in _lines(_REGISTRIES / "ctrdata_ctgov2.jsonl.gz")]
    server.reset([orjson.loads(_under(orjson.dumps(each).decode(), lap)) for lap in range(laps) for each in studies])
    return str(server.url)


def _serve_european(server: Any, laps: int) -> str:
    from tests.sources.ctis.registry import CtisServer, entry

    records = [each["record"] for each in _lines(_REGISTRIES / "ctrdata_ctis.jsonl.gz")]
    cut = _REGISTRIES / "samples" / "ctis" / "retrieve_2023-505613-24-00_cut_no_persons.json"
    records.append(orjson.loads(cut.read_bytes()))
    ctis = CtisServer(server=server)
    for lap in range(laps):
        for each in records:
            record = orjson.loads(_under(orjson.dumps(each).decode(), lap))
            ctis.listed.append(entry(record["ctNumber"], status=record.get("ctPublicStatusCode", 4)))
            ctis.records[record["ctNumber"]] = record
    ctis.serve()
    return str(server.root)


def _serve_british(server: Any, laps: int) -> str:
    from tests.sources.isrctn.registry import IsrctnServer

    records = [
        _as_xml("trial", each["record"] | {"isrctn": {"@dateAssigned": _DAY, "#text": each["record"]["isrctn"]}})
        for each in _lines(_REGISTRIES / "ctrdata_isrctn.jsonl.gz")
    ]
    british = IsrctnServer(server=server)
    for lap in range(laps):
        day = f"2025-{lap % 12 + 1:02d}-{lap // 12 + 1:02d}T10:00:00"  # no window holds more than are given at once
        british.trials += [(day, f"<fullTrial>{_under(each, lap)}</fullTrial>") for each in records]
    british.serve()
    return str(server.root)


def _serve_library(server: Any, laps: int) -> str:
    from tests.sources.pubmed.library import PubMedServer, StoredPaper

    library = PubMedServer(server=server)
    for xml in _papers(laps):
        pmid = re.search(r"<PMID[^>]*>(\d+)<", xml)
        assert pmid is not None
        library.papers.append(StoredPaper(pmid=pmid[1], xml=xml, taken_in=_DAY, edited=_DAY))
    library.serve()
    return str(server.root)


def _serve_search(server: Any, laps: int) -> str:
    from tests.sources.europe_pmc.search import SearchServer, heading, paper
    from trialalerts.sources.papers.medline import paper_of
    from trialalerts.sources.reading.fields import Fields
    from trialalerts.sources.reading.record import RecordView
    from trialalerts.sources.reading.xml import XmlRecords

    search = SearchServer(server=server)
    for xml in _papers(laps):
        (record,) = XmlRecords(xml.encode(), "PubmedArticle", "")
        view = RecordView(record, Fields(""))
        pmid = view.line("MedlineCitation.PMID") or ""
        said = paper_of(view, pmid)
        search.papers.append(
            paper(
                int(pmid),
                taken_in=_DAY,
                title=said.title,
                abstractText=said.summary,
                authorList={"author": [{"fullName": name} for name in said.authors]},
                journalInfo={"journal": {"title": said.journal}},
                meshHeadingList={"meshHeading": [heading(names[-1]) for names in said.headings]},
            )
        )
    search.serve()
    return str(server.root)


def _serve_export(server: Any, laps: int) -> str:
    """Serve WHO's exports as one file of all laps."""
    import csv
    import io

    name = "who_ictrp_COVID19-927-trials_7Apr2020.csv.gz"
    text = gzip.decompress((_REGISTRIES / name).read_bytes()).decode("utf-8-sig")
    heading, *rows = csv.reader(io.StringIO(text))
    written = io.StringIO()
    file = csv.writer(written)
    file.writerow(heading)
    for lap in range(laps):
        file.writerows([_under(value, lap) for value in row] for row in rows)
    return str(server.serve("/export.csv", written.getvalue().encode(), content_type="text/csv"))


_SERVED: Mapping[str, Callable[[Any, int], str]] = {
    "clinicaltrials_gov": _serve_american,
    "ctis": _serve_european,
    "isrctn": _serve_british,
    "europe_pmc": _serve_search,
    "pubmed": _serve_library,
    "file": _serve_export,
}


def _lines(path: Path) -> Iterator[Any]:
    with gzip.open(path) as opened:
        yield from map(orjson.loads, opened)


def _papers(laps: int) -> Iterator[str]:
    """Give the real papers, in each lap under another number and title: the same one would be recognised."""
    found: dict[bytes, str] = {}
    for path in sorted((_DATA / "pubmed").glob("*.xml.gz")):
        for xml in _PAPER.findall(gzip.decompress(path.read_bytes())):
            found.setdefault(re.search(rb"<PMID[^>]*>(\d+)<", xml)[1], xml.decode())  # type: ignore[index]  # each has one
    given: set[str] = set()
    for lap in range(laps):
        for xml in found.values():
            told = xml.replace("<ArticleTitle>", f"<ArticleTitle>{_ORDINALS[lap]} report: ", 1) if lap else xml
            told = _DOI.sub(lambda doi: f"{doi[0]}.{lap}" if lap else doi[0], _under(told, lap))  # noqa: B023 - called at once
            if (number := re.search(r"<PMID[^>]*>\d+<", told)) and number[0] not in given:
                given.add(number[0])
                yield told


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def _under(text: str, lap: int) -> str:
    """Return a record under other numbers; in the first lap it keeps its own."""
    return _NUMBER.sub(lambda at: f"{at[1]}{at[2]}{(int(at[3]) + lap * 7_919) % 100_000:05d}", text) if lap else text


def _as_xml(name: str, value: Any) -> str:
    """Return plain objects as the XML that they were read from."""
    if isinstance(value, list):
        return "".join(_as_xml(name, each) for each in value)
    if not isinstance(value, dict):
        return f"<{name}>{escape('' if value is None else str(value))}</{name}>"
    attributes = "".join(f" {key[1:]}={quoteattr(str(each))}" for key, each in value.items() if key.startswith("@"))
    inside = "".join(_as_xml(key, each) for key, each in value.items() if not key.startswith(("@", "#")))
    return f"<{name}{attributes}>{escape(str(value.get('#text', '')))}{inside}</{name}>"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", kind]:
            _serve(kind)
        case ["prepare", folder]:
            print(orjson.dumps(_prepare(folder)).decode())
        case ["measure", folder, kind]:
            print(orjson.dumps(_measure(folder, kind)).decode())
        case _:
            for figure in run():
                print(figure)
