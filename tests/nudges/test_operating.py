"""A round and the daemon nudge by themselves; the commands say who is told elsewhere."""

from __future__ import annotations

import json

from sqlmodel import select

from tests.hooks.stage import wait_for
from tests.installation import Installation, Run
from tests.nudges.stage import told
from tests.sources.registry_server import RegistryServer
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.subscribers.tables import NudgeChoice, Subscriber

CONFIGURATION = """[service]
base_url = "https://alerts.example.org"
[[nudges]]
name = "bell"
label = "Bell"
url = "json://HOST/told/{to}?rto=60&cto=60"
to = "[a-z-]{4,20}"
example = "my-topic"
"""


def choose(installation: Installation) -> None:
    """Let the only subscriber choose the way."""
    with open_database(f"sqlite:///{installation.folder}/var/trialalerts.db") as database, database.write() as session:
        person = session.exec(select(Subscriber)).one()
        now = SystemClock().now()
        session.add(NudgeChoice(subscriber_id=person.id or 0, way="bell", recipient="topic-anna", confirmed_at=now))


def test_a_round_nudges_and_the_commands_say_so(run: Run, installation: Installation, bell: RegistryServer) -> None:
    installation.configure(CONFIGURATION.replace("HOST", bell.root.removeprefix("http://")))
    bell.serve("/told/topic-anna", b"")
    add = ("subscribers", "add", "anna@example.org", "--area", "asthma", "--region", "anywhere", "--confirmed")
    assert run(*add).code == 0
    choose(installation)
    said = run("run", "--once", "--roles", "compose,send").out
    assert "nudges: 1 nudged\n" in said
    assert [to for to, _, _ in told(bell)] == ["topic-anna"]
    shown = json.loads(run("subscribers", "show", "anna@example.org", "--json").done)
    assert shown["nudged_by"] == "bell"
    (mail,) = json.loads(run("deliveries", "list", "--json").done)
    assert (mail["kind"], mail["state"]) == ("nudge", "sent")
    assert json.loads(run("report", "--json").done)["mails"]["nudged"] == 1
    assert "nudges by bell: 1 reader" in run("doctor").out
    everything = said + json.dumps(shown) + run("subscribers", "export").out
    assert "topic-anna" not in everything


def test_the_daemon_nudges_by_itself(run: Run, installation: Installation, bell: RegistryServer) -> None:
    installation.configure(CONFIGURATION.replace("HOST", bell.root.removeprefix("http://")))
    bell.serve("/told/topic-anna", b"")
    add = ("subscribers", "add", "anna@example.org", "--area", "asthma", "--region", "anywhere", "--confirmed")
    assert run(*add).code == 0
    choose(installation)
    daemon = installation.start("run", "--roles", "compose,send")
    try:
        wait_for(lambda: bool(bell.requests))
        daemon.terminate()
        assert daemon.wait(timeout=300) == 0
    finally:
        daemon.kill()
        daemon.wait()
    assert [to for to, _, _ in told(bell)] == ["topic-anna"]
    assert '"nudge"' in run("deliveries", "list", "--json").done
    assert "topic-anna" not in installation.log()
