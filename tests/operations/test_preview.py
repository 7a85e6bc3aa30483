"""See it: the preview of a digest, or the true reason why there is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.digests.stage import publish, store_article, store_subscriber, store_trial
from tests.installation import Installation, Run
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.settings import read_settings
from trialalerts.subscribers.tables import SubscriberState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANNA = "anna@example.org"
SERVED: dict[str, Any] = {"cursor": 0, "confirmed_at": NOW, "confirmed_seq": 0}


def store(installation: Installation, **values: Any) -> None:
    with open_database(f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}") as db, db.write() as session:
        store_subscriber(session, "anna", NOW, **{**SERVED, **values})
        publish(session, store_trial(session, 1, NOW), ChangeKind.OPENED, NOW)
        article = store_article(session, 1, NOW)
        article.facts, article.summary = {**article.facts, "audience": "patients"}, "What the study found, in brief."
        publish(session, article, ChangeKind.PUBLISHED, NOW)


def test_entries_have_the_trials_number_and_what_is_said_in_plain_words(run: Run, installation: Installation) -> None:
    store(installation)
    trial, article = json.loads(run("digests", "preview", ANNA, "--json").done)
    assert (trial["number"], trial["plain"]) == ("NCT90000001", None)
    assert (article["number"], article["plain"]) == (None, "What the study found, in brief.")
    assert trial["reasons"][0]["area_id"] == "D009103"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"state": SubscriberState.PENDING, "cursor": -1}, "pending"),
        ({"state": SubscriberState.PAUSED}, "paused"),
        ({"state": SubscriberState.UNSUBSCRIBED}, "unsubscribed"),
        ({"state": SubscriberState.BOUNCED}, "bounced"),
        ({"state": SubscriberState.COMPLAINED}, "complained"),
    ],
    ids=["pending", "paused", "unsubscribed", "bounced", "complained"],
)
def test_who_is_not_served_gets_the_reason_and_no_digest_that_pretends(
    run: Run, installation: Installation, values: dict[str, Any], reason: str
) -> None:
    store(installation, next_due_at=None, **values)
    told = run("digests", "preview", ANNA).done
    assert f"- {reason}: " in told
    assert "Fictional trial" not in told
    answer = json.loads(run("digests", "preview", ANNA, "--json").done)
    assert (answer["reasons"], answer["entries"]) == ([reason], [])


def test_a_suppressed_address_gets_the_reason(run: Run, installation: Installation) -> None:
    store(installation)
    secret = read_settings(None).service.secrets[0]
    with open_database(f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}") as db, db.write() as session:
        suppress(session, secret, ANNA, reason="operator", now=NOW)
    assert "- suppressed: the address is suppressed (operator)" in run("digests", "preview", ANNA).done
    assert json.loads(run("digests", "preview", ANNA, "--json").done)["reasons"] == ["suppressed"]


def test_nothing_new_is_a_reason_too(run: Run, installation: Installation) -> None:
    store(installation, cursor=2)
    assert json.loads(run("digests", "preview", ANNA, "--json").done)["reasons"] == ["nothing_new"]


def test_a_pause_that_is_over_by_then_stops_no_preview(run: Run, installation: Installation) -> None:
    now = SystemClock().now()
    store(installation, state=SubscriberState.PAUSED, paused_until=now + timedelta(days=3), next_due_at=None)
    assert "- paused: " in run("digests", "preview", ANNA).done
    then = (now + timedelta(days=4)).isoformat()
    assert "Fictional trial 1" in run("digests", "preview", ANNA, "--as-of", then).done


def test_open_writes_a_private_page_and_opens_it(
    run: Run, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(installation)
    opened: list[str] = []

    def browse(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    path = Path(run("digests", "preview", ANNA, "--open").done.partition(": written")[0])
    assert opened == [path.as_uri()]
    assert "Fictional trial 1" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    run("digests", "preview", ANNA, "--open", "--html", "seen.html")
    assert opened[1] == (installation.folder / "seen.html").resolve().as_uri()
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert "open the file yourself" in run("digests", "preview", ANNA, "--open").done
