"""The SMTP transport against Postfix's smtp-sink, a server that was not written for these tests."""

from __future__ import annotations

import email
import email.policy
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.delivery import smtp_sink
from tests.delivery.transports.test_smtp import envelope
from trialalerts.delivery.mail.envelope import Accepted, Outcome, Refused, Unsent
from trialalerts.delivery.transports import open_transport


@pytest.fixture(autouse=True)
def _present() -> None:
    if smtp_sink.find_program("smtp-sink") is None:
        missing(smtp_sink.INSTALL)


def send(*options: str, messages: int = 20) -> list[Outcome]:
    with smtp_sink.running(*options) as port:
        channel = open_transport(f"smtp://127.0.0.1:{port}").open()
        try:
            return channel.send([envelope(f"n{number}@example.org") for number in range(messages)])
        finally:
            channel.close()


@pytest.mark.parametrize("options", [(), ("-p",), ("-e",)], ids=["pipelining", "no pipelining", "no ESMTP"])
def test_each_message_is_stored_once_and_reads_back(options: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "sink"
    folder.mkdir()
    if os.geteuid() == 0:  # the sink runs as nobody
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        for parent in [folder, *folder.parents][: len(folder.parts) - len(Path(tempfile.gettempdir()).parts)]:
            parent.chmod(0o755)
    texts = [f"Hello {number}\n.\n..x\n" + "line\n" * number for number in range(60)]
    with smtp_sink.running(*options, "-d", f"{folder}/%M.") as port:
        channel = open_transport(f"smtp://127.0.0.1:{port}").open()
        outcomes = []
        for at in range(0, len(texts), 20):
            outcomes += channel.send([envelope(text=text) for text in texts[at : at + 20]])
        channel.close()
    assert [type(each) for each in outcomes] == [Accepted] * 60
    stored = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default).get_content()
        for path in folder.iterdir()
    ]
    # each of its files ends with a blank line, as in a mailbox file
    assert sorted(text.rstrip("\n") for text in stored) == sorted(text.rstrip("\n") for text in texts)


@pytest.mark.parametrize("pipelining", [(), ("-p",)])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(("-r", "RCPT"), Refused, id="every recipient refused"),
        pytest.param(("-f", "RCPT"), Refused, id="every recipient refused for now"),
        pytest.param(("-r", "DATA"), Refused, id="DATA refused"),
        pytest.param(("-f", "."), Refused, id="every message refused for now"),
        pytest.param(("-r", "MAIL"), Unsent, id="every sender refused"),
        pytest.param(("-q", "MAIL"), Unsent, id="disconnected at every MAIL"),
    ],
)
def test_a_server_that_takes_nothing_is_understood(
    options: tuple[str, ...], expected: type[Outcome], pipelining: tuple[str, ...]
) -> None:
    outcomes = send(*options, *pipelining, messages=5)
    assert {type(each) for each in outcomes} == {expected}, outcomes


def test_disconnected_at_every_dot_nobody_knows_and_the_rest_is_not_tried() -> None:
    outcomes = send("-q", ".", messages=8)
    assert [type(each) for each in outcomes] == [Refused] * 3 + [Unsent] * 5
