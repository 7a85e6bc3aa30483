"""The transport through SendGrid: ``sendgrid://KEY@default`` (``?region=eu`` for EU subusers).

Follows the v3 Mail Send API as described by Twilio's OpenAPI file ``tsg_mail_v3``: ``POST /v3/mail/send`` with a
Bearer key, one message a request (a request has one body for all its recipients), 202 without a body and the id in
``X-Message-Id``. Errors name a field. Events carry ``custom_args``; their ``sg_message_id`` begins with the id.

SendGrid writes and signs the MIME itself and uses its own return path. Message-ID is not among the headers that must
not be set; that it stays as given was not verified. It has no idempotency: a request that got no answer may go out
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Unsent
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.providers.account import ProviderAccount, account_of, name_in
from trialalerts.delivery.transports.providers.channel import ApiTransport, refusal_of, refused_whole
from trialalerts.delivery.transports.providers.message import (
    headers_of,
    json_bytes,
    name_and_address,
    reply_to,
    wire_address,
)
from trialalerts.errors import ConfigurationError
from trialalerts.net.posting import PostReply, PostRequest

__all__ = ["open_url"]

_ENDPOINTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}
_LARGEST = 30_000_000
_NO_CREDITS_AS = {400, 401, 403}
_AFTER_CREDITS = 3_600.0
_NOT_TO_BE_SET = {"received", "dkim-signature", "content-type", "content-transfer-encoding", "cc", "bcc"}
_NOT_TRACKED = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}


class SendGrid:
    """How SendGrid is spoken to."""

    name = "sendgrid"
    idempotent = False
    largest = _LARGEST

    def __init__(self, account: ProviderAccount) -> None:
        self._account = account

    def part(self, envelope: Envelope) -> bytes:
        """Write a message; no opens or links are tracked."""
        message = envelope.message
        headers = {name: value for name, value in headers_of(envelope).items() if name.lower() not in _NOT_TO_BE_SET}
        content = [{"type": "text/plain", "value": message.text}]
        if message.html is not None:
            content.append({"type": "text/html", "value": message.html})
        found: dict[str, Any] = {
            "personalizations": [
                {"to": [{"email": wire_address(envelope.recipient)}], "custom_args": dict(envelope.metadata)}
            ],
            "from": _person(message.sender),
            "subject": message.subject,
            "content": content,
            "headers": {**headers, "Message-ID": message.message_id},
            "tracking_settings": _NOT_TRACKED,
        }
        if picture := message.picture:
            found["attachments"] = [
                {
                    "content": picture.text,
                    "type": picture.media_type,
                    "filename": picture.name,
                    "disposition": "inline",
                    "content_id": picture.content_id,
                }
            ]
        if answers := reply_to(envelope):
            found["reply_to"] = _person(answers)
        return json_bytes(found)

    def call(self, parts: Sequence[bytes], envelopes: Sequence[Envelope]) -> PostRequest:
        """Make a request of one message."""
        del envelopes
        return PostRequest(
            url=f"{self._account.endpoint}/v3/mail/send",
            body=parts[0],
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._account.key}"},
        )

    def account_request(self) -> PostRequest:
        """Ask what the key may do."""
        return PostRequest(
            url=f"{self._account.endpoint}/v3/scopes",
            body=b"",
            headers={"Authorization": f"Bearer {self._account.key}"},
            method="GET",
        )

    def account_says(self, reply: PostReply) -> TrialResult | None:
        """Look whether the key may send mail."""
        scopes = reply.mapping().get("scopes")
        if reply.ok and isinstance(scopes, list) and "mail.send" not in scopes:
            return TrialResult(
                works=False, told="SendGrid takes the key of mail.url, which may not send mail (mail.send)."
            )
        return None

    def read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what became of the message."""
        del envelopes
        if reply.ok:
            return [Accepted(provider_id=name_in(reply.headers.get("x-message-id")) or None)]
        fields = _fields(reply)
        if any(field == "from" or field.startswith("from.") for field in fields):
            return [Unsent(reason="SendGrid does not take mail.from; verify it as a sender or authenticate its domain")]
        if reply.status in _NO_CREDITS_AS and b"credits exceeded" in reply.body.lower():
            # 401, as for a wrong key: not on its pages, but what people report
            reason = "SendGrid answered that the account has no credits left; see its billing page"
            return [Unsent(reason=reason, retry_after=_AFTER_CREDITS)]
        if turned_away := refused_whole(reply, self._account.provider):
            return [turned_away]
        about_recipient = bool(fields) and all(".to" in field for field in fields)
        field = fields[0] if fields else ""
        return [refusal_of(self._account.provider, reply, field, recipient=about_recipient, said=_said(reply))]


def open_url(parts: SplitResult) -> ApiTransport:
    """Open ``sendgrid://KEY@default[?region=eu&connections=4&timeout=30&endpoint=URL&proxy=URL]``.

    Raises:
        ConfigurationError: the key is missing, or an option makes no sense.
    """
    account = account_of(parts, provider="SendGrid", endpoint=_ENDPOINTS["global"], known=("region",))
    region = account.options.get("region", "global")
    if region not in _ENDPOINTS:
        raise ConfigurationError(f"mail.url: found region={region}, expected one of {', '.join(_ENDPOINTS)}")
    account = account.at(_ENDPOINTS[region])
    return ApiTransport(account, SendGrid(account))


def _person(mailbox: str) -> dict[str, str]:
    name, address = name_and_address(mailbox)
    return {"email": address, "name": name} if name else {"email": address}


def _said(reply: PostReply) -> str:
    errors = reply.mapping().get("errors")
    found = errors if isinstance(errors, list) else []
    return " ".join(str(error.get("message", "")) for error in found if isinstance(error, dict))


def _fields(reply: PostReply) -> list[str]:
    """Return the fields that the errors of an answer name, such as ``personalizations.0.to.0.email``."""
    errors = reply.mapping().get("errors")
    found = (
        [name_in(error.get("field")) for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    )
    return [field for field in found if field and field != "null"]
