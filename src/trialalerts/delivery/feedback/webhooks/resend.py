"""Resend's webhooks, signed by Svix: HMACs over id, timestamp and body.

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

from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason, InvalidSignature, Malformed, Meaning
from trialalerts.delivery.feedback.webhooks import payload
from trialalerts.delivery.feedback.webhooks.call import (
    WebhookCall,
    chosen_keys,
    decoded,
    listed_keys,
    require_recent,
    same,
)
from trialalerts.delivery.feedback.webhooks.ses import says
from trialalerts.delivery.mail.reply_codes import ProviderSays
from trialalerts.errors import ConfigurationError

__all__ = ["ResendWebhook"]

_RECENT = timedelta(minutes=5)
_NEVER_KEPT = {"email.opened", "email.clicked"}
_KINDS = {
    "email.scheduled": EventKind.QUEUED,
    "email.sent": EventKind.SENT,
    "email.delivered": EventKind.DELIVERED,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.bounced": EventKind.BOUNCED,
    "email.complained": EventKind.COMPLAINED,
    "email.failed": EventKind.FAILED,
    "email.suppressed": EventKind.REJECTED,
    "suppression.added": EventKind.REJECTED,
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
        secrets = listed_keys(chosen_keys("resend", keys, ["secret"])["secret"])
        found = tuple(decoded(secret.removeprefix("whsec_")) or b"" for secret in secrets)
        if not all(found):
            raise ConfigurationError(
                "feedback.webhooks.resend.secret: found a secret that is not shown, expected the webhook's signing "
                "secret, which begins with whsec_"
            )
        return cls(keys=found)

    def events(self, call: WebhookCall) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.webhooks.call.Webhook`)."""
        event_id = self._required_id(call)
        told = payload.parsed(call.body)
        what = payload.text(told, "type")
        if not what:
            raise Malformed("Resend's body names no type.")
        return [_event(told, what, event_id, call)] if what not in _NEVER_KEPT else []

    def _required_id(self, call: WebhookCall) -> str:
        """Return the id of the call, once one of its signatures is right: there are several while keys change."""
        event_id, timestamp = call.headers.get("svix-id", ""), call.headers.get("svix-timestamp", "")
        signed = f"{event_id}.{timestamp}.".encode() + call.body
        made = [b64encode(hmac.digest(key, signed, "sha256")).decode() for key in self.keys]
        given = [
            each.removeprefix("v1,") for each in call.headers.get("svix-signature", "").split() if each[:3] == "v1,"
        ]
        right = any(same(one, other) for one in made for other in given)
        if not (event_id and timestamp.isdecimal() and right):
            raise InvalidSignature("Resend's signature is missing or wrong.")
        require_recent(payload.exact_moment(timestamp), call, _RECENT)
        return payload.cleaned(event_id)


def _event(told: object, what: str, event_id: str, call: WebhookCall) -> Event:
    data = payload.at(told, "data")
    kind = _KINDS.get(what, EventKind.UNKNOWN)
    meaning = _meaning(data, kind)
    if what == "suppression.added" and meaning is None:  # by the operator's own hand
        kind = EventKind.UNKNOWN
    return Event(
        provider="resend",
        event_id=event_id,
        kind=kind,
        token=_token(data),
        provider_ids=payload.names(payload.at(data, "email_id"), payload.at(data, "source_id")),
        again=payload.go_again(payload.text(data, "failed", "reason")) if kind is EventKind.FAILED else None,
        at=payload.moment(payload.at(told, "created_at"), call.now),
        raw=payload.kept(told),
    ).with_meaning(meaning)


def _meaning(data: object, kind: EventKind) -> Meaning | None:
    if kind is EventKind.REJECTED:
        return _listed(data)
    if kind is EventKind.FAILED:  # it took the mail and could not: a quota, a key, a domain
        return Meaning.by(ProviderSays.OURS)
    return _bounced(payload.at(data, "bounce")) if kind is EventKind.BOUNCED else None


def _listed(data: object) -> Meaning | None:
    """Tell what put the address on Resend's list; None where the operator did."""
    places = [(*path, key) for path in ((), ("suppressed",)) for key in ("reason", "origin", "type", "message")]
    words = " ".join(payload.text(data, *place) for place in places).lower()
    if "complain" in words or "spam" in words:
        return Meaning(reason=FeedbackReason.SPAM)
    if "unsubscri" in words:
        return Meaning(reason=FeedbackReason.UNSUBSCRIBED)
    return None if "manual" in words else Meaning.by(ProviderSays.LISTED)


def _bounced(bounce: object) -> Meaning:
    """Read both forms: with a type, and of 2023 with a sentence only. Diagnostics are a text or a list of them."""
    given, said = payload.at(bounce, "diagnosticCode"), payload.text(bounce, "message")
    words = " ".join(payload.cleaned(each) for each in [given, *payload.items(given)] if isinstance(each, str))
    kind, subtype = payload.text(bounce, "type"), payload.text(bounce, "subType")
    provider = says(kind, subtype) if kind or subtype else _says_in_a_sentence(said)
    return Meaning.told(words, kind=EventKind.BOUNCED, provider=provider)


def _says_in_a_sentence(said: str) -> ProviderSays:
    """Read Resend's own sentence, which is not the other server's."""
    words = said.lower()
    if "suppress" in words:
        return ProviderSays.LISTED
    return ProviderSays.PERMANENT if "hard bounce" in words or "permanent" in words else ProviderSays.SOFT


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
