"""The configuration: where values come from, and what is said of a wrong one."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from trialalerts.errors import ConfigurationError
from trialalerts.files import shipped
from trialalerts.settings import NudgeSettings, Settings, read_settings
from trialalerts.sources.kinds import all_kinds, check_sources, settled


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, path: str = "config/trialalerts.toml") -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_without_any_file_the_defaults_hold() -> None:
    settings = read_settings()
    assert settings.database.url.get_secret_value() == "sqlite:///var/trialalerts.db"
    assert settings.mail.give_up_after == timedelta(days=3)


def test_the_environment_wins_over_dotenv_which_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[service]\nname = "file"\nlocale = "de"\npostal_address = "file"\n')
    write("TRIALALERTS_SERVICE__NAME=dotenv\nTRIALALERTS_SERVICE__LOCALE=fr\nSOMETHING_ELSE=1\n", ".env")
    monkeypatch.setenv("TRIALALERTS_SERVICE__NAME", "environment")
    service = read_settings().service
    assert (service.name, service.locale, service.postal_address) == ("environment", "fr", "file")


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_key_of_a_source_can_stand_outside_the_file(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        '[[sources]]\nname = "ctgov"\nkind = "clinicaltrials_gov"\nevery = "90m"\n'
        '[[sources]]\nname = "nci"\nkind = "nci_cts"\napi_key = "of the file"\nevery = "12h"\n'
    )
    key = '[{"name": "nci", "api_key": "s3cret"}, {"name": "news", "kind": "feed", "url": "https://example.org/x"}]'
    if place == "environment":
        monkeypatch.setenv("TRIALALERTS_SOURCES", key)
    else:
        write(f"TRIALALERTS_SOURCES={key}\n", ".env")
    settings = read_settings()
    ctgov, nci, news = map(settled, settings.sources)
    assert (ctgov.name, ctgov.every) == ("ctgov", timedelta(minutes=90))
    assert (nci.name, nci.every, nci.model_dump()["api_key"]) == ("nci", timedelta(hours=12), "s3cret")
    assert (news.name, news.kind) == ("news", "feed")
    assert "s3cret" not in repr(settings)


def test_sources_that_the_environment_gives_whole_take_the_place_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[[sources]]\nname = "ctgov"\nkind = "clinicaltrials_gov"\n')
    monkeypatch.setenv("TRIALALERTS_SOURCES", '[{"name": "news", "kind": "feed"}]')
    assert [source.name for source in read_settings().sources] == ["news"]


@pytest.mark.parametrize("file", ["", '[[sources]]\nname = "nci"\nkind = "nci_cts"\n'])
def test_a_key_of_a_source_that_the_file_has_not_is_told(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file)
    monkeypatch.setenv("TRIALALERTS_SOURCES", '[{"name": "ncj", "api_key": "s3cret"}]')
    with pytest.raises(ConfigurationError, match=r"sources\.\d\.kind: found nothing, expected a value") as failed:
        read_settings()
    assert "s3cret" not in str(failed.value)


def test_sources_are_read_with_their_durations() -> None:
    write('[[sources]]\nname = "ctgov"\nkind = "clinicaltrials_gov"\nurl = "https://example.org/api"\nevery = "90m"\n')
    (source,) = read_settings().sources
    assert source.every == timedelta(minutes=90)


def test_the_shipped_file_shows_every_key_with_its_default() -> None:
    text = shipped("config/trialalerts.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text).keys() <= set(Settings.model_fields)
    opened = "\n".join(
        re.sub(r"^# (?=(\w+ = |\[\[sources))", "", line) if not line.startswith('# url = "https://c') else line
        for line in text.splitlines()
    )
    values = tomllib.loads(opened.split("[[sources]]")[0])
    write(opened.split("[[sources]]")[0])
    assert read_settings().model_dump() == Settings().model_dump()
    for section, field in Settings.model_fields.items():
        if section not in {"sources", "nudges"}:
            model = field.annotation
            assert model is not None
            known = {inner.alias or name for name, inner in model.model_fields.items()}
            assert set(values[section]) == known, section
    lists = text.split("[[sources]]", 1)[1].partition("[[nudges]]")
    shown, of_nudges = (set(re.findall(r"^# (\w+) = ", some, flags=re.MULTILINE)) for some in (lists[0], lists[2]))
    assert of_nudges == set(NudgeSettings.model_fields)
    assert shown == {key for kind in all_kinds().values() for key in kind.settings.model_fields}


WRONG = {
    "a misspelt key": ('[mail]\nurrl = "x"', "", r"mail\.urrl: there is no such key\. Did you mean “url”\?"),
    "a misspelt section": ('[servce]\nname = "x"', "", r"servce: there is no such key\. Did you mean “service” or"),
    "a wrong type": ('[web]\nport = "eighty"', "", r"web\.port: found 'eighty', expected a valid integer"),
    "a port out of range": ("[web]\nport = 70000", "", r"web\.port: found 70000, expected less than or equal to 65535"),
    "a duration": (
        '[mail]\ngive_up_after = "soon"',
        "",
        r"mail\.give_up_after: found 'soon', expected a duration such",
    ),
    "a size": ('[http]\nmax_body = "huge"', "", r"http\.max_body: found 'huge', expected a size such as"),
    "a web address": (
        '[service]\nbase_url = "alerts"',
        "",
        r"service\.base_url: found 'alerts', expected a web address",
    ),
    "a time zone": ('[service]\ntimezone = "Mars/X"', "", r"service\.timezone: found 'Mars/X', expected a time zone"),
    "a sender": ('[mail]\nfrom = "nobody"', "", r"mail\.from: found 'nobody', expected an address such as"),
    "an entry of only_to without @": (
        '[mail]\nonly_to = ["example.org"]',
        "",
        r"mail\.only_to\.0: found 'example\.org', expected an address such as me@example\.org, or a domain such as @ex",
    ),
    "an entry of only_to that is only an @": (
        '[mail]\nonly_to = ["@"]',
        "",
        r"mail\.only_to\.0: found '@', expected an",
    ),
    "a pattern in only_to": ('[mail]\nonly_to = ["*@a.example"]', "", r"mail\.only_to\.0: found '\*@a\.example'"),
    "a number in only_to": ("[mail]\nonly_to = [7]", "", r"mail\.only_to\.0: found 7, expected an address"),
    "only_to that is no list": (
        '[mail]\nonly_to = "me@a.example"',
        "",
        r"mail\.only_to: found 'me@a\.example', expected",
    ),
    "a kind of source": (
        '[[sources]]\nname = "a"\nkind = "fax"\n',
        "",
        r"sources, a: there is no kind of source “fax”",
    ),
    "a source without url": (
        '[[sources]]\nname = "a"\nkind = "feed"\n',
        "",
        r"sources, a: url: found nothing, expected a value",
    ),
    "a source with a misspelt key": (
        '[[sources]]\nname = "a"\nkind = "folder"\npath = "x"\nholt = true\n',
        "",
        r"sources, a: holt: there is no such key\. Did you mean “hold”",
    ),
    "a source with another kind's key": (
        '[[sources]]\nname = "a"\nkind = "folder"\npath = "x"\npage_size = 5\n',
        "",
        r"sources, a: page_size: there is no such key",
    ),
    "a source that is asked too often": (
        '[[sources]]\nname = "a"\nkind = "folder"\npath = "x"\nat_most = "often"\n',
        "",
        r"sources\.0\.at_most: found 'often', expected how often it may be asked, such as 3/s or 20/m",
    ),
    "two sources of one name": (
        '[[sources]]\nname = "a"\nkind = "folder"\npath = "x"\n' * 2,
        "",
        r"sources: .*expected each name once, but a stands twice",
    ),
    "broken TOML": ("[mail\n", "", r"config/trialalerts\.toml: this is not TOML"),
    "an unknown variable in .env": (
        "",
        "TRIALALERTS_MIAL__URL=x",
        r"TRIALALERTS_MIAL__URL in \.env: there is no such key\. Did you mean “mail”",
    ),
    "a value in .env": ("", "TRIALALERTS_WEB__PORT=x", r"web\.port: found 'x', expected a valid integer"),
}


@pytest.mark.parametrize(("toml", "dotenv", "line"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_in_one_line(toml: str, dotenv: str, line: str) -> None:
    write(toml)
    write(dotenv, ".env")
    with pytest.raises(ConfigurationError, match=line) as caught:
        check_sources(read_settings())
    assert "\n" not in str(caught.value)


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALALERTS_MAILS__URL", "x")
    with pytest.raises(ConfigurationError, match=r"TRIALALERTS_MAILS__URL: there is no section mails\. .*“mail”"):
        read_settings()


def test_a_named_file_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALALERTS_CONFIG", "elsewhere.toml")
    with pytest.raises(ConfigurationError, match=r"elsewhere\.toml: there is no such file"):
        read_settings()


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALALERTS_SERVICE__SECRET", "hunter2")
    monkeypatch.setenv("TRIALALERTS_MAIL__URL", "smtp://user:hunter2@mail.example.org")
    monkeypatch.setenv("TRIALALERTS_DATABASE__URL", "postgresql+psycopg://user:hunter2@localhost/name")
    settings = read_settings()
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()
    write('[service]\nsecret = ["hunter2"]\n', "other.toml")
    monkeypatch.delenv("TRIALALERTS_SERVICE__SECRET")
    with pytest.raises(ConfigurationError, match=r"service\.secret: found a secret that is not shown") as caught:
        read_settings(Path("other.toml"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["ftp://anna:hunter2@example.org/feed", "htp://example.org/feed?api_key=hunter2", "discord:x:hunter2@example.org"],
)
def test_no_fault_of_a_source_shows_what_its_url_hides(tmp_path: Path, url: str) -> None:
    file = tmp_path / "trialalerts.toml"
    file.write_text(f'[[sources]]\nname = "news"\nkind = "feed"\nurl = "{url}"\n')
    with pytest.raises(ConfigurationError) as refused:
        check_sources(read_settings(file, dotenv=tmp_path / ".env"))
    assert "hunter2" not in str(refused.value)
    assert "news" in str(refused.value)


@pytest.mark.parametrize(
    ("written", "default", "overdue"),
    [("90m", 90, 90), ('{"default": "6h", "overdue": "1h"}', 360, 60), ('{"overdue": "1h"}', 360, 60)],
)
def test_patience_is_one_duration_or_a_table_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, default: int, overdue: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIALALERTS_OPERATOR__TELL_AFTER", written)
    operator = read_settings().operator
    assert operator.patience("source-silent") == timedelta(minutes=default)
    assert operator.patience("overdue") == timedelta(minutes=overdue)


@pytest.mark.parametrize("written", ["6", "soon", '{"default": 6}', "{"])
def test_a_patience_that_is_no_duration_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIALALERTS_OPERATOR__TELL_AFTER", written)
    with pytest.raises(ConfigurationError, match=r"operator\.tell_after.*expected a duration"):
        read_settings()
