"""Owns Postmark's webhooks: not signed, so a user name and a password in the URL that Postmark is given prove them.

Keys: ``user``, ``password``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from trialalerts.delivery.feedback import payload
from trialalerts.delivery.feedback.calls import Call, chosen_keys, require_basic_auth
from trialalerts.delivery.feedback.events import Event, Kind, Malformed, Reason
from trialalerts.delivery.feedback.verdicts import Verdict, judge

__all__ = ["PostmarkWebhook"]

_NEVER_KEPT = {"Open", "Click"}
_MOMENTS = {"Delivery": "DeliveredAt", "SubscriptionChange": "ChangedAt"}
_BLOCKED = Verdict(reason=Reason.BLOCKED)
_BOUNCES: dict[str, tuple[Kind, Verdict | None]] = {
    "HardBounce": (Kind.BOUNCED, None),
    "SoftBounce": (Kind.BOUNCED, None),
    "Transient": (Kind.DEFERRED, None),
    "DnsError": (Kind.DEFERRED, None),
    "OpenRelayTest": (Kind.DEFERRED, None),
    "SpamNotification": (Kind.BOUNCED, _BLOCKED),
    "VirusNotification": (Kind.BOUNCED, _BLOCKED),
    "DMARCPolicy": (Kind.REJECTED, _BLOCKED),
    "Blocked": (Kind.REJECTED, _BLOCKED),
    "BadEmailAddress": (Kind.REJECTED, Verdict(reason=Reason.INVALID, hard=True)),
    "ManuallyDeactivated": (Kind.REJECTED, Verdict(reason=Reason.OTHER)),
    "Unconfirmed": (Kind.REJECTED, Verdict(reason=Reason.OTHER)),
    "SMTPApiError": (Kind.FAILED, None),
    "TemplateRenderingFailed": (Kind.FAILED, None),
    "AutoResponder": (Kind.AUTORESPONDED, None),
    "AddressChange": (Kind.AUTORESPONDED, None),
    "ChallengeVerification": (Kind.AUTORESPONDED, None),
    "Unsubscribe": (Kind.UNSUBSCRIBED, None),
    "SpamComplaint": (Kind.COMPLAINED, None),
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

    def events(self, call: Call) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.calls.Webhook`)."""
        require_basic_auth(call, self.user, self.password)
        told = payload.parsed(call.body)
        record = payload.text(told, "RecordType")
        if not record:
            raise Malformed("Postmark's body names no RecordType.")
        return [_event(told, record, call)] if record not in _NEVER_KEPT else []


def _event(told: object, record: str, call: Call) -> Event:
    kind, verdict = _meaning(told, record)
    number = payload.text(told, "ID")
    return Event(
        provider="postmark",
        event_id=f"{record}:{number}" if number else payload.fingerprint(told),
        kind=kind,
        reason=verdict.reason if verdict else None,
        hard=verdict.hard if verdict else False,
        code=verdict.code if verdict else None,
        token=payload.token_in(payload.mapping(payload.at(told, "Metadata"))),
        at=payload.moment(payload.at(told, _MOMENTS.get(record, "BouncedAt")), call.now),
        raw=payload.kept(told),
    )


def _meaning(told: object, record: str) -> tuple[Kind, Verdict | None]:
    if record == "Delivery":
        return Kind.DELIVERED, None
    if record == "SpamComplaint":
        return Kind.COMPLAINED, None
    if record == "SubscriptionChange":
        return _subscription(told)
    if record != "Bounce":
        return Kind.UNKNOWN, None
    bounce = payload.text(told, "Type")
    kind, verdict = _BOUNCES.get(bounce, (Kind.UNKNOWN, None))
    if verdict is None and kind in {Kind.BOUNCED, Kind.DEFERRED}:
        verdict = judge(None, payload.text(told, "Details"), permanent=bounce == "HardBounce")
    return kind, verdict


def _subscription(told: object) -> tuple[Kind, Verdict | None]:
    """Tell what a change of Postmark's own list means: the operator's doings there say nothing of the person."""
    if payload.at(told, "SuppressSending") is not True:
        return Kind.UNKNOWN, None
    reason = payload.text(told, "SuppressionReason")
    if reason == "HardBounce":
        return Kind.REJECTED, Verdict(reason=Reason.BOUNCED, hard=True)
    if reason == "SpamComplaint":
        return Kind.COMPLAINED, None
    own = reason == "ManualSuppression" and payload.text(told, "Origin") == "Recipient"
    return (Kind.UNSUBSCRIBED if own else Kind.UNKNOWN), None
