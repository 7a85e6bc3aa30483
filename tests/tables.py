"""All tables together: the rooms define them."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import trialalerts.catalog.tables
import trialalerts.database.audit
import trialalerts.database.counter
import trialalerts.database.findings
import trialalerts.database.heartbeats
import trialalerts.database.service_values
import trialalerts.delivery.outbox.tables
import trialalerts.digests.tables
import trialalerts.operations.watch.tables
import trialalerts.sources.tables
import trialalerts.subscribers.tables
import trialalerts.vocabulary.tables  # noqa: F401 - imported for the tables it registers, as are those above

__all__ = ["metadata"]


def metadata() -> MetaData:
    """Return the metadata that holds every table."""
    return SQLModel.metadata
