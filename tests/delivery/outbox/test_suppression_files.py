"""Suppressions go out as hashes and come in as hashes or addresses; a list that means nothing is refused."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from tests.delivery.post import NOW
from tests.installation import Installation, Run
from trialalerts.database import Database
from trialalerts.delivery.outbox.suppression_files import (
    SuppressionList,
    export_suppressions,
    read_suppressions,
    store_suppressions,
)
from trialalerts.delivery.outbox.suppressions import SuppressionReason, is_suppressed, suppress
from trialalerts.delivery.outbox.tables import Suppression
from trialalerts.errors import InvalidInput

SECRET, BEFORE = "today's secret of these tests", "the secret of before"


def read(text: str, *secrets: str, detail: str | None = None) -> SuppressionList:
    return read_suppressions(text, secrets or (SECRET,), detail=detail, now=NOW)


def exported(db: Database, *secrets: str) -> str:
    out = io.StringIO(newline="")
    with db.read() as session:
        export_suppressions(session, secrets or (SECRET,), out)
    return out.getvalue()


@pytest.fixture
def filled(db: Database) -> Database:
    """Two suppressed addresses, one of them known by a previous secret."""
    why = SuppressionReason(rule="gone", code="550 5.1.1", words="no such user, really", transport="smtp")
    with db.write() as session:
        suppress(session, SECRET, "mona@example.org", reason="bounced", why=why, now=NOW)
        suppress(session, BEFORE, "lisa@example.org", reason="complained", detail="by webhook", now=NOW)
    return db


def test_an_export_holds_no_address_and_its_import_gives_the_same_again(filled: Database) -> None:
    text = exported(filled, SECRET, BEFORE)
    assert "example.org" not in text
    with filled.write() as session:
        for each in session.exec(select(Suppression)):
            session.delete(each)
    found = read(text, SECRET, BEFORE)
    assert store_suppressions(filled, found, dry_run=True) == 2
    with filled.read() as session:
        assert session.exec(select(Suppression)).all() == []
    assert store_suppressions(filled, found) == 2
    assert store_suppressions(filled, found) == 0
    assert exported(filled, SECRET, BEFORE) == text
    with filled.read() as session:
        mona = is_suppressed(session, SECRET, "MONA@example.org")
        lisa = is_suppressed(session, (SECRET, BEFORE), "lisa@example.org")
    assert mona is not None
    assert (mona.reason, mona.rule, mona.code, mona.since) == ("bounced", "gone", "550 5.1.1", NOW)
    assert lisa is not None
    assert (lisa.reason, lisa.detail) == ("complained", "by webhook")


def test_beside_a_column_of_mail_addresses_another_holds_where_they_live() -> None:
    found = read('Address,Email Address,UNSUB_TIME\n"1 Mill Lane, Leeds",eve@people.example,2024-05-01 09:00:00\n')
    assert (len(found.rows), found.errors) == (1, [])


def test_hashes_of_another_secret_are_refused_unless_a_previous_one_knows_them(filled: Database) -> None:
    text = exported(filled, SECRET)
    with pytest.raises(InvalidInput, match=r"service\.previous_secrets") as caught:
        read(text, "some other secret")
    assert "\n" not in str(caught.value)
    assert len(read(text, "some other secret", SECRET).rows) == 2
    with pytest.raises(InvalidInput):
        read(text.replace("secrets", "sekrets"))


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        pytest.param("mona@example.org\n", "operator", "imported", id="one a line"),
        pytest.param("\ufeff# blocked\n\nMona <mona@example.org>\n", "operator", "imported", id="names and a comment"),
        pytest.param("mona@example.org;12;left\n", "operator", "imported", id="no head"),
        pytest.param(
            "uuid,email,name,attributes,status,created_at,updated_at\n1,mona@example.org,M,{},blocklisted,2026-01-01,\n",
            "operator",
            "blocklisted",
            id="listmonk",
        ),
        pytest.param(
            "Email Address,First Name,MEMBER_RATING,CLEAN_TIME\nmona@example.org,M,2,2026-01-01 10:00:00\n",
            "operator",
            "imported",
            id="mailchimp",
        ),
        pytest.param(
            "status,reason,email,created\n5.1.1,550 no such <mona@example.org> here,mona@example.org,1767225600\n",
            "operator",
            "550 no such … here",
            id="sendgrid",
        ),
        pytest.param(
            "EmailAddress,SuppressionReason,Origin\nmona@example.org,HardBounce,Recipient\n",
            "bounced",
            None,
            id="postmark",
        ),
        pytest.param("sep=;\nE-Mail;Type\nmona@example.org;spam\n", "complained", None, id="excel"),
    ],
)
def test_lists_of_other_programs_are_read(sqlite_db: Database, text: str, reason: str, detail: str | None) -> None:
    found = read(text)
    assert found.errors == []
    assert store_suppressions(sqlite_db, found) == 1
    with sqlite_db.read() as session:
        stored = is_suppressed(session, SECRET, "mona@example.org")
    assert stored is not None
    assert stored.reason == reason
    assert detail is None or stored.detail == detail
    assert "@" not in (stored.detail or "")


def test_dates_are_kept_and_none_lies_ahead(sqlite_db: Database) -> None:
    text = (
        "email,created\na@example.org,2025-05-01\nb@example.org,1767225600\nc@example.org,2999-01-01\nd@example.org,?\n"
    )
    store_suppressions(sqlite_db, read(text))
    with sqlite_db.read() as session:
        since = {
            name: found.since for name in "abcd" if (found := is_suppressed(session, SECRET, f"{name}@example.org"))
        }
    assert since == {"a": datetime(2025, 5, 1, tzinfo=UTC), "b": datetime(2026, 1, 1, tzinfo=UTC), "c": NOW, "d": NOW}


def test_the_first_reason_stays_and_an_address_counts_once_by_whatever_secret(filled: Database) -> None:
    text = "lisa@example.org\nLISA@example.org\nnew@example.org\nNew@Example.org\n"
    assert store_suppressions(filled, read(text, SECRET, BEFORE, detail="asked by phone")) == 1
    with filled.read() as session:
        lisa = is_suppressed(session, (SECRET, BEFORE), "lisa@example.org")
        new = is_suppressed(session, SECRET, "new@example.org")
    assert lisa is not None
    assert lisa.reason == "complained"
    assert new is not None
    assert new.detail == "asked by phone"


@pytest.mark.parametrize("text", ["name,phone\nAnn,12\n", "uuid,status\n1,enabled\n"])
def test_a_file_without_addresses_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no column of addresses"):
        read(text)


def test_by_command(run: Run, installation: Installation) -> None:
    folder = installation.folder
    (folder / "left.csv").write_text("Email,Reason\nanna@example.org,asked by phone\nbob,\n", encoding="utf-8")
    tried = run("suppressions", "import", "left.csv", "--dry-run")
    assert tried.out == "this was a dry run: nothing is stored\n1 address suppressed, 0 were already\n"
    answer = run("suppressions", "import", "left.csv")
    assert (answer.code, answer.out) == (1, "1 address suppressed, 0 were already\n")
    assert "line 3: “bob” is not an e-mail address" in answer.err
    assert (folder / "left.csv.refused.csv").read_text("utf-8").splitlines()[
        0
    ] == "refused_line,refused_reason,email,reason"
    assert run("suppressions", "export", "out.csv").done == "1 suppression written to out.csv\n"
    assert (folder / "out.csv").stat().st_mode & 0o077 == 0
    assert run("suppressions", "import", "out.csv").done == "0 addresses suppressed, 1 were already\n"
    run("subscribers", "add", "anna@example.org", "--area", "asthma", "--confirmed")
    assert "suppressed" in run("subscribers", "explain", "anna@example.org").out
    assert run("suppressions", "import", "nothing.csv").code == 2
