"""What the process works out of which the tests' programs are forked: what each would work out from the same areas.

A program that finds other areas in its database makes its own, as always.
"""

from __future__ import annotations

import gc
import os

DATABASE = "TRIALALERTS_TEST_DATABASE_OF_AREAS"
"""The variable that names the SQLite file with the areas; without it nothing is worked out."""


def _work_out(file: str) -> None:
    from trialalerts.clock import SystemClock
    from trialalerts.database import open_database
    from trialalerts.settings import Settings
    from trialalerts.sources.context import SourceContext

    with open_database(f"sqlite:///{file}") as db, SourceContext(db, Settings(), SystemClock()) as context:
        context.areas.find("multiple sclerosis")
        context.conditions.named(("multiple sclerosis",), ())
        context.tagger.tag(title="A title", text="")  # so few words, and no disease, are read in every language


if DATABASE in os.environ:
    _work_out(os.environ[DATABASE])
    gc.collect()
    gc.freeze()  # no program looks for garbage among it
