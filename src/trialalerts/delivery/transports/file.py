"""The transport that writes each message to a file of its own (``file://var/outbox``, ``file:///var/mail``)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Unsent
from trialalerts.delivery.transports import options_of
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.errors import ConfigurationError
from trialalerts.files import make_folder

__all__ = ["FileChannel", "FileTransport", "open_url"]


class FileTransport:
    """Writes ``<Message-ID>.eml`` into a folder, whole or not at all; sending it again overwrites the same file."""

    name = "file"
    batch = 20
    connections = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def probe(self, *, seconds: float) -> TrialResult:
        """Look whether files can be written into the folder."""
        del seconds
        folder = next(each for each in (self._folder.absolute(), *self._folder.absolute().parents) if each.exists())
        if os.access(folder, os.W_OK | os.X_OK):
            return TrialResult(works=True, told=f"The outbox folder {self._folder} can be written.")
        return TrialResult(works=False, told=f"The outbox folder {self._folder} cannot be written by this user.")

    def open(self) -> FileChannel:
        """Return a channel that writes into the folder."""
        return FileChannel(self._folder)


class FileChannel:
    """Writes messages into a folder; what it says it took survives a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Write the messages; where the folder cannot be written (permissions, disk full), none of them is to blame."""
        outcomes: list[Outcome] = []
        try:
            make_folder(self._folder)
            for envelope in envelopes:
                self._write(envelope)
                outcomes.append(Accepted())
            _sync_folder(self._folder)
        except OSError as error:
            unsent = Unsent(
                reason=f"The outbox folder {self._folder} cannot be written: {error.strerror or type(error).__name__}; "
                "mend it or name another in mail.url. Nothing is lost: the mail stays queued."
            )
            # Without the folder on disk no file in it is safe: those already written are written again.
            return [unsent] * len(envelopes)
        return outcomes

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _write(self, envelope: Envelope) -> None:
        message_id = envelope.message.message_id.strip("<>")
        path = self._folder / (re.sub(r"[^A-Za-z0-9@._-]", "_", message_id) + ".eml")
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            _write_through(unfinished, envelope.content)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


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
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
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
