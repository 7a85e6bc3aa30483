"""What the tests of wrong clocks share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.registry_server import RegistryServer
from tests.timekeeping.stage import Service
from trialalerts.clock import FrozenClock
from trialalerts.database import Database


@pytest.fixture
def service(db: Database, clock: FrozenClock, tmp_path: Path) -> Iterator[Service]:
    """A service whose readers have had their first digest."""
    with RegistryServer() as registry:
        service = Service(db=db, clock=clock, registry=registry, folder=tmp_path / "bounces")
        service.open()
        yield service
