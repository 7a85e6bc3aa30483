"""Composes for everybody who is due, in a process of its own: ``python -m benchmarks.composing_worker URL``.

Prints one line of JSON: subscribers, digests, seconds, peak memory in MB.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.figures import peak_megabytes
from trialalerts.clock import SystemClock
from trialalerts.database import open_database
from trialalerts.digests.compose import compose_due
from trialalerts.settings import ServiceSettings, Settings

if __name__ == "__main__":
    with open_database(sys.argv[1]) as db:
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter()
        count = compose_due(db, Settings(service=ServiceSettings(secret="of the benchmarks")), SystemClock())
        took = time.perf_counter() - began
    memory = peak_megabytes()
    print(json.dumps({"subscribers": count.subscribers, "digests": count.digests, "seconds": took, "memory": memory}))
