"""Reading the configuration anew by SIGHUP, and how much is logged."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.installation import Installation
from tests.programs import Program
from tests.test_daemon import ARTICLES, wait_for, write_article
from trialalerts.operations.reloading import reloaded
from trialalerts.settings import Settings


@contextmanager
def running(installation: Installation, *words: str) -> Iterator[Program]:
    """A daemon that is up, with short pauses; it is ended and must end well."""
    daemon = installation.start("run", "--processes", "1", *words, program="tests.short_pauses")
    try:
        wait_for(lambda: "daemon.started" in installation.log())
        yield daemon
        daemon.terminate()
        assert daemon.wait(timeout=300) == 0
    finally:
        daemon.kill()
        daemon.wait()


def lines(installation: Installation, event: str) -> list[str]:
    return [line for line in installation.log().splitlines() if f"event={event}" in line]


def reload(installation: Installation, daemon: Program, toml: str, *, answer: str = "configuration.reloaded") -> str:
    """Change the configuration, ask to read it anew, and return the line that says what came of it."""
    before = len(lines(installation, answer))
    installation.configure(toml)
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: len(lines(installation, answer)) > before)
    return lines(installation, answer)[-1]


def page(installation: Installation) -> str:
    port = lines(installation, "web.started")[0].rpartition("port=")[2].split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        found: bytes = answer.read()
    return found.decode()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("new", "changed", "waiting"),
    [
        pytest.param({}, [], [], id="nothing"),
        pytest.param({"mail": {"from": "New <new@example.org>"}}, ["mail.from"], [], id="who mail comes from"),
        pytest.param({"mail": {"limits": {"per_second": 3}}}, ["mail.limits"], [], id="limits"),
        pytest.param({"logs": {"level": "debug"}}, ["logs.level"], [], id="how much is logged"),
        pytest.param(
            {"sources": [{"name": "a", "kind": "folder", "path": "p"}]}, ["sources"], [], id="a further source"
        ),
        pytest.param({"database": {"url": "sqlite:///other.db"}}, [], ["database.url"], id="another database"),
        pytest.param(
            {"service": {"secret": "x" * 40, "name": "N"}}, ["service.name"], ["service.secret"], id="a secret"
        ),
        pytest.param({"web": {"host": "::1", "port": 1}}, [], ["web.host", "web.port"], id="where pages are served"),
    ],
)
def test_what_only_a_restart_can_change_stays_as_it_was(
    new: dict[str, object], changed: list[str], waiting: list[str]
) -> None:
    old = Settings()
    found = reloaded(old, Settings.model_validate(new))
    assert (found.changed, found.waiting) == (changed, waiting)
    assert found.settings.database == old.database
    assert found.settings.service.secret == old.service.secret
    assert (found.settings.web.host, found.settings.web.port) == (old.web.host, old.web.port)
    assert reloaded(found.settings, Settings.model_validate(new)).changed == []


def test_sources_and_words_of_the_pages_change_without_a_restart(installation: Installation) -> None:
    installation.configure("[web]\nport = 0\n")
    installation.done("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--region", "anywhere",
                      "--frequency", "immediately", "--confirmed")  # fmt: skip
    with running(installation) as daemon:
        toml = f'[web]\nport = 1\n[service]\nname = "Other Alerts"\n{ARTICLES}'
        assert 'changed="service.name, sources"' in reload(installation, daemon, toml)
        wait_for(lambda: len(lines(installation, "configuration.needs_restart")) == 1)
        assert "keys=web.port" in installation.log()
        assert "Other Alerts" in page(installation)
        write_article(installation, "first")
        outbox = installation.folder / "var" / "outbox"
        wait_for(lambda: any("Other Alerts" in mail.read_text() for mail in outbox.glob("*.eml")))


BROKEN = {
    "[web\n": "this is not TOML",
    '[mail]\nform = "a@example.org"\n': "mail.form: there is no such key",
    '[mail]\nurl = "pigeon://loft"\n': "pigeon",
    '[[mail.dkim]]\ndomain = "example.org"\nselector = "s"\nkey_file = "gone.pem"\n': "gone.pem",
}
"""What a configuration cannot be, and what is told of it."""


def test_a_broken_file_is_told_in_one_line_and_the_old_configuration_stays(installation: Installation) -> None:
    good = '[web]\nport = 0\n[service]\nname = "Good Alerts"\n'
    installation.configure(good)
    with running(installation) as daemon:
        for toml, told in BROKEN.items():
            line = reload(installation, daemon, toml, answer="configuration.not_reloaded")
            assert told in line
            assert "Traceback" not in installation.log()
            assert "Good Alerts" in page(installation)
            assert "changed=nothing" in reload(installation, daemon, good)


def test_helpers_read_the_configuration_anew_too(installation: Installation) -> None:
    installation.configure("")
    daemon = installation.start("run", "--roles", "compose", "--processes", "2")
    try:
        wait_for(lambda: installation.log().count("daemon.started") == 2)
        installation.configure('[service]\nname = "New"\n')
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: len(lines(installation, "configuration.reloaded changed=service.name")) == 2)
    finally:
        daemon.terminate()
        assert daemon.wait(timeout=300) == 0
    assert "helper.ended" not in installation.log()


def test_the_level_of_the_configuration_counts_and_no_line_of_a_round_shows_who_it_is_about(
    installation: Installation,
) -> None:
    people = ["anna.lindqvist@example.org", "björn@example.net"]
    installation.configure(f'[logs]\nlevel = "debug"\n{ARTICLES}')
    for person in people:
        installation.done("subscribers", "add", person, "--area", "multiple sclerosis", "--region", "Leeds, GB",
                          "--frequency", "immediately", "--confirmed", "--label", "Quince")  # fmt: skip
    installation.done("subscribers", "add", "gone@example.org", "--area", "epilepsy", "--region", "anywhere")
    write_article(installation, "first")
    round_ = installation.command("run", "--once")
    assert round_.returncode == 0, round_.stderr
    write_article(installation, "second")
    again = installation.command("run", "--once")
    logged = round_.stderr + again.stderr
    assert "level=debug" in logged
    assert "event=delivery.sent" in logged
    for private in (*people, "anna", "lindqvist", "björn", "@", "sclerosis", "epilepsy", "leeds", "quince"):
        assert private not in logged.lower()
    installation.configure(f'[logs]\nlevel = "error"\n{ARTICLES}')
    assert installation.command("run", "--once").stderr == ""
