"""SendGrid's Event Webhook (v3): signed with ECDSA over the timestamp and the body.

Keys: ``public_key``, the verification key that SendGrid shows (base64); several while keys are changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import SecretStr

from trialalerts.delivery.feedback.events import (
    Event,
    EventKind,
    FeedbackReason,
    InvalidSignature,
    Malformed,
    Meaning,
    SendAgain,
)
from trialalerts.delivery.feedback.webhooks import payload
from trialalerts.delivery.feedback.webhooks.call import WebhookCall, chosen_keys, decoded, listed_keys, require_recent
from trialalerts.delivery.mail.reply_codes import ProviderSays
from trialalerts.errors import ConfigurationError

__all__ = ["SendGridWebhook"]

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_RECENT = timedelta(days=7)
"""It tries again for a day; what is repeated within this span is known by its id."""
_NEVER_KEPT = {"open", "click"}
_KINDS = {
    "processed": EventKind.QUEUED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "bounce": EventKind.BOUNCED,
    "dropped": EventKind.REJECTED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}
_DROPPED = {
    "bounced address": Meaning.by(ProviderSays.LISTED),
    "invalid": Meaning.by(ProviderSays.NO_ADDRESS),
    "unsubscribed address": Meaning(reason=FeedbackReason.UNSUBSCRIBED),
    "spam reporting address": Meaning(reason=FeedbackReason.SPAM),
    "spam content (if spam checker app enabled)": Meaning.by(ProviderSays.OURS),
    "spam content": Meaning.by(ProviderSays.OURS),
}
_DROPPED_BY_TYPE = {"bounce": Meaning.by(ProviderSays.LISTED), "blocked": Meaning.by(ProviderSays.OURS)}
"""What a drop without a known reason is: SendGrid has told the kind of its list as well."""
_MOST_PARTS = 12
_ABOUT_REQUEST = "smtpapi"
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
        return cls(keys=tuple(_public_key(key) for key in listed_keys(chosen["public_key"])))

    def events(self, call: WebhookCall) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.webhooks.call.Webhook`)."""
        self._require_signature(call)
        told = payload.parsed(call.body)
        if not isinstance(told, list):
            raise Malformed("SendGrid's body is no list of events.")
        return [_event(item, call) for item in told if payload.text(item, "event") not in _NEVER_KEPT]

    def _require_signature(self, call: WebhookCall) -> None:
        timestamp = call.headers.get(_TIMESTAMP, "")
        signature = decoded(call.headers.get(_SIGNATURE, "")) or b""
        if not any(_signed(key, signature, timestamp.encode() + call.body) for key in self.keys):
            raise InvalidSignature("SendGrid's signature is missing or wrong.")
        require_recent(payload.exact_moment(timestamp), call, _RECENT)


def _signed(key: EllipticCurvePublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content, ECDSA(hashes.SHA256()))
    except WrongSignature:
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


def _event(item: object, call: WebhookCall) -> Event:
    kind = _KINDS.get(payload.text(item, "event"), EventKind.UNKNOWN)
    meaning = _meaning(item, kind)
    return Event(
        provider="sendgrid",
        event_id=payload.text(item, "sg_event_id") or payload.fingerprint(item),
        kind=kind,
        token=payload.token_in(payload.mapping(item)),
        provider_ids=_names(payload.text(item, "sg_message_id")),
        again=_again(item, kind),
        at=payload.moment(payload.at(item, "timestamp"), call.now),
        raw=payload.kept(item),
    ).with_meaning(meaning)


def _meaning(item: object, kind: EventKind) -> Meaning | None:
    words = payload.text(item, "reason")
    if kind is EventKind.REJECTED:
        return _dropped(item, words)
    if kind not in {EventKind.BOUNCED, EventKind.DEFERRED}:
        return None
    classified = _CLASSIFIED.get(payload.text(item, "bounce_classification").lower())
    status = payload.text(item, "status")
    return Meaning.told(words, kind=kind, status=status, provider=classified or _says(item, kind))


def _says(item: object, kind: EventKind) -> ProviderSays | None:
    """Return what the kind of a bounce says: SendGrid itself does not hold who was *blocked* for dead."""
    if payload.text(item, "type") in {"blocked", "expired"}:
        return ProviderSays.SOFT
    return ProviderSays.PERMANENT if kind is EventKind.BOUNCED else None


def _dropped(item: object, words: str) -> Meaning:
    if _again(item, EventKind.REJECTED):
        return Meaning.by(ProviderSays.OURS)
    by_type = _DROPPED_BY_TYPE.get(payload.text(item, "type").lower(), Meaning(reason=FeedbackReason.OTHER))
    return _DROPPED.get(words.lower(), by_type)


def _again(item: object, kind: EventKind) -> SendAgain | None:
    """Tell when a mail goes again that was dropped for the account's quota, or for a header of ours."""
    words = payload.text(item, "reason")
    if kind is not EventKind.REJECTED or words.lower() in _DROPPED:
        return None
    again = payload.go_again(words)
    return again if again is SendAgain.TOMORROW or _ABOUT_REQUEST in words.lower() else None


def _names(message_id: str) -> tuple[str, ...]:
    """Return what ``sg_message_id`` may begin with: the id of the answer, which holds dots itself, and then more."""
    parts = message_id.split(".")[:_MOST_PARTS]
    return payload.names(*(".".join(parts[:count]) for count in range(len(parts), 0, -1)))
