"""Takes people over, to be killed: ``python -m tests.handover.importing_process URL FILE KEY SIGNER [PAGES]``.

With a number of pages it stops in the transaction of the one after these, for ever, and says so.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.handover.stage import RECEIVER, settings_of
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.operations.handover import receiving
from trialalerts.operations.handover.archive import ArchiveKey, read_archive
from trialalerts.operations.handover.settling import settle_people


class Held:
    """Settles people page by page, and none after so many pages that brought anybody."""

    def __init__(self, pages: int) -> None:
        self._left = pages
        self._settle = settle_people

    def __call__(self, *args: Any) -> list[int]:
        came = self._settle(*args)
        self._left -= bool(came)
        if self._left < 0:
            sys.stdout.write("held\n")
            sys.stdout.flush()
            threading.Event().wait()
        return came


if __name__ == "__main__":
    receiving.PAGE = 8
    url, file, key, signer, *pages = sys.argv[1:]
    if pages:
        patch.object(receiving, "settle_people", Held(int(pages[0]))).start()
    archive = read_archive(Path(file), ArchiveKey(age_key=key), signed_by=signer)
    settings = settings_of(RECEIVER, received_keys=archive.manifest.suppression_keys)
    database = open_database(url)
    receiving.take_over(database, settings, archive, now=SystemClock().now())
    sys.stdout.write("done\n")
