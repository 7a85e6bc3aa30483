"""What the operator should know: noted as often as it is seen, kept once, ended when it is over."""

from __future__ import annotations

from datetime import timedelta

from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.findings import end_findings, note_finding, open_findings
from trialalerts.operations.counting.report import make_report
from trialalerts.operations.doctor import examine
from trialalerts.settings import Settings


def test_a_finding_that_is_seen_again_keeps_since_when_it_holds(db: Database, clock: FrozenClock) -> None:
    first = clock.now()
    with db.write() as session:
        note_finding(session, "source-held", "news", "ten entries\nwould be told", now=first)
    clock.advance(timedelta(hours=2))
    with db.write() as session:
        note_finding(session, "source-held", "news", "eleven entries would be told", now=clock.now())
        note_finding(session, "source-held", "other", "of another source", now=clock.now())
        note_finding(session, "slow", "", "of the service", now=clock.now())
    with db.read() as session:
        found = [(f.subject, f.text, f.since, f.last_seen_at) for f in open_findings(session, "source-held")]
    assert found == [
        ("news", "eleven entries would be told", first, clock.now()),
        ("other", "of another source", clock.now(), clock.now()),
    ]


def test_what_is_over_is_ended_and_nothing_else(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        for kind, subject in (("held", "a"), ("held", "b"), ("held", "c"), ("slow", "a")):
            note_finding(session, kind, subject, "so it is", now=clock.now())
        assert end_findings(session, "held", ["a", "unknown"]) == 1
        assert end_findings(session, "held") == 2
        assert end_findings(session, "held") == 0
        assert [(f.kind, f.subject) for f in open_findings(session)] == [("slow", "a")]


def test_doctor_and_report_show_what_is_open(sqlite_db: Database, clock: FrozenClock) -> None:
    with sqlite_db.write() as session:
        note_finding(session, "source-held", "news", "news is held: trialalerts sources release news", now=clock.now())
    seen = [check for check in examine(Settings(), sqlite_db, clock) if "news is held" in check.what]
    assert [check.level for check in seen] == ["look"]
    assert "since 2026-03-02 09:30 UTC" in seen[0].what
    with sqlite_db.read() as session:
        report = make_report(session, now=clock.now(), days=1)
    row = (
        "findings",
        "source-held: news",
        "since 2026-03-02 09:30 UTC: news is held: trialalerts sources release news",
    )
    assert row in list(report.rows())
