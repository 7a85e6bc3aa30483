"""The commands for subscribers and what they follow: as an operator types them."""

from __future__ import annotations

import io
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, Run
from trialalerts.database import open_database
from trialalerts.delivery.outbox.tables import FeedbackEvent, SendingPause

ANNA = "anna@example.org"
FULL = (
    *("subscribers", "add", ANNA, "--area", "multiple sclerosis", "--region", "Leeds, GB", "--radius", "80km"),
    *("--frequency", "weekly", "--language", "en", "--timezone", "Europe/London", "--confirmed"),
)


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def shown(run: Run, address: str = ANNA) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("subscribers", "show", address, "--json").out)
    return found


def test_a_subscriber_is_added_as_the_reference_says(run: Run) -> None:
    answer = run(*FULL)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "subscriber 1 (anna@example.org) added, 1 preference added\n"
    found = shown(run)
    assert (found["state"], found["timezone"], found["frequency"]) == ("active", "Europe/London", "weekly")
    (preference,) = found["preferences"]
    assert (preference["area"], preference["region"], preference["radius_km"]) == (
        "Multiple sclerosis",
        "Leeds, England, GB",
        80.0,
    )
    assert [each["action"] for each in found["consents"]] == ["signed_up", "changed", "confirmed"]


def test_who_is_not_confirmed_is_asked_once(run: Run) -> None:
    answer = run(*FULL[:-1])
    assert "a confirmation mail is queued" in answer.out
    again = run(*FULL[:-1])
    assert "subscriber 1 (anna@example.org) is known, 0 preferences added" in again.out
    (delivery,) = json.loads(run("deliveries", "list", "--json").out)
    assert (delivery["kind"], delivery["state"], delivery["to"]) == ("confirmation", "queued", ANNA)
    assert json.loads(run("deliveries", "show", "1", "--json").out) == {**delivery, "heard": [], "copies": []}


def test_a_known_subscriber_keeps_the_schedule_and_is_told_how_to_change_it(run: Run) -> None:
    run(*FULL)
    answer = run("subscribers", "add", ANNA, "--area", "ALS", "--frequency", "daily", "--confirmed")
    assert "subscribers edit" in answer.err
    assert shown(run)["frequency"] == "weekly"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("anna",), "“anna” is not an e-mail address"),
        ((ANNA, "--area", "multipel sclerosis"), "Did you mean “Multiple sclerosis”"),
        ((ANNA, "--region", "Leds, GB"), "“Leeds, England, GB”"),
        ((ANNA, "--region", "Leeds, GB", "--radius", "far"), "“far” is no radius"),
        ((ANNA, "--region", "GB", "--radius", "10km"), "A radius goes with a town"),
        ((ANNA, "--region", "GB", "--travel", "nearby"), "A radius goes with a town"),
        ((ANNA, "--region", "Leeds, GB", "--travel", "far"), "expected one of: nearby, day-trip, region, anywhere"),
        ((ANNA, "--region", "Leeds, GB", "--travel", "nearby", "--radius", "9km"), "give one of them"),
        ((ANNA, "--timezone", "Europe/Lodnon"), "Did you mean “Europe/London”"),
        ((ANNA, "--frequency", "weakly"), "Did you mean “weekly”"),
        ((ANNA, "--language", "german"), "Did you mean “de”"),
        ((ANNA, "--hour", "25"), "write 0 to 23"),
        ((ANNA, "--weekday", "wensday"), "Did you mean “wednesday”"),
        ((ANNA, "--day", "31"), "write 1 to 28"),
        ((ANNA, "--born", "1984-02-30"), "“1984-02-30” is no date"),
        ((ANNA, "--sex", "femal"), "Did you mean “female”"),
        ((ANNA, "--phase", "7"), "“7” is no phase"),
        ((ANNA, "--kind", "trail"), "Did you mean “trial”"),
        ((ANNA, "--change", "opend"), "Did you mean “opened”"),
        ((ANNA, "--exclude", "xyzzyx"), "No disease area is called “xyzzyx”"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line_and_stores_nothing(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    area = () if "--area" in words else ("--area", "ALS")
    answer = run("subscribers", "add", *words, *area)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert json.loads(run("subscribers", "list", "--json").out) == []


@pytest.mark.parametrize(
    ("level", "region", "radius_km"),
    [
        ("nearby", "Leeds, England, GB", 25),
        ("day-trip", "Leeds, England, GB", 100),
        ("region", "Leeds, England, GB", 300),
        ("anywhere", "Leeds, England, GB", None),  # any distance from Leeds keeps Leeds
    ],
)
def test_how_far_somebody_would_travel_can_be_said_in_words(
    run: Run, level: str, region: str, radius_km: float | None
) -> None:
    answer = run("subscribers", "add", ANNA, "--area", "ALS", "--region", "Leeds, GB", "--travel", level, "--confirmed")
    assert answer.code == 0, answer.err
    assert run("preferences", "add", ANNA, "--area", "ALS", "--region", "Leeds, GB", "--travel", level).code == 0
    (preference,) = json.loads(run("preferences", "list", ANNA, "--json").out)
    assert (preference["region"], preference["radius_km"]) == (region, radius_km)


def test_a_slip_in_the_domain_is_only_a_question(run: Run) -> None:
    answer = run("subscribers", "add", "anna@gmial.com", "--area", "ALS", "--confirmed")
    assert answer.code == 0
    assert "anna@gmail.com?" in answer.err


def test_filters_are_stored_with_the_preference(run: Run) -> None:
    words = ("--age", "40", "--sex", "female", "--phase", "2", "--phase", "3", "--kind", "trial", "--change", "opened")
    answer = run("subscribers", "add", ANNA, "--area", "ALS", *words, "--exclude", "breast cancer", "--label", "for me")
    assert answer.code == 0
    (preference,) = json.loads(run("preferences", "list", ANNA, "--json").out)
    assert (preference["sex"], preference["phases"], preference["item_kinds"]) == (
        "female",
        ["PHASE2", "PHASE3"],
        ["trial"],
    )
    assert (preference["change_kinds"], preference["excluded_areas"]) == (["opened"], ["Breast cancer"])
    assert preference["label"] == "for me"
    assert preference["born_on"] is not None
    assert "female, born" in run("preferences", "list", ANNA).out


def test_several_areas_are_several_preferences(run: Run) -> None:
    answer = run("subscribers", "add", ANNA, "--area", "ALS", "--area", "multiple sclerosis", "--confirmed")
    assert "2 preferences added" in answer.out


def test_subscribers_are_listed_by_state_and_area(run: Run) -> None:
    run(*FULL)
    run("subscribers", "add", "bob@example.org", "--area", "ALS")
    lines = run("subscribers", "list").out.splitlines()
    assert [line.split("\t")[:3] for line in lines[1:]] == [["1", ANNA, "active"], ["2", "bob@example.org", "pending"]]
    assert [each["id"] for each in json.loads(run("subscribers", "list", "--state", "pending", "--json").out)] == [2]
    assert [each["id"] for each in json.loads(run("subscribers", "list", "--area", "MS", "--json").out)] == [1]
    short = run("subscribers", "list", "--limit", "1")
    assert len(short.out.splitlines()) == 2
    assert "--limit 0 lists all" in short.err
    assert run("subscribers", "list", "--state", "aktive").code == 2


def test_a_schedule_is_edited(run: Run) -> None:
    run(*FULL)
    assert run("subscribers", "edit", ANNA, "--frequency", "daily", "--hour", "7").out == "changed: frequency, hour\n"
    assert run("subscribers", "edit", ANNA, "--hour", "7").out == "nothing changed\n"
    assert run("subscribers", "edit", ANNA, "--address", "anna@new.example.org").out == "changed: address\n"
    assert shown(run, "anna@new.example.org")["hour"] == 7
    assert run("subscribers", "edit", ANNA, "--hour", "8").code == 2


def test_a_pause_ends_by_date_or_by_hand(run: Run) -> None:
    run(*FULL)
    assert run("subscribers", "pause", ANNA, "--until", "2026-02-30").code == 2
    assert run("subscribers", "pause", ANNA, "--until", "2020-01-01").code == 2
    assert run("subscribers", "pause", ANNA, "--until", "2199-01-01").out == "paused until 2199-01-01\n"
    assert shown(run)["state"] == "paused"
    assert run("subscribers", "resume", ANNA).code == 0
    assert shown(run)["state"] == "active"
    answer = run("subscribers", "resume", ANNA)
    assert (answer.code, answer.err) == (2, "trialalerts: This subscriber is active: nothing to resume.\n")


@pytest.mark.parametrize(
    "words",
    [("subscribers", "unsubscribe", ANNA), ("subscribers", "erase", ANNA), ("preferences", "remove", "1")],
    ids=lambda words: " ".join(words[:2]),
)
def test_nothing_destructive_happens_without_yes_or_an_answer(run: Run, words: tuple[str, ...]) -> None:
    run(*FULL)
    answer = run(*words)
    assert answer.code == 1
    assert "[y/N]" in answer.out
    assert len(shown(run)["preferences"]) == 1
    assert run(*words, "--yes").code == 0


def test_who_is_erased_is_nowhere_any_more(run: Run) -> None:
    run(*FULL)
    assert run("subscribers", "erase", ANNA, "--yes").code == 0
    assert run("subscribers", "show", ANNA).code == 2
    assert run("subscribers", "list").out.count("\n") == 1
    assert ANNA not in run("subscribers", "export").out


def test_a_preference_is_added_and_removed(run: Run) -> None:
    run(*FULL)
    assert run("preferences", "add", ANNA, "--area", "ALS", "--confirmed").out == "preference 2 added\n"
    assert run("preferences", "add", ANNA, "--area", "ALS", "--confirmed").out == "preference 2 was there already\n"
    assert "a confirmation mail is queued" in run("preferences", "add", ANNA, "--area", "breast cancer").out
    assert run("preferences", "remove", "2", "--yes").out == "preference 2 removed\n"
    assert [each["id"] for each in shown(run)["preferences"]] == [1, 3]
    assert run("preferences", "remove", "2", "--yes").code == 2


def test_an_export_is_imported_elsewhere(run: Run, installation: Installation, initialised: Path) -> None:
    run(*FULL)
    run("subscribers", "add", "bob@example.org", "--area", "ALS", "--label", "=1+1")
    path = installation.folder / "people.csv"
    assert run("subscribers", "export", "--output", str(path)).code == 0
    assert path.stat().st_mode & 0o077 == 0
    assert [each["address"] for each in json.loads(run("subscribers", "export", "--json").out)] == [
        ANNA,
        "bob@example.org",
    ]
    for file in (installation.folder / "var").glob("trialalerts.db*"):
        file.unlink()
    shutil.copy(initialised / "var" / "trialalerts.db", installation.folder / "var")
    answer = run("subscribers", "import", str(path))
    assert answer.out == "2 subscribers and 2 preferences added\n1 must confirm; 1 confirmation mail queued\n"
    assert run("subscribers", "export").out == path.read_bytes().decode()


def test_a_bad_line_stops_the_import_or_is_skipped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("address,area\nanna@example.org,ALS\nbob,ALS\ncarl@example.org,xyzzyx\n")
    answer = run("subscribers", "import", str(path))
    assert answer.code == 2
    assert "line 3: “bob” is not an e-mail address" in answer.err
    assert "line 4: No disease area" in answer.err
    assert run("subscribers", "list").out.count("\n") == 1
    skipped = run("subscribers", "import", str(path), "--skip-bad")
    assert (skipped.code, skipped.out.splitlines()[0]) == (1, "1 subscriber and 1 preference added")
    assert "line 3" in skipped.err
    assert run("subscribers", "import", str(tmp_path / "nothing.csv")).code == 2


def test_failed_deliveries_are_queued_again(run: Run) -> None:
    run(*FULL[:-1])
    assert run("deliveries", "retry").out == "0 queued again\n"
    assert run("deliveries", "retry", "1").out == "1 queued again\n"
    assert run("deliveries", "retry", "9").code == 2
    assert run("deliveries", "list", "--state", "failed").out.count("\n") == 1
    assert run("deliveries", "list", "--to", ANNA).out.count("\n") == 2
    answer = run("deliveries", "list", "--state", "lost")
    assert answer.code == 2
    assert "“failed”" in answer.err


def test_a_delivery_tells_what_was_heard_of_it_but_not_from_whom_it_came_back(
    run: Run, installation: Installation
) -> None:
    run(*FULL[:-1])
    at = datetime(2026, 3, 2, tzinfo=UTC)
    event = FeedbackEvent(
        provider="postmark", event_id="7", kind="bounced", code="5.1.1", delivery_id=1, at=at, received_at=at, raw=ANNA
    )
    with open_database(f"sqlite:///{installation.folder}/var/trialalerts.db") as db, db.write() as session:
        session.add(event)
    (heard,) = json.loads(run("deliveries", "show", "1", "--json").out)["heard"]
    assert (heard["from"], heard["what"], heard["code"]) == ("postmark", "bounced", "5.1.1")
    assert ANNA not in json.dumps(heard)
    assert "postmark" in run("deliveries", "show", "1").out


def test_paused_sending_is_resumed(run: Run, installation: Installation) -> None:
    assert run("deliveries", "resume").out == "sending is not paused\n"
    with open_database(f"sqlite:///{installation.folder}/var/trialalerts.db") as db, db.write() as session:
        session.add(SendingPause(name="breaker", since=datetime(2026, 3, 2, tzinfo=UTC), reason="too many bounces"))
    assert "sending is paused since 2026-03-02 00:00 UTC: too many bounces" in run("doctor").out
    said = "sending goes on; it was paused since 2026-03-02 00:00 UTC: too many bounces\n"
    assert run("deliveries", "resume").out.endswith(said)
    assert "sending is paused" not in run("doctor").out


def test_an_address_is_suppressed_and_lifted(run: Run) -> None:
    assert run("suppressions", "add", ANNA, "--detail", "asked by phone").out == "suppressed\n"
    assert run("suppressions", "add", "ANNA@example.org").out == "was suppressed already\n"
    (row,) = json.loads(run("suppressions", "list", "--json").out)
    assert (row["reason"], row["detail"]) == ("operator", "asked by phone")
    assert "anna" not in run("suppressions", "list").out
    assert "suppressions lift" in run(*FULL).err
    assert run("suppressions", "lift", ANNA).code == 1
    assert run("suppressions", "lift", ANNA, "--yes").out == "lifted\n"
    assert run("suppressions", "lift", ANNA, "--yes").code == 2
