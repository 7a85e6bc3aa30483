"""Tests of the commands on sources, as an operator types them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.sources.poll_stage import items_of
from tests.sources.registry_server import Fault, RegistryServer, respond
from tests.sources.samples import study
from trialalerts.cli.main import main
from trialalerts.clock import SystemClock
from trialalerts.database import Database
from trialalerts.sources.polling.state import lease_of

Run = Callable[..., tuple[int, str, str]]

CONFIG = """
[database]
url = "{database}"
[http]
allow_private_addresses = true
[[sources]]
name = "ctgov"
kind = "clinicaltrials_gov"
url = "{registry}"
page_size = 2
[[sources]]
name = "editors"
kind = "folder"
path = "articles"
"""


@pytest.fixture
def run(
    sqlite_world: Database,
    sqlite_url: str,
    server: RegistryServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in a folder with a registry of three studies and a folder of one article."""
    assert sqlite_world.is_sqlite
    server.state.studies = [study(2), study(3), study(4, eligibilityModule__minimumAge="old")]
    (tmp_path / "config").mkdir()
    config = CONFIG.format(database=sqlite_url, registry=server.url)
    (tmp_path / "config" / "trialalerts.toml").write_text(config)
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "one.md").write_text("---\ntitle: On asthma\n---\n")
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["sources", *words])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return command


def test_the_list_says_how_each_source_does(run: Run, server: RegistryServer) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert [line.split("\t")[:3] for line in out.splitlines()] == [
        ["name", "kind", "state"],
        ["ctgov", "clinicaltrials_gov", "never polled"],
        ["editors", "folder", "never polled"],
    ]
    server.faults.append(Fault(act=respond(500)))
    assert run("poll")[0] == 1
    registry, folder = json.loads(run("list", "--json")[1])
    assert (registry["state"], registry["failures"], folder["state"]) == ("failing", 1, "good")
    assert "answered 500" in registry["last_error"]


def test_a_check_says_what_a_source_gives_and_stores_nothing(run: Run, sqlite_world: Database) -> None:
    code, out, _ = run("check", "ctgov")
    assert code == 0
    assert out.startswith("ctgov: 2 items on the first page, and there is more; 2 of them name a disease area.\n")
    assert "NCT90000002\t2026-01-10 00:00 UTC\tA Study of Examplumab" in out
    found = json.loads(run("check", "editors", "--json")[1])
    assert (found["items"], found["complete"], found["problems"]) == (1, True, [])
    assert items_of(sqlite_world) == {}


def test_a_check_lists_what_could_not_be_read(run: Run) -> None:
    run("poll")
    code, out, _ = run("check", "ctgov")
    assert code == 0
    assert "NCT90000004\teligibilityModule.minimumAge\tfound “old”, expected an age such as 18 Years" in out


def test_a_check_of_a_broken_source_is_one_line(run: Run, server: RegistryServer) -> None:
    server.faults.append(Fault(act=respond(403)))
    code, out, err = run("check", "ctgov")
    assert (code, out) == (1, "")
    assert err.startswith(f"trialalerts: {server.url}/studies answered 403")
    assert err.count("\n") == 1


def test_a_poll_stores_what_it_finds(run: Run, sqlite_world: Database) -> None:
    code, out, err = run("poll", "ctgov")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "source\tnew\tupdated\tunchanged\tchanges\tskipped\tproblems\terror",
        "ctgov\t3\t0\t0\t0\t0\t1\t",
    ]
    assert len(items_of(sqlite_world)) == 3
    both = json.loads(run("poll", "--json")[1])
    assert [(count["source"], count["new"], count["complete"]) for count in both] == [
        ("ctgov", 0, True),
        ("editors", 1, True),
    ]


def test_a_source_that_another_process_polls_is_left_alone_in_one_line(run: Run, sqlite_world: Database) -> None:
    run("poll")
    lease = lease_of(sqlite_world, "ctgov", SystemClock())
    with sqlite_world.write() as session:
        assert lease.take(session)
    code, out, err = run("poll", "ctgov")
    assert (code, err) == (1, "")
    assert out == f"ctgov: not asked, {lease.owner} polls it just now; see: trialalerts sources list\n"
    code, out, _ = run("poll")
    assert code == 1
    assert [line.partition("\t")[0] for line in out.splitlines()[1:2]] == ["editors"]
    registry, folder = json.loads(run("list", "--json")[1])
    assert (registry["polled_by"], folder["polled_by"]) == (lease.owner, None)


@pytest.mark.parametrize("verb", ["check", "poll"])
def test_an_unknown_source_is_named_with_the_nearest(verb: str, run: Run) -> None:
    code, _, err = run(verb, "ctgv")
    assert (code, err) == (2, "trialalerts: There is no source called “ctgv”. Did you mean “ctgov”?\n")


@pytest.mark.parametrize("verb", ["list", "check", "poll"])
def test_every_help_has_an_example(verb: str, run: Run) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"trialalerts sources {verb}" in out


def test_a_check_counts_facts_and_names_words_that_no_table_knows(run: Run) -> None:
    _, out, _ = run("check", "ctgov", "--json")
    found = json.loads(out)
    assert found["facts"]["status"] == found["facts"]["conditions"] == found["items"] == 2
    assert found["facts"]["a site with a place"] == 2
    assert found["unknown"] == []
    assert "NCT90000002" in found["card"]


def test_a_sample_from_a_file_is_read_as_an_answer_and_nothing_is_asked(
    run: Run, server: RegistryServer, sqlite_world: Database
) -> None:
    odd = study(5, statusModule__overallStatus="DREAMING", eligibilityModule__minimumAge="old")
    Path("page.json.gz").write_bytes(gzip.compress(orjson.dumps({"studies": [odd, study(6), "no study"]})))
    code, out, _ = run("check", "ctgov", "--sample", "page.json.gz")
    assert code == 0
    assert "statusModule.overallStatus\tDREAMING\t1" in out
    assert "eligibilityModule.minimumAge\told\t1" in out
    assert "status\t2 of 2" in out
    assert "the record is no object" in out
    assert server.requests == []
    assert items_of(sqlite_world) == {}


@pytest.mark.parametrize(("words", "line"), [
    (("ctgov", "--sample", "nowhere.json"), "--sample: nowhere.json cannot be read"),
    (("ctgov", "--sample", "half.gz"), "half.gz is a gzip file that is broken; make it anew."),
    (("ctgov", "--sample", "articles/one.md"), "articles/one.md answered with something that is no JSON"),
    (("editors", "--sample", "articles/one.md"), "--sample: the kind folder reads no samples"),
])  # fmt: skip
def test_a_sample_that_is_none_is_told_in_one_line(run: Run, words: tuple[str, ...], line: str) -> None:
    Path("half.gz").write_bytes(gzip.compress(b"{}" * 99)[:20])
    code, _, err = run("check", *words)
    assert code != 0
    assert line in err
    assert "Traceback" not in err


def test_the_kinds_are_listed(run: Run) -> None:
    kinds = {row["kind"]: row["what"] for row in json.loads(run("kinds", "--json")[1])}
    assert {"clinicaltrials_gov", "ctis", "isrctn", "feed", "folder"} <= kinds.keys()
    assert all(kinds.values())
