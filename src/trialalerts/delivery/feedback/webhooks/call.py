"""What all webhooks share: what a call brings, how keys and passwords are compared, what keys are configured."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import SecretStr

from trialalerts.delivery.feedback.events import Event, InvalidSignature, Untimely
from trialalerts.errors import ConfigurationError

__all__ = [
    "Webhook",
    "WebhookCall",
    "chosen_keys",
    "decoded",
    "listed_keys",
    "require_basic_auth",
    "require_recent",
    "same",
]

_CLOCKS_DIFFER = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class WebhookCall:
    """What a provider posted: headers with their names in lower case, the body as it came, and when."""

    headers: Mapping[str, str]
    body: bytes
    now: datetime


class Webhook(Protocol):
    """One provider's webhook, with its keys."""

    def events(self, call: WebhookCall) -> list[Event]:
        """Return what a call tells, once it is known to come from the provider.

        Raises:
            Forged: the proof is missing, wrong or too old.
            Malformed: the call is not of the provider's form.
            Unverifiable: the proof cannot be checked just now.
        """
        ...


def chosen_keys(
    provider: str, keys: Mapping[str, SecretStr], *sets: Collection[str], options: Collection[str] = ()
) -> dict[str, str]:
    """Return the configured keys of a provider: exactly those of one of the ``sets``, with any ``options``.

    Raises:
        ConfigurationError: they are none of the sets, or one is empty.
    """
    given = {name: key.get_secret_value().strip() for name, key in keys.items() if name not in options}
    if set(given) not in [set(names) for names in sets] or not all(given.values()):
        expected = " or ".join(", ".join(names) for names in sets)
        found = ", ".join(sorted(name for name, key in given.items() if key)) or "nothing"
        raise ConfigurationError(f"feedback.webhooks.{provider}: found {found}, expected {expected}")
    return given | {name: keys[name].get_secret_value().strip() for name in options if name in keys}


def listed_keys(keys: str) -> list[str]:
    """Return the keys of a list, parted by blanks or commas: while keys are changed, the old and the new one hold."""
    return keys.replace(",", " ").split()


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells nothing of them."""
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def decoded(text: str) -> bytes | None:
    """Return base64 decoded; None where it is none."""
    try:
        return b64decode(text, validate=True)
    except (Error, ValueError):
        return None


def require_basic_auth(call: WebhookCall, username: str, password: str) -> None:
    """Check the user name and password of a call (RFC 7617).

    Raises:
        Forged: they are missing or wrong.
    """
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    found = decoded(given.strip()) if scheme.lower() == "basic" else None
    if found is None or not hmac.compare_digest(found, f"{username}:{password}".encode()):
        raise InvalidSignature("The user name or the password is missing or wrong.")


def require_recent(moment: datetime | None, call: WebhookCall, within: timedelta) -> None:
    """Check that a signed moment is near: what is older may be a repetition that nobody remembers any more.

    What is far ahead could be repeated for as long as it is ahead, and after; only clocks that differ are allowed for.

    Raises:
        Untimely: it is not.
    """
    if moment is None or not -min(within, _CLOCKS_DIFFER) <= call.now - moment <= within:
        raise Untimely("The call is too old or from the future, or this machine's clock is wrong.")
