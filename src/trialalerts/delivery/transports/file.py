"""Owns the transport that writes each message to a file of its own (``file://var/outbox``, ``file:///var/mail``)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, unquote

from trialalerts.delivery.message import Message, to_bytes
from trialalerts.delivery.transports import options_of
from trialalerts.errors import ConfigurationError, TransportBroken

__all__ = ["FileTransport", "open_url"]


class FileTransport:
    """Writes ``<Message-ID>.eml`` into a folder, whole or not at all; sending it again overwrites the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """``file``."""
        return "file"

    def send(self, envelope_to: str, message: Message) -> None:
        """Write the message; it survives a power cut once this returns.

        Raises:
            TransportBroken: the folder cannot be written (permissions, disk full).
        """
        del envelope_to
        path = self._folder / (re.sub(r"[^A-Za-z0-9@._-]", "_", message.message_id.strip("<>")) + ".eml")
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                _write_through(unfinished, to_bytes(message))
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
            _sync_folder(self._folder)
        except OSError as error:
            raise TransportBroken(
                f"The outbox folder {self._folder} cannot be written: {error.strerror or type(error).__name__}; "
                "mend it or name another in mail.url. Nothing is lost: the mail stays queued."
            ) from error

    def close(self) -> None:
        """Do nothing: no file stays open."""


def open_url(parts: SplitResult) -> FileTransport:
    """Open ``file://FOLDER`` (relative to where the program runs) or ``file:///FOLDER``.

    Raises:
        ConfigurationError: no folder is named, or there is a file in its place.
    """
    options_of(parts, ())
    folder = Path(unquote(parts.netloc + parts.path))
    if not parts.netloc + parts.path:
        raise ConfigurationError("mail.url: file:// names no folder; write file://var/outbox or file:///var/mail/out")
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"mail.url: {folder} is not a folder")
    return FileTransport(folder)


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too: a file whose folder was not written out can vanish in a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
