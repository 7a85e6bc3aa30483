"""A change of hands as two operators make it: the commands of both installations, and what each says."""

from __future__ import annotations

import email
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pyrage
import pytest

from tests.announcements.test_announcing import mails, text_of
from tests.delivery.mailserver import Mailbox, running
from tests.installation import Installation, Run

PEOPLE = """address,area,region,language,confirmed
leeds@example.org,multiple sclerosis,"Leeds, GB",en,yes
bern@example.org,asthma,anywhere,de,yes
lyon@example.org,multiple sclerosis,FR,fr,yes
"""
ANNOUNCE = ("service", "announce-handover", "--to", "Second Society", "--on", "2100-01-31")
PHRASE = "agreed upon by telephone"


@pytest.fixture
def mailbox(installation: Installation, run: Run) -> Iterator[Mailbox]:
    """An installation with three people, whose mails go to a real SMTP server."""
    box = Mailbox()
    with running(box) as port:
        installation.configure(
            '[service]\nname = "First Society"\ncontact = "desk@example.org"\n'
            f'[mail]\nurl = "smtp://127.0.0.1:{port}?tls=none"\n'
        )
        (installation.folder / "people.csv").write_text(PEOPLE, "utf-8")
        assert run("subscribers", "import", "people.csv").code == 0
        assert run("run", "--once").code == 0
        box.received.clear()
        yield box


def long_ago(installation: Installation) -> None:
    """Let the mails have left long ago, and the day have come."""
    with closing(sqlite3.connect(installation.folder / "var" / "trialalerts.db")) as database, database:
        database.execute("UPDATE delivery SET sent_at = '2026-01-01 09:00:00.000000'")
        database.execute("""UPDATE announcement SET handover = replace(handover, '2100-01-31', '2026-03-01')""")


def test_the_number_of_people_is_typed_and_each_is_told_once(run: Run, mailbox: Mailbox) -> None:
    asked = run(*ANNOUNCE)
    assert asked.code == 2
    assert "Second Society takes over, not before 2100-01-31, nor before 30 days" in asked.out
    assert "to be told now: 3 people" in asked.out
    assert "--confirm 3" in asked.err
    assert "it is for 3 people, not for 2" in run(*ANNOUNCE, "--confirm", "2").err
    assert run(*ANNOUNCE, "--test", "me@example.org").code == 0
    tried = [text_of(each) for each in _received(mailbox)]
    assert len(tried) == 3
    assert any("Second Society is to do it in our place" in text for text in tried)
    told = json.loads(run(*ANNOUNCE, "--confirm", "3", "--json").done)
    assert (told["people"], told["queued"], told["by_language"]) == (3, 3, {"de": 1, "en": 1, "fr": 1})
    assert run("run", "--once").code == 0
    sent = mails(mailbox)
    assert set(sent) == {"leeds", "bern", "lyon"}
    assert "First Society" in text_of(sent["leeds"])
    assert "desk@example.org" in text_of(sent["leeds"])
    assert "Nobody is to be told" in run(*ANNOUNCE, "--yes").done
    assert json.loads(run("announcements", "list", "--json").done)[0]["name"] == "handover to Second Society"
    (line,) = json.loads(run("audit", "list", "--json", "--action", "announcement.started").done)
    assert line["new"] == "3 people"


def _received(box: Mailbox) -> list[EmailMessage]:
    messages = [email.message_from_bytes(content, policy=policy.default) for _, _, content in box.received]
    box.received.clear()
    return [each for each in messages if isinstance(each, EmailMessage)]


def test_too_soon_is_told_in_one_line(run: Run, mailbox: Mailbox) -> None:
    del mailbox
    for words, said in (
        (("--on", "2026-01-01"), "people are told 30 days before; the first day is"),
        (("--notice", "29"), "expected 30 days or more"),
        (("--site", "nowhere"), "expected an address such as https://example.org"),
    ):
        answer = run(*ANNOUNCE, "--yes", *words)
        assert answer.code == 2
        assert said in answer.err
        assert answer.err.count("\n") == 1


def test_from_one_installation_to_the_other(
    run: Run, installation: Installation, mailbox: Mailbox, tmp_path: Path, initialised: Path
) -> None:
    receiver = Installation(folder=tmp_path / "second")
    receiver.folder.mkdir()
    shutil.copytree(initialised / "var", receiver.folder / "var")  # areas and places are loaded; the secret is its own
    receiver.done("init", "--accept-secret")
    receiver.configure('[service]\nname = "Second Society"\n')
    identity = pyrage.x25519.Identity.generate()
    (receiver.folder / "key.txt").write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
    file = tmp_path / "handover.age"
    export = ("service", "export", str(file), "--recipient", str(identity.to_public()))
    assert "Nobody was told" in run(*export).err
    assert run(*ANNOUNCE, "--yes").code == 0
    assert run("run", "--once").code == 0
    mailbox.received.clear()
    assert "nobody is handed over before 2100-01-31" in run(*export).err
    assert run("suppressions", "add", "gone@example.org").code == 0
    assert run("suppressions", "add", "lyon@example.org").code == 0
    long_ago(installation)
    given = run(*export).done
    assert "2 subscribers, 2 preferences, 2 suppressions" in given
    assert "left out: 1 who must not be mailed" in given
    signer = re.search(r"--signed-by (ed25519:[0-9a-f]{64})", given)
    assert signer is not None
    (line,) = json.loads(run("audit", "list", "--json", "--action", "service.exported").done)
    assert "@" not in json.dumps(line)

    words = ["service", "import", str(file), "--identity", "key.txt"]
    refused = receiver.command(*words)
    assert refused.returncode == 2
    assert f"then say: --signed-by {signer[1]}" in refused.stderr
    words += ["--signed-by", signer[1]]
    refused = receiver.command(*words)
    key = re.search(r"TRIALALERTS_SERVICE__RECEIVED_KEYS=(\[.*\])", refused.stderr)
    assert key is not None, refused.stderr
    with (receiver.folder / ".env").open("a") as env:
        env.write(f"{key[0]}\n")
    assert "this was a dry run" in receiver.done(*words, "--dry-run")
    assert receiver.done("subscribers", "list", "--count").strip().endswith("0")
    assert "2 subscribers and 2 preferences added, of 2 people" in receiver.done(*words)
    shown = json.loads(receiver.done("subscribers", "show", "leeds@example.org", "--json"))
    assert shown["state"] == "active"
    assert any("handed over by First Society" in each["what"] for each in shown["consents"])
    assert receiver.done("suppressions", "list").count("operator") == 2
    added = receiver.command(
        "subscribers", "add", "gone@example.org", "--area", "asthma", "--region", "anywhere", "--confirmed"
    )
    assert added.returncode == 0
    explained = json.loads(receiver.done("subscribers", "explain", "gone@example.org", "--json"))
    assert "suppressed" in explained["reasons"]
    again = json.loads(receiver.done(*words, "--json"))
    assert (again["subscribers"], again["preferences"], again["known"]) == (0, 0, 2)
    lines = json.loads(receiver.done("audit", "list", "--json", "--action", "service.imported"))
    assert [each["new"] for each in lines] == ["0 subscribers, 0 preferences", "2 subscribers, 2 preferences"]


def test_a_source_that_was_not_read_since_stops_it(
    run: Run, installation: Installation, mailbox: Mailbox, tmp_path: Path
) -> None:
    del mailbox
    file, phrase = tmp_path / "handover.age", tmp_path / "phrase"
    phrase.write_text(f"{PHRASE}\n")
    assert run(*ANNOUNCE, "--yes").code == 0
    assert run("run", "--once").code == 0
    long_ago(installation)
    given = json.loads(run("service", "export", str(file), "--passphrase-file", str(phrase), "--json").done)
    assert given["people"] == 3
    (installation.folder / "articles").mkdir()
    installation.configure('[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\nevery = "1h"\n')
    words = ["service", "import", str(file), "--passphrase-file", str(phrase), "--signed-by", given["signed_by"]]
    stopped = run(*words)
    assert stopped.code == 2
    assert "The source editors was read to its end never, before the archive was made" in stopped.err
    assert run("sources", "poll").code == 0
    assert "3 were here already and keep their state" in run(*words).done
    phrase.write_text("agreed upon by letter")
    assert "cannot be opened: the passphrase or key is another one" in run(*words).err
