"""Proves that the demo tells everybody what concerns them, and nobody anything else."""

from __future__ import annotations

import contextlib
import io
import re
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
import structlog

from trialalerts.cli.main import main
from trialalerts.clock import SystemClock
from trialalerts.demo import scenario
from trialalerts.demo.page import page_server
from trialalerts.demo.people import PEOPLE
from trialalerts.demo.scenario import run
from trialalerts.settings import Settings

NEWS = {
    "Anna": ["NCT90000001", "A look inside the new trial centre"],
    "Jonas": ["NCT90000006"],
    "Claire": ["NCT90000005"],
    "Lucia": ["NCT90000008"],
    "Sam": ["NCT90000015"],
    "Grace": ["NCT90000010", "Dancing twice a week"],
    "Tom": ["NCT90000003", "Exercise classes by video"],
}
"""What each is told of the second state of the world, by the trials' numbers and the beginning of articles' titles."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A demo that was run."""

    folder: Path
    printed: str
    kept: list[str]
    """What stood in somebody's own configuration after the demo had met it."""
    logs_as_before: bool


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A demo that was run in a place with an awkward name, in an environment that would send its mail elsewhere.

    It met somebody's own configuration in its folder; only when it had let that be was there room for its own.
    """
    place = tmp_path_factory.mktemp("a démo # 100%?")
    folder = place / "var" / "demo"
    own = folder / "config" / "trialalerts.toml"
    own.parent.mkdir(parents=True)
    own.write_text("# somebody's own")
    (folder / "my own notes.txt").write_text("keep me")
    (folder / "outbox").mkdir()
    (folder / "outbox" / "old.eml").write_text("left by an earlier run")
    kept: list[str] = []
    written = scenario._write_configuration

    def write_when_there_is_room(there: Path, settings: Settings) -> bool:
        assert not written(there, settings)
        kept.append(own.read_text())
        own.unlink()
        return written(there, settings)

    before, printed = structlog.get_config(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(place)
        patch.setenv("TRIALALERTS_MAIL__URL", "smtp://mail.example.org")
        patch.setenv("TRIALALERTS_DATABASE__URL", f"sqlite:///{place / 'real.db'}")
        patch.setattr(scenario, "_write_configuration", write_when_there_is_room)
        assert run(Path("var/demo")) == 0
    logs_as_before = structlog.get_config() == before
    return Told(folder=folder, printed=printed.getvalue(), kept=kept, logs_as_before=logs_as_before)


@pytest.fixture(scope="module")
def folder(told: Told) -> Path:
    """The folder of the demo."""
    return told.folder


@pytest.fixture(scope="module")
def mails(folder: Path) -> list[EmailMessage]:
    found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in (folder / "outbox").glob("*.eml")]
    return sorted(found, key=lambda mail: parsedate_to_datetime(mail["Date"]))


def mails_to(mails: list[EmailMessage], name: str) -> list[EmailMessage]:
    return [mail for mail in mails if mail["To"] == f"{name.lower()}@people.example.org"]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


def test_everybody_first_hears_what_is_recruiting_and_grace_that_nothing_is(mails: list[EmailMessage]) -> None:
    assert len(mails) == 14
    assert {person.name: len(mails_to(mails, person.name)) for person in PEOPLE} == {
        "Anna": 2,
        "Jonas": 2,
        "Claire": 2,
        "Lucia": 2,
        "Sam": 2,
        "Grace": 2,  # too old for the one trial near her, until it takes older people: her first mail says so
        "Tom": 2,  # he follows one trial, which has ended: his first mail has nothing to show
    }


@pytest.mark.parametrize("name", NEWS)
def test_the_last_mail_tells_what_is_new_and_nothing_else(mails: list[EmailMessage], name: str) -> None:
    told = text_of(mails_to(mails, name)[-1])
    for other, titles in NEWS.items():
        for title in titles:
            assert (title in told) == (other == name)


def test_nobody_hears_of_the_registrys_bookkeeping(mails: list[EmailMessage]) -> None:
    assert not [mail["Subject"] for mail in mails if "NCT90000002" in text_of(mail)]


def test_a_site_that_opened_nearby_comes_with_its_distance(mails: list[EmailMessage]) -> None:
    first, last = mails_to(mails, "Anna")
    assert "OPEN NOW, 57 km from you" in text_of(first)
    assert "NEW SITE OPEN: Leeds, less than 5 km" in text_of(last)


def test_a_trial_of_three_registries_is_told_once(mails: list[EmailMessage]) -> None:
    first, last = (text_of(mail) for mail in mails_to(mails, "Anna"))
    # The plain summary of one, the sites of another, and what the third says of its status.
    assert "Does a daily tablet of demostatin keep people with progressive MS walking?" in first
    assert "In progressive MS walking gets harder year by year." in first
    assert "Example Royal Infirmary, Manchester" in first
    assert "taking people now according to ClinicalTrials.gov and ISRCTN; full, still running according to EU" in first
    assert not [mail for mail in mails if "ISRCTN90000001" in text_of(mail) or "2025-590001-11" in text_of(mail)]
    assert "NEW TRIAL" not in last
    assert "do not agree on the lowest age" not in first


def test_a_follower_hears_of_results_and_of_the_paper(mails: list[EmailMessage]) -> None:
    told = text_of(mails_to(mails, "Tom")[-1])
    assert "RESULTS ARE OUT" in told
    assert "See the results: https://clinicaltrials.gov/study/NCT90000003?tab=results" in told
    assert "Names a trial that you follow: NCT90000003" in told


def test_each_reads_their_own_language(mails: list[EmailMessage]) -> None:
    for person in PEOPLE:
        body = mails_to(mails, person.name)[-1].get_body(("html",))
        assert body is not None
        # Where a mail is for somebody in a country of its language, that country's dates are part of the language.
        assert re.search(rf'<html lang="{person.locale}(-[A-Z]{{2}})?"', body.get_content()), person.name


def test_each_mail_leaves_at_the_hour_of_its_reader(mails: list[EmailMessage]) -> None:
    for person in PEOPLE:
        if person.name != "Sam":  # who is told immediately
            sent = parsedate_to_datetime(mails_to(mails, person.name)[-1]["Date"])
            assert sent.astimezone(ZoneInfo(person.timezone)).hour == 8


def test_the_story_ends_before_today_is_over(mails: list[EmailMessage]) -> None:
    assert parsedate_to_datetime(mails[-1]["Date"]) <= SystemClock().now()


def test_an_earlier_run_is_replaced_and_nothing_else(folder: Path) -> None:
    assert (folder / "my own notes.txt").read_text() == "keep me"
    assert not (folder / "outbox" / "old.eml").exists()


def test_the_page_shows_every_mail_and_fetches_nothing(folder: Path) -> None:
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("<article") == 14
    assert page.count("<iframe") == 14
    outside_of_mails = re.sub(r'srcdoc="[^"]*"', "", page)
    assert not re.search(r"<(script|link|img)\b|\bsrc=|url\(", outside_of_mails)
    assert "Jonas (Bavaria, weekly, de)" in page


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["subscribers", "explain", "anna@people.example.org"], "anna@people.example.org is active, daily"),
        (["digests", "show", "NCT90000001"], "site_opened"),
        (["digests", "show", "1"], "\narticle "),
        (["run", "--once", "--dry-run"], "0 mails would leave now"),
        (["deliveries", "resend", "1"], "a copy of delivery 1, is queued"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_every_command_works_on_the_demo_from_its_folder(
    folder: Path,
    command: list[str],
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(command)
    printed = capsys.readouterr()
    assert not ended.value.code
    assert answer in printed.out
    assert printed.err == ""


def test_the_demos_secret_is_for_nobody_else(folder: Path) -> None:
    assert (folder / "config" / "trialalerts.toml").stat().st_mode & 0o077 == 0


def test_the_environment_cannot_send_the_demos_mail_elsewhere(told: Told) -> None:
    assert not (told.folder.parent.parent / "real.db").exists()
    assert len(list((told.folder / "outbox").glob("*.eml"))) == 14


def test_somebodys_own_configuration_is_kept(told: Told) -> None:
    assert told.kept == ["# somebody's own"]


def test_the_account_tells_what_is_new_and_to_whom_without_addresses(told: Told) -> None:
    assert "New site open: Leeds" in told.printed
    assert "NCT90000002 changed too, but only in the registry's bookkeeping" in told.printed
    assert "@people.example.org" not in told.printed
    assert "Every command works on it from there: cd " in told.printed


def test_the_log_is_as_it_was_when_the_demo_is_over(told: Told) -> None:
    assert told.logs_as_before


def test_the_page_is_served_on_this_machine_only(folder: Path) -> None:
    with page_server(folder / "index.html") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            root = f"http://127.0.0.1:{server.server_port}"
            assert "14 mails of the demo" in httpx.get(f"{root}/", timeout=60).text
            assert httpx.get(f"{root}/demo.db", timeout=60).status_code == 404
            assert server.server_address[0] == "127.0.0.1"
        finally:
            server.shutdown()
            thread.join()
