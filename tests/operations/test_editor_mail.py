"""What editors are told by mail: each thing that waits once, at most one mail a day, and only who may be mailed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from tests.web.desk_stage import ANNA, ARTICLE, BASE, BEN, DeskWorld, open_desk, text_of
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.service_values import ServiceValue
from trialalerts.delivery.outbox.suppressions import suppress
from trialalerts.operations.checks.mail import about_desk
from trialalerts.operations.desk.mailing import EditorMail
from trialalerts.operations.desk.tables import EditorLogin
from trialalerts.operations.retention.pruning import prune
from trialalerts.settings import DeskSettings
from trialalerts.sources.editors.front_matter import with_values

ROUND, DAY = timedelta(minutes=10), timedelta(days=1)
TWO = "[Example Alerts] 2 articles wait for you"


@pytest.fixture
def desk(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> Iterator[DeskWorld]:
    with open_desk(sqlite_db, clock, tmp_path / "articles") as world:
        yield world


def told(desk: DeskWorld, after: timedelta = ROUND) -> dict[str, str]:
    """Let so much time go by and two rounds pass; return each editor's mail: its subject and its lines."""
    desk.clock.advance(after - ROUND)
    first = desk.mails(news=True)
    desk.clock.advance(ROUND)
    found = [*first, *desk.mails(news=True)]
    mails = {to: f"{mail['Subject']}\n{text_of(mail)}" for to, mail in found}
    assert len(mails) == len(found), "nobody gets two"
    return mails


def set_status(desk: DeskWorld, status: str, name: str = "tablet.md") -> None:
    path = desk.folder / name
    path.write_text(with_values(path.read_text("utf-8"), {"status": status}), "utf-8")


def test_what_waits_is_told_once_to_each_editor(desk: DeskWorld) -> None:
    assert desk.mails(news=True) == [], "a file that is just being saved is no news"
    mails = told(desk)
    assert set(mails) == {ANNA, BEN}
    for mail in mails.values():
        assert mail.startswith(f"{TWO}\n")
        assert "- A tablet for multiple sclerosis (waits for approval)" in mail
        assert "- Eine Tablette bei Multipler Sklerose (waits for approval)" in mail
        assert f"The desk: {BASE}/desk" in mail
    assert told(desk, DAY) == {}
    assert told(desk, DAY) == {}


def test_there_is_one_mail_a_day_and_nothing_is_forgotten_for_it(desk: DeskWorld) -> None:
    assert set(told(desk)) == {ANNA, BEN}
    (desk.folder / "second.md").write_text(ARTICLE.replace("A tablet", "An infusion"), "utf-8")
    (desk.folder / "third.md").write_text(ARTICLE.replace("status: review", "status: revue"), "utf-8")
    assert told(desk, timedelta(hours=2)) == {}
    mails = told(desk, DAY)
    assert set(mails) == {ANNA, BEN}
    assert "An infusion for multiple sclerosis" in mails[ANNA]
    assert "third.md (status: found “revue”" in mails[ANNA]
    assert "A tablet" not in mails[ANNA]


def test_what_waits_again_after_it_went_on_is_told_again(desk: DeskWorld) -> None:
    assert told(desk)
    set_status(desk, "draft")
    assert told(desk, DAY) == {}
    set_status(desk, "review")
    mails = told(desk, DAY)
    assert "1 article waits for you" in mails[ANNA]


def test_a_folder_that_cannot_be_read_for_a_while_brings_no_second_mail(desk: DeskWorld) -> None:
    assert told(desk)
    away = desk.folder.rename(desk.folder.parent / "away")
    assert told(desk, DAY) == {}
    away.rename(desk.folder)
    assert told(desk, DAY) == {}


def test_of_two_processes_and_after_a_restart_each_thing_is_told_once(desk: DeskWorld) -> None:
    assert told(desk)
    desk.writer = EditorMail(desk.settings, desk.db, desk.clock)
    assert told(desk, DAY) == {}


def test_what_does_not_leave_is_told_later(desk: DeskWorld) -> None:
    desk.mailbox.answers["MAIL"] = "451 later"
    assert told(desk) == {}
    del desk.mailbox.answers["MAIL"]
    assert set(told(desk)) == {ANNA, BEN}


def test_who_may_not_be_mailed_is_not(desk: DeskWorld) -> None:
    with desk.db.write() as session:
        suppress(session, desk.settings.service.secrets[0], BEN, reason="bounced", now=desk.clock.now())
    mail = desk.settings.mail.model_copy(update={"only_to": (ANNA,)})
    desk.writer = EditorMail(desk.settings.model_copy(update={"mail": mail}), desk.db, desk.clock)
    assert set(told(desk)) == {ANNA}
    client = desk.client()
    client.post("/desk", data={"address": BEN})
    assert desk.mails() == []
    with desk.db.read() as session:
        (check,) = about_desk(desk.settings, session)
    assert (check.level, check.remedy) == ("look", f"run: trialalerts suppressions lift {BEN}")
    with desk.db.read() as session:
        held = about_desk(desk.settings.model_copy(update={"mail": mail}), session)
        assert [each.what.partition(" ")[0] for each in held] == [BEN]
    other = mail.model_copy(update={"only_to": (BEN,)})
    with desk.db.read() as session:
        whats = [each.what for each in about_desk(desk.settings.model_copy(update={"mail": other}), session)]
    assert whats[0] == f"{ANNA} of desk.editors gets no mail: mail.only_to holds it back"


def test_what_is_left_of_a_session_goes_in_the_night(desk: DeskWorld) -> None:
    desk.signed_in()
    with desk.db.read() as session:
        assert len(session.exec(select(EditorLogin)).all()) == 1
    desk.clock.advance(DAY)
    prune(desk.db, desk.settings, desk.clock.now(), wait=lambda _: None)
    with desk.db.read() as session:
        assert session.exec(select(EditorLogin)).all() == []


def test_of_who_is_no_editor_any_more_nothing_is_kept(desk: DeskWorld) -> None:
    assert told(desk)
    others = desk.settings.model_copy(update={"desk": DeskSettings(editors=(ANNA,))})
    desk.writer = EditorMail(others, desk.db, desk.clock)
    assert told(desk, DAY) == {}
    with desk.db.read() as session:
        kept = {each.name: each.value for each in session.exec(select(ServiceValue)) if "desk" in each.name}
    assert len(kept) == 1
    assert ANNA not in str(kept)
    assert "tablet" not in str(kept)


def test_nobody_is_told_in_the_night(desk: DeskWorld) -> None:
    desk.clock.advance(timedelta(hours=14))  # half past midnight in Berlin
    assert told(desk) == {}
    assert told(desk, timedelta(hours=6)) == {}
    assert set(told(desk, timedelta(hours=2))) == {ANNA, BEN}
