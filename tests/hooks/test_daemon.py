"""The daemon calls webhooks by itself, and ends in time though a program does not answer."""

from __future__ import annotations

import threading

from tests.hooks.stage import wait_for
from tests.installation import Installation, Run
from tests.sources.registry_server import Fault, Handler, RegistryServer, hang_up

CONFIGURATION = "[webhooks]\nallow_private_addresses = true\ntimeout = '300s'\n"


def test_the_daemon_calls_by_itself_and_ends_though_a_program_does_not_answer(
    run: Run, installation: Installation, program: RegistryServer
) -> None:
    installation.configure(CONFIGURATION)
    over = threading.Event()

    def wait(handler: Handler) -> None:
        over.wait()
        hang_up(handler)

    program.faults.append(Fault(act=wait, when=lambda request: request.path == "/slow"))
    for path in ("/hook", "/slow"):
        assert run("webhooks", "add", f"{program.root}{path}", "--event", "subscriber.confirmed").code == 0
    add = ("subscribers", "add", "anna@example.org", "--area", "asthma", "--region", "anywhere", "--confirmed")
    assert run(*add).code == 0
    daemon = installation.start("run", "--roles", "send")
    try:
        wait_for(lambda: {each.path for each in program.requests} == {"/hook", "/slow"})
        daemon.terminate()
        assert daemon.wait(timeout=300) == 0
    finally:
        over.set()
        daemon.kill()
        daemon.wait()
    assert "cut_off=false" in installation.log()
    assert [each.path for each in program.requests].count("/hook") == 1
    states = [line.split("\t")[6] for line in run("webhooks", "list").done.splitlines()[1:]]
    assert states == ["0", "1"], "what had no answer waits, and is made again"
