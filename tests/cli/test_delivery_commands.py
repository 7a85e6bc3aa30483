"""The commands about deliveries: once more, again, held back, and by recipient domain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.delivery.post import add_person, queue
from tests.installation import Installation, Run
from trialalerts.database import Database, open_database
from trialalerts.delivery.outbox.lifecycle import find_delivery
from trialalerts.delivery.outbox.tables import DeliveryState, SendingHold
from trialalerts.delivery.policy.answers import Answer, count_answers, note_replies
from trialalerts.subscribers.tables import SubscriberState

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANNA, BERT = "anna@example.org", "bert@other.example"
ADD = ("subscribers", "add", ANNA, "--area", "multiple sclerosis", "--region", "Leeds, GB")


@pytest.fixture
def tables(installation: Installation) -> Iterator[Database]:
    """The database of the installation."""
    with open_database(f"sqlite:///{installation.folder}/var/trialalerts.db") as db:
        yield db


def only_to(monkeypatch: pytest.MonkeyPatch, *entries: str) -> None:
    monkeypatch.setenv("TRIALALERTS_MAIL__ONLY_TO", json.dumps(entries))


def test_staging_holds_mail_back_until_the_operator_lets_it_go(
    run: Run, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.configure('[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\n')
    (installation.folder / "articles").mkdir()
    run(*ADD)
    only_to(monkeypatch, "me@example.org", "@staff.example.org")
    first, *_, send, _ = run("run", "--once").done.splitlines()
    words = "mail.only_to is set: mail leaves to 1 address, @staff.example.org ONLY, mail to all others is held back"
    assert first == words
    assert send == "send: 1 held"
    assert run("run", "--once").done.splitlines()[0] == words
    line = run("doctor").out.splitlines()[1]
    assert line.startswith(f"look\t{words}; 1 mail held back so far\t")
    assert run("deliveries", "list", "--state", "held").done.count("\n") == 2
    refused = run("deliveries", "retry", "1")
    assert (refused.code, "trialalerts deliveries retry --held 1" in refused.err) == (2, True)
    still = run("deliveries", "retry", "--held").done.splitlines()
    assert still[1:] == [
        "0 mails held back by mail.only_to queued again",
        "1 mail held back still: mail.only_to does not name whom they are to",
    ]
    monkeypatch.delenv("TRIALALERTS_MAIL__ONLY_TO")
    assert "only_to" not in run("run", "--once").done
    assert "1 mail held back while mail.only_to was set\tto let them go" in run("doctor").out
    assert run("deliveries", "retry", "--held", "--dry-run").done.splitlines() == [
        "mail rests nowhere",
        "1 mail held back by mail.only_to would be queued again",
    ]
    assert run("deliveries", "list", "--state", "held").done.count("\n") == 2
    assert run("deliveries", "retry", "--held").done.splitlines()[1] == "1 mail held back by mail.only_to queued again"
    assert "send: 1 sent" in run("run", "--once").done
    assert "only_to" not in run("doctor").out


def test_a_wrong_entry_is_told_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    only_to(monkeypatch, "example.org")
    answer = run("doctor")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "mail.only_to.0: found 'example.org', expected an address such as me@example.org" in answer.err


def test_a_mail_is_sent_again_as_a_copy_that_shows(run: Run, tables: Database) -> None:
    run(*ADD)
    run("run", "--once", "--roles", "send")
    copy = json.loads(run("deliveries", "resend", "1", "--json").done)
    assert copy == {"delivery_id": 2, "waits_for": None, "until": None, "copy_of": 1}
    again = run("deliveries", "resend", "1")
    assert (again.code, "Delivery 2, a copy of delivery 1, is on its way already" in again.err) == (2, True)
    assert "send: 1 sent" in run("run", "--once", "--roles", "send").done
    assert (
        run("deliveries", "resend", "1").done
        == "delivery 3, a copy of delivery 1, is queued and leaves with the next round\n"
    )
    assert json.loads(run("deliveries", "show", "2", "--json").done)["copy_of"] == 1
    assert json.loads(run("deliveries", "show", "1", "--json").done)["copies"] == [2, 3]
    assert "copy_of\t1" in run("deliveries", "show", "2").done
    assert run("deliveries", "resend", "9").code == 2
    with tables.write() as session:
        queue(session, add_person(session, "gone", state=SubscriberState.UNSUBSCRIBED), key="x", data={})
        find_delivery(session, 4).state = DeliveryState.SENT
        queue(session, add_person(session, "reader"), key="y", data={"digest_id": 77})
        find_delivery(session, 5).state = DeliveryState.SENT
    refused = run("deliveries", "resend", "4")
    assert refused.code == 2
    assert "Delivery 4 is not sent again: its recipient (subscriber 2) has unsubscribed." in refused.err
    assert "Delivery 5 cannot be sent again: its digest was deleted." in run("deliveries", "resend", "5").err


def test_failed_mail_goes_again_by_time_and_domain(run: Run, tables: Database) -> None:
    with tables.write() as session:
        for number, address in enumerate([ANNA, BERT, "carl@other.example"], start=1):
            at = datetime(2026, 3, number, 12, tzinfo=UTC)
            queue(session, add_person(session, address), key=address, now=at)
            find_delivery(session, number).state = DeliveryState.FAILED
    for words, number in (
        ((), 3),
        (("--domain", "Other.Example"), 2),
        (("--since", "2026-03-02"), 2),
        (("--since", "2026-03-02T13:00", "--domain", "other.example"), 1),
        (("--since", "2027-01-01"), 0),
    ):
        assert run("deliveries", "retry", *words, "--dry-run").done == f"{number} would be queued again\n"
    assert run("deliveries", "retry", "1", "--dry-run").done == "1 would be queued again\n"
    assert run("deliveries", "list", "--state", "failed").done.count("\n") == 4
    assert run("deliveries", "retry", "--since", "2026-03-02", "--domain", "other.example").done == "2 queued again\n"
    assert run("deliveries", "list", "--state", "failed").done.count("\n") == 2
    assert "either deliveries by their numbers" in run("deliveries", "retry", "1", "--domain", "other.example").err
    assert "--since: “soon” is no day and no moment" in run("deliveries", "retry", "--since", "soon").err


def test_domains_tell_what_was_sent_and_refused_and_the_last_reply(run: Run, tables: Database) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the command looks at the last day by the real clock
    with tables.write() as session:
        count_answers(
            session,
            {
                ("other.example", Answer.ANSWERED): 5,
                ("other.example", Answer.OURS): 2,
                ("b.example", Answer.ANSWERED): 1,
            },
            at=now,
        )
        note_replies(session, {"other.example": ("550 5.7.1", "the server refused the recipient: blocked")}, at=now)
    found = {row["domain"]: row for row in json.loads(run("deliveries", "domains", "--json").done)}
    assert [found[each]["sent"] for each in ("all", "b.example", "other.example")] == [4, 1, 3]
    assert [found[each]["refused"] for each in ("all", "b.example", "other.example")] == [2, 0, 2]
    assert found["other.example"]["last_code"] == "550 5.7.1"
    assert found["b.example"]["last_reply"] is None
    assert "the server refused the recipient: blocked" in run("deliveries", "domains").done


def test_the_operator_says_that_those_are_gone_who_are_said_to_be(run: Run, tables: Database) -> None:
    assert run("deliveries", "resume", "--gone").done == "no mail rests because too many are said to be gone\n"
    with tables.write() as session:
        session.add(SendingHold(scope="old.example", cause="gone", since=NOON, retry_at=NOON, wait=3600, reason="x"))
    said = run("deliveries", "resume", "--gone", "--days", "30").done
    assert said.startswith("0 mails that waited may leave; until ")
    assert said.endswith("whoever is said to be gone at old.example is suppressed\n")
    assert run("deliveries", "resume", "--gone").done == "no mail rests because too many are said to be gone\n"
    assert "believed gone at old.example until" in run("audit", "list").done
