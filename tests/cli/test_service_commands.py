"""The commands that look after the service: init, doctor, report, database, digests."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.catalog.samples import NOW, trial
from tests.installation import Installation, Run
from trialalerts import __version__
from trialalerts.catalog.facts import Site
from trialalerts.catalog.store import store_items
from trialalerts.cli.main import NOUNS
from trialalerts.database import open_database

ADD = ("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--region", "Leeds, GB", "--confirmed")


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out.strip() == __version__


def test_every_noun_stands_in_the_help_and_answers_help_with_an_example(run: Run) -> None:
    page = run("--help").out
    for noun, line in NOUNS.items():
        assert noun in page
        assert line.split(":")[0] in page
        help_page = run(noun, "--help")
        assert help_page.code == 0, noun
    for noun in ("sources", "areas", "regions", "subscribers", "preferences", "digests", "deliveries", "suppressions"):
        verbs = [line.split()[0] for line in run(noun, "--help").out.split("Commands:")[1].splitlines() if line.strip()]
        for verb in verbs:
            if verb in {
                "add",
                "list",
                "show",
                "search",
                "check",
                "poll",
                "edit",
                "due",
                "preview",
                "send",
                "retry",
                "lift",
            }:
                assert f"trialalerts {noun} {verb}" in run(noun, verb, "--help").out, f"{noun} {verb} shows no example"


def test_init_keeps_what_is_there(run: Run, installation: Installation) -> None:
    secret = (installation.folder / ".env").read_text()
    installation.configure('[service]\nname = "Ours"\n')
    answer = run("init")
    assert answer.code == 0
    assert "kept" in answer.out
    assert (installation.folder / ".env").read_text() == secret
    assert "Ours" in (installation.folder / "config/trialalerts.toml").read_text()


def test_the_secret_is_for_its_owner_only(installation: Installation) -> None:
    assert (installation.folder / ".env").stat().st_mode & 0o077 == 0


def test_doctor_names_what_is_missing_and_what_mends_it(run: Run) -> None:
    answer = run("doctor")
    assert answer.code == 1
    assert "no source is configured\tadd [[sources]] to the configuration" in answer.out
    assert "service.postal_address is empty" in answer.out
    found = json.loads(run("doctor", "--json").out)
    assert {finding["level"] for finding in found} == {"good", "look", "broken"}


def test_doctor_names_the_files_that_others_may_read(run: Run, installation: Installation) -> None:
    assert "others on this machine" not in run("doctor").out
    (installation.folder / ".env").chmod(0o644)
    answer = run("doctor")
    assert "others on this machine may read .env\trun: chmod go= .env" in answer.out
    (installation.folder / ".env").chmod(0o600)
    assert "others on this machine" not in run("doctor").out


def test_doctor_is_content_with_a_service_that_is_ready(run: Run, installation: Installation) -> None:
    (installation.folder / "articles").mkdir()
    installation.configure(
        '[service]\nbase_url = "https://alerts.invalid"\npostal_address = "1 Example Street"\n'
        '[mail]\nurl = "smtp://mail.invalid"\nfrom = "Alerts <alerts@society.invalid>"\n'
        '[feedback.webhooks.mailgun]\nsigning_key = "a key"\n'
        '[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\n'
    )
    assert run("sources", "poll").code == 0
    answer = run("doctor")
    assert answer.code == 0, answer.out
    unheard = ("nobody can tell whether it works", "cannot be asked", "cannot be reached")  # none of these can be asked
    told = [line for line in answer.out.splitlines() if line.startswith("look")]
    assert [line for line in told if not any(words in line for words in unheard)] == []


def test_doctor_tells_which_sites_could_not_be_placed(run: Run, installation: Installation) -> None:
    lost = Site(city="Poseidonis", country_name="Atlantis")
    near = Site(city="Leeds", state="Elmet", country="GB", latitude=53.8, longitude=-1.5)
    url = f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}"
    with open_database(url) as database, database.write() as session:
        store_items(session, [trial(sites=(lost, lost, near))], baseline=True, now=NOW)
    found = {finding["what"]: finding for finding in json.loads(run("doctor", "--json").out)}
    country = found["places: 2 sites (1 of 1 open trial) in no known country: “Atlantis” 2"]
    assert (country["level"], bool(country["remedy"])) == ("look", True)
    assert any("no known subdivision: “Elmet, GB” 1" in what for what in found)


def test_own_templates_are_tried_and_what_is_wrong_is_named(
    run: Run, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("templates", "check").done == "There are no own templates (templates.folder).\n"
    monkeypatch.setenv("TRIALALERTS_TEMPLATES__FOLDER", "own")
    folder = installation.folder / "own" / "email"
    folder.mkdir(parents=True)
    assert run("templates", "check").done == "All templates are fit.\n"
    (folder / "footer.txt.j2").write_text("first\n{{ sevrice.name }}\n", "utf-8")
    answer = run("templates", "check", "--json")
    ((fault),) = json.loads(answer.out)
    assert (answer.code, fault["line"]) == (1, 2)
    assert fault["file"].endswith("own/email/footer.txt.j2")
    assert "sevrice" in fault["fault"]


def test_the_report_counts_what_happened(run: Run, installation: Installation) -> None:
    assert run(*ADD).code == 0
    figures = json.loads(run("report", "--json").out)
    assert figures["subscribers"] == {"active": 1}
    assert figures["consents"]["confirmed"] == 1
    shares = json.loads(run("report", "--by", "area", "--json").out)
    assert (shares["by"], shares["groups"]) == ("area", [])
    assert "way to count people" in run("report", "--by", "areas and more").err
    assert run("report", "--html", "out/report.html").code == 0
    page = (installation.folder / "out" / "report.html").read_text()
    assert "<td>active</td><td>1</td>" in page
    assert "anna@example.org" not in page


def test_a_backup_is_a_whole_database(run: Run, installation: Installation) -> None:
    assert run(*ADD).code == 0
    assert run("database", "backup", "backups/now.db").code == 0
    with closing(sqlite3.connect(installation.folder / "backups" / "now.db")) as copy, copy:
        assert copy.execute("SELECT address FROM subscriber").fetchall() == [("anna@example.org",)]
    again = run("database", "backup", "backups/now.db")
    assert (again.code, "there is such a file already" in again.err) == (2, True)


def test_a_backup_is_put_back_after_a_question(run: Run) -> None:
    assert run(*ADD).code == 0
    assert run("database", "backup", "now.db").code == 0
    assert run("subscribers", "unsubscribe", "anna@example.org", "--yes").code == 0
    asked = run("database", "restore", "now.db")
    assert (asked.code, "is replaced by now.db. Do that?" in asked.out) == (1, True)
    told = run("database", "restore", "now.db", "--yes").done
    assert told == "restored: 1 subscriber; 1 of them left since and get no mail; 0 suppressions since kept\n"
    assert json.loads(run("subscribers", "show", "anna@example.org", "--json").done)["state"] == "unsubscribed"
    (found,) = (each for each in json.loads(run("doctor", "--json").out) if "backup now.db" in each["what"])
    assert "No mail was waiting when it was made" in found["what"]
    assert "is held" not in found["what"]
    assert run("deliveries", "retry", "--held").code == 0
    assert "was put back" not in run("doctor", "--json").out


def test_a_copy_is_the_database_from_now_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(*ADD).code == 0
    told = run("database", "copy", "--to", "sqlite:///var/other.db").done
    assert "copied and verified; now set database.url to sqlite:///var/other.db\n" in told
    again = run("database", "copy", "--to", "sqlite:///var/other.db")
    assert (again.code, "other.db is not empty" in again.err) == (2, True)
    monkeypatch.setenv("TRIALALERTS_DATABASE__URL", "sqlite:///var/other.db")
    assert json.loads(run("subscribers", "show", "anna@example.org", "--json").done)["state"] == "active"


def test_a_damaged_counter_is_found(run: Run, installation: Installation) -> None:
    assert run("database", "check").code == 0
    with closing(sqlite3.connect(installation.folder / "var" / "trialalerts.db")) as database, database:
        database.execute("INSERT INTO counter VALUES ('change', 7)")
    answer = run("database", "check")
    assert answer.code == 1
    assert "the last change is number 0, but the counter stands at 7" in answer.out


def test_a_preview_changes_nothing(run: Run, installation: Installation) -> None:
    folder = installation.folder / "articles"
    folder.mkdir()
    installation.configure('[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\nevery = "1s"\n')
    assert run("sources", "poll").code == 0
    assert run(*ADD).code == 0
    assert "nothing open yet, we are watching" in run("digests", "preview", "anna@example.org").out  # the first mail
    assert run("digests", "send", "anna@example.org").code == 0
    assert "nothing is new" in run("digests", "preview", "anna@example.org").out
    assert "nothing is new" in run("digests", "send", "anna@example.org").out
    (folder / "news.md").write_text("---\ntitle: A new study\ncategories: [Multiple sclerosis]\n---\nSome text.")
    assert run("sources", "poll").code == 0
    before = _dump(installation)
    preview = run(
        "digests", "preview", "anna@example.org", "--as-of", "2026-12-01T08:00", "--text", "a.txt", "--html", "a.html"
    )
    assert preview.code == 0, preview.err
    assert "A new study" in (installation.folder / "a.txt").read_text()
    assert "A new study" in (installation.folder / "a.html").read_text()
    assert _dump(installation) == before
    assert "queued" in run("digests", "send", "anna@example.org").out
    assert "A new study" in run("digests", "show", "2").out
    assert "nothing is new" in run("digests", "preview", "anna@example.org").out


def _dump(installation: Installation) -> list[str]:
    with closing(sqlite3.connect(installation.folder / "var" / "trialalerts.db")) as database, database:
        return [line for line in database.iterdump() if "place" not in line]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("digests", "preview", "anna@example.org", "--as-of", "tomorrow"), 2, "“tomorrow” is no moment"),
        (("digests", "preview", "nobody@example.org"), 2, "nobody@example.org"),
        (("digests", "show", "99"), 2, "There is no digest 99"),
        (("--config", "nowhere.toml", "doctor"), 2, "nowhere.toml: there is no such file"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(run: Run, words: tuple[str, ...], code: int, line: str) -> None:
    assert run(*ADD).code == 0
    answer = run(*words)
    assert answer.code == code
    assert line in answer.err
    assert "Traceback" not in answer.err


def test_a_command_without_a_database_says_what_to_do(run: Run, installation: Installation) -> None:
    (installation.folder / "var" / "trialalerts.db").unlink()
    for leftover in Path(installation.folder / "var").glob("trialalerts.db-*"):
        leftover.unlink()
    answer = run("subscribers", "list")
    assert answer.code == 1
    assert "run: trialalerts init" in answer.err
