"""Transports by URL, and the one that writes files."""

from __future__ import annotations

import email
import email.policy
import os
from pathlib import Path

import pytest

from tests.delivery.test_message import message
from trialalerts.delivery.message import to_bytes
from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.file import FileTransport
from trialalerts.delivery.transports.memory import MemoryTransport
from trialalerts.delivery.transports.smtp import SmtpTransport
from trialalerts.errors import ConfigurationError, MailRefused, TransportBroken


def test_each_message_is_a_file_named_by_its_message_id(tmp_path: Path) -> None:
    transport = open_transport(f"file://{tmp_path}/new/outbox")
    transport.send("mona@example.org", message())
    transport.close()
    (path,) = (tmp_path / "new" / "outbox").iterdir()
    assert path.name == "0123456789abcdef@example.org.eml"
    assert path.read_bytes() == to_bytes(message())
    assert email.message_from_bytes(path.read_bytes(), policy=email.policy.default)["Subject"] == "Your trial alerts"


def test_sending_again_overwrites_the_same_file(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path)
    transport.send("mona@example.org", message(text="first"))
    transport.send("mona@example.org", message(text="second"))
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == to_bytes(message(text="second"))


def test_a_message_id_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    FileTransport(tmp_path / "out").send("mona@example.org", message(message_id="<../../evil/x@example.org>"))
    assert [path.parent for path in tmp_path.rglob("*.eml")] == [tmp_path / "out"]


def test_a_relative_folder_lies_where_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_transport("file://var/out%20box").send("mona@example.org", message())
    assert len(list((tmp_path / "var" / "out box").glob("*.eml"))) == 1


def test_a_folder_that_cannot_be_made_breaks_the_transport(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    transport = FileTransport(tmp_path / "file" / "outbox")
    with pytest.raises(TransportBroken, match=r"file/outbox cannot be written: .*Nothing is lost"):
        transport.send("mona@example.org", message())


def test_a_full_disk_leaves_no_half_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        del handle
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TransportBroken, match="No space left on device"):
        FileTransport(tmp_path).send("mona@example.org", message())
    assert list(tmp_path.iterdir()) == []


def test_the_memory_transport_keeps_what_it_is_given_and_answers_as_told() -> None:
    transport = open_transport("memory://")
    assert isinstance(transport, MemoryTransport)
    transport.answer("b@example.org", MailRefused("no", permanent=True))
    transport.send("a@example.org", message())
    with pytest.raises(MailRefused):
        transport.send("b@example.org", message())
    transport.answer("b@example.org", None)
    transport.send("b@example.org", message())
    assert [each.envelope_to for each in transport.sent] == ["a@example.org", "b@example.org"]


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
