"""The stage of these tests."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator

import pytest
import trustme

from tests.conftest import missing
from tests.delivery.feedback import imapserver
from tests.delivery.feedback.imapserver import ImapServer
from tests.delivery.feedback.stage import Office
from trialalerts.clock import FrozenClock
from trialalerts.database import Database


@pytest.fixture
def office(db: Database, clock: FrozenClock) -> Office:
    """People and mails, on SQLite and on PostgreSQL."""
    return Office(db=db, clock=clock)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who vouches for the IMAP server's certificate."""
    return trustme.CA()


@pytest.fixture(scope="session")
def imap_server(authority: trustme.CA) -> Iterator[ImapServer]:
    """A real IMAP server."""
    program = imapserver.find_program()
    if program is None:
        missing(imapserver.INSTALL)
        raise AssertionError
    made = authority.issue_cert("localhost")
    chain = b"".join(part.bytes() for part in made.cert_chain_pems)
    server = imapserver.start_server(program, certificate=chain, key=made.private_key_pem.bytes())
    yield server
    server.stop()
    shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture
def folder() -> str:
    """The name of a fresh IMAP folder."""
    return f"Bounces-{uuid.uuid4().hex}"
