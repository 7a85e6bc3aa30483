"""Owns what the tests of the sources share: the server, and the real studies, read once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina

from tests.sources.registry_server import RegistryServer, read_studies
from trialalerts.settings import HttpSettings


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retry at once."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """A running registry without studies."""
    with RegistryServer() as server:
        yield server


@pytest.fixture(scope="session")
def real_studies(shared_data: Path) -> list[Any]:
    """The 1,460 real versions of 1,450 studies."""
    return read_studies(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz")


@pytest.fixture
def http_settings() -> HttpSettings:
    """Private addresses allowed (the servers are on loopback), little patience."""
    return HttpSettings(
        allow_private_addresses=True, timeout=timedelta(seconds=5), max_body=50_000_000, contact="admin@example.org"
    )
