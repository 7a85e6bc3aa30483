"""Owns Resend's webhooks, signed by Svix: HMACs over id, timestamp and body.

Keys: ``secret``, the signing secret (``whsec_…``); several while keys are changed.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from pydantic import SecretStr

from trialalerts.delivery.feedback import payload
from trialalerts.delivery.feedback.calls import Call, chosen_keys, decoded, listed, require_recent, same
from trialalerts.delivery.feedback.events import Event, Forged, Kind, Malformed, Meaning
from trialalerts.delivery.feedback.ses import says
from trialalerts.delivery.mail.reply_codes import ProviderSays, classify
from trialalerts.errors import ConfigurationError

__all__ = ["ResendWebhook"]

_RECENT = timedelta(minutes=5)
_NEVER_KEPT = {"email.opened", "email.clicked"}
_KINDS = {
    "email.scheduled": Kind.QUEUED,
    "email.sent": Kind.SENT,
    "email.delivered": Kind.DELIVERED,
    "email.delivery_delayed": Kind.DEFERRED,
    "email.bounced": Kind.BOUNCED,
    "email.complained": Kind.COMPLAINED,
    "email.failed": Kind.FAILED,
    "email.suppressed": Kind.REJECTED,
}
_METADATA_HEADER = "x-metadata"


@dataclass(frozen=True, kw_only=True)
class ResendWebhook:
    """Resend with its signing keys."""

    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, keys: Mapping[str, SecretStr]) -> Self:
        """Open the webhook with its configured keys.

        Raises:
            ConfigurationError: the secret is missing or cannot be read.
        """
        secrets = listed(chosen_keys("resend", keys, ["secret"])["secret"])
        found = tuple(decoded(secret.removeprefix("whsec_")) or b"" for secret in secrets)
        if not all(found):
            raise ConfigurationError(
                "feedback.webhooks.resend.secret: found a secret that is not shown, expected the webhook's signing "
                "secret, which begins with whsec_"
            )
        return cls(keys=found)

    def events(self, call: Call) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.calls.Webhook`)."""
        event_id = self._required_id(call)
        told = payload.parsed(call.body)
        what = payload.text(told, "type")
        if not what:
            raise Malformed("Resend's body names no type.")
        return [_event(told, what, event_id, call)] if what not in _NEVER_KEPT else []

    def _required_id(self, call: Call) -> str:
        """Return the id of the call, once one of its signatures is right: there are several while keys change."""
        event_id, timestamp = call.headers.get("svix-id", ""), call.headers.get("svix-timestamp", "")
        signed = f"{event_id}.{timestamp}.".encode() + call.body
        made = [b64encode(hmac.digest(key, signed, "sha256")).decode() for key in self.keys]
        given = [
            each.removeprefix("v1,") for each in call.headers.get("svix-signature", "").split() if each[:3] == "v1,"
        ]
        right = any(same(one, other) for one in made for other in given)
        if not (event_id and timestamp.isdecimal() and right):
            raise Forged("Resend's signature is missing or wrong.")
        require_recent(payload.exact_moment(timestamp), call, _RECENT)
        return payload.cleaned(event_id)


def _event(told: object, what: str, event_id: str, call: Call) -> Event:
    data = payload.at(told, "data")
    kind = _KINDS.get(what, Kind.UNKNOWN)
    meaning = _meaning(data, kind)
    return Event(
        provider="resend",
        event_id=event_id,
        kind=kind,
        token=_token(data),
        at=payload.moment(payload.at(told, "created_at"), call.now),
        raw=payload.kept(told),
    ).with_meaning(meaning)


def _meaning(data: object, kind: Kind) -> Meaning | None:
    if kind is Kind.REJECTED:
        return Meaning.by(ProviderSays.LISTED)
    if kind is not Kind.BOUNCED:
        return None
    bounce = payload.at(data, "bounce")
    told = payload.at(bounce, "diagnosticCode")
    words = " ".join(
        payload.cleaned(each) for each in (told if isinstance(told, list) else [told]) if isinstance(each, str)
    )
    return Meaning.of(
        classify(words, provider=says(payload.text(bounce, "type"), payload.text(bounce, "subType")), trying=False)
    )


def _token(data: object) -> str | None:
    """Return our token from the tags or from the header in which metadata travels."""
    tags = payload.at(data, "tags")
    named = {payload.text(tag, "name"): payload.at(tag, "value") for tag in payload.items(tags)}
    found = payload.token_in(named or payload.mapping(tags))
    if found:
        return found
    for header in payload.items(payload.at(data, "headers")):
        if payload.text(header, "name").lower() == _METADATA_HEADER:
            return payload.token_in(payload.at(header, "value"))
    return None
