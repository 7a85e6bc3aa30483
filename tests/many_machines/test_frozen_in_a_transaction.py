"""A machine that is frozen in a transaction holds locks; the database takes them from it after a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.sources.poll_stage import items_of, poll, state_of
from tests.sources.polling.test_poll import article, news
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, engine, open_database, take_numbers
from trialalerts.errors import DatabaseUnavailable
from trialalerts.settings import HttpSettings
from trialalerts.sources.base import MemorySource
from trialalerts.sources.polling.state import LEASE, lease_of, locked_state


@pytest.fixture
def frozen(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database as a machine sees it that may hold its transactions open for a second."""
    monkeypatch.setattr(engine, "PATIENCE", timedelta(seconds=1))
    with open_database(postgresql_url) as db:
        yield db


def test_a_machine_that_is_frozen_while_it_stores_holds_up_nobody_for_ever(
    frozen: Database, postgresql_url: str, clock: FrozenClock
) -> None:
    settings = news(HttpSettings())
    source = MemorySource([[article(1)]])
    with open_database(postgresql_url) as other:
        poll(other, settings, clock, source=MemorySource([]))
        lease = lease_of(frozen, "news", clock)
        with frozen.write() as session:
            lease.take(session)
        with pytest.raises(DatabaseUnavailable, match="stood still for too long"), frozen.write() as session:
            lease.hold(locked_state(session, "news"))
            take_numbers(session, "change", 1)
            # From here on it does nothing: so a frozen process looks to the database.
            clock.advance(LEASE)
            assert poll(other, settings, clock, source=source).changes == 1
        assert list(items_of(other)) == ["1"]
        assert state_of(other, "news").leased_by is None
        with frozen.write() as session:  # it works again with a new connection
            assert take_numbers(session, "change", 1) == range(2, 3)
