"""Brevo's transactional webhooks (v3): not signed and not numbered; a token, password or header proves them.

Keys: ``token`` (a bearer token), or ``user`` and ``password``, or ``header`` and ``value`` (a custom header).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from trialalerts.delivery.feedback.events import Event, EventKind, FeedbackReason, InvalidSignature, Malformed, Meaning
from trialalerts.delivery.feedback.webhooks import payload
from trialalerts.delivery.feedback.webhooks.call import WebhookCall, chosen_keys, require_basic_auth, same
from trialalerts.delivery.mail.reply_codes import ProviderSays, classify

__all__ = ["BrevoWebhook"]

_KINDS = {
    "request": EventKind.QUEUED,
    "sent": EventKind.QUEUED,
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "hard_bounce": EventKind.BOUNCED,
    "soft_bounce": EventKind.BOUNCED,
    "invalid_email": EventKind.REJECTED,
    "blocked": EventKind.REJECTED,
    "error": EventKind.FAILED,
    "spam": EventKind.COMPLAINED,
    "complaint": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
}
_NEVER_KEPT = {"opened", "unique_opened", "proxy_open", "unique_proxy_open", "click"}
_OWN_LIST = re.compile(
    r"(recipient|contact|user|address|e-?mail)\b.{0,30}\b(is |was )?(block|black|suppress)"
    r"|(block|black|suppress)[a-z -]{0,12} (recipient|contact|user|address)",
    re.IGNORECASE,
)
_CUSTOM = "X-Mailin-custom"


@dataclass(frozen=True, kw_only=True)
class BrevoWebhook:
    """Brevo with what it was told to prove itself with."""

    keys: Mapping[str, str]

    @classmethod
    def of(cls, keys: Mapping[str, SecretStr]) -> Self:
        """Open the webhook with its configured keys.

        Raises:
            ConfigurationError: they are none of the three ways.
        """
        return cls(keys=chosen_keys("brevo", keys, ["token"], ["user", "password"], ["header", "value"]))

    def events(self, call: WebhookCall) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.webhooks.call.Webhook`)."""
        self._require_proof(call)
        told = payload.parsed(call.body)
        several = told if isinstance(told, list) else [told]
        if not all(payload.text(item, "event") for item in several):
            raise Malformed("Brevo's body names no event.")
        return [_event(item, call) for item in several if payload.text(item, "event").lower() not in _NEVER_KEPT]

    def _require_proof(self, call: WebhookCall) -> None:
        if "user" in self.keys:
            require_basic_auth(call, self.keys["user"], self.keys["password"])
            return
        if "header" in self.keys:
            given, expected = call.headers.get(self.keys["header"].lower(), ""), self.keys["value"]
        else:
            scheme, _, given = call.headers.get("authorization", "").partition(" ")
            given, expected = given.strip() if scheme.lower() == "bearer" else "", self.keys["token"]
        if not same(given, expected):
            raise InvalidSignature("Brevo's token is missing or wrong.")


def _event(item: object, call: WebhookCall) -> Event:
    what = payload.text(item, "event").lower()
    kind = _KINDS.get(what, EventKind.UNKNOWN)
    meaning = _meaning(item, what)
    return Event(
        provider="brevo",
        event_id=payload.fingerprint(item),
        kind=kind,
        token=payload.token_in(payload.at(item, _CUSTOM)),
        provider_ids=payload.names(payload.at(item, "message-id")),
        again=payload.go_again(payload.text(item, "reason")) if kind is EventKind.FAILED else None,
        # ts_epoch is UTC for sure, but complaints have none; the pages call ts_event UTC, too
        at=payload.first_moment((payload.at(item, name) for name in ("ts_epoch", "ts_event", "ts")), call.now),
        raw=payload.kept(item),
    ).with_meaning(meaning)


def _meaning(item: object, what: str) -> Meaning | None:
    if what == "invalid_email":
        return Meaning.by(ProviderSays.NO_ADDRESS)
    if what == "blocked":
        return _blocked(payload.text(item, "reason"))
    if what == "error":
        return Meaning.by(ProviderSays.OURS)
    if what in {"hard_bounce", "soft_bounce", "deferred"}:
        says = ProviderSays.PERMANENT if what == "hard_bounce" else ProviderSays.SOFT
        return Meaning.told(payload.text(item, "reason"), kind=_KINDS[what], provider=says)
    return None


def _blocked(words: str) -> Meaning:
    """Tell why Brevo did not try: its list holds who bounced, complained or left, and whom the operator put there."""
    said = words.lower()
    if "unsub" in said:
        return Meaning(reason=FeedbackReason.UNSUBSCRIBED)
    if "complain" in said:
        return Meaning(reason=FeedbackReason.SPAM)
    judged = Meaning.of(classify(words, trying=False))
    if judged.reason is FeedbackReason.BLOCKED and not _OWN_LIST.search(words):
        return judged
    return Meaning.by(ProviderSays.LISTED)
