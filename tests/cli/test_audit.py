"""Who did what: each command that changes something leaves a line, and no line ever changes."""

from __future__ import annotations

import getpass
import importlib
import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from benchmarks.structure import SOURCE
from tests.digests.stage import store_areas
from tests.installation import Installation, Run
from tests.subscribers.stage import follow, sign_up
from trialalerts.cli.main import NOUNS
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.audit import list_changes, note_change
from trialalerts.errors import TrialAlertsError
from trialalerts.operations.retention.pruning import prune
from trialalerts.settings import Settings
from trialalerts.subscribers.erasure import erase
from trialalerts.subscribers.people import SubscriberChanges, edit, pause, resume, unsubscribe
from trialalerts.subscribers.preferences import add_preference, remove_preference

ANNA = "anna@example.org"
ME = f"command line ({getpass.getuser()})"
LIST = "address,area,region\nben@example.org,asthma,anywhere\ncleo@example.org,asthma,anywhere\n"
Prepare = str | tuple[str, ...]
"""What comes before a command: a statement of SQL, the words of another command, or nothing."""
FAILED = "UPDATE delivery SET state = 'failed'"
SENT = "UPDATE delivery SET state = 'sent'"
PAUSED = "INSERT INTO sending_pause VALUES ('breaker', '2026-03-02 09:00:00.000000', 'too many bounces')"


CHANGING: dict[str, tuple[tuple[str, ...], Prepare, str, str]] = {
    "subscribers add": (("dora@example.org", "--area", "asthma", "--region", "anywhere"), "",
                        "subscriber.signed_up", "subscriber 2"),
    "subscribers edit": ((ANNA, "--hour", "9"), "", "subscriber.changed", "subscriber 1"),
    "subscribers pause": ((ANNA,), "", "subscriber.paused", "subscriber 1"),
    "subscribers resume": ((ANNA,), ("subscribers", "pause", ANNA), "subscriber.resumed", "subscriber 1"),
    "subscribers unsubscribe": ((ANNA, "--yes"), "", "subscriber.unsubscribed", "subscriber 1"),
    "subscribers erase": ((ANNA, "--yes"), "", "subscriber.erased", "subscriber 1"),
    "subscribers import": (("list.csv", "--confirmed"), "", "subscribers.imported", "subscribers"),
    "subscribers export": (("--output", "out.csv"), "", "subscribers.exported", "subscribers"),
    "preferences add": ((ANNA, "--area", "migraine", "--region", "anywhere"), "", "preference.added",
                        "subscriber 1"),
    "preferences remove": (("1", "--yes"), "", "preference.removed", "subscriber 1"),
    "deliveries retry": ((), FAILED, "delivery.retried", "deliveries"),
    "deliveries resend": (("1",), SENT, "delivery.resent", "delivery 1"),
    "deliveries resume": ((), PAUSED, "sending.resumed", "sending"),
    "suppressions add": (("gone@example.org",), "", "suppression.added", "suppression"),
    "suppressions lift": (("gone@example.org", "--yes"), ("suppressions", "add", "gone@example.org"),
                          "suppression.lifted", "suppression"),
    "suppressions import": (("list.csv",), "", "suppressions.imported", "suppressions"),
    "api-keys add": (("website",), "", "api_key.added", "api key website"),
    "api-keys revoke": (("website",), ("api-keys", "add", "website"), "api_key.revoked", "api key website"),
    "webhooks add": (("https://example.org/hook",), "", "webhook.added", "webhook wh_"),
    "retention run": ((), "", "retention.run", "database"),
    "database restore": (("now.db", "--yes"), ("database", "backup", "now.db"), "database.restored", "database"),
}  # fmt: skip
"""Each command that changes something for people: its words, what comes before, its line in the trail."""
ELSEWHERE = {"announcements cancel", "announcements pause", "announcements resume", "announcements send",
             "articles approve", "articles correct", "articles publish", "articles retract",
             "service announce-handover", "service export", "service import",
             "sources release", "digests send", "areas import", "regions import", "database copy",
             "follows add", "follows remove", "follows silence", "follows unsilence", "items split",
             "webhooks remove", "webhooks replay", "webhooks resume", "webhooks rotate"}  # fmt: skip
"""These leave a line, too: they need a source, a trial, a file, another database or an id that is drawn."""
READS = {
    "announcements list", "announcements show", "articles check", "articles list", "articles preview", "articles show",
    "api-keys list",
    "areas gaps", "areas search", "areas show", "areas tag", "audit list", "database backup", "database check",
    "database upgrade", "database vacuum", "deliveries domains", "deliveries list", "deliveries show",
    "digests due", "digests preview", "digests replay", "digests show", "feedback classify", "follows list",
    "items show", "locales check",
    "preferences estimate", "preferences list", "regions search", "sources check", "sources kinds",
    "sources list", "sources poll", "subscribers explain", "subscribers list", "subscribers show",
    "suppressions export", "suppressions list", "suppressions review", "templates check", "topics search",
    "topics show", "webhooks list", "webhooks test",
}  # fmt: skip


def commands() -> set[str]:
    """Return all commands of two words."""
    found = set()
    for noun in NOUNS:
        module = importlib.import_module(f"trialalerts.cli.{noun.replace('-', '_')}")
        for each in (getattr(module, "app", None) and module.app.registered_commands) or ():
            found.add(f"{noun} {each.name or each.callback.__name__.replace('_', '-')}")
    return found


def test_every_command_is_known_to_change_something_or_not() -> None:
    assert commands() - CHANGING.keys() - ELSEWHERE - READS == set()


def changes(run: Run, *words: str) -> list[dict[str, str]]:
    """Return what ``audit list`` tells, newest first."""
    told: list[dict[str, str]] = json.loads(run("audit", "list", "--json", *words).done)
    return told


@pytest.mark.parametrize("command", CHANGING)
def test_a_command_that_changes_something_leaves_a_line(run: Run, installation: Installation, command: str) -> None:
    words, prepare, action, subject = CHANGING[command]
    assert run("subscribers", "add", ANNA, "--area", "asthma", "--region", "anywhere", "--confirmed").code == 0
    if command.startswith("deliveries"):
        assert run("subscribers", "add", "late@example.org", "--area", "asthma", "--region", "anywhere").code == 0
    (installation.folder / "list.csv").write_text(LIST, encoding="utf-8")
    if isinstance(prepare, tuple):
        assert run(*prepare).code == 0
    elif prepare:
        with closing(sqlite3.connect(installation.folder / "var" / "trialalerts.db")) as database, database:
            database.execute(prepare)
    before = changes(run)
    answer = run(*command.split(), *words)
    assert answer.code == 0, answer.err
    new = changes(run)[: len(changes(run)) - len(before)]
    assert (action, ME) in {(each["action"], each["who"]) for each in new}
    assert any(each["subject"].startswith(subject) for each in new)
    assert "@" not in json.dumps(new)


def test_the_trail_tells_who_when_what_from_what_to_what(run: Run) -> None:
    assert run("subscribers", "add", ANNA, "--area", "asthma", "--region", "anywhere", "--confirmed").code == 0
    assert run("subscribers", "edit", ANNA, "--hour", "9", "--frequency", "daily").code == 0
    assert run("subscribers", "pause", ANNA).code == 0
    (paused,) = changes(run, "--action", "subscriber.paused")
    assert (paused["who"], paused["subject"], paused["old"], paused["new"]) == (ME, "subscriber 1", "active", "paused")
    (edited,) = changes(run, "--action", "subscriber.changed")
    assert edited["old"] == "frequency=weekly, hour=8"
    assert edited["new"] == "frequency=daily, hour=9"
    assert [each["action"] for each in changes(run, "--limit", "1")] == ["subscriber.paused"]
    assert len(changes(run, "--subject", ANNA)) == len(changes(run, "--subject", "subscriber 1")) == len(changes(run))
    assert changes(run, "--since", "2100-01-01") == changes(run, "--who", "web") == []
    assert run("audit", "list").done.splitlines()[0] == "at\twho\taction\tsubject\told\tnew"


def test_what_people_do_on_the_pages_is_told_as_theirs(db: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with db.write() as session:
        store_areas(session)
        person = sign_up(session, ANNA, follow("D009103", label="for my mother")).subscriber
        edit(session, person, SubscriberChanges(address="new@example.org", hour=7), how="web", now=now)
        added = add_preference(session, person, follow("D001249"), confirmed=True, how="web", now=now)
        remove_preference(session, person, added.preference.id or 0, how="web", now=now)
        pause(session, person, until=None, how="web", now=now)
        resume(session, person, how="web", now=now)
        unsubscribe(session, person, how="one-click", now=now)
        erase(session, person, how="web", now=now)
    with db.read() as session:
        trail = [(each.action, each.old, each.new) for each in reversed(list_changes(session, who="web"))]
        everything = repr(list_changes(session))
    assert trail == [
        ("subscriber.changed", "address, hour=8", "address, hour=7"),
        ("preference.added", None, "preference 2 added"),
        ("subscriber.confirmed", None, "preference 2"),
        ("preference.removed", None, "preference 2 removed"),
        ("subscriber.paused", "active", "paused"),
        ("subscriber.resumed", "paused", "active"),
        ("subscriber.unsubscribed", "active", "unsubscribed"),
        ("subscriber.erased", None, None),
    ]
    assert [word for word in ("@", "mother", "D009103", "D001249") if word in everything] == []


def test_no_line_of_the_trail_can_be_changed(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        note_change(session, "web", "subscriber.paused", "subscriber 1", now=clock.now())
    with pytest.raises((DBAPIError, TrialAlertsError), match="the audit trail is never changed"), db.write() as session:
        session.connection().execute(text("UPDATE audit_entry SET who = 'nobody'"))
    for spoil in (_change, Session.delete):
        with pytest.raises(RuntimeError, match="only ever added to"), db.write() as session:
            spoil(session, list_changes(session)[0])
    with db.read() as session:
        assert [each.who for each in list_changes(session)] == ["web"]


def _change(session: Session, entry: object) -> None:
    entry.who = "nobody"  # type: ignore[attr-defined]
    session.add(entry)


def test_only_retention_deletes_lines_of_the_trail() -> None:
    naming = re.compile(r"(delete|update|deleting|blanking)\((table_of\()?AuditEntry|(DELETE FROM|UPDATE) audit_entry")
    files = [path for path in SOURCE.rglob("*.py") if naming.search(path.read_text("utf-8"))]
    found = {path.relative_to(SOURCE).as_posix() for path in files}
    assert found == {"operations/retention/history_rules.py"}


def test_old_lines_go_with_retention(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        for days in (0, 600):
            note_change(session, "web", "x.y", "z", now=clock.now() + timedelta(days=days))
    assert prune(db, Settings(), clock.now() + timedelta(days=731))["lines of the audit trail"] == 1
