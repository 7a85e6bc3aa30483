"""What the tests of nudges share: a server that is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from tests.sources.registry_server import RegistryServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports a module that Python is to drop, and has its own in that one's place
    import apprise

    apprise.Apprise.instantiate("json://localhost")  # now it has read all of its plugins


@pytest.fixture
def bell() -> Iterator[RegistryServer]:
    """A server that takes what is told at the paths that it serves; its ``faults`` say what goes wrong."""
    with RegistryServer() as server:
        yield server
