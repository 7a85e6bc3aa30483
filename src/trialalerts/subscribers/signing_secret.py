"""The secret by which links are signed and suppressions hashed, held to the one the database knows.

With another secret every link in a sent mail is dead, no bounce is known again, and who complained is mailed again. So
the database keeps a keyed fingerprint of it, from which nobody can tell the secret.
"""

from __future__ import annotations

from trialalerts.database import Database
from trialalerts.database.service_values import get_value, put_value
from trialalerts.errors import ConfigurationError
from trialalerts.settings import ServiceSettings
from trialalerts.subscribers.tokens import keyed_digest

__all__ = ["LEAST_SECRET", "hold_secret", "secret_fingerprint"]

LEAST_SECRET = 32
"""Characters: a shorter secret can be guessed from one signed link."""
_NAME = "secret_fingerprint"


def hold_secret(db: Database, service: ServiceSettings, *, accept: bool = False) -> None:
    """Hold the secret to the database's fingerprint, which is stored at the first use; an empty one is told elsewhere.

    Args:
        db: the database; only the fingerprint is written.
        service: the section ``service`` of the configuration.
        accept: take another secret for the database's own from now on, because the old one is lost.

    Raises:
        ConfigurationError: it is too short, or neither it nor a previous one is the one that the database knows.
    """
    secret, *previous = service.secrets
    if not secret:
        return
    if len(secret) < LEAST_SECRET:
        raise ConfigurationError(
            f"service.secret: found one of {len(secret)} characters, expected at least {LEAST_SECRET}; put it into "
            "service.previous_secrets (which may be shorter), so that old links and suppressions go on working, and a "
            "new long one in its place: remove TRIALALERTS_SERVICE__SECRET from .env, then trialalerts init writes one"
        )
    with db.read() as session:
        known = get_value(session, _NAME)
    if known == secret_fingerprint(secret):
        return
    if not accept and known is not None and known not in {secret_fingerprint(each) for each in previous if each}:
        raise ConfigurationError(
            "service.secret: found another one than this database was used with, so links in sent mails would be dead "
            "and suppressed addresses mailed again; put the old one back, or into service.previous_secrets beside the "
            "new one; where it is lost for ever: trialalerts init --accept-secret"
        )
    with db.write() as session:
        put_value(session, _NAME, secret_fingerprint(secret))


def secret_fingerprint(secret: str) -> str:
    """Return what tells a secret from others without telling it."""
    return keyed_digest(secret.encode(), b"trialalerts.fingerprint").hex()[:32]
