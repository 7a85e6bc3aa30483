"""Owns the stage of these tests."""

from __future__ import annotations

import pytest

from tests.delivery.feedback.stage import Office
from trialalerts.clock import FrozenClock
from trialalerts.database import Database


@pytest.fixture
def office(db: Database, clock: FrozenClock) -> Office:
    """People and mails, on SQLite and on PostgreSQL."""
    return Office(db=db, clock=clock)
