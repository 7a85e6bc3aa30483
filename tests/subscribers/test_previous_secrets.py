"""A new secret keeps what the old one signed; a secret that nobody knows is refused."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.delivery.mail.verp import delivery_metadata, delivery_of
from trialalerts.delivery.outbox.suppressions import is_suppressed, suppress
from trialalerts.errors import ConfigurationError, TokenError
from trialalerts.settings import ServiceSettings, Settings
from trialalerts.subscribers.signing_secret import hold_secret
from trialalerts.subscribers.tokens import Purpose, Tokens

OLD, NEW = "the old one", "a new one of more than thirty-two characters"


def _service(secret: str, *previous: str) -> ServiceSettings:
    return ServiceSettings(secret=SecretStr(secret), previous_secrets=tuple(SecretStr(each) for each in previous))


def test_a_link_of_before_is_read(clock: FrozenClock) -> None:
    token = Tokens(OLD, clock).sign(Purpose.UNSUBSCRIBE, "key", digest=3)
    assert Tokens(NEW, clock, previous=["", OLD]).read(Purpose.UNSUBSCRIBE, token, max_age=None).data == {"digest": 3}
    with pytest.raises(TokenError):
        Tokens(NEW, clock).read(Purpose.UNSUBSCRIBE, token, max_age=None)
    with pytest.raises(TokenError):
        Tokens(NEW, clock, previous=[OLD]).read(Purpose.CONFIRM, token, max_age=None)


def test_a_return_address_of_before_is_known() -> None:
    token = delivery_metadata(Settings(service=_service(OLD)), 7)["delivery"]
    assert delivery_of(Settings(service=_service(NEW, OLD)), token) == 7
    assert delivery_of(Settings(service=_service(NEW)), token) is None


def test_a_suppression_of_before_is_found(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        suppress(session, OLD, "anna@example.org", reason="complained", now=clock.now())
        assert is_suppressed(session, _service(NEW, OLD).secrets, "anna@example.org") is not None
        assert is_suppressed(session, _service(NEW).secrets, "anna@example.org") is None


def test_another_secret_is_refused_until_the_old_one_stands_beside_it(db: Database) -> None:
    hold_secret(db, _service("x" * 32))
    hold_secret(db, _service("x" * 32))
    with pytest.raises(ConfigurationError, match=r"put the old one back, or into service\.previous_secrets"):
        hold_secret(db, _service(NEW))
    hold_secret(db, _service(NEW, "x" * 32))
    hold_secret(db, _service(NEW))


def test_where_the_old_secret_is_lost_a_new_one_can_be_accepted(db: Database) -> None:
    hold_secret(db, _service("x" * 32))
    with pytest.raises(ConfigurationError, match="where it is lost for ever: trialalerts init --accept-secret"):
        hold_secret(db, _service(NEW))
    hold_secret(db, _service(NEW), accept=True)
    hold_secret(db, _service(NEW))
    with pytest.raises(ConfigurationError, match="another one"):
        hold_secret(db, _service("x" * 32))
    with pytest.raises(ConfigurationError, match="characters"):
        hold_secret(db, _service("short"), accept=True)


def test_a_short_secret_is_refused_and_told_how_to_go_on(db: Database) -> None:
    with pytest.raises(ConfigurationError, match=r"found one of 11 characters.*previous_secrets") as refused:
        hold_secret(db, _service(OLD))
    assert OLD not in str(refused.value)
    hold_secret(db, _service(NEW, OLD))
