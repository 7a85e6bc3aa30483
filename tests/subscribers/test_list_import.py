"""An import goes on where it was cut off, keeps consents, maps lists, and tells each refused line."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from tests.installation import Installation, Run
from tests.subscribers.stage import NOW, sign_up
from trialalerts.database import Database
from trialalerts.delivery.outbox.confirmations import request_confirmations
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.errors import InvalidInput
from trialalerts.subscribers import people
from trialalerts.subscribers.addresses import address_key, checked_address
from trialalerts.subscribers.files import bulk_import
from trialalerts.subscribers.files.bulk_import import StoredList, SubscriberList, read_csv, store_list
from trialalerts.subscribers.files.csv_rows import CsvRowReader
from trialalerts.subscribers.files.export import export_csv
from trialalerts.subscribers.files.list_names import read_list_names
from trialalerts.subscribers.people import find_subscriber, list_subscribers
from trialalerts.subscribers.tables import Consent, SubscriberState
from trialalerts.vocabulary.areas.tree import load_areas

ASK = partial(request_confirmations, now=NOW, domain="example.org")
MANY = "address,area,confirmed\n" + "".join(
    f"p{number}@people.example,{area},{'yes' if number % 2 else 'no'}\n"
    for number in range(230)
    for area in ("D009103", "D000690")[: 1 + number % 2]
)


def read_list(session: Session, text: str, **values: Any) -> SubscriberList:
    others = {name: values.pop(name, "") for name in ("area", "region", "consent")}
    reader = CsvRowReader(
        session, load_areas(session), locale="en", timezone="UTC", confirmed=True, now=NOW, others=others
    )
    given = {"mapping": {}, "needs_area": not others["area"], **values}
    return read_csv(session, reader, io.StringIO(text, newline=""), **given)


def import_list(db: Database, text: str, *, ask: Any = ASK, dry_run: bool = False, **values: Any) -> StoredList:
    with db.read() as session:
        found = read_list(session, text, **values)
    found.refuse_if_wrong()
    return store_list(db, found, ask=ask, now=NOW, dry_run=dry_run)


@pytest.fixture
def batches_of_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store a hundred people at once, where usually it is a thousand."""
    monkeypatch.setattr(bulk_import, "_AT_ONCE", 100)


def everything(db: Database) -> tuple[str, list[tuple[int, Any]], int]:
    """All people as a list, the mails that ask them, and the number of consents."""
    out = io.StringIO(newline="")
    with db.read() as session:
        export_csv(session, out)
        mails = sorted((each.subscriber_id, each.data) for each in session.exec(select(Delivery)))
        return out.getvalue(), mails, len(list(session.exec(select(Consent))))


@pytest.mark.usefixtures("batches_of_a_hundred")
def test_an_import_that_was_cut_off_goes_on_and_nobody_is_added_or_asked_twice(stage: Database) -> None:
    batches = 0

    def cut_off(session: Session, waiting: Sequence[Any]) -> int:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise KeyboardInterrupt
        return ASK(session, waiting)

    with pytest.raises(KeyboardInterrupt):
        import_list(stage, MANY, ask=cut_off)
    with stage.read() as session:
        assert len(list_subscribers(session)) == 200
    count = import_list(stage, MANY)
    assert (count.subscribers, count.preferences, count.to_confirm, count.asked) == (30, 45, 15, 15)
    whole = everything(stage)
    assert len(whole[1]) == 115
    assert import_list(stage, MANY) == StoredList()
    assert everything(stage) == whole


@pytest.mark.usefixtures("batches_of_a_hundred")
def test_a_dry_run_says_what_would_be_done_and_does_nothing(stage: Database) -> None:
    with stage.write() as session:
        sign_up(session, "p1@people.example")
    before = everything(stage)
    count = import_list(stage, MANY, dry_run=True)
    assert (count.subscribers, count.preferences, count.asked) == (229, 344, 115)
    assert everything(stage) == before


def test_who_is_known_and_waits_is_not_asked_again_a_day_later(stage: Database) -> None:
    text = "address,area,confirmed\nmona@example.org,D009103,no\n"
    assert import_list(stage, text).asked == 1
    later = partial(request_confirmations, now=NOW + timedelta(days=2), domain="example.org")
    assert import_list(stage, text, ask=later).asked == 0
    assert import_list(stage, text + "mona@example.org,D000690,no\n", ask=later).to_confirm == 1


def test_whom_a_file_brought_and_who_left_since_does_not_stop_its_second_run(stage: Database) -> None:
    text = "address,area,confirmed\nmona@example.org,D009103,yes\nlisa@example.org,D009103,yes\n"
    import_list(stage, text)
    with stage.write() as session:
        people.unsubscribe(session, find_subscriber(session, "mona@example.org"), how="one-click", now=NOW)
    with stage.read() as session:
        found = read_list(session, text)
    assert ([each.line for each in found.left_since], found.errors) == ([2], [])
    assert import_list(stage, text) == StoredList()
    with stage.read() as session:
        assert find_subscriber(session, "mona@example.org").state is SubscriberState.UNSUBSCRIBED


def test_an_export_with_people_who_left_is_read_twice(stage: Database) -> None:
    text = "address,state,area,confirmed\nmona@example.org,unsubscribed,D009103,yes\n"
    assert import_list(stage, text).subscribers == 1
    assert import_list(stage, text) == StoredList()


def test_the_consent_of_a_line_is_kept_once_and_that_of_the_command_stands_in(stage: Database) -> None:
    text = "address,area,consent\nmona@example.org,D009103,paper form 17\nlisa@example.org,D009103,\n"
    for _ in range(2):
        import_list(stage, text, consent="members' list 2025")
    with stage.read() as session:
        kept = {
            who: [each.what for each in session.exec(select(Consent)) if each.subscriber_id == person.id and each.what]
            for who in ("mona", "lisa")
            for person in [find_subscriber(session, f"{who}@example.org")]
        }
    assert [texts[0] for texts in kept.values()] == ["paper form 17", "members' list 2025"]
    assert [len(texts) for texts in kept.values()] == [2, 2]


def test_a_consent_longer_than_a_page_is_an_error_of_its_line(sqlite_stage: Database) -> None:
    with sqlite_stage.read() as session:
        (error,) = read_list(session, f"address,area,consent\na@example.org,D009103,{'x' * 501}\n").errors
    assert "501 characters" in error.message


LISTS = """
"MS news" = "multiple sclerosis"
ALS = { area = "D000690", region = "GB" }
"Board, staff" = false
"""


@pytest.mark.parametrize(
    ("head", "cell", "followed"),
    [
        pytest.param(
            "Email Address,MEMBER_RATING,TAGS", '"""MS news"",""ALS"""', {"D009103", "D000690"}, id="mailchimp"
        ),
        pytest.param("uuid,email,lists,status", '"[""ms news""]",enabled', {"D009103"}, id="a list of names in JSON"),
        pytest.param(
            "uuid,email,lists,status",
            '"[{""name"":""ALS"",""subscription_status"":""confirmed""},'
            '{""name"":""MS news"",""subscription_status"":""unsubscribed""}]",enabled',
            {"D000690"},
            id="who left one list",
        ),
        pytest.param("email,groups", "MS news; ALS; Cakes", {"D009103", "D000690"}, id="semicolons"),
        pytest.param("email,tags", '"ALS, Cakes"', {"D000690"}, id="commas"),
        pytest.param("email,tags", '"""Board, staff"""', set(), id="a list that is none of ours"),
    ],
)
def test_the_lists_of_another_program_become_areas(
    sqlite_stage: Database, tmp_path: Path, head: str, cell: str, followed: set[str]
) -> None:
    (tmp_path / "lists.toml").write_text(LISTS, encoding="utf-8")
    lists = read_list_names(tmp_path / "lists.toml")
    before = {"Email Address": "a@people.example,3,", "uuid": "1,a@people.example,", "email": "a@people.example,"}
    with sqlite_stage.read() as session:
        found = read_list(session, f"{head}\n{before[head.split(',', maxsplit=1)[0]]}{cell}\n", lists=lists)
    assert found.errors == []
    rows = [row for rows in found.people.values() for row in rows]
    assert {row.preference.area_id for row in rows if row.preference} == followed
    assert {row.preference.region.label for row in rows if row.preference and row.preference.area_id == "D000690"} <= {
        "United Kingdom"
    }
    assert dict(lists.unknown) == ({"Cakes": 1} if "Cakes" in cell else {})


def test_who_has_not_confirmed_a_list_must_confirm_it_here(sqlite_stage: Database, tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(LISTS, encoding="utf-8")
    text = 'uuid,email,lists\n1,a@people.example,"[{""name"":""ALS"",""subscription_status"":""unconfirmed""}]"\n'
    import_list(sqlite_stage, text, lists=read_list_names(tmp_path / "lists.toml"))
    with sqlite_stage.read() as session:
        assert find_subscriber(session, "a@people.example").state is SubscriberState.PENDING


def test_a_line_none_of_whose_lists_is_known_is_refused_unless_it_has_an_area(
    sqlite_stage: Database, tmp_path: Path
) -> None:
    (tmp_path / "lists.toml").write_text(LISTS, encoding="utf-8")
    text = "email,tags\na@people.example,Cakes\n"
    with sqlite_stage.read() as session:
        (error,) = read_list(session, text, lists=read_list_names(tmp_path / "lists.toml")).errors
    assert error.message == "None of the lists “Cakes” stands in the file of lists."


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("ALS = 3", "makes no sense"),
        ('ALS = { aera = "x" }', "a list has no “aera”. Did you mean “area”"),
        ("ALS = { area = true }", "area must be a text"),
        ("ALS = ", "this is no TOML"),
    ],
)
def test_a_file_of_lists_that_makes_no_sense_says_so(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "lists.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_list_names(tmp_path / "lists.toml")
    assert said in str(caught.value)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_list_names(tmp_path / "none.toml")


def test_lists_without_a_column_of_lists_say_so(sqlite_stage: Database, tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(LISTS, encoding="utf-8")
    with sqlite_stage.read() as session, pytest.raises(InvalidInput, match="NAME=lists"):
        read_list(session, "email,name\na@people.example,Ann\n", lists=read_list_names(tmp_path / "lists.toml"))


def test_refused_lines_stand_in_a_file_of_their_own_which_is_imported_once_mended(
    run: Run, installation: Installation
) -> None:
    path = installation.folder / "people.csv"
    path.write_bytes(
        "Email;Name;area\na@people.example;Jörg;ALS\nbob;Bob;ALS\nc@people.example;Cé;xyzzyx\n".encode("cp1252")
    )
    stopped = run("subscribers", "import", str(path), "--confirmed")
    assert (stopped.code, stopped.out) == (2, "")
    assert "read as Windows-1252" in stopped.err
    assert "2 refused lines in " in stopped.err
    assert run("subscribers", "list").out.count("\n") == 1
    skipped = run("subscribers", "import", str(path), "--confirmed", "--skip-bad")
    assert (skipped.code, "1 subscriber and 1 preference added" in skipped.out) == (1, True)
    refused = installation.folder / "people.csv.refused.csv"
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    with refused.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["refused_line", "refused_reason", "Email", "Name", "area"]
    assert [(row[0], row[2:]) for row in rows] == [
        ("3", ["bob", "Bob", "ALS"]),
        ("4", ["c@people.example", "Cé", "xyzzyx"]),
    ]
    assert "“bob” is not an e-mail address" in rows[0][1]
    refused.write_text(refused.read_text("utf-8").replace("bob,Bob", "bob@people.example,Bob"), encoding="utf-8")
    again = run("subscribers", "import", str(refused), "--confirmed", "--skip-bad")
    assert "1 subscriber and 1 preference added" in again.out
    assert "refused_" not in again.out
    with (installation.folder / "people.csv.refused.csv.refused.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == head


def test_an_import_in_steps_by_command(run: Run, installation: Installation) -> None:
    meanings = '"MS news" = "multiple sclerosis"\n"Board" = false\n'
    (installation.folder / "lists.toml").write_text(meanings, encoding="utf-8")
    path = installation.folder / "mailchimp.csv"
    path.write_text(
        "Email Address,First Name,MEMBER_RATING,UNSUB_TIME,TAGS\n"
        'b@people.example,Bea,2,,"""MS news"",""Cakes"""\n'
        'c@people.example,Cy,2,2026-01-01 10:00:00,"""MS news"""\n'
        'd@people.example,Di,2,,"""Board"""\n'
        "e@people.example,Ed,2,,\n",
        encoding="utf-8",
    )
    words = ("subscribers", "import", str(path), "--lists", "lists.toml", "--confirmed")
    tried = run(*words, "--dry-run").done
    assert "dry run" in tried
    answer = run(*words)
    assert answer.done.splitlines() == [
        "columns left out: First Name, MEMBER_RATING",
        "lists left out, which the file of lists does not name: Cakes (1 line)",
        "1 line left out, on none of our lists",
        "1 subscriber with no area, who will follow nothing",
        "1 subscriber left out, who had left or could not be reached there",
        "2 subscribers and 1 preference added",
    ]
    assert "--consent TEXT" in answer.err
    assert run(*words, "--consent", "fair").done.endswith("0 subscribers and 0 preferences added\n")


signs = [*"aZ09._-+@'\" <>", "\u00fc", "\u212a", "postmaster", "xn--", "example", ".org", ".test", "a" * 60]
odd = st.lists(st.sampled_from(signs), max_size=12).map("".join)


@settings(deadline=None)
@given(
    local=odd, domain=odd | st.sampled_from(["Example.ORG", "b\u00fccher.example", "xn--bcher-kva.example", "a.test"])
)
def test_the_short_way_of_checking_an_address_gives_what_the_long_one_gives(local: str, domain: str) -> None:
    typed = f"{local}@{domain}".strip()
    try:
        expected: str | None = validate_email(typed, check_deliverability=False).normalized
    except EmailNotValidError:
        expected = None
    try:
        found: str | None = checked_address(typed)
    except InvalidInput:
        found = None
    assert found == expected
    if found and found.isascii():
        assert address_key(found) == found.casefold()
