"""Webhooks on the command line: added with limits, tried out, replayed, rotated, removed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from standardwebhooks import Webhook as Verifier

from tests.installation import Installation, Run
from tests.sources.registry_server import Fault, RegistryServer, respond

CONFIGURATION = "[webhooks]\nallow_private_addresses = true\n[service]\nbase_url = 'https://alerts.example.org'\n"


@pytest.fixture
def program() -> Iterator[RegistryServer]:
    """A program that takes calls at ``/hook``."""
    with RegistryServer() as server:
        server.serve("/hook", b"")
        yield server


def added(run: Run, *words: str) -> tuple[str, str]:
    """Add a webhook; return its id and its secret."""
    name, secret = run("webhooks", "add", *words).done.split()
    return name, secret


def listed(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("webhooks", "list", "--json").done)
    return found


def test_a_webhook_is_added_with_its_limits_and_its_secret_shown_once(run: Run) -> None:
    made = run("webhooks", "add", "https://example.org/hook?key=hunter2", "--area", "asthma", "--region", "GB")
    name, secret = made.done.split()
    assert secret.startswith("whsec_")
    assert "The secret is not shown again" in made.err
    assert f"trialalerts webhooks test {name}" in made.err
    (only,) = listed(run)
    assert (only["id"], only["url"], only["state"]) == (name, "https://example.org/hook", "works")
    assert (only["areas"], only["regions"]) == (["Asthma"], ["United Kingdom"])
    assert only["events"] == [
        "article.concern", "article.corrected", "article.published", "article.retracted", "trial.changed",
    ]  # fmt: skip
    told = run("webhooks", "list").done + run("webhooks", "list", "--json").done + run("audit", "list", "--json").done
    assert secret not in told
    assert "hunter2" not in told


def test_events_are_named_and_anywhere_limits_nothing(run: Run) -> None:
    added(
        run,
        "https://example.org/hook",
        "--event",
        "subscriber.left",
        "--event",
        "source.failing",
        "--region",
        "anywhere",
    )
    (only,) = listed(run)
    assert only["events"] == ["source.failing", "subscriber.left"]
    assert only["regions"] == []


WRONG = {
    "an event": (
        ("https://example.org", "--event", "trial.change"),
        "there is no event “trial.change”. Did you mean “tr",
    ),
    "an area": (("https://example.org", "--area", "asthmaa"), "Did you mean “Asthma”"),
    "a region": (("https://example.org", "--region", "Nowherebury"), "Nowherebury"),
    "an address": (("http://example.org/hook",), "is not encrypted; use https"),
    "a private address": (("https://10.0.0.1/hook",), "webhooks.allow_private_addresses = true"),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_sense_is_told_in_a_line_and_nothing_is_stored(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    answer = run("webhooks", "add", *words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert listed(run) == []


def test_a_program_is_tried_out(run: Run, installation: Installation, program: RegistryServer) -> None:
    installation.configure(CONFIGURATION)
    name, secret = added(run, f"{program.root}/hook")
    assert run("webhooks", "test", name).done == "it answered 200\n"
    (call,) = program.requests
    told = Verifier(secret).verify(call.body, dict(call.headers))
    assert (told["type"], told["data"]) == ("webhook.test", {"id": name})
    program.faults.append(Fault(act=respond(500)))
    failed = run("webhooks", "test", name)
    assert (failed.code, failed.out) == (1, "it answered 500\n")
    assert "There is no webhook wh_none; see: trialalerts webhooks list" in run("webhooks", "test", "wh_none").err


def test_a_round_calls_and_a_replay_calls_again(run: Run, installation: Installation, program: RegistryServer) -> None:
    installation.configure(CONFIGURATION)
    name, _ = added(run, f"{program.root}/hook", "--event", "subscriber.confirmed", "--event", "subscriber.left")
    add = ("subscribers", "add", "anna@example.org", "--area", "asthma", "--region", "anywhere", "--confirmed")
    assert run(*add).code == 0
    assert "webhooks: 1 called\n" in run("run", "--once", "--roles", "send").out
    assert run("subscribers", "unsubscribe", "anna@example.org", "--yes").code == 0
    program.faults.append(Fault(act=respond(503)))
    assert "webhooks: 1 failed\n" in run("run", "--once", "--roles", "send").out
    (only,) = listed(run)
    assert (only["state"], only["waiting"], only["sent"]) == ("failing", 1, 1)
    assert only["last_error"] == "it answered 503"
    assert run("webhooks", "replay", name, "--since", "1h").done.startswith("1 call made again and 0 that")
    assert "webhooks: 2 called\n" in run("run", "--once", "--roles", "send").out
    told = [json.loads(each.body)["type"] for each in program.requests]
    assert sorted(told) == ["subscriber.confirmed"] * 2 + ["subscriber.left"] * 2
    assert len({each.headers["webhook-id"] for each in program.requests}) == 2
    assert all(b"anna" not in each.body and b"sthma" not in each.body for each in program.requests)


def test_a_secret_is_rotated_and_a_webhook_resumed_and_removed(run: Run, installation: Installation) -> None:
    name, secret = added(run, "https://example.org/hook")
    rotated = run("webhooks", "rotate", name)
    assert rotated.done.strip() not in {"", secret}
    assert "signs, too, for a day" in rotated.err
    assert run("webhooks", "resume", name).done == "it is not disabled\n"
    with closing(sqlite3.connect(installation.folder / "var" / "trialalerts.db")) as database, database:
        database.execute("UPDATE webhook SET disabled_at = '2026-03-02 09:00:00.000000'")
    assert run("webhooks", "replay", name, "--since", "1h").code == 2
    assert run("webhooks", "resume", name).done.startswith("resumed; for what happened meanwhile")
    assert run("webhooks", "remove", name, "--yes").done == "removed\n"
    assert listed(run) == []
    trail = [each["action"] for each in json.loads(run("audit", "list", "--subject", f"webhook {name}", "--json").done)]
    assert trail == ["webhook.removed", "webhook.resumed", "webhook.rotated", "webhook.added"]
