"""What Amazon SES tells through SNS: event publishing and feedback notifications, which differ in a name only.

Keys: ``topics``, the names (ARNs) of the SNS topics that may speak to us, parted by blanks or commas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from trialalerts.delivery.feedback.events import Event, EventKind, Malformed, Meaning
from trialalerts.delivery.feedback.mailbox.arf import is_complaint
from trialalerts.delivery.feedback.webhooks import payload
from trialalerts.delivery.feedback.webhooks.call import WebhookCall, chosen_keys, listed_keys
from trialalerts.delivery.feedback.webhooks.sns import Fetch, Topics, fetch, is_topic
from trialalerts.delivery.mail.reply_codes import ProviderSays
from trialalerts.errors import ConfigurationError
from trialalerts.logs import Logger

__all__ = ["SesWebhook", "says"]

log = Logger()

_NEVER_KEPT = {"Open", "Click"}
_KINDS = {
    "Send": EventKind.SENT,
    "Delivery": EventKind.DELIVERED,
    "DeliveryDelay": EventKind.DEFERRED,
    "Bounce": EventKind.BOUNCED,
    "Complaint": EventKind.COMPLAINED,
    "Reject": EventKind.REJECTED,
    "Rendering Failure": EventKind.FAILED,
    "RenderingFailure": EventKind.FAILED,
    "Subscription": EventKind.UNSUBSCRIBED,
}
_TYPES = {
    "Permanent": ProviderSays.PERMANENT,
    "Transient": ProviderSays.SOFT,
    "Undetermined": ProviderSays.SOFT,
}
_SUBTYPES = {
    "NoEmail": ProviderSays.NO_ADDRESS,
    "Suppressed": ProviderSays.LISTED,
    "OnAccountSuppressionList": ProviderSays.LISTED,
    "MailboxFull": ProviderSays.UNWELL,
    "MessageTooLarge": ProviderSays.MESSAGE,
    "AttachmentRejected": ProviderSays.MESSAGE,
    "ContentRejected": ProviderSays.OURS,
    "MessageRejected": ProviderSays.OURS,
}
_NO_EVENT = "Successfully validated SNS topic for Amazon SES event publishing."
_METADATA_HEADER = "x-metadata"


@dataclass(frozen=True, kw_only=True)
class SesWebhook:
    """Amazon SES with the topics that may speak to us."""

    topics: Topics

    @classmethod
    def of(cls, keys: Mapping[str, SecretStr], *, fetched: Fetch = fetch) -> Self:
        """Open the webhook with its configured topics; ``fetched`` gets certificates.

        Raises:
            ConfigurationError: the topics are missing or no topics.
        """
        topics = listed_keys(chosen_keys("ses", keys, ["topics"])["topics"])
        if not all(is_topic(topic) for topic in topics):
            raise ConfigurationError(
                "feedback.webhooks.ses.topics: found a value that is not shown, expected names of SNS topics such as "
                "arn:aws:sns:eu-west-1:123456789012:alerts"
            )
        return cls(topics=Topics(allowed=frozenset(topics), fetch=fetched))

    def events(self, call: WebhookCall) -> list[Event]:
        """Return what a call tells (see :class:`~trialalerts.delivery.feedback.webhooks.call.Webhook`)."""
        told = self.topics.opened(call)
        if told["Type"] == "SubscriptionConfirmation":
            self.topics.confirm(told)
            log.info("feedback.subscribed", provider="ses")
            return []
        if told["Type"] == "UnsubscribeConfirmation":
            log.warning(
                "feedback.subscription_ended", provider="ses", remedy="subscribe the webhook to the topic again"
            )
            return []
        message = told.get("Message")
        if not isinstance(message, str):
            raise Malformed("The notification of Amazon SNS holds no message.")
        if message.strip() == _NO_EVENT:
            return []
        event = payload.parsed(message.encode())
        what = payload.text(event, "eventType") or payload.text(event, "notificationType")
        if not what:
            raise Malformed("The message names no event of Amazon SES.")
        return [_event(event, what, told, call)] if what not in _NEVER_KEPT else []


def _event(told: object, what: str, envelope: object, call: WebhookCall) -> Event:
    details = payload.at(told, what[:1].lower() + what[1:].replace(" ", ""))
    kind = _kind(details, what)
    meaning = _meaning(details, kind)
    return Event(
        provider="ses",
        event_id=payload.text(envelope, "MessageId") or payload.fingerprint(told),
        kind=kind,
        token=_token(payload.at(told, "mail")),
        provider_ids=payload.names(payload.at(told, "mail", "messageId")),
        # Send, Reject and Rendering Failure have no moment of their own
        at=payload.first_moment((payload.at(details, "timestamp"), payload.at(envelope, "Timestamp")), call.now),
        raw=payload.kept(told),
    ).with_meaning(meaning)


def _kind(details: object, what: str) -> EventKind:
    kind = _KINDS.get(what, EventKind.UNKNOWN)
    if kind is EventKind.COMPLAINED and not is_complaint(payload.text(details, "complaintFeedbackType")):
        return EventKind.UNKNOWN
    if kind is EventKind.UNSUBSCRIBED and payload.at(details, "newTopicPreferences", "unsubscribeAll") is not True:
        return EventKind.UNKNOWN
    return kind


def _meaning(details: object, kind: EventKind) -> Meaning | None:
    if kind in {EventKind.REJECTED, EventKind.FAILED}:  # SES found a virus in it, or could not write it
        return Meaning.by(ProviderSays.MESSAGE)
    if kind not in {EventKind.BOUNCED, EventKind.DEFERRED}:
        return None
    listing = payload.at(details, "bouncedRecipients") or payload.at(details, "delayedRecipients")
    recipient = next(iter(payload.items(listing)), None)
    return Meaning.told(
        payload.text(recipient, "diagnosticCode"),
        kind=kind,
        status=payload.text(recipient, "status"),
        provider=says(payload.text(details, "bounceType"), payload.text(details, "bounceSubType")),
    )


def says(bounce_type: str, subtype: str) -> ProviderSays | None:
    """Return what SES, and who sends through it, says of a bounce; None where it has no opinion."""
    return _SUBTYPES.get(subtype) or _TYPES.get(bounce_type)


def _token(mail: object) -> str | None:
    """Return our token: from the tags, from the metadata header, else from the return address."""
    found = payload.token_in(payload.mapping(payload.at(mail, "tags")))
    if found:
        return found
    for header in payload.items(payload.at(mail, "headers")):
        if payload.text(header, "name").lower() == _METADATA_HEADER:
            return payload.token_in(payload.at(header, "value"))
    return payload.text(mail, "source") or None
