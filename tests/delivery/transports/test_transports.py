"""Transports by URL, and the one that writes files."""

from __future__ import annotations

import email
import email.policy
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.mail.test_message import message
from trialalerts.delivery.mail.envelope import Accepted, Envelope, Refused, Unsent
from trialalerts.delivery.mail.message import to_bytes
from trialalerts.delivery.transports import Channel, open_transport
from trialalerts.delivery.transports.file import FileTransport
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.delivery.transports.smtp.transport import SmtpTransport
from trialalerts.errors import ConfigurationError


def envelope(to: str = "mona@example.org", **values: Any) -> Envelope:
    written = message(to=to, **values)
    return Envelope(
        sender="alerts@example.org",
        recipient=to,
        content=to_bytes(written),
        message=written,
        metadata={"delivery": "x"},
    )


def test_each_message_is_a_file_named_by_its_message_id(tmp_path: Path) -> None:
    transport = open_transport(f"file://{tmp_path}/new/outbox")
    channel = transport.open()
    assert channel.send([envelope()]) == [Accepted()]
    channel.close()
    (path,) = (tmp_path / "new" / "outbox").iterdir()
    assert path.name == "0123456789abcdef@example.org.eml"
    assert path.read_bytes() == to_bytes(message())
    assert email.message_from_bytes(path.read_bytes(), policy=email.policy.default)["Subject"] == "Your trial alerts"


def test_what_is_written_is_what_would_go_over_the_wire(tmp_path: Path) -> None:
    signed = replace(envelope(), content=b"DKIM-Signature: v=1\r\n" + to_bytes(message()))
    FileTransport(tmp_path).open().send([signed])
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == signed.content


def test_sending_again_overwrites_the_same_file(tmp_path: Path) -> None:
    channel = FileTransport(tmp_path).open()
    channel.send([envelope(text="first"), envelope(text="second")])
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == to_bytes(message(text="second"))


def test_a_message_id_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    FileTransport(tmp_path / "out").open().send([envelope(message_id="<../../evil/x@example.org>")])
    assert [path.parent for path in tmp_path.rglob("*.eml")] == [tmp_path / "out"]


def test_a_relative_folder_lies_where_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_transport("file://var/out%20box").open().send([envelope()])
    assert len(list((tmp_path / "var" / "out box").glob("*.eml"))) == 1


def unsent(channel: Channel, *, messages: int = 1) -> str:
    outcomes = channel.send([envelope(message_id=f"<{number}@example.org>") for number in range(messages)])
    assert len(outcomes) == messages
    (reason,) = {each.reason for each in outcomes if isinstance(each, Unsent)}
    return reason


def test_a_folder_that_cannot_be_made_blames_no_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    reason = unsent(FileTransport(tmp_path / "file" / "outbox").open(), messages=3)
    assert re.search(r"file/outbox cannot be written: .*Nothing is lost", reason)


def test_a_full_disk_leaves_no_half_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        del handle
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in unsent(FileTransport(tmp_path).open())
    assert list(tmp_path.iterdir()) == []


def test_the_memory_transport_keeps_what_it_is_given_and_answers_as_told() -> None:
    transport = open_transport("memory://")
    assert isinstance(transport, MemoryTransport)
    channel = transport.open()
    transport.answer("b@example.org", Refused(reason="no", permanent=True))
    assert channel.send([envelope("a@example.org"), envelope("b@example.org")]) == [
        Accepted(),
        Refused(reason="no", permanent=True),
    ]
    transport.answer("b@example.org", None)
    assert channel.send([envelope("b@example.org")]) == [Accepted()]
    channel.close()
    assert [each.recipient for each in transport.sent] == ["a@example.org", "b@example.org"]
    assert (transport.tried, transport.batches, transport.opened, transport.closed) == (3, [2, 1], 1, 1)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", "SmtpServer(mail.example.org:25, tls=starttls)"),
        ("smtp://u:p@mail.example.org", "SmtpServer(mail.example.org:587, tls=starttls)"),
        ("smtps://u:p@mail.example.org", "SmtpServer(mail.example.org:465, tls=tls)"),
        ("smtp://localhost:2525", "SmtpServer(localhost:2525, tls=none)"),
        ("smtp://[::1]:2525?tls=starttls", "SmtpServer(::1:2525, tls=starttls)"),
        ("smtp://mail.example.org:25?tls=none", "SmtpServer(mail.example.org:25, tls=none)"),
        ("smtp://mail.example.org?tls=tls", "SmtpServer(mail.example.org:465, tls=tls)"),
    ],
)
def test_a_url_names_server_port_and_encryption(url: str, server: str) -> None:
    transport = open_transport(url)
    assert isinstance(transport, SmtpTransport)
    assert repr(transport.server) == server


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smpt://mail.example.org", r"no transport 'smpt'\. Did you mean “smtp://”"),
        ("postbox", "no transport ''"),
        ("", "no transport ''"),
        ("smtp://", "names no host"),
        ("smtp://mail.example.org:mail", "this is no URL"),
        ("smtp://user:sec:ret@mail.example.org:99999", "this is no URL"),
        ("smtp://[mail", "this is no URL"),
        ("smtp://mail.example.org?tsl=none", "has no option 'tsl'. Did you mean “tls”"),
        ("smtp://mail.example.org?tls=maybe", "found tls=maybe, expected starttls, tls or none"),
        ("smtps://mail.example.org?tls=none", "smtps:// is encrypted from the start"),
        ("smtp://mail.example.org?timeout=soon", "found timeout=soon, expected seconds"),
        ("smtp://mail.example.org?ca_file=/no/such/file", "there is no file /no/such/file"),
        ("smtp://user:s%C3%A9cret@mail.example.org", "a letter outside ASCII"),
        ("file://", "names no folder"),
        ("file:///etc/hostname", "is not a folder"),
        ("file://var/outbox?sync=no", "has no option 'sync'"),
    ],
)
def test_a_url_that_makes_no_sense_is_a_wrong_configuration(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        open_transport(url)
    assert str(caught.value).startswith("mail.url: ")
    assert "cret" not in str(caught.value)
    assert "sec:ret" not in str(caught.value)
