"""The ways: what the configuration may say, what a reader may type, and what the doctor says of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nudges.stage import HOUR, choice_of, compose, nudge, set_stage, settings_with, way_to
from tests.sources.registry_server import RegistryServer
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.errors import ConfigurationError, InvalidInput
from trialalerts.files import shipped
from trialalerts.nudges.ways import NudgeMessage, checked_nudge_recipient, nudge_faults, offered_way, send_nudge
from trialalerts.operations.checks.people import about_nudges
from trialalerts.settings import NudgeSettings, Settings, read_settings
from trialalerts.subscribers.account.nudging import told_elsewhere
from trialalerts.subscribers.files.export import export_csv

GOOD = """[[nudges]]
name = "bell"
label = "Bell"
url = "json://user:hunter2@bell.example.org/{to}"
to = "[a-z]{4,20}"
example = "mytopic"
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str) -> Settings:
    file = Path("config/trialalerts.toml")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return read_settings()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bell.example.org/{to}", "{to}", r"nudges\.0\.url: found a secret that is not shown, expected a URL of"),
        ("bell.example.org/{to}", "{to}.example.org/x", r"nudges\.0\.url: found a secret"),
        ("user:hunter2@bell.example.org/{to}", "{to}@bell.example.org/", r"nudges\.0\.url: found a secret"),
        ("/{to}", "/{to}/{to}", r"nudges\.0\.url: found a secret"),
        ("/{to}", "/all", r"nudges\.0\.url: found a secret"),
        ("json://", "", r"nudges\.0\.url: found a secret"),
        ('"[a-z]{4,20}"', '"[a-z"', r"nudges\.0\.to: found '\[a-z', expected a regular expression"),
        ('"mytopic"', '"Mine"', r"nudges\.0: found a table, expected an example that fits to = "),
        ('"mytopic"', '"a/b"', r"nudges\.0: found a table, expected an example"),
        ('"Bell"', '"Bell"\nlabell = "x"', r"nudges\.0\.labell: there is no such key\. Did you mean “?label"),
        ('name = "bell"', 'name = "Bell!"', r"nudges\.0\.name: found 'Bell!'"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line_without_the_key(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read(GOOD.replace(old, new))
    assert re.match(said, str(error.value)), error.value
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


def test_each_way_has_a_name_of_its_own() -> None:
    with pytest.raises(ConfigurationError, match="each name once, but bell stands twice"):
        read(GOOD + GOOD)
    assert [way.name for way in read(GOOD).nudges] == ["bell"]


def test_the_way_that_the_shipped_file_shows_can_be_used() -> None:
    text = shipped("config/trialalerts.toml").read_text(encoding="utf-8").partition("# [[nudges]]")[2]
    settings = read("[[nudges]]\n" + re.sub("(?m)^# ", "", text))
    (way,) = settings.nudges
    assert way == NudgeSettings(**way.model_dump())
    assert list(nudge_faults(settings)) == []


def test_doctor_says_which_way_apprise_does_not_know(sqlite_db: Database, bell: RegistryServer) -> None:
    settings = settings_with(way_to(bell, name="odd", url="nosuchservice://x/{to}"), way_to(bell))
    assert dict(nudge_faults(settings)).keys() == {"odd"}
    with sqlite_db.read() as session:
        found = {each.what.partition(":")[0]: each.level for each in about_nudges(settings, session)}
    assert found == {"nudges by odd": "broken", "nudges by bell": "good"}


def test_doctor_says_that_apprise_is_missing_and_mails_tell(
    sqlite_db: Database, clock: FrozenClock, bell: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, settings = sqlite_db, settings_with(way_to(bell))
    monkeypatch.setitem(sys.modules, "apprise", None)
    with db.read() as session:
        (check,) = about_nudges(settings, session)
    assert (check.level, "Apprise is not installed" in check.what) == ("broken", True)
    set_stage(db, clock, "anna")
    compose(db, clock, settings)
    count = nudge(db, clock, settings)
    for _ in range(40):
        clock.advance(HOUR / 4)
        count += nudge(db, clock, settings)
    assert (count.nudged, count.mailed) == (0, 1)


def test_doctor_says_who_cannot_be_reached_and_what_is_no_longer_offered(
    sqlite_db: Database, clock: FrozenClock, bell: RegistryServer
) -> None:
    db, settings = sqlite_db, settings_with(way_to(bell))
    set_stage(db, clock, "anna", "ben")
    with db.write() as session:
        chosen = choice_of(db, "anna")
        assert chosen is not None
        chosen.failed_at = clock.now()
        session.merge(chosen)
    with db.read() as session:
        assert "1 of 2 readers cannot be reached" in next(about_nudges(settings, session)).what
        (gone,) = [each for each in about_nudges(settings_with(), session) if each.level == "look"]
    assert "2 readers chose it, and it is no longer offered" in gone.what


def test_a_file_for_another_service_says_that_they_want_no_content(
    sqlite_db: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    set_stage(sqlite_db, clock, "anna", "ben", chosen=["anna"])
    with sqlite_db.read() as session, (tmp_path / "people.csv").open("w+", encoding="utf-8") as file:
        assert len(told_elsewhere(session)) == 1
        export_csv(session, file)
        file.seek(0)
        head, *lines = file.read().splitlines()
    column = head.split(",").index("discreet")
    assert [line.split(",")[column] for line in lines] == ["yes", ""]
    assert "topic-anna" not in "".join(lines)


@given(st.text(max_size=40))
def test_whatever_is_typed_no_host_or_path_of_ours_changes(typed: str) -> None:
    way = NudgeSettings(name="bell", label="Bell", url="json://bell.example.org/to/{to}", to=".*", example="mytopic")
    try:
        text = checked_nudge_recipient(way, typed)
    except InvalidInput:
        return
    assert not set(text) & set("/\\?&%, ;\"'<>")
    assert text not in {".", ".."}
    assert re.search("[A-Za-z0-9]", text)


@pytest.mark.parametrize("recipient", ["my-topic", "@anna:example.org", "+441134960100", "#room!1:x", "a..b", "x=~"])
def test_a_recipient_arrives_as_it_was_typed(bell: RegistryServer, recipient: str) -> None:
    way = way_to(bell, to=r"\S+", example="my-topic")
    if "=" in recipient:
        with pytest.raises(InvalidInput):
            checked_nudge_recipient(way, recipient)
        return
    send_nudge(way, checked_nudge_recipient(way, recipient), NudgeMessage(title="t", text="x"))
    (asked,) = bell.requests
    assert asked.path.replace("%23", "#") == f"/told/{recipient}"
    assert offered_way(settings_with(way), "bell") == way


def test_ntfy_takes_it_at_a_topic(bell: RegistryServer) -> None:
    host = bell.root.removeprefix("http://")
    bell.serve("/", b"")
    way = way_to(bell, url=f"ntfy://{host}/{{to}}", to="[A-Za-z0-9_-]{12,64}", example="my-own-secret-topic")
    assert send_nudge(way, "my-own-secret-topic", NudgeMessage(title="Your messages", text="There is news"))
    assert b'"topic": "my-own-secret-topic"' in bell.requests[0].body
