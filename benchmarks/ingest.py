"""How many real studies a second go from HTTP to committed rows and changes, on SQLite.

Three processes: this one; a server that hands out the real studies page by page, as often as wanted under
new numbers; and the one that polls, alone, so that its memory can be told. The reference asks for the same
pages in the same way and parses their JSON, no more.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from benchmarks.figures import Figure, peak_megabytes

__all__ = ["run"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_DATA = Path(os.environ.get("TRIALALERTS_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
_STUDIES = _DATA / "ctgov" / "ctgov_v2_studies.jsonl.gz"
_PAGE = 500
_LAPS = 14_500
_MANY = 100_000
_ROUNDS = 3
_TARGET_RATE, _TARGET_MEMORY = 1_500, 300


def run() -> list[Figure]:
    """Poll in fresh databases, each step in a process of its own."""
    if not _STUDIES.exists():
        return [Figure(what="ingestion", value=f"not measured: {_STUDIES} is missing (set TRIALALERTS_TEST_DATA)")]
    with tempfile.TemporaryDirectory() as name, _served() as url:
        folder = Path(name)
        _call("prepare", f"sqlite:///{folder}/empty.db")
        reference = _best([_call("download", url, _LAPS) for _ in range(_ROUNDS)])
        first = _best([_call("poll", _fresh(folder, f"first{n}"), url, _LAPS) for n in range(_ROUNDS)])
        same = f"sqlite:///{folder}/first0.db"
        changed, unchanged = (_call("poll", same, url, _LAPS, "changed") for _ in range(2))
        many = _call("poll", _fresh(folder, "many"), url, _MANY)
        size = (folder / "many.db").stat().st_size / 1e6
    beside = f"download and parse only: {_rate(reference):,.0f} studies/s"
    return [
        Figure(
            what=f"first sweep, {_LAPS:,} real studies, from HTTP to committed rows, best of {_ROUNDS}",
            value=f"{_rate(first):,.0f} studies/s",
            target=f"≥ {_TARGET_RATE:,}/s",
            reference=beside,
            met=_rate(first) >= _TARGET_RATE,
        ),
        Figure(
            what="the same again, every tenth changed",
            value=f"{_rate(changed):,.0f} studies/s, {changed['changes']:,} changes",
            reference=beside,
        ),
        Figure(
            what="the same again, none changed",
            value=f"{_rate(unchanged):,.0f} studies/s, {unchanged['changes']:,} changes",
            reference=beside,
        ),
        Figure(
            what=f"first sweep, {_MANY:,} studies",
            value=f"{_rate(many):,.0f} studies/s",
            reference=f"the database has {size:,.0f} MB then",
        ),
        Figure(
            what=f"peak memory over {_MANY:,} studies",
            value=f"{many['megabytes']:.0f} MB",
            target=f"< {_TARGET_MEMORY} MB",
            reference=f"over {_LAPS:,} studies: {first['megabytes']:.0f} MB",
            met=many["megabytes"] < _TARGET_MEMORY,
        ),
    ]


def _fresh(folder: Path, name: str) -> str:
    """Return the URL of a new database in which only the vocabularies are."""
    shutil.copy(folder / "empty.db", folder / f"{name}.db")
    return f"sqlite:///{folder}/{name}.db"


def _rate(measured: dict[str, Any]) -> float:
    rate: float = measured["studies"] / measured["seconds"]
    return rate


def _best(measured: list[dict[str, Any]]) -> dict[str, Any]:
    return max(measured, key=_rate)


class _served:  # noqa: N801 - reads as what it is where it is used
    """A server in a process of its own; gives its address."""

    def __enter__(self) -> str:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.ingest", "serve"], stdout=subprocess.PIPE, stdin=subprocess.PIPE
        )
        assert self._process.stdout
        return self._process.stdout.readline().decode().strip()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def _call(*words: object) -> dict[str, Any]:
    """Run a step in a process of its own; return what it printed."""
    command = [sys.executable, "-m", "benchmarks.ingest", *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=_REPOSITORY)
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def _prepare(database: str) -> dict[str, Any]:
    from trialalerts.database.engine import open_database
    from trialalerts.database.schema import upgrade_schema
    from trialalerts.files import shipped
    from trialalerts.vocabulary.areas.tree import store_curated
    from trialalerts.vocabulary.places.loading import load_places

    with closing(_Disposed(open_database(database))) as opened:
        upgrade_schema(opened.database)
        with opened.database.write() as session:
            return {
                "places": load_places(session),
                "areas": store_curated(session, shipped("config/disease_areas.toml")),
            }


class _Disposed:
    def __init__(self, database: Any) -> None:
        self.database = database

    def close(self) -> None:
        self.database.dispose()


def _download(url: str, studies: str) -> dict[str, Any]:
    from trialalerts.clock import SystemClock
    from trialalerts.net.client import Fetcher
    from trialalerts.settings import HttpSettings

    began = time.perf_counter()
    read, token = 0, None
    with Fetcher(HttpSettings(allow_private_addresses=True), SystemClock()) as fetcher:
        while read == 0 or token:
            params = {"pageSize": str(_PAGE), **({"pageToken": token} if token else {})}
            page = orjson.loads(fetcher.get(f"{url}/{studies}/same/studies", params=params).body)
            read += len(page["studies"])
            token = page.get("nextPageToken")
    return {"studies": read, "seconds": time.perf_counter() - began}


def _poll(database: str, url: str, studies: str, state: str = "same") -> dict[str, Any]:
    from trialalerts.clock import SystemClock
    from trialalerts.database.engine import open_database
    from trialalerts.logs import configure_logs
    from trialalerts.settings import HttpSettings, Settings, SourceSettings
    from trialalerts.sources.polling.poll import poll_source

    configure_logs(level="error")
    source = SourceSettings(name="ctgov", kind="clinicaltrials_gov", url=f"{url}/{studies}/{state}", page_size=_PAGE)
    settings = Settings(http=HttpSettings(allow_private_addresses=True), sources=(source,))
    with closing(_Disposed(open_database(database))) as opened:
        began = time.perf_counter()
        count = poll_source(opened.database, settings, source, SystemClock())
        seconds = time.perf_counter() - began
    assert count.error is None, count.error
    return {
        "studies": count.new + count.updated + count.unchanged,
        "changes": count.changes,
        "seconds": seconds,
        "megabytes": peak_megabytes(),
    }


class _Handler(BaseHTTPRequestHandler):
    """Answers ``/<how many>/<same|changed>/studies?pageToken=<start>``; in ``changed`` every tenth study has closed."""

    protocol_version = "HTTP/1.1"
    studies: tuple[tuple[bytes, bytes], ...] = ()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer with a page."""
        parts = urlsplit(self.path)
        how_many, state, _ = parts.path.strip("/").split("/")
        start = int(parse_qs(parts.query).get("pageToken", ["0"])[0])
        end = min(start + _PAGE, int(how_many))
        body = b",".join(self._study(number, state) for number in range(start, end))
        token = b',"nextPageToken":"%d"' % end if end < int(how_many) else b""
        body = gzip.compress(b'{"studies":[' + body + b"]" + token + b"}", 1)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _study(self, number: int, state: str) -> bytes:
        before, after = self.studies[number % len(self.studies)]
        if state == "changed" and number % 10 == 0:
            after = after.replace(b'"overallStatus":"', b'"overallStatus":"SUSPENDED","was":"', 1)
        return b"%sNCT%08d%s" % (before, 10_000_000 + number, after)


def _serve() -> None:
    from tests.sources.registry_fields import pruned
    from trialalerts.sources.kinds.clinicaltrials_gov import FIELDS

    rendered = []
    with gzip.open(_STUDIES) as lines:
        for line in lines:
            study = pruned(json.loads(line)["study"], FIELDS)
            identification = study["protocolSection"]["identificationModule"]
            number = identification["nctId"]
            # Copies of a study are other trials: the numbers of this one are not theirs.
            identification.pop("secondaryIdInfos", None)
            identification.pop("nctIdAliases", None)
            before, _, after = orjson.dumps(study).partition(number.encode())
            rendered.append((before, after))
    _Handler.studies = tuple(rendered)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            _serve()
        case [step, *words]:
            steps: dict[str, Callable[..., dict[str, Any]]] = {
                "prepare": _prepare,
                "download": _download,
                "poll": _poll,
            }
            print(orjson.dumps(steps[step](*words)).decode())
        case _:
            for figure in run():
                print(figure)
