"""The transport through Brevo: ``brevo://KEY@default``.

Follows the v3 API as documented in 2025: ``POST /v3/smtp/email`` with the header ``api-key``, one message a request,
201 with ``messageId``; errors are ``{"code", "message"}``. ``headers.idempotencyKey`` must be a UUID and is kept for
30 minutes; a second request with it answers ``duplicate_parameter`` and sends nothing. ``X-Mailin-custom`` comes back
in webhooks (and stands in the mail); it must be ASCII, and so must all headers: Brevo does not encode them.

Brevo writes and signs the MIME itself, puts its own Message-ID in ("standard headers" cannot be set) and insists on
HTML. Whether it tracks opens and links is set in the account, not by message. Not verified: whether a request that
was refused uses its key up; so the next try of a delivery that was refused has another key, and a key that is known
already can only mean that the message was taken. Not verified either: which List-Unsubscribe wins, for Brevo puts one
of its own into transactional mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import SplitResult
from uuid import UUID

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Unsent
from trialalerts.delivery.transports.in_doubt import doubtful_key
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
from trialalerts.net.posting import Garbled, PostReply, PostRequest

__all__ = ["Brevo", "key_of", "open_url"]

_ENDPOINT = "https://api.brevo.com"
_LARGEST = 20_000_000
_DUPLICATE = {"duplicate_parameter", "duplicate_request"}
_NO_CREDITS = "not_enough_credits"
_ACCOUNT = {"unauthorized", "permission_denied", "account_under_validation"}
_ABOUT_RECIPIENT = re.compile(r"\bin to\b|\bto\b.{0,20}\bnot valid\b|^to\b", re.IGNORECASE)
_PAGE = '<pre style="font-family: inherit; white-space: pre-wrap">{}</pre>'
_ID = re.compile(r"<?([!-;=?-~]{1,300})>?")


class Brevo:
    """How Brevo is spoken to."""

    name = "brevo"
    idempotent = True
    largest = _LARGEST

    def __init__(self, account: ProviderAccount) -> None:
        self._account = account

    def part(self, envelope: Envelope) -> bytes:
        """Write a message."""
        message = envelope.message
        headers = {name: value for name, value in headers_of(envelope).items() if value.isascii()}
        custom = json_bytes(dict(envelope.metadata)).decode()
        if not custom.isascii():
            raise ValueError("metadata outside ASCII")
        found: dict[str, Any] = {
            "sender": _person(message.sender),
            "to": [{"email": wire_address(envelope.recipient)}],
            "subject": message.subject,
            "textContent": message.text,
            "htmlContent": _PAGE.format(escape(message.text)) if message.html is None else message.html,
            "headers": {**headers, "X-Mailin-custom": custom, "idempotencyKey": key_of(envelope)},
        }
        if answers := reply_to(envelope):
            found["replyTo"] = _person(answers)
        return json_bytes(found)

    def call(self, parts: Sequence[bytes], envelopes: Sequence[Envelope]) -> PostRequest:
        """Make a request of one message."""
        del envelopes
        return PostRequest(
            url=f"{self._account.endpoint}/v3/smtp/email",
            body=parts[0],
            headers={"Content-Type": "application/json", "api-key": self._account.key},
        )

    def account_request(self) -> PostRequest:
        """Ask for the account."""
        return PostRequest(
            url=f"{self._account.endpoint}/v3/account", body=b"", headers={"api-key": self._account.key}, method="GET"
        )

    def account_says(self, reply: PostReply) -> TrialResult | None:
        """Leave it to the status."""
        del reply
        return None

    def read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what became of the message."""
        del envelopes
        if reply.ok:
            found = _ID.fullmatch(str(reply.mapping().get("messageId", "")))
            if found is None:
                raise Garbled
            return [Accepted(provider_id=found[1])]
        code = name_in(reply.mapping().get("code"))
        if code in _DUPLICATE:
            return [Accepted()]
        if code == _NO_CREDITS:
            return [
                Unsent(
                    reason="Brevo answered not_enough_credits; see the account's plan", retry_after=reply.retry_after()
                )
            ]
        if code in _ACCOUNT:
            return [Unsent(reason=f"Brevo answered {code}; check the key in mail.url and that the account may send")]
        if turned_away := refused_whole(reply, self._account.provider):
            return [turned_away]
        said = str(reply.mapping().get("message", ""))
        about_recipient = bool(_ABOUT_RECIPIENT.search(said))
        return [refusal_of(self._account.provider, reply, code, recipient=about_recipient, said=said)]


def open_url(parts: SplitResult) -> ApiTransport:
    """Open ``brevo://KEY@default[?connections=4&timeout=30&endpoint=URL&proxy=URL]``.

    Raises:
        ConfigurationError: the key is missing, or an option makes no sense.
    """
    account = account_of(parts, provider="Brevo", endpoint=_ENDPOINT)
    return ApiTransport(account, Brevo(account))


def key_of(envelope: Envelope) -> str:
    """Return the key of a message: the same UUID whenever it is sent, until it was refused.

    A key under which another provider gave no answer is none of ours.
    """
    if envelope.request_key and doubtful_key(envelope) is None:
        return envelope.request_key
    return str(UUID(bytes=sha256(envelope.message.message_id.encode()).digest()[:16], version=4))


def _person(mailbox: str) -> dict[str, str]:
    name, address = name_and_address(mailbox)
    return {"email": address, "name": name} if name else {"email": address}
