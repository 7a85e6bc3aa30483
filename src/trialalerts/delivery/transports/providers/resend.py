"""The transport through Resend: ``resend://KEY@default``.

Follows the API as described by Resend's OpenAPI file and pages of 2025: ``POST /emails/batch`` with at most 100
different messages, ``Idempotency-Key`` (at most 256 characters, kept for 24 hours), ``x-batch-validation: permissive``
(a message that is wrong is told by its index and stops no other), tags in batches (since September 2025).

The key is made of the Message-IDs of the batch, so that the same messages asked for again are sent once. What got no
answer is asked for again under the key that it had (see ``doubts``). Written anew it has other content: then
``invalid_idempotent_request`` says that the key is known, and so that the batch was taken, where no answer had come;
where the answer was a failure, nobody knows, and it goes again once Resend has forgotten the key.
An account may make two requests a second by some of Resend's pages, five by others: a pause tells which, from
``ratelimit-limit``, and ``mail.limits.per_second`` keeps below it.
Resend writes and signs the MIME itself and puts its own Message-ID in. Not verified: the order of ``data`` beside
``errors`` (taken as that of the request), and whether a refused request uses its key up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import SplitResult

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Unsent
from trialalerts.delivery.transports.in_doubt import doubtful_key
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.providers.account import ProviderAccount, account_of, name_in
from trialalerts.delivery.transports.providers.channel import (
    ApiTransport,
    KnownKey,
    Uncertain,
    refusal_of,
    refused_whole,
)
from trialalerts.delivery.transports.providers.message import (
    api_mailbox,
    headers_of,
    json_bytes,
    reply_to,
    tags_of,
    wire_address,
)
from trialalerts.net.posting import Garbled, PostReply, PostRequest

__all__ = ["open_url"]

_ENDPOINT = "https://api.resend.com"
_MOST = 100
_LARGEST = 30_000_000
_CONFLICT = 409
_KEY_KEPT = 86_400.0
_STILL_BUSY = 60.0
_QUOTAS = {"daily_quota_exceeded", "monthly_quota_exceeded"}
_AFTER_QUOTA = 3_600.0


class Resend:
    """How Resend is spoken to."""

    name = "resend"
    idempotent = True
    largest = _LARGEST

    def __init__(self, account: ProviderAccount) -> None:
        self._account = account

    def part(self, envelope: Envelope) -> bytes:
        """Write one message of a batch."""
        message = envelope.message
        found: dict[str, Any] = {
            "from": api_mailbox(message.sender),
            "to": [wire_address(envelope.recipient)],
            "subject": message.subject,
            "text": message.text,
            "headers": headers_of(envelope),
            "tags": [{"name": name, "value": value} for name, value in tags_of(envelope)],
        }
        if message.html is not None:
            found["html"] = message.html
        if answers := reply_to(envelope):
            found["reply_to"] = [api_mailbox(answers)]
        return json_bytes(found)

    def key(self, envelopes: Sequence[Envelope]) -> str:
        """Return the key of a batch: that of its Message-IDs, or the one with which it was asked for in vain."""
        if known := doubtful_key(envelopes[0]):
            return known
        names = "\n".join(f"{each.message.message_id}{each.request_key or ''}" for each in envelopes)
        return sha256(names.encode()).hexdigest()

    def call(self, parts: Sequence[bytes], envelopes: Sequence[Envelope]) -> PostRequest:
        """Make one batch with the key of its messages."""
        return PostRequest(
            url=f"{self._account.endpoint}/emails/batch",
            body=b"[" + b",".join(parts) + b"]",
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self._account.key}",
                "Idempotency-Key": f"trialalerts/{self.key(envelopes)}",
                "x-batch-validation": "permissive",
            },
        )

    def account_request(self) -> PostRequest:
        """Ask for the domains."""
        return PostRequest(
            url=f"{self._account.endpoint}/domains",
            body=b"",
            headers={"Authorization": f"Bearer {self._account.key}"},
            method="GET",
        )

    def account_says(self, reply: PostReply) -> TrialResult | None:
        """Know a key that may only send: it is refused by its name."""
        if name_in(reply.mapping().get("name")) == "restricted_api_key":
            return TrialResult(works=True, told="Resend takes the key of mail.url, which may only send.")
        return None

    def read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what became of each message of a batch."""
        name = name_in(reply.mapping().get("name")) if not reply.ok else ""
        if reply.status == _CONFLICT:
            self._conflict(name)
        turned_away = refused_whole(reply, self._account.provider)
        if turned_away and name in _QUOTAS:
            turned_away = Unsent(
                reason=f"Resend answered {name}: the account may send no more for now; see its usage page",
                retry_after=_AFTER_QUOTA if turned_away.retry_after is None else turned_away.retry_after,
            )
        elif turned_away and (limit := name_in(reply.headers.get("ratelimit-limit"))):
            told = f"{turned_away.reason}; it takes {limit} requests in a moment, see mail.limits.per_second"
            turned_away = replace(turned_away, reason=told)
        if turned_away:
            return [turned_away] * len(envelopes)
        if not reply.ok:
            said, alone = str(reply.mapping().get("message", "")), len(envelopes) == 1
            about = alone and _names_recipient(said)
            found = refusal_of(self._account.provider, reply, name, recipient=about, said=said, alone=alone)
            return [found] * len(envelopes)
        return self._each(reply, len(envelopes))

    def _conflict(self, name: str) -> None:
        """Tell that the key is known already, though not with this content or not yet with an answer."""
        at_work = name == "concurrent_idempotent_requests"
        reason = "Resend knows the key of these messages, but gives no answer to it; nobody knows whether it took them"
        kind, wait = (Uncertain, _STILL_BUSY) if at_work else (KnownKey, _KEY_KEPT)
        raise kind(reason, code=f"{_CONFLICT} {name}".strip(), retry_after=wait, alone=True)

    def _each(self, reply: PostReply, count: int) -> list[Outcome]:
        answer = reply.json()
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
            raise Garbled
        faults = {
            fault["index"]: fault
            for fault in answer.get("errors") or ()
            if isinstance(fault, dict) and isinstance(fault.get("index"), int)
        }
        taken = [index for index in range(count) if index not in faults]
        if len(taken) != len(answer["data"]) or len(taken) + len(faults) != count:
            raise Garbled
        ids = {
            index: name_in(given.get("id")) if isinstance(given, dict) else ""
            for index, given in zip(taken, answer["data"], strict=True)
        }
        return [
            Accepted(provider_id=ids[index] or None)
            if index in ids
            else refusal_of(
                self._account.provider,
                reply,
                "validation_error",
                recipient=_names_recipient(faults[index].get("message")),
                said=str(faults[index].get("message", "")),
            )
            for index in range(count)
        ]


def _names_recipient(said: object) -> bool:
    return "`to`" in str(said)


def open_url(parts: SplitResult) -> ApiTransport:
    """Open ``resend://KEY@default[?batch=100&connections=2&timeout=30&endpoint=URL&proxy=URL]``.

    Raises:
        ConfigurationError: the key is missing, or an option makes no sense.
    """
    account = account_of(parts, provider="Resend", endpoint=_ENDPOINT, most=_MOST, batch=_MOST, connections=2)
    return ApiTransport(account, Resend(account))
