"""Reading a Maildir: what lies in ``new`` is handled and then moved to ``cur``, as every mail program does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trialalerts.delivery.feedback.mailbox.reader import LONGEST_MAIL, MailboxBroken, StoredMail

__all__ = ["Maildir"]

_SEEN = ":2,S"
_FILE = "file"


class Maildir:
    """The Maildir in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """What it is called in tables and logs."""
        return f"maildir://{self._path}"

    def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
        """Yield what is new, oldest first. Mails are moved instead of counted, so there is no cursor.

        Raises:
            MailboxBroken: there is no such Maildir, or it cannot be read.
        """
        del cursor
        try:
            files = sorted((self._path / "new").iterdir())
            for file in files:
                mail = _letter(file)
                if mail is not None:
                    yield mail
        except OSError as error:
            raise self._broken(error) from None

    def done(self, mail: StoredMail) -> None:
        """Move a handled mail to ``cur``; cut off before, it is read again and known.

        Raises:
            MailboxBroken: it cannot be moved.
        """
        name = mail.cursor[_FILE]
        try:
            (self._path / "cur").mkdir(exist_ok=True)
            (self._path / "new" / name).rename(self._path / "cur" / f"{name.partition(':')[0]}{_SEEN}")
        except FileNotFoundError:
            return  # a mail program was quicker
        except OSError as error:
            raise self._broken(error) from None

    def close(self) -> None:
        """Nothing is open."""

    def _broken(self, error: OSError) -> MailboxBroken:
        return MailboxBroken(f"feedback.mailbox: {self.name} cannot be read: {error.strerror}")


def _letter(file: Path) -> StoredMail | None:
    """Read the beginning of a file; None where it is no mail, or is gone."""
    try:
        if file.name.startswith(".") or not file.is_file():
            return None
        with file.open("rb") as opened:
            content = opened.read(LONGEST_MAIL)
        arrived = datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)
    except FileNotFoundError:
        return None
    return StoredMail(content=content, arrived=arrived, cursor={_FILE: file.name})
