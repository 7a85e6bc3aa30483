"""All tables together, those that others refer to first: the rooms define them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table
from sqlmodel import SQLModel

import trialalerts.catalog.tables
import trialalerts.database.audit
import trialalerts.database.counter
import trialalerts.database.events.noted
import trialalerts.database.findings
import trialalerts.database.heartbeats
import trialalerts.database.service_values
import trialalerts.delivery.outbox.notices.tables
import trialalerts.delivery.outbox.tables
import trialalerts.digests.tables
import trialalerts.hooks.tables
import trialalerts.nudges.tables
import trialalerts.operations.api_keys
import trialalerts.operations.desk.tables
import trialalerts.operations.watch.tables
import trialalerts.sources.tables
import trialalerts.subscribers.tables
import trialalerts.vocabulary.tables  # noqa: F401 - imported for the tables it registers, as are those above

__all__ = ["all_tables"]


def all_tables() -> Sequence[Table]:
    """Return every table, in an order in which they can be filled."""
    return SQLModel.metadata.sorted_tables
