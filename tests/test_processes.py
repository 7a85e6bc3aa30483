"""Of how many processes a daemon is, and what each of them may have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.installation import Installation
from tests.test_daemon import wait_for
from trialalerts.delivery.sending.channels import ProcessShare
from trialalerts.delivery.sending.limits import Limits
from trialalerts.settings import LimitSettings, MailSettings
from trialalerts.workers import usable_cores, usual_processes

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def machine(root: Path, own: str, limits: dict[str, str]) -> Path:
    """Write what the kernel shows to a process of the control group ``own``; ``limits`` has each group's cpu.max."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(own)
    for group, limit in limits.items():
        folder = root / "sys/fs/cgroup" / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(limit)
    return root


@pytest.mark.quick
@pytest.mark.parametrize(
    ("own", "limits", "cores"),
    [
        pytest.param("0::/\n", {"": "max 100000\n"}, HERE, id="a container without a limit"),
        pytest.param("0::/\n", {"": "100000 100000\n"}, 1, id="a container with one core"),
        pytest.param("0::/\n", {"": "50000 100000\n"}, 1, id="half a core is one process"),
        pytest.param("0::/\n", {"": "6400000 100000\n"}, HERE, id="more than there are"),
        pytest.param("0::/a/b.service\n", {"a/b.service": "100000 100000\n"}, 1, id="a unit with CPUQuota"),
        pytest.param("0::/a/b.service\n", {"a/b.service": "max 1000", "a": "1500 1000"}, 1, id="its slice has less"),
        pytest.param("9:cpu:/x\n0::/\n", {"": "30000 10000\n"}, min(3, HERE), id="both versions at once"),
        pytest.param("4:cpu:/x\n", {}, HERE, id="version 1 alone"),
        pytest.param("0::/gone\n", {}, HERE, id="a group that is not shown"),
        pytest.param("0::/\n", {"": "nonsense"}, HERE, id="what nobody understands"),
    ],
)
def test_as_many_cores_count_as_this_process_may_use(
    tmp_path: Path, own: str, limits: dict[str, str], cores: int
) -> None:
    assert usable_cores(machine(tmp_path, own, limits)) == cores


@pytest.mark.quick
def test_where_the_kernel_shows_nothing_the_cores_it_may_run_on_count(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == HERE


@pytest.mark.quick
def test_who_may_run_on_one_core_is_one_process(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.quick
@pytest.mark.parametrize(("cores", "processes"), [(1, 1), (2, 2), (4, 4), (5, 4), (64, 4)])
def test_a_daemon_is_at_most_four_processes(monkeypatch: pytest.MonkeyPatch, cores: int, processes: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr("trialalerts.workers._shares", lambda _: iter(()))
    assert usual_processes() == processes


@pytest.mark.quick
@given(connections=st.integers(1, 99), processes=st.integers(1, 64))
def test_the_processes_part_all_connections_and_no_more(connections: int, processes: int) -> None:
    shares = [ProcessShare(number=number, processes=processes).of(connections) for number in range(processes)]
    assert sum(shares) == connections
    assert shares == sorted(shares, reverse=True)
    assert max(shares) - min(shares) <= 1


@pytest.mark.quick
@pytest.mark.parametrize(("number", "connections"), [(0, 2), (1, 1), (2, 1)])
def test_each_process_has_its_part_of_a_domains_connections_and_one_at_least(number: int, connections: int) -> None:
    mail = MailSettings(domains={"example.com": LimitSettings(connections=2), "example.net": LimitSettings(per_day=5)})
    limits = Limits(mail, ProcessShare(number=number, processes=3 if number else 1))
    assert limits.connections("example.com") == connections
    assert limits.connections("example.net") is None


def test_the_daemon_is_as_many_processes_as_there_are_cores(installation: Installation) -> None:
    installation.configure("[web]\nport = 0\n")
    daemon = installation.start("run")
    try:
        wait_for(lambda: installation.log().count("daemon.started") == usual_processes())
        assert installation.log().count("helper.started") == usual_processes() - 1
    finally:
        daemon.terminate()
        assert daemon.wait(timeout=300) == 0


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        pytest.param("", ("--roles", "poll,web"), id="roles in which nobody can help"),
        pytest.param("", ("--roles", "poll,web", "--processes", "3"), id="nor where several are asked for"),
        pytest.param("", ("--processes", "1"), id="one is asked for"),
        pytest.param('[mail.domains]\n"example.com" = { connections = 1 }\n', (), id="a domain takes one connection"),
    ],
)
def test_no_helper_is_started_where_none_can_help(
    installation: Installation, toml: str, words: tuple[str, ...]
) -> None:
    installation.configure(f"[web]\nport = 0\n{toml}")
    daemon = installation.start("run", *words)
    wait_for(lambda: "daemon.started" in installation.log())
    daemon.terminate()
    assert daemon.wait(timeout=300) == 0
    assert "helper" not in installation.log()
