"""Which providers can speak to us: one line and one file each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from trialalerts.delivery.feedback.webhooks.call import Webhook
from trialalerts.errors import ConfigurationError, did_you_mean
from trialalerts.settings import Settings

__all__ = ["PROVIDERS", "open_webhooks", "refusal_status", "retry_status"]

PROVIDERS = {
    "brevo": "BrevoWebhook",
    "mailgun": "MailgunWebhook",
    "postmark": "PostmarkWebhook",
    "resend": "ResendWebhook",
    "sendgrid": "SendGridWebhook",
    "ses": "SesWebhook",
}
"""Each provider's class; it stands in the module of the provider's name, whose docstring names the keys."""

_RETRIES_AFTER = {"brevo": 429}
"""What makes a provider tell something again, where that is not 503. Brevo discards an event at any 5xx and any other
4xx (https://developers.brevo.com/docs/retry-mechanism, 2026); after 429 it comes again for some eleven hours."""
_GIVES_UP_AFTER_401 = {"brevo"}


def retry_status(provider: str) -> int:
    """Return the HTTP status after which a provider tells the same again."""
    return _RETRIES_AFTER.get(provider, 503)


def refusal_status(provider: str) -> int:
    """Return the HTTP status for a call without proof: where 401 would lose the event, that of a fault of ours.

    The wrong key may be ours. SNS gives up after 401, too, but has a dead-letter queue for it.
    """
    return retry_status(provider) if provider in _GIVES_UP_AFTER_401 else 401


def open_webhooks(settings: Settings) -> Mapping[str, Webhook]:
    """Open the webhooks for which keys are configured.

    Raises:
        ConfigurationError: there is no such provider, or its keys are not what it wants.
    """
    opened: dict[str, Webhook] = {}
    for name, keys in settings.feedback.webhooks.items():
        if name not in PROVIDERS:
            raise ConfigurationError(
                f"feedback.webhooks.{name}: there is no provider of this name.{did_you_mean(sorted(PROVIDERS))}"
            )
        module = import_module(f"trialalerts.delivery.feedback.webhooks.{name}")  # only what is used is loaded
        kind: Any = getattr(module, PROVIDERS[name])
        opened[name] = kind.of(keys)
    return opened
