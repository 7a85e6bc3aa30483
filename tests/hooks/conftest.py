"""What the tests of webhooks share: a program that is called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sources.registry_server import RegistryServer


@pytest.fixture
def program() -> Iterator[RegistryServer]:
    """A program that takes calls at ``/hook``; its ``faults`` say what goes wrong."""
    with RegistryServer() as server:
        server.serve("/hook", b"")
        yield server
