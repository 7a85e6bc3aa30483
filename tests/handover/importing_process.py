"""Takes people over, to be killed: ``python -m tests.handover.importing_process URL FILE KEY SIGNER``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.handover.stage import RECEIVER, settings_of
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.operations.handover import receiving
from trialalerts.operations.handover.archive import ArchiveKey, read_archive

if __name__ == "__main__":
    receiving.PAGE = 8
    url, file, key, signer = sys.argv[1:5]
    archive = read_archive(Path(file), ArchiveKey(age_key=key), signed_by=signer)
    settings = settings_of(RECEIVER, received_keys=archive.manifest.suppression_keys)
    database = open_database(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    receiving.take_over(database, settings, archive, now=SystemClock().now())
    sys.stdout.write("done\n")
