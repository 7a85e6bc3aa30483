"""Owns SendGrid's Event Webhook (v3): signed with ECDSA over the timestamp and the body.

Keys: ``public_key``, the verification key that SendGrid shows (base64); several while keys are changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import SecretStr

from trialalerts.delivery.feedback import payload
from trialalerts.delivery.feedback.calls import Call, chosen_keys, decoded, listed, require_recent
from trialalerts.delivery.feedback.events import Event, Forged, Kind, Malformed, Meaning, Reason
from trialalerts.delivery.mail.reply_codes import ProviderSays, classify
from trialalerts.errors import ConfigurationError

__all__ = ["SendGridWebhook"]

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_RECENT = timedelta(days=7)
"""It tries again for a day; what is repeated within this span is known by its id."""
_NEVER_KEPT = {"open", "click"}
_KINDS = {
    "processed": Kind.QUEUED,
    "deferred": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "bounce": Kind.BOUNCED,
    "dropped": Kind.REJECTED,
    "spamreport": Kind.COMPLAINED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "group_unsubscribe": Kind.UNSUBSCRIBED,
}
_DROPPED = {
    "bounced address": Meaning.by(ProviderSays.LISTED),
    "invalid": Meaning.by(ProviderSays.NO_ADDRESS),
    "unsubscribed address": Meaning(reason=Reason.UNSUBSCRIBED),
    "spam reporting address": Meaning(reason=Reason.SPAM),
    "spam content (if spam checker app enabled)": Meaning.by(ProviderSays.OURS),
    "spam content": Meaning.by(ProviderSays.OURS),
    "invalid smtpapi header": Meaning.by(ProviderSays.OURS),
    "recipient list over package quota": Meaning.by(ProviderSays.OURS),
}
_CLASSIFIED = {
    "invalid address": ProviderSays.NO_ADDRESS,
    "reputation": ProviderSays.OURS,
    "content": ProviderSays.OURS,
    "frequency or volume too high": ProviderSays.OURS,
    "mailbox unavailable": ProviderSays.SOFT,
    "technical failure": ProviderSays.SOFT,
}


@dataclass(frozen=True, kw_only=True)
class SendGridWebhook:
    """SendGrid with its public keys."""

    keys: tuple[EllipticCurvePublicKey, ...]

    @classmethod
    def of(cls, keys: Mapping[str, SecretStr]) -> Self:
        """Open the webhook with its configured keys.

        Raises:
            ConfigurationError: a key is missing or cannot be read.
        """
        chosen = chosen_keys("sendgrid", keys, ["public_key"])
        return cls(keys=tuple(_public_key(key) for key in listed(chosen["public_key"])))

    def events(self, call: Call) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.calls.Webhook`)."""
        self._require_signature(call)
        told = payload.parsed(call.body)
        if not isinstance(told, list):
            raise Malformed("SendGrid's body is no list of events.")
        return [_event(item, call) for item in told if payload.text(item, "event") not in _NEVER_KEPT]

    def _require_signature(self, call: Call) -> None:
        timestamp = call.headers.get(_TIMESTAMP, "")
        signature = decoded(call.headers.get(_SIGNATURE, "")) or b""
        if not any(_signed(key, signature, timestamp.encode() + call.body) for key in self.keys):
            raise Forged("SendGrid's signature is missing or wrong.")
        require_recent(payload.exact_moment(timestamp), call, _RECENT)


def _signed(key: EllipticCurvePublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _public_key(text: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(decoded(text) or b"")
    except ValueError:
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ConfigurationError(
            "feedback.webhooks.sendgrid.public_key: found a secret that is not shown, expected the verification key "
            "of the Event Webhook's settings, in base64"
        )
    return key


def _event(item: object, call: Call) -> Event:
    kind = _KINDS.get(payload.text(item, "event"), Kind.UNKNOWN)
    meaning = _meaning(item, kind)
    return Event(
        provider="sendgrid",
        event_id=payload.text(item, "sg_event_id") or payload.fingerprint(item),
        kind=kind,
        token=payload.token_in(payload.mapping(item)),
        at=payload.moment(payload.at(item, "timestamp"), call.now),
        raw=payload.kept(item),
    ).with_meaning(meaning)


def _meaning(item: object, kind: Kind) -> Meaning | None:
    words = payload.text(item, "reason")
    if kind is Kind.REJECTED:
        return _DROPPED.get(words.lower(), Meaning(reason=Reason.OTHER))
    if kind not in {Kind.BOUNCED, Kind.DEFERRED}:
        return None
    classified = _CLASSIFIED.get(payload.text(item, "bounce_classification").lower())
    trying = kind is Kind.DEFERRED
    status = payload.text(item, "status")
    return Meaning.of(classify(words, status=status, provider=classified or _says(item, kind), trying=trying))


def _says(item: object, kind: Kind) -> ProviderSays | None:
    """Return what the kind of a bounce says: SendGrid itself does not hold who was *blocked* for dead."""
    if payload.text(item, "type") in {"blocked", "expired"}:
        return ProviderSays.SOFT
    return ProviderSays.PERMANENT if kind is Kind.BOUNCED else None
