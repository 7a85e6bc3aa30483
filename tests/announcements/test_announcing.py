"""Announcements as an editor makes them: the commands, the mails at a real SMTP server, and who gets none."""

from __future__ import annotations

import email
import json
import os
import pty
import re
from collections.abc import Iterator
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlmodel import select

from tests import programs
from tests.delivery.mailserver import Mailbox, running
from tests.installation import Installation, Run
from tests.test_an_editors_article import web_of
from trialalerts.clock import SystemClock
from trialalerts.database import Database, open_database
from trialalerts.delivery.outbox.tables import Delivery
from trialalerts.subscribers.people import SubscriberChanges, edit, find_subscriber
from trialalerts.subscribers.tables import Subscriber

MESSAGE = """---
title: The Leeds MS centre has moved
language: en
---

The centre is in **Mill Lane** now. See [the map](https://example.org/map?a=1&b=2).

- Tram 4
- Bus 7
"""
GERMAN = """---
title: Das MS-Zentrum in Leeds ist umgezogen
language: de
translation_of: moved.md
---

Das Zentrum ist jetzt in der **Mill Lane**.
"""
ARTICLE = """---
title: A tablet for multiple sclerosis
subtitle: What is tested in Leeds
language: en
categories: [Multiple sclerosis]
---

**21 people** take part.
"""
PEOPLE = """address,area,region,language,frequency,discreet,confirmed
leeds@example.org,multiple sclerosis,"Leeds, GB",en,weekly,,yes
bern@example.org,multiple sclerosis,anywhere,de,immediately,,yes
lyon@example.org,multiple sclerosis,FR,fr,weekly,,yes
quiet@example.org,autoimmune diseases,GB,en,monthly,yes,yes
asthma@example.org,asthma,GB,en,weekly,,yes
"""
MS_IN_BRITAIN = ("--area", "MS", "--region", "GB")


@pytest.fixture
def mailbox(installation: Installation, run: Run) -> Iterator[Mailbox]:
    """An installation with five people and a message in two languages; its mails go to a real SMTP server."""
    box = Mailbox()
    with running(box) as port:
        installation.configure(
            f'[service]\nbase_url = "https://alerts.example.org"\n[web]\nport = 0\n[mail]\nurl = "smtp://127.0.0.1:{port}?tls=none"\n'
            '[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\nevery = "0s"\n'
        )
        (installation.folder / "articles").mkdir()
        (installation.folder / "moved.md").write_text(MESSAGE, "utf-8")
        (installation.folder / "moved.de.md").write_text(GERMAN, "utf-8")
        (installation.folder / "people.csv").write_text(PEOPLE, "utf-8")
        assert run("sources", "poll").code == 0
        assert run("subscribers", "import", "people.csv").code == 0
        with database(installation) as db, db.write() as session:
            for person in session.exec(select(Subscriber)):  # they had their first digest; the next one is tomorrow's
                person.cursor, person.next_due_at = 0, SystemClock().now() + timedelta(hours=20)
                person.confirmed_seq = 0
        yield box


def database(installation: Installation) -> Database:
    return open_database(f"sqlite:///{installation.folder}/var/trialalerts.db")


def mails(box: Mailbox) -> dict[str, EmailMessage]:
    """Return what the server was given since, by the name before the @; nobody gets two."""
    found = {}
    for _, to, content in box.received:
        message = email.message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        assert to not in found
        found[to.partition("@")[0]] = message
    box.received.clear()
    return found


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return " ".join(part.get_content().split())


def test_it_is_told_to_those_who_follow_it_there_each_in_their_language(run: Run, mailbox: Mailbox) -> None:
    asked = run("announcements", "send", "moved.md", *MS_IN_BRITAIN)
    assert asked.code == 2
    assert "to be told now: 3 people" in asked.out
    assert "by languages: en 2, de 1" in asked.out
    assert "written in: en, de" in asked.out
    assert "Nothing was sent: say that it is for so many people with --confirm 3" in asked.err
    assert (
        "it is for 3 people, not for 4"
        in run("announcements", "send", "moved.md", *MS_IN_BRITAIN, "--confirm", "4").err
    )
    assert json.loads(run("announcements", "list", "--json").done) == []
    assert "Announcement 1: 3 queued" in run("announcements", "send", "moved.md", *MS_IN_BRITAIN, "--confirm", "3").done
    assert run("run", "--once").code == 0
    told = mails(mailbox)
    assert set(told) == {"leeds", "bern", "quiet"}
    assert "The Leeds MS centre has moved" in text_of(told["leeds"])
    assert "See the map (https://example.org/map?a=1&b=2). - Tram 4 - Bus 7" in text_of(told["leeds"])
    assert 'href="https://example.org/map?a=1&amp;b=2"' in text_of(told["leeds"], "html")
    assert 'lang="de"' in text_of(told["bern"], "html")
    assert "Das Zentrum ist jetzt in der Mill Lane." in text_of(told["bern"])
    for name, message in told.items():
        headers = "".join(f"{key}: {value}\n" for key, value in message.items())
        assert not re.search(r"\bMS\b|[Ss]clerosis|Leeds", headers), name
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "https://alerts.example.org/unsubscribe/" in message["List-Unsubscribe"]
    for kind in ("plain", "html"):
        assert "Mill Lane" not in text_of(told["quiet"], kind)
    assert "/announcements/" in text_of(told["quiet"])
    assert "#announcements" in text_of(told["leeds"])


def test_it_is_told_once_and_later_only_to_who_came_since(run: Run, mailbox: Mailbox) -> None:
    first = json.loads(run("announcements", "send", "moved.md", *MS_IN_BRITAIN, "--yes", "--json").done)
    assert (first["people"], first["queued"], first["told_before"]) == (3, 3, 0)
    again = run("announcements", "send", "moved.md", *MS_IN_BRITAIN, "--yes").done
    assert "told before: 3" in again
    assert "Nobody is to be told; nothing was done." in again
    assert run("subscribers", "add", "new@example.org", "--area", "MS", "--region", "GB", "--confirmed").code == 0
    assert run("run", "--once").code == 0
    assert set(mails(mailbox)) >= {"leeds", "bern", "quiet"}
    assert json.loads(run("announcements", "send", "moved.md", "--yes", "--json").done)["people"] == 3  # and everywhere
    assert run("run", "--once").code == 0
    assert set(mails(mailbox)) == {"new", "lyon", "asthma"}
    (row,) = json.loads(run("announcements", "list", "--json").done)
    assert (row["name"], row["people"], row["mails"], row["state"]) == ("moved.md", 6, {"sent": 6}, "done")


def test_a_test_mail_goes_to_one_address_and_to_nobody_else(run: Run, mailbox: Mailbox) -> None:
    tried = run("announcements", "send", "moved.md", *MS_IN_BRITAIN, "--test", "me@example.org").done
    assert "Nobody else was told" in tried
    assert [to for _, to, _ in mailbox.received] == ["me@example.org"] * 2
    subjects = {email.message_from_bytes(each[2], policy=policy.default)["Subject"] for each in mailbox.received}
    assert len(subjects) == 2
    assert json.loads(run("announcements", "list", "--json").done) == []
    assert json.loads(run("deliveries", "list", "--json").done) == []
    assert run("suppressions", "add", "gone@example.org").code == 0
    assert "is suppressed" in run("announcements", "send", "moved.md", "--test", "gone@example.org").err


def test_an_article_is_announced_from_its_file_or_by_its_number(
    run: Run, installation: Installation, mailbox: Mailbox
) -> None:
    file = installation.folder / "articles" / "tablet.md"
    file.write_text(ARTICLE, "utf-8")
    assert "publish it first" in run("announcements", "send", "articles/tablet.md", "--yes").err
    assert run("sources", "poll").code == 0
    told = json.loads(run("announcements", "send", "articles/tablet.md", "--region", "FR", "--yes", "--json").done)
    assert (told["people"], told["for"], told["name"]) == (
        2,
        {"in": ["France"]},
        "article 1",
    )  # lyon, and bern: anywhere
    assert run("run", "--once").code == 0
    sent = mails(mailbox)
    assert set(sent) == {"lyon", "bern"}
    assert "A tablet for multiple sclerosis" in text_of(sent["lyon"])
    assert "https://alerts.example.org/articles/1" in text_of(sent["lyon"])
    assert "Lire la suite" in text_of(sent["lyon"])
    assert json.loads(run("announcements", "send", "article 1", "--yes", "--json").done)["people"] == 2
    file.write_text(ARTICLE.replace("---\n\n", "retracted: 2026-01-02\nretraction: It was wrong.\n---\n\n"), "utf-8")
    assert run("sources", "poll").code == 0
    assert "was taken back" in run("announcements", "send", "articles/tablet.md", "--yes").err
    assert run("run", "--once").code == 0
    assert not any("Lire" in text_of(each) or "Read all" in text_of(each) for each in mails(mailbox).values())


def test_who_left_rests_is_suppressed_or_wants_none_gets_none(
    run: Run, installation: Installation, mailbox: Mailbox
) -> None:
    assert run("announcements", "send", "moved.md", "--yes").code == 0
    assert run("subscribers", "unsubscribe", "leeds@example.org", "--yes").code == 0
    assert run("subscribers", "pause", "bern@example.org").code == 0
    assert run("suppressions", "add", "lyon@example.org").code == 0
    with database(installation) as db, db.write() as session:
        person = find_subscriber(session, "asthma@example.org")
        edit(session, person, SubscriberChanges(announcements=False), how="web", now=person.created_at)
    assert run("run", "--once").code == 0
    assert set(mails(mailbox)) - {"leeds"} == {"quiet"}  # and a goodbye
    with database(installation) as db, db.read() as session:
        errors = {each.last_error for each in session.exec(select(Delivery)) if each.kind == "announcement"}
    assert errors >= {"unsubscribed", "paused", "wants no announcements"}
    (row,) = json.loads(run("announcements", "list", "--json").done)
    assert row["mails"] == {"queued": 1, "sent": 1, "suppressed": 3}


def test_paused_resumed_and_called_off(run: Run, mailbox: Mailbox) -> None:
    assert run("announcements", "send", "moved.md", "--yes", "--at", "2100-01-01 08:00").code == 0
    assert run("run", "--once").code == 0
    assert mails(mailbox) == {}
    assert "moved.md is called off; mails that do not leave: 5" in run("announcements", "cancel", "1", "--yes").done
    assert json.loads(run("announcements", "send", "moved.md", "--yes", "--json").done)["queued"] == 5
    assert "is paused" in run("announcements", "pause", "moved.md").done
    assert run("run", "--once").code == 0
    assert mails(mailbox) == {}
    assert "mails that have still to leave: 5" in run("announcements", "resume", "moved.md").done
    assert run("run", "--once").code == 0
    assert len(mails(mailbox)) == 5
    assert "is running already" in run("announcements", "resume", "moved.md").err
    shown = run("announcements", "show", "moved.md").done
    assert "for: everybody" in shown
    assert "mails: 5 sent" in shown
    assert "written in: en, de\n" in shown
    assert "with digest: no\n" in shown
    assert re.search(r"\nnot before: \d{4}-\d\d-\d\d \d\d:\d\d UTC\n", shown), shown
    assert json.loads(run("announcements", "show", "1", "--json").done)["written_in"] == ["en", "de"]
    trail = json.loads(run("audit", "list", "--json").done)
    assert [each["action"] for each in reversed(trail) if each["action"].startswith("announcement.")] == [
        "announcement.started", "announcement.cancelled", "announcement.started", "announcement.paused",
        "announcement.resumed",
    ]  # fmt: skip
    assert {each["subject"] for each in trail if each["action"].startswith("announcement.")} == {"announcement 1"}


def test_the_report_an_item_and_an_explanation_tell_of_it(
    run: Run, installation: Installation, mailbox: Mailbox
) -> None:
    (installation.folder / "articles" / "tablet.md").write_text(ARTICLE, "utf-8")
    assert run("sources", "poll").code == 0
    assert run("announcements", "send", "articles/tablet.md", "--language", "fr", "--yes").code == 0
    assert run("run", "--once").code == 0
    mailbox.received.clear()
    assert run("announcements", "send", "moved.md", "--yes", "--at", "2100-01-01 08:00").code == 0
    told = json.loads(run("report", "--json").done)["announcements"]
    assert told == {"1: article 1": "1 sent", "2: moved.md": "5 queued"}
    assert run("announcements", "pause", "moved.md").code == 0
    assert "paused; 5 queued" in run("report").done
    item = json.loads(run("items", "show", "article 1", "--json").done)["announced"]
    assert [(each["id"], each["state"], each["mails"]) for each in item] == [(1, "done", {"sent": 1})]
    assert "announcement 1 (done): 1 sent" in run("items", "show", "article 1").done
    assert "(an announcement) waits until 2100-01-01 08:00" in run("subscribers", "explain", "leeds@example.org").done


WRONG: list[tuple[str, tuple[str, ...], str]] = [
    ("title: T", ("--area", "Qwxzvt"), "Qwxzvt"),
    ("title: T", ("--region", "Qwxzvt"), "Qwxzvt"),
    ("title: T", ("--topic", "Qwxzvt"), "Qwxzvt"),
    ("title: T", ("--audience", "cats"), "patients, professionals, any"),
    ("title: T", ("--language", "xx"), "xx"),
    ("title: T", ("--at", "2001-01-01"), "is over"),
    ("title: T", ("--at", "2100-01-01", "--with-next-digest"), "both say when"),
    ("title: T\ncategories: [Qwxzvt]", (), "“Qwxzvt” names no disease area"),
    ("title: T\nregions: [Qwxzvt]", (), "Qwxzvt"),
    ("title: T\nstatus: draft", (), "is a draft"),
    ("title: T\nid: article 7", (), "cannot be used"),
    ("title: T\ntranslation_of: moved.md\nlanguage: fr", (), "announce that one"),
    ("subtitle: no title", (), "has no title"),
]
"""What a file's front matter and the words of the command say, and what is told of it."""


def test_what_makes_no_sense_is_told_to_nobody(run: Run, installation: Installation, mailbox: Mailbox) -> None:
    del mailbox
    for head, words, said in WRONG:
        (installation.folder / "wrong.md").write_text(f"---\n{head}\n---\n\nText.\n", "utf-8")
        answer = run("announcements", "send", "wrong.md", *words, "--yes")
        assert answer.code in {1, 2}, (head, words)
        assert said.lower() in answer.err.lower()
        assert "Traceback" not in answer.err
    (installation.folder / "wrong.md").unlink()
    (installation.folder / "second.md").write_text(GERMAN, "utf-8")
    assert "another file tells the message in “de”, too" in run("announcements", "send", "moved.md", "--yes").err
    assert "There is no file nowhere.md" in run("announcements", "send", "nowhere.md", "--yes").err
    assert json.loads(run("announcements", "list", "--json").done) == []


def test_where_editors_need_approval_a_message_names_who_read_it(
    run: Run, installation: Installation, mailbox: Mailbox
) -> None:
    del mailbox
    installation.configure("[editors]\napproval = true\n")
    (installation.folder / "people.csv").write_text(PEOPLE, "utf-8")
    assert "--approved-by" in run("announcements", "send", "moved.md", "--yes").err
    assert run("announcements", "send", "moved.md", "--yes", "--approved-by", "Dr Reed").code == 0
    (line,) = json.loads(run("audit", "list", "--json", "--action", "announcement.started").done)
    assert line["new"] == "5 people, approved by Dr Reed"


def test_at_a_terminal_the_number_is_typed(installation: Installation, mailbox: Mailbox) -> None:
    del mailbox
    for typed, code in ((b"4\n", 2), (b"5\n", 0)):
        near, far = pty.openpty()
        log = installation.folder / "log"
        log.unlink(missing_ok=True)
        process = programs.start(
            "trialalerts", "announcements", "send", "moved.md", folder=installation.folder,
            environment=installation.environment, out=log, err=log, stdin=Path(os.ttyname(far)),
        )  # fmt: skip
        os.write(near, typed)
        process.wait(timeout=300)
        os.close(far)
        os.close(near)
        assert "Type this number to send it" in log.read_text()
        assert process.returncode == code, log.read_text()


def test_a_page_shows_it_to_who_was_told_it(run: Run, installation: Installation, mailbox: Mailbox) -> None:
    assert run("announcements", "send", "moved.md", *MS_IN_BRITAIN, "--yes").code == 0
    assert run("run", "--once").code == 0
    link = re.search(r"https://alerts\.example\.org(/announcements/\S+)", text_of(mails(mailbox)["quiet"]))
    assert link is not None
    assert urlsplit(link[1]).path == link[1]
    with web_of(installation) as client:
        page = client.get(link[1])
        assert page.status_code == 200
        assert "Mill Lane" in page.text
        assert client.get(link[1][:-3] + "abc").status_code in {400, 403, 404, 410}
