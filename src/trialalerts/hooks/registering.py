"""Webhooks as the operator keeps them: added with an address that may be called, listed, rotated, removed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from sqlmodel import Session, col, select

from trialalerts.database import current_number
from trialalerts.database.counter import CHANGES
from trialalerts.database.events.noted import listen, stop_listening
from trialalerts.database.findings import end_findings
from trialalerts.errors import InvalidInput, NotFound
from trialalerts.hooks.signing import CallSecret, new_secret
from trialalerts.hooks.status import FINDINGS, PROGRAM_GONE
from trialalerts.hooks.tables import Hook
from trialalerts.net.guard import is_public
from trialalerts.redaction import shown_url
from trialalerts.settings import WebhookSettings
from trialalerts.vocabulary.places.regions import Region

__all__ = [
    "NewWebhook",
    "add_webhook",
    "checked_webhook_url",
    "find_webhook",
    "list_webhooks",
    "remove_webhook",
    "resume_webhook",
    "rotate_secret",
]

_LONGEST_URL = 2_000
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class NewWebhook:
    """A webhook to be added: where to call, of which events, limited to which areas (ids) and regions."""

    url: str
    events: Sequence[str]
    areas: Sequence[str] = ()
    regions: Sequence[Region] = ()


def checked_webhook_url(url: str, settings: WebhookSettings) -> str:
    """Return an address that may be called.

    What its name leads to is looked at with each call: only then it counts.

    Raises:
        InvalidInput: it is none, bears a password, is not encrypted, or plainly is no public address.
    """
    shown, parts = _shown(url), _parts(url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"https", "http"} or not host or parts.fragment or len(url) > _LONGEST_URL:
        raise InvalidInput(f"“{shown}” is no address to call; expected one such as https://www.example.org/hook")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(f"{shown}: leave user and password out; calls are signed, and that shows that they are ours")
    if parts.scheme == "http" and not settings.allow_http and host not in _THIS_MACHINE:
        raise InvalidInput(f"{shown} is not encrypted; use https, or set webhooks.allow_http = true")
    if not settings.allow_private_addresses and _is_plainly_private(host):
        raise InvalidInput(
            f"{shown} is no public address; if that is meant, set webhooks.allow_private_addresses = true"
        )
    return url


def add_webhook(
    session: Session, settings: WebhookSettings, service_secret: str, new: NewWebhook, *, now: datetime
) -> tuple[Hook, CallSecret]:
    """Store a webhook, which hears of what happens from now on; return it with its secret, which is not stored.

    Raises:
        InvalidInput: the address may not be called.
        ConfigurationError: there is no ``service.secret`` to make its secret of.
    """
    name = f"wh_{secrets.token_hex(4)}"
    secret = new_secret(service_secret, name, 1)
    webhook = Hook(
        name=name,
        url=checked_webhook_url(new.url, settings),
        areas=list(new.areas),
        regions=[asdict(region) for region in new.regions],
        cursor=current_number(session, CHANGES),
        secret_check=secret.check,
        created_at=now,
    )
    session.add(webhook)
    listen(session, name, new.events)
    session.flush()
    return webhook, secret


def list_webhooks(session: Session) -> list[Hook]:
    """Return all webhooks, oldest first."""
    return list(session.exec(select(Hook).order_by(col(Hook.id))))


def find_webhook(session: Session, name: str) -> Hook:
    """Return a webhook by its id, as lists show it.

    Raises:
        NotFound: there is none.
    """
    found = session.exec(select(Hook).where(Hook.name == name.strip())).first()
    if found is None:
        raise NotFound(f"There is no webhook {name}; see: trialalerts webhooks list")
    return found


def remove_webhook(session: Session, webhook: Hook) -> None:
    """Remove a webhook with all that it was told, or was still to be told."""
    stop_listening(session, webhook.name)
    for kind in FINDINGS:
        end_findings(session, kind, [webhook.name])
    session.delete(webhook)
    session.flush()


def resume_webhook(session: Session, webhook: Hook) -> bool:
    """Call a webhook again that was disabled; return whether it was.

    It hears of what happens from now on; what happened meanwhile can be replayed.
    """
    if webhook.disabled_at is None:
        return False
    webhook.disabled_at = webhook.retry_at = webhook.failing_since = webhook.last_error = None
    webhook.failures = 0
    webhook.cursor = current_number(session, CHANGES)
    session.add(webhook)
    end_findings(session, PROGRAM_GONE, [webhook.name])
    return True


def rotate_secret(session: Session, webhook: Hook, service_secret: str, *, now: datetime) -> CallSecret:
    """Give a webhook another secret and return it; for a day the one before signs its calls, too.

    Raises:
        ConfigurationError: there is no ``service.secret``.
    """
    secret = new_secret(service_secret, webhook.name, webhook.secret_number + 1)
    webhook.secret_number += 1
    webhook.previous_check, webhook.secret_check, webhook.rotated_at = webhook.secret_check, secret.check, now
    session.add(webhook)
    return secret


def _shown(url: str) -> str:
    return "".join(sign if sign.isprintable() else "…" for sign in shown_url(url))


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.port != 0 and url.isprintable() and " " not in url:
            return parts
    except ValueError:
        pass
    raise InvalidInput(f"“{_shown(url)}” is no address to call; its host or port cannot be read")


def _is_plainly_private(host: str) -> bool:
    if host in _THIS_MACHINE:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)
