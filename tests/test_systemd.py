"""The daemon under systemd: what it is told, and a unit with no more rights than needed."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.installation import PROGRAM, Installation
from tests.test_daemon import wait_for
from trialalerts.operations.service_manager import ServiceManager

UNIT = Path(__file__).resolve().parent.parent / "deploy" / "trialalerts.service"
PR_SET_MDWE = 65


@pytest.fixture(params=["a path", "an abstract name"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that systemd would listen at."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"\0trialalerts-{os.getpid()}-{time.monotonic_ns()}"
        listening.bind(str(tmp_path / "notify") if request.param == "a path" else name)
        listening.settimeout(60)
        yield listening


def name_of(listening: socket.socket) -> str:
    """Return the name of a socket as ``$NOTIFY_SOCKET`` has it."""
    found = listening.getsockname()
    return found if isinstance(found, str) else "@" + found[1:].decode()


def heard(listening: socket.socket) -> str:
    return listening.recv(4096).decode()


def test_the_daemon_says_that_it_is_ready_lives_and_ends(installation: Installation, systemd: socket.socket) -> None:
    installation.configure("[web]\nport = 0\n")
    installation.variables |= {"NOTIFY_SOCKET": name_of(systemd), "WATCHDOG_USEC": "1500000"}
    daemon = installation.start("run", "--processes", "2")
    try:
        assert heard(systemd) == "READY=1"
        assert "web.started" in installation.log()
        assert "daemon.started" in installation.log()
        assert [heard(systemd) for _ in range(3)] == ["WATCHDOG=1"] * 3
        wait_for(lambda: installation.log().count("daemon.started") == 2)
        daemon.terminate()
        while (said := heard(systemd)) == "WATCHDOG=1":
            pass
        assert said == "STOPPING=1"
        assert daemon.wait(timeout=300) == 0
        systemd.settimeout(0.0)
        with pytest.raises(BlockingIOError):  # neither the daemon nor its helper says more
            heard(systemd)
    finally:
        daemon.kill()
        daemon.wait()


def test_a_registry_that_hangs_does_not_keep_the_watchdog_hungry(
    installation: Installation, systemd: socket.socket
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation.configure(
            f'[web]\nport = 0\n[http]\nallow_private_addresses = true\ntimeout = "60s"\n'
            f'[[sources]]\nname = "silent"\nkind = "feed"\nurl = "http://127.0.0.1:{silent.getsockname()[1]}/"\n'
        )
        installation.variables |= {"NOTIFY_SOCKET": name_of(systemd), "WATCHDOG_USEC": "1500000"}
        daemon = installation.start("run", "--roles", "poll,web")
        try:
            assert heard(systemd) == "READY=1"
            silent.settimeout(60)
            asked, _ = silent.accept()
            with asked:
                assert [heard(systemd) for _ in range(4)] == ["WATCHDOG=1"] * 4
        finally:
            daemon.kill()
            daemon.wait()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        pytest.param({}, [], id="no watchdog"),
        pytest.param({"WATCHDOG_USEC": "3000000"}, ["WATCHDOG=1"], id="at most three times as often as it must be"),
        pytest.param({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, [], id="another process is watched"),
        pytest.param({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, ["WATCHDOG=1"], id="this one is"),
        pytest.param({"WATCHDOG_USEC": "soon"}, [], id="nonsense"),
        pytest.param({"WATCHDOG_USEC": "0"}, [], id="never"),
    ],
)
def test_the_watchdog_is_fed_where_it_watches_this_process(
    systemd: socket.socket, environment: dict[str, str], told: list[str]
) -> None:
    given = {"NOTIFY_SOCKET": name_of(systemd), **environment}
    manager = ServiceManager(given)
    assert given == {}  # what this process starts is not to speak for it
    for _ in range(10):
        manager.lives()
    manager.stopping()
    assert [heard(systemd) for _ in range(len(told) + 1)] == [*told, "STOPPING=1"]


@pytest.mark.quick
def test_without_systemd_nothing_is_said_and_one_that_is_gone_harms_nothing(tmp_path: Path) -> None:
    with capture_logs() as lines:
        ServiceManager({}).ready()
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert [(line["event"], line["state"]) for line in lines] == [("systemd.not_told", "READY=1")]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_gives_no_more_rights_than_needed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    assert found, told.stdout + told.stderr
    assert float(found[1]) <= 2.5


def test_the_unit_gives_the_daemon_the_time_that_it_asks_for() -> None:
    unit = UNIT.read_text()
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0]) > 10
    assert "\nType=notify\n" in unit
    assert re.search(r"^WatchdogSec=\d+$", unit, re.MULTILINE)
    assert "\nRestartPreventExitStatus=2\n" in unit


def test_the_daemon_runs_without_memory_that_is_written_and_run(installation: Installation) -> None:
    library = ctypes.CDLL(None)

    def forbid() -> None:
        library.prctl(PR_SET_MDWE, 1, 0, 0, 0)

    probe = [
        "python3",
        "-c",
        f"import ctypes; raise SystemExit(ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0) != 0)",
    ]
    if subprocess.run(probe, check=False).returncode != 0:
        pytest.skip("this kernel cannot forbid it")
    installation.configure("[web]\nport = 0\n")
    with (installation.folder / "log").open("a") as log:
        daemon = subprocess.Popen(
            [PROGRAM, "run", "--processes", "1"],
            cwd=installation.folder,
            env=installation.environment,
            stdout=log,
            stderr=log,
            preexec_fn=forbid,  # noqa: PLW1509 - the one way to limit the child alone
        )
    try:
        wait_for(lambda: "daemon.started" in installation.log())
        wait_for(lambda: daemon.poll() is not None or "web.started" in installation.log())
    finally:
        daemon.terminate()
        assert daemon.wait(timeout=300) == 0
    assert "failed" not in installation.log()
