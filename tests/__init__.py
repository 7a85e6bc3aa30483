"""The tests; they mirror the rooms of src/trialalerts."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _keep_what_was_compiled() -> None:
    """Let workers and the programs of tests find modules compiled where Python may not write beside them.

    Compiling them anew takes a start longer than all the rest of it. It is said here, before conftest.py is read.
    """
    if sys.dont_write_bytecode:
        kept = Path(__file__).resolve().parent.parent / ".pytest_cache" / "compiled"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(kept)
        sys.dont_write_bytecode = False


_keep_what_was_compiled()
