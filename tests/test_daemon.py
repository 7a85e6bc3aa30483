"""The daemon as an operator runs it: it works, it ends cleanly and in time, it refuses what cannot work."""

from __future__ import annotations

import os
import quopri
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.delivery.chaos_server import ChaosServer, running
from tests.digests.stage import publish, store_subscriber, store_trial
from tests.installation import Installation
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import SystemClock
from trialalerts.daemon import Daemon
from trialalerts.database import Database, open_database
from trialalerts.database.heartbeats import heartbeats
from trialalerts.settings import Settings


def wait_for(what: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait until ``what()`` holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.05)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def write_article(installation: Installation, title: str) -> None:
    folder = installation.folder / "articles"
    folder.mkdir(exist_ok=True)
    today = SystemClock().now().date()  # the daemon goes by the real clock, and an old article is no news
    text = f"---\ntitle: {title}\ndate: {today}\ncategories: [Multiple sclerosis]\nurl: https://example.org/{title}\n---\nText."
    (folder / f"{title}.md").write_text(text, encoding="utf-8")


ARTICLES = '[[sources]]\nname = "editors"\nkind = "folder"\npath = "articles"\nevery = "1s"\n'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_ends_cleanly_on_a_signal(installation: Installation, number: signal.Signals) -> None:
    installation.configure("[web]\nport = 0\n")
    daemon = installation.start_fresh("run")
    wait_for(lambda: "daemon.started" in installation.log())
    daemon.send_signal(number)
    assert daemon.wait(timeout=300) == 0
    assert re.search(r"daemon\.stopped.*cut_off=false", installation.log())


def test_a_signal_that_comes_while_the_daemon_looks_whether_to_end_does_not_hang_it(sqlite_db: Database) -> None:
    daemon = Daemon(Settings(), sqlite_db, SystemClock(), ["send"])
    # The handler interrupts the main thread anywhere: also where it holds the lock of the event it waits for.
    with vars(daemon._stopping)["_cond"]:
        handled = threading.Thread(target=daemon._on_signal, args=(signal.SIGTERM, None), daemon=True)
        handled.start()
        handled.join(timeout=5)
        assert not handled.is_alive()


@pytest.mark.parametrize("when", ["while it is frozen", "as soon as it may go on"])
def test_a_daemon_that_was_frozen_ends_when_it_is_told_to(installation: Installation, when: str) -> None:
    daemon = installation.start("run", "--roles", "send")
    wait_for(lambda: "daemon.started" in installation.log())
    daemon.send_signal(signal.SIGSTOP)
    wait_for(lambda: "T (stopped)" in Path(f"/proc/{daemon.pid}/status").read_text())
    # Any of its threads may be the one that the kernel then interrupts for the signal.
    numbers = [signal.SIGTERM, signal.SIGCONT]
    for number in numbers if when == "while it is frozen" else reversed(numbers):
        daemon.send_signal(number)
    try:
        assert daemon.wait(timeout=300) == 0
    finally:
        daemon.kill()
        daemon.wait()
    assert "daemon.stopped" in installation.log()


def test_the_daemon_ends_within_ten_seconds_though_a_source_never_answers(
    installation: Installation, silent_server: str
) -> None:
    installation.configure(
        f'[web]\nport = 0\n[http]\nallow_private_addresses = true\ntimeout = "60s"\n'
        f'[[sources]]\nname = "silent"\nkind = "feed"\nurl = "{silent_server}/feed.xml"\n'
    )
    daemon = installation.start("run", "--roles", "poll")
    wait_for(lambda: "daemon.started" in installation.log())
    threading.Event().wait(1)  # so that the poll is under way
    began = time.monotonic()
    daemon.terminate()
    assert daemon.wait(timeout=300) == 0
    assert time.monotonic() - began < 10.5
    assert "daemon.stopped" in installation.log()


def test_the_daemon_polls_composes_and_sends_by_itself(installation: Installation) -> None:
    installation.configure(f"[web]\nport = 0\n{ARTICLES}")
    installation.done("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--region", "anywhere",
                      "--frequency", "immediately", "--confirmed")  # fmt: skip
    write_article(installation, "first")
    assert "editors" in installation.done("run", "--once")
    write_article(installation, "second")
    daemon = installation.start("run", program="tests.short_pauses")
    try:
        outbox = installation.folder / "var" / "outbox"
        wait_for(lambda: any("second" in mail.read_text() for mail in outbox.glob("*.eml")), seconds=90)
    finally:
        daemon.terminate()
        daemon.wait(timeout=300)
    mails = [mail.read_text() for mail in outbox.glob("*.eml")]
    assert len(mails) == 2  # the first mail, which always comes, and this one


def test_without_a_secret_the_daemon_does_not_start(installation: Installation) -> None:
    (installation.folder / ".env").unlink()
    refused = installation.command("run", "--once")
    assert refused.returncode == 2
    assert "service.secret" in refused.stderr
    assert "trialalerts init" in refused.stderr


@pytest.mark.parametrize("roles", ["", "polling", "poll,fax"])
def test_an_unknown_role_is_refused(installation: Installation, roles: str) -> None:
    refused = installation.command("run", "--once", "--roles", roles)
    assert refused.returncode == 2
    assert "poll, compose, send, web, watch" in refused.stderr


def test_the_desk_is_refused_to_nobody_and_opened_where_it_is_named(installation: Installation) -> None:
    refused = installation.command("run", "--roles", "web,desk")
    assert refused.returncode == 2
    assert "desk.editors: found nothing, expected the addresses" in refused.stderr
    (installation.folder / "articles").mkdir()
    installation.configure(f'[web]\nport = 0\n[desk]\neditors = ["Anna <anna@society.example>"]\n{ARTICLES}')
    daemon = installation.start("run", "--roles", "desk")
    wait_for(lambda: "daemon.started" in installation.log())
    assert "roles=desk" in installation.log()
    found = re.search(r"web\.started.*port=(\d+)", installation.log())
    assert found is not None
    with httpx.Client(base_url=f"http://127.0.0.1:{found[1]}", timeout=60) as client:
        assert client.get("/articles").status_code == 404
        assert client.post("/desk", data={"address": "Anna@society.example"}).status_code == 200
        outbox = installation.folder / "var" / "outbox"
        wait_for(lambda: outbox.is_dir() and any(each.suffix == ".eml" for each in outbox.iterdir()))
        (mail,) = outbox.iterdir()
        (token,) = re.findall(r"/desk/open/(\S+)", quopri.decodestring(mail.read_bytes()).decode())
        assert client.post(f"/desk/open/{token}").status_code == 303
        assert "Sign out" in client.get("/desk").text
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(timeout=300) == 0


def test_a_database_that_is_newer_than_the_program_is_left_alone(installation: Installation) -> None:
    import sqlite3

    file = installation.folder / "var" / "trialalerts.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for words in (("run", "--once"), ("subscribers", "list"), ("database", "upgrade")):
        refused = installation.command(*words)
        assert refused.returncode == 1
        assert "newer than this program" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_an_outbox_that_cannot_be_written_loses_nothing(installation: Installation, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file-in-the-way"
    blocked.write_text("")
    installation.configure(f'[mail]\nurl = "file://{blocked}/outbox"\n{ARTICLES}')
    installation.done("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--region", "anywhere",
                      "--frequency", "immediately", "--confirmed")  # fmt: skip
    write_article(installation, "first")
    installation.done("run", "--once", "--roles", "poll,compose")
    write_article(installation, "second")
    polled: subprocess.CompletedProcess[str] = installation.command("sources", "poll")
    assert polled.returncode == 0, polled.stderr
    failed = installation.command("run", "--once")
    assert failed.returncode == 1
    assert str(blocked) in failed.stdout + failed.stderr
    blocked.unlink()
    installation.done("run", "--once")
    assert (
        len(list((tmp_path / "a-file-in-the-way" / "outbox").glob("*.eml"))) == 2
    )  # the first mail, and the second article


def helper_in(installation: Installation) -> int:
    """Wait for the helper that was started last; return its process id."""
    wait_for(lambda: "helper.started" in installation.log())
    wait_for(lambda: installation.log().count("daemon.started") == 1 + installation.log().count("helper.started"))
    return int(re.findall(r"event=helper\.started pid=(\d+)", installation.log())[-1])


def is_running(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_daemon_of_several_processes_works_and_ends_with_all_of_them(installation: Installation) -> None:
    installation.configure("[web]\nport = 0\n")
    daemon = installation.start("run", "--processes", "2")
    try:
        helper = helper_in(installation)
        assert "roles=compose,send" in installation.log()
        daemon.terminate()
        assert daemon.wait(timeout=300) == 0
    finally:
        daemon.kill()
        daemon.wait()
    assert not is_running(helper)
    assert installation.log().count("daemon.stopped cut_off=false") == 2
    assert "Fatal" not in installation.log()


def test_a_helper_that_dies_is_started_again(installation: Installation) -> None:
    daemon = installation.start("run", "--roles", "compose", "--processes", "2")
    try:
        first = helper_in(installation)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: "helper.ended" in installation.log())
        assert f"helper.ended pid={first} code=-9 again_in=10s" in installation.log()
        wait_for(lambda: installation.log().count("helper.started") == 2)
        assert is_running(helper_in(installation))
    finally:
        daemon.terminate()
        daemon.wait(timeout=300)


def test_a_helper_ends_when_its_daemon_is_killed(installation: Installation) -> None:
    daemon = installation.start("run", "--roles", "send", "--processes", "2")
    helper = helper_in(installation)
    daemon.kill()
    daemon.wait()
    wait_for(lambda: not is_running(helper))


def test_one_round_is_one_process(installation: Installation) -> None:
    refused = installation.command("run", "--once", "--processes", "2")
    assert refused.returncode == 2
    assert "--processes: found it beside --once" in refused.stderr


def test_two_processes_on_sqlite_tell_everybody_exactly_once(installation: Installation) -> None:
    people = 2_000
    server = ChaosServer(pipelining=True)
    with running(server) as port:
        installation.configure(f'[mail]\nurl = "smtp://127.0.0.1:{port}?tls=none"\n')
        with open_database(f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}") as db, db.write() as session:
            now = SystemClock().now()
            publish(session, store_trial(session, 1, now), ChangeKind.OPENED, now)
            for number in range(people):
                store_subscriber(session, f"s{number}", now, cursor=0)
        daemon = installation.start("run", "--roles", "compose,send", "--processes", "2")
        try:
            helper_in(installation)
            wait_for(lambda: server.copies().total() >= people, seconds=90)
        finally:
            daemon.terminate()
            assert daemon.wait(timeout=300) == 0
    assert server.copies() == {f"s{number}@example.org": 1 for number in range(people)}
    assert re.search(rf"sent\D+{people}", installation.done("report"))


def test_the_daemon_ends_with_1_where_a_step_cannot_run_at_all(installation: Installation) -> None:
    installation.configure(
        '[web]\nport = 0\n[mail]\ndkim = [{ domain = "example.org", selector = "s1", key_file = "gone.pem" }]\n'
    )
    installation.done("subscribers", "add", "anna@example.org", "--area", "multiple sclerosis", "--region", "anywhere")
    daemon = installation.start("run", "--roles", "send,web")
    assert daemon.wait(timeout=120) == 1
    assert re.search(r"daemon\.cannot_go_on.*step send cannot run", installation.log())
    assert "gone.pem" in installation.log()


def test_the_daemon_ends_with_1_where_its_web_server_ended(sqlite_db: Database) -> None:
    settings = Settings.model_validate(
        {"web": {"port": 0}, "service": {"secret": "a secret of the tests, long enough"}}
    )
    daemon = Daemon(settings, sqlite_db, SystemClock(), ["web"])
    codes: list[int] = []

    def end_the_server() -> None:
        wait_for(lambda: daemon._server is not None and daemon._server.running)
        assert daemon._server is not None
        vars(daemon._server)["_server"].should_exit = True

    ender = threading.Thread(target=end_the_server, daemon=True)
    ender.start()
    codes.append(daemon.run())
    assert codes == [1]


def test_a_daemon_leaves_heartbeats_while_it_works_and_none_when_it_ends_well(installation: Installation) -> None:
    installation.configure("[web]\nport = 0\n")
    daemon = installation.start("run", "--roles", "compose", program="tests.short_pauses")

    def steps() -> set[str]:
        with open_database(f"sqlite:///{installation.folder / 'var' / 'trialalerts.db'}") as db, db.read() as session:
            return {row.step for row in heartbeats(session) if row.finished_at}

    wait_for(lambda: {"process", "compose"} <= steps())
    daemon.terminate()
    assert daemon.wait(timeout=300) == 0
    assert steps() == set()
