"""Signing calls as Standard Webhooks says (standardwebhooks.com): HMAC-SHA256 of id, moment and body.

No secret of a webhook is stored: each is made of ``service.secret``, so that neither the database nor a backup of it
is enough to write calls that a program would believe. It stays the same while the secret of the service of which it
was made is in the configuration, as today's or among ``service.previous_secrets``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook as Signer

from trialalerts.errors import ConfigurationError
from trialalerts.hooks.tables import Hook
from trialalerts.subscribers.tokens import keyed_digest

__all__ = ["BOTH_FOR", "CallSecret", "new_secret", "secrets_of", "signed_headers"]

BOTH_FOR = timedelta(days=1)
"""So long after a change of secrets calls are signed by both."""
_BEGINNING = "whsec_"


@dataclass(frozen=True, slots=True)
class CallSecret:
    """The secret by which calls are signed: 32 bytes."""

    key: bytes

    def __repr__(self) -> str:
        """Tell nothing of it."""
        return "CallSecret(…)"

    @property
    def shown(self) -> str:
        """How it is handed over: ``whsec_`` and base64."""
        return _BEGINNING + b64encode(self.key).decode()

    @property
    def check(self) -> str:
        """What tells it from others without telling it."""
        return keyed_digest(self.key, b"check").hex()[:16]

    def sign(self, message_id: str, at: datetime, body: str) -> str:
        """Return the signature of a body that is sent at a moment: ``v1,`` and base64."""
        return Signer(self.key).sign(message_id, at.astimezone(UTC), body)


def new_secret(service_secret: str, name: str, number: int) -> CallSecret:
    """Return the secret of a webhook, the first or a later one.

    Raises:
        ConfigurationError: ``service_secret`` is empty.
    """
    if not service_secret:
        raise ConfigurationError(
            "service.secret: found nothing, expected a long random text, of which the secrets of webhooks are made; "
            "trialalerts init makes one"
        )
    return CallSecret(keyed_digest(service_secret.encode(), f"webhook {name} {number}".encode()))


def secrets_of(webhook: Hook, service_secrets: Sequence[str], now: datetime) -> list[CallSecret]:
    """Return the secrets by which a webhook's calls are signed now, that of today first; none where it is lost."""
    found = [_found(service_secrets, webhook, webhook.secret_number, webhook.secret_check)]
    if webhook.previous_check and webhook.rotated_at is not None and now < webhook.rotated_at + BOTH_FOR:
        found.append(_found(service_secrets, webhook, webhook.secret_number - 1, webhook.previous_check))
    return [each for each in found if each is not None] if found[0] is not None else []


def signed_headers(secrets: Sequence[CallSecret], message_id: str, body: str, now: datetime) -> dict[str, str]:
    """Return the headers of a call: its id, the moment of this try, a signature by each secret.

    >>> moment = datetime.fromisoformat("2026-03-02T09:30:00+00:00")
    >>> made = signed_headers([CallSecret(bytes(32))], "wh_1-change-7", "{}", moment)
    >>> made["webhook-id"], made["webhook-timestamp"], made["webhook-signature"][:3]
    ('wh_1-change-7', '1772443800', 'v1,')
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(each.sign(message_id, now, body) for each in secrets),
    }


def _found(service_secrets: Sequence[str], webhook: Hook, number: int, check: str) -> CallSecret | None:
    made = (new_secret(each, webhook.name, number) for each in service_secrets if each)
    return next((each for each in made if each.check == check), None)
