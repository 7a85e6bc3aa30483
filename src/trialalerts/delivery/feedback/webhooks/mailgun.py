"""Mailgun's webhooks (v3, JSON): an HMAC over a timestamp and a token that stand in the body.

The rest of the body is not signed. Each token is therefore heard once: it is the event's id, so that what was
overheard cannot be sent again with other words; and its timestamp must be recent.

Keys: ``signing_key``, the HTTP webhook signing key; several while keys are changed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from pydantic import SecretStr

from trialalerts.delivery.feedback.events import (
    Event,
    EventKind,
    FeedbackReason,
    InvalidSignature,
    Malformed,
    Meaning,
    Outdated,
    SendAgain,
)
from trialalerts.delivery.feedback.webhooks import payload
from trialalerts.delivery.feedback.webhooks.call import WebhookCall, chosen_keys, listed_keys, require_recent, same
from trialalerts.delivery.mail.reply_codes import ProviderSays

__all__ = ["MailgunWebhook"]

_RECENT = timedelta(days=7)
"""It tries again for eight hours; tokens are remembered for longer than this."""
_NEVER_KEPT = {"opened", "clicked"}
_KINDS = {
    "accepted": EventKind.QUEUED,
    "delivered": EventKind.DELIVERED,
    "failed": EventKind.BOUNCED,
    "rejected": EventKind.REJECTED,
    "complained": EventKind.COMPLAINED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
}
_NOT_TRIED = {
    "suppress-bounce": Meaning.by(ProviderSays.LISTED),
    "suppress-complaint": Meaning(reason=FeedbackReason.SPAM),
    "suppress-unsubscribe": Meaning(reason=FeedbackReason.UNSUBSCRIBED),
}
_FORM = re.compile(rb"--[^\r\n]{1,100}\r?\n(?i:content-disposition):|[A-Za-z][\w-]*=")
_REASONS = {
    "bounce": ProviderSays.PERMANENT,
    "delayed-bounce": ProviderSays.PERMANENT,
    "espblock": ProviderSays.OURS,
    "old": ProviderSays.SOFT,
}


@dataclass(frozen=True, kw_only=True)
class MailgunWebhook:
    """Mailgun with its signing keys."""

    keys: tuple[str, ...]

    @classmethod
    def of(cls, keys: Mapping[str, SecretStr]) -> Self:
        """Open the webhook with its configured keys.

        Raises:
            ConfigurationError: the key is missing.
        """
        return cls(keys=tuple(listed_keys(chosen_keys("mailgun", keys, ["signing_key"])["signing_key"])))

    def events(self, call: WebhookCall) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.webhooks.call.Webhook`)."""
        if _is_form(call):
            raise Outdated(
                "This is a form of Mailgun's legacy webhooks, which are not read: make the webhook anew at Mailgun "
                "(Sending, Webhooks)."
            )
        told = payload.parsed(call.body)
        token = self._required_token(told, call)
        data = payload.at(told, "event-data")
        if not isinstance(data, dict):
            raise Malformed("Mailgun's body holds no event-data.")
        return [_event(data, token, call)] if payload.text(data, "event") not in _NEVER_KEPT else []

    def _required_token(self, told: object, call: WebhookCall) -> str:
        timestamp, token, signature = (
            payload.text(told, "signature", key) for key in ("timestamp", "token", "signature")
        )
        signed = f"{timestamp}{token}".encode()
        made = [hmac.digest(key.encode(), signed, "sha256").hex() for key in self.keys]
        if not (timestamp and token and any(same(each, signature) for each in made)):
            raise InvalidSignature("Mailgun's signature is missing or wrong.")
        require_recent(payload.exact_moment(timestamp), call, _RECENT)
        return token


def _event(data: object, token: str, call: WebhookCall) -> Event:
    meaning = _NOT_TRIED.get(payload.text(data, "reason"))
    kind = EventKind.REJECTED if meaning else _KINDS.get(payload.text(data, "event"), EventKind.UNKNOWN)
    if kind is EventKind.BOUNCED and payload.text(data, "severity") == "temporary":
        kind = EventKind.DEFERRED
    if kind in {EventKind.BOUNCED, EventKind.DEFERRED}:
        meaning = _judged(data, kind)
    elif kind is EventKind.REJECTED and meaning is None:
        meaning = Meaning.by(ProviderSays.OURS)  # Mailgun found a virus or spam in it
    return Event(
        provider="mailgun",
        event_id=token,
        kind=kind,
        token=payload.token_in(payload.at(data, "user-variables")),
        provider_ids=payload.names(payload.at(data, "message", "headers", "message-id")),
        again=_again(data, meaning) if kind is EventKind.REJECTED else None,
        at=payload.moment(payload.at(data, "timestamp"), call.now),
        raw=payload.kept(data),
    ).with_meaning(meaning)


def _judged(data: object, kind: EventKind) -> Meaning:
    status = payload.at(data, "delivery-status")
    reason = payload.text(data, "reason")
    words = " ".join(payload.text(status, key) for key in ("code", "message", "description"))
    enhanced = payload.text(status, "enhanced-code")
    return Meaning.told(words, kind=kind, status=enhanced, provider=_REASONS.get(reason))


def _again(data: object, meaning: Meaning | None) -> SendAgain | None:
    """Tell whether Mailgun itself would not send it because the account's quota is used up."""
    if meaning is None or meaning.reason is not FeedbackReason.BLOCKED:
        return None
    places = (("reject", "reason"), ("reject", "description"), ("reason",))
    again = payload.go_again(" ".join(payload.text(data, *place) for place in places))
    return again if again is SendAgain.TOMORROW else None


def _is_form(call: WebhookCall) -> bool:
    """Tell whether a call is a form (urlencoded or multipart), as of Mailgun's webhooks before 2018."""
    declared = "form" in call.headers.get("content-type", "").lower()
    return not call.body.lstrip().startswith(b"{") and (declared or _FORM.match(call.body) is not None)
