"""A process of its own that reads a bounce mailbox and kills itself at a chosen point.

Usage: reading_process.py DATABASE MAILBOX NOW POINT NUMBER; the points are ``fetched``, ``committing``, ``committed``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import event

from tests.delivery.feedback.stage import SETTINGS
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.delivery.feedback.mailbox.kinds import open_mailbox
from trialalerts.delivery.feedback.mailbox.reader import MailFolder, StoredMail, read_mailbox


class Deadly:
    """A folder in which the process ends at the chosen point of its ``number``-th mail."""

    def __init__(self, folder: MailFolder, point: str, number: int) -> None:
        self._folder, self._point, self._left = folder, point, number
        self.committing = False

    @property
    def name(self) -> str:
        return self._folder.name

    def mails(self, cursor: dict[str, Any]) -> Iterator[StoredMail]:
        for mail in self._folder.mails(cursor):
            self._left -= 1
            self._end("fetched")
            self.committing = self._left == 0 and self._point == "committing"
            yield mail

    def done(self, mail: StoredMail) -> None:
        self._end("committed")
        self._folder.done(mail)

    def close(self) -> None:
        self._folder.close()

    def _end(self, point: str) -> None:
        if self._left == 0 and point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    url, mailbox, now, point, number = sys.argv[1:]
    clock = FrozenClock(datetime.fromisoformat(now))
    db = open_database(url)
    folder = Deadly(open_mailbox(mailbox, clock), point, int(number))

    @event.listens_for(db.engine, "commit")
    def before_commit(connection: object) -> None:
        del connection
        if folder.committing:
            os.kill(os.getpid(), signal.SIGKILL)

    read_mailbox(db, folder, settings=SETTINGS, clock=clock)


if __name__ == "__main__":
    main()
