"""The command for single trials: list, add, remove; by any number, into a file and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from tests.installation import Installation, Run
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Item, ItemKind, ItemNumber
from trialalerts.clock import SystemClock
from trialalerts.database import open_database

NUMBER = "NCT90000001"


def store_trial(session: Session) -> None:
    now = SystemClock().now()
    item = Item(
        registry_name="clinicaltrials.gov", external_id=NUMBER, kind=ItemKind.TRIAL, url="https://example.org/1",
        title="Fictional trial", status="RECRUITING", is_open=True, facts=TrialFacts().model_dump(mode="json"),
        facts_hash="", areas={"direct": [], "ancestors": []}, source="test", first_seen_at=now, last_seen_at=now,
    )  # fmt: skip
    session.add(item)
    session.flush()
    for number, registry in ((NUMBER, "clinicaltrials.gov"), ("2024-510663-34", None)):
        session.add(ItemNumber(number=number, item_id=item.id or 0, registry_name=registry))


@pytest.fixture(autouse=True)
def _trial(installation: Installation, run: Run) -> None:
    with open_database(f"sqlite:///{installation.folder}/var/trialalerts.db") as db, db.write() as session:
        store_trial(session)
    run("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--confirmed")


def listed(run: Run, email: str = "anna@example.org") -> list[str]:
    return [row["number"] for row in json.loads(run("follows", "list", email, "--json").out)]


@pytest.mark.parametrize("number", [NUMBER, "nct90000001", "2024-510663-34", "2024-510663-34-00", f" {NUMBER} "])
def test_a_trial_is_followed_and_left_by_any_number_it_goes_by(run: Run, number: str) -> None:
    assert run("follows", "add", "anna@example.org", number).out.strip() == f"{NUMBER} is followed now"
    assert run("follows", "add", "anna@example.org", NUMBER).out.strip() == f"{NUMBER} was followed already"
    assert listed(run) == [NUMBER]
    assert "Fictional trial" in run("follows", "list", "anna@example.org").out
    assert run("follows", "remove", "anna@example.org", number).code == 0
    assert listed(run) == []


@pytest.mark.parametrize(
    ("facts", "awaited", "on"),
    [
        ({"status": "NOT_YET_RECRUITING", "start": {"value": "2026-09", "precision": "month"}}, "begin", "2026-09"),
        ({"status": "RECRUITING"}, "end", None),
        (
            {"status": "COMPLETED", "completion": {"value": "2026-01-15", "precision": "day", "kind": "actual"}},
            "results",
            "2027-01-15",
        ),
        ({"status": "COMPLETED", "has_results": True}, "nothing", None),
        ({"status": 7}, None, None),
    ],
    ids=["begin", "end", "results", "nothing", "broken facts"],
)
def test_the_list_says_what_is_still_awaited(
    installation: Installation, run: Run, facts: dict[str, Any], awaited: str | None, on: str | None
) -> None:
    run("follows", "add", "anna@example.org", NUMBER)
    with open_database(f"sqlite:///{installation.folder}/var/trialalerts.db") as db, db.write() as session:
        session.exec(select(Item)).one().facts = facts
    (row,) = json.loads(run("follows", "list", "anna@example.org", "--json").out)
    assert (row["awaited"], row["on"]) == (awaited, on)


def test_what_is_not_known_is_told_in_a_line(run: Run) -> None:
    answer = run("follows", "add", "anna@example.org", "NCT00000000")
    assert answer.code == 2
    assert "No trial is known here under “NCT00000000”" in answer.err
    assert run("follows", "remove", "anna@example.org", NUMBER).code == 2
    assert run("follows", "list", "nobody@example.org").code == 2


def test_who_has_not_confirmed_is_asked_first_and_who_left_is_not_followed_for(run: Run) -> None:
    run("subscribers", "add", "ben@example.org", "--area", "asthma")
    told = json.loads(run("follows", "add", "ben@example.org", NUMBER, "--json").out)
    assert (told["asked"], told["confirmed"]) == (True, None)
    run("subscribers", "unsubscribe", "anna@example.org", "--yes")
    answer = run("follows", "add", "anna@example.org", NUMBER)
    assert answer.code == 2
    assert "they must sign up again" in answer.err


def test_lists_show_a_followed_trial_by_its_number_and_never_as_an_area(run: Run) -> None:
    run("follows", "add", "anna@example.org", NUMBER)
    for words in (("preferences", "list"), ("subscribers", "show"), ("subscribers", "explain")):
        answer = run(*words, "anna@example.org")
        assert (answer.code, NUMBER in answer.out, "one-trial" in answer.out) == (0, True, False), words
    rows = json.loads(run("preferences", "list", "anna@example.org", "--json").out)
    assert [(row["trial"], row["area_id"] is None) for row in rows] == [(None, False), (NUMBER, True)]
    assert json.loads(run("subscribers", "list", "--trial", NUMBER, "--count", "--json").out) == {"count": 1}
    assert json.loads(run("subscribers", "list", "--region", "anywhere", "--count", "--json").out) == {"count": 1}
    run("preferences", "remove", str(rows[0]["id"]), "--yes")
    assert json.loads(run("subscribers", "list", "--region", "anywhere", "--count", "--json").out) == {"count": 0}


def test_what_was_done_stands_in_the_trail_without_the_trial(run: Run) -> None:
    run("follows", "add", "anna@example.org", NUMBER)
    run("follows", "remove", "anna@example.org", NUMBER)
    trail = run("audit", "list", "--json").out
    assert "preference 2 added" in trail
    assert "preference 2 removed" in trail
    assert NUMBER not in trail


def test_an_export_brings_followed_trials_back(run: Run, tmp_path: Path) -> None:
    run("follows", "add", "anna@example.org", NUMBER)
    file = tmp_path / "people.csv"
    assert run("subscribers", "export", "--output", str(file)).code == 0
    assert NUMBER in file.read_text()
    assert "one-trial" not in file.read_text()
    run("subscribers", "erase", "anna@example.org", "--yes")
    text = file.read_text().replace("anna@", "bea@")
    file.write_text(text)
    assert run("subscribers", "import", str(file)).code == 0
    assert listed(run, "bea@example.org") == [NUMBER]
    assert run("subscribers", "import", str(file)).code == 0
    assert listed(run, "bea@example.org") == [NUMBER]
    assert NUMBER in run("subscribers", "export", "--json").out


def test_a_line_follows_an_area_or_a_trial_and_not_both(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"address,area,trial,confirmed\nbea@example.org,asthma,{NUMBER},yes\n")
    answer = run("subscribers", "import", str(file))
    assert answer.code == 2
    assert "write one line for each" in answer.err


def test_a_trial_is_silenced_and_told_again(run: Run) -> None:
    run("follows", "add", "anna@example.org", NUMBER)
    assert (
        run("follows", "silence", "anna@example.org", "2024-510663-34").out.strip()
        == "they are told nothing more of it"
    )
    assert "already" in run("follows", "silence", "anna@example.org", NUMBER).out
    assert listed(run) == []
    told = json.loads(run("follows", "list", "anna@example.org", "--silenced", "--json").out)
    assert [(row["number"], row["title"]) for row in told] == [(NUMBER, "Fictional trial")]
    assert "Fictional trial" in run("follows", "list", "anna@example.org", "--silenced").out
    explained = run("subscribers", "explain", "anna@example.org", "--item", NUMBER)
    assert "they silenced" in explained.out
    assert run("follows", "unsilence", "anna@example.org", NUMBER).code == 0
    again = run("follows", "unsilence", "anna@example.org", NUMBER)
    assert (again.code, "have not silenced" in again.err) == (2, True)
    trail = json.loads(run("audit", "list", "--action", "silence", "--json").out)
    assert [row["action"] for row in trail] == ["silence.removed", "silence.added"]
