"""Owns which providers can speak to us: one line and one file each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from trialalerts.delivery.feedback.calls import Webhook
from trialalerts.errors import ConfigurationError, did_you_mean
from trialalerts.settings import Settings

__all__ = ["PROVIDERS", "open_webhooks"]

PROVIDERS = {
    "brevo": "BrevoWebhook",
    "mailgun": "MailgunWebhook",
    "postmark": "PostmarkWebhook",
    "resend": "ResendWebhook",
    "sendgrid": "SendGridWebhook",
    "ses": "SesWebhook",
}
"""Each provider's class; it stands in the module of the provider's name, whose docstring names the keys."""


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
        module = import_module(f"trialalerts.delivery.feedback.{name}")  # only what is used is loaded
        kind: Any = getattr(module, PROVIDERS[name])
        opened[name] = kind.of(keys)
    return opened
