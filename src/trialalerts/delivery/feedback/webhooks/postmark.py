"""Postmark's webhooks: not signed, so a user name and a password in the URL that Postmark is given prove them.

Keys: ``user``, ``password``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason, Malformed, Meaning
from trialalerts.delivery.feedback.webhooks import payload
from trialalerts.delivery.feedback.webhooks.call import WebhookCall, chosen_keys, require_basic_auth
from trialalerts.delivery.mail.reply_codes import ProviderSays

__all__ = ["PostmarkWebhook"]

_NEVER_KEPT = {"Open", "Click"}
_MOMENTS = {"Delivery": "DeliveredAt", "SubscriptionChange": "ChangedAt"}
_BLOCKED = Meaning.by(ProviderSays.OURS)
_BOUNCES: dict[str, tuple[EventKind, Meaning | None]] = {
    "HardBounce": (EventKind.BOUNCED, None),
    "SoftBounce": (EventKind.BOUNCED, None),
    "Transient": (EventKind.DEFERRED, None),
    "DnsError": (EventKind.DEFERRED, None),
    "OpenRelayTest": (EventKind.DEFERRED, None),
    "SpamNotification": (EventKind.BOUNCED, _BLOCKED),
    "VirusNotification": (EventKind.BOUNCED, Meaning.by(ProviderSays.MESSAGE)),
    "DMARCPolicy": (EventKind.REJECTED, _BLOCKED),
    "Blocked": (EventKind.REJECTED, _BLOCKED),
    "BadEmailAddress": (EventKind.REJECTED, Meaning.by(ProviderSays.NO_ADDRESS)),
    "ManuallyDeactivated": (EventKind.REJECTED, Meaning.by(ProviderSays.LISTED)),
    "Unconfirmed": (EventKind.REJECTED, Meaning(reason=FeedbackReason.OTHER)),
    "SMTPApiError": (EventKind.FAILED, _BLOCKED),
    "TemplateRenderingFailed": (EventKind.FAILED, _BLOCKED),
    "AutoResponder": (EventKind.AUTORESPONDED, None),
    "AddressChange": (EventKind.AUTORESPONDED, None),
    "ChallengeVerification": (EventKind.AUTORESPONDED, None),
    "Unsubscribe": (EventKind.UNSUBSCRIBED, None),
    "SpamComplaint": (EventKind.COMPLAINED, None),
}


@dataclass(frozen=True, kw_only=True)
class PostmarkWebhook:
    """Postmark with the user name and the password that it was given."""

    user: str
    password: str

    @classmethod
    def of(cls, keys: Mapping[str, SecretStr]) -> Self:
        """Open the webhook with its configured keys.

        Raises:
            ConfigurationError: one is missing.
        """
        return cls(**chosen_keys("postmark", keys, ["user", "password"]))

    def events(self, call: WebhookCall) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.webhooks.call.Webhook`)."""
        require_basic_auth(call, self.user, self.password)
        told = payload.parsed(call.body)
        record = payload.text(told, "RecordType")
        if not record:
            raise Malformed("Postmark's body names no RecordType.")
        return [_event(told, record, call)] if record not in _NEVER_KEPT else []


def _event(told: object, record: str, call: WebhookCall) -> Event:
    kind, meaning = _meaning(told, record)
    number = payload.text(told, "ID")
    return Event(
        provider="postmark",
        event_id=f"{record}:{number}" if number else payload.fingerprint(told),
        kind=kind,
        token=payload.token_in(payload.mapping(payload.at(told, "Metadata"))),
        provider_ids=payload.names(payload.at(told, "MessageID")),
        again=payload.go_again(payload.text(told, "Details")) if kind is EventKind.FAILED else None,
        at=payload.moment(payload.at(told, _MOMENTS.get(record, "BouncedAt")), call.now),
        raw=payload.kept(told),
    ).with_meaning(meaning)


def _meaning(told: object, record: str) -> tuple[EventKind, Meaning | None]:
    if record == "Delivery":
        return EventKind.DELIVERED, None
    if record == "SpamComplaint":
        return EventKind.COMPLAINED, None
    if record == "SubscriptionChange":
        return _subscription(told)
    if record != "Bounce":
        return EventKind.UNKNOWN, None
    bounce = payload.text(told, "Type")
    kind, meaning = _BOUNCES.get(bounce, (EventKind.UNKNOWN, None))
    if meaning is None and kind in {EventKind.BOUNCED, EventKind.DEFERRED}:
        says = ProviderSays.PERMANENT if bounce == "HardBounce" else ProviderSays.SOFT
        words = payload.text(told, "Details")
        meaning = Meaning.told(words, kind=kind, provider=says)
    return kind, meaning


def _subscription(told: object) -> tuple[EventKind, Meaning | None]:
    """Tell what a change of Postmark's own list means: the operator's doings there say nothing of the person."""
    if payload.at(told, "SuppressSending") is not True:
        return EventKind.UNKNOWN, None
    reason = payload.text(told, "SuppressionReason")
    if reason == "HardBounce":
        return EventKind.REJECTED, Meaning.by(ProviderSays.LISTED)
    if reason == "SpamComplaint":
        return EventKind.COMPLAINED, None
    own = reason == "ManualSuppression" and payload.text(told, "Origin") == "Recipient"
    return (EventKind.UNSUBSCRIBED if own else EventKind.UNKNOWN), None
