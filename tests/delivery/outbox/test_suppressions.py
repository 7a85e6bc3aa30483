"""Suppressions: addresses known by a hash that only the secret can make."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from tests.delivery.post import NOW
from trialalerts.database import Database
from trialalerts.delivery.outbox.suppressions import (
    address_hash,
    is_suppressed,
    lift_suppressions,
    list_suppressions,
    suppress,
)
from trialalerts.errors import ConfigurationError


def test_a_suppressed_address_is_found_however_it_is_spelled(db: Database) -> None:
    with db.write() as session:
        assert suppress(session, "secret", "Mona@Bücher.example", reason="bounced", detail="550 5.1.1", now=NOW)
    with db.read() as session:
        found = is_suppressed(session, "secret", "mona@xn--bcher-kva.example")
        assert found is not None
        assert (found.reason, found.detail, found.since) == ("bounced", "550 5.1.1", NOW)
        assert is_suppressed(session, "secret", "lisa@example.org") is None
        assert "mona" not in repr(found).lower()


def test_the_hash_is_keyed_with_the_secret() -> None:
    expected = hmac.new(b"secret", b"mona@example.org", hashlib.sha256).hexdigest()
    assert address_hash("secret", "MONA@example.org") == expected
    assert address_hash("another", "MONA@example.org") != expected
    with pytest.raises(ConfigurationError, match=r"service\.secret"):
        address_hash("", "mona@example.org")


def test_the_first_reason_stays(db: Database) -> None:
    with db.write() as session:
        assert suppress(session, "secret", "mona@example.org", reason="complained", now=NOW)
        assert not suppress(session, "secret", "mona@example.org", reason="operator", now=NOW)
        assert [each.reason for each in list_suppressions(session)] == ["complained"]


def test_a_suppression_can_be_lifted_once(db: Database) -> None:
    with db.write() as session:
        suppress(session, "secret", "mona@example.org", reason="bounced", now=NOW)
        assert lift_suppressions(session, "secret", "mona@example.org", how="operator", now=NOW).found
        assert not lift_suppressions(session, "secret", "mona@example.org", how="operator", now=NOW).found
        assert list_suppressions(session) == []
