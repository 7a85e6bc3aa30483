"""The transport through Postmark: ``postmark://TOKEN@default?stream=broadcast``.

Follows the Email API as documented in 2025 (https://postmarkapp.com/developer/api/email-api): ``POST /email/batch``,
at most 500 different messages and 50 MB, an answer with an ErrorCode for each message in their order. The codes were
read in the API overview and in Postmark's own clients.

Postmark writes and signs the MIME itself and uses its own return path. It keeps our Message-ID when asked by
``X-PM-KeepID``; that this holds for the API as for its SMTP service is what its clients do, not what its pages say.
It has no idempotency: a batch that got no answer may go out twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.providers.account import ProviderAccount, account_of, name_in
from trialalerts.delivery.transports.providers.channel import ApiTransport, refusal_of, refused_whole
from trialalerts.delivery.transports.providers.message import (
    api_mailbox,
    headers_of,
    json_bytes,
    reply_to,
    wire_address,
)
from trialalerts.net.posting import Garbled, PostReply, PostRequest

__all__ = ["open_url"]

_ENDPOINT = "https://api.postmarkapp.com"
_MOST = 500
_USUAL = 100  # as fast as 500 over any line, and a fifth of the memory
_LARGEST = 40_000_000

_FINE = 0
_INVALID, _INACTIVE, _TOO_MANY, _MAINTENANCE = 300, 406, 429, 100
_REMEDIES = {
    10: "check the server token in mail.url",
    400: "mail.from needs a sender signature or a verified domain",
    401: "the sender signature of mail.from must be confirmed",
    405: "the account may not send (more); see its billing page",
    412: "the account is pending approval and may only send to its own domain",
    413: "the account may not send; ask Postmark's support",
    1235: "there is no such stream; check stream= in mail.url",
    1236: "the stream is archived; check stream= in mail.url",
}
"""What turns away the whole account and not one message, and what mends it."""


class Postmark:
    """How Postmark is spoken to."""

    name = "postmark"
    idempotent = False
    largest = _LARGEST

    def __init__(self, account: ProviderAccount) -> None:
        self._account = account
        self._stream = account.options.get("stream")

    def part(self, envelope: Envelope) -> bytes:
        """Write one message of a batch; no opens or links are tracked."""
        message = envelope.message
        headers = {**headers_of(envelope), "Message-ID": message.message_id, "X-PM-KeepID": "true"}
        found: dict[str, Any] = {
            "From": api_mailbox(message.sender),
            "To": wire_address(envelope.recipient),
            "Subject": message.subject,
            "TextBody": message.text,
            "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            "Metadata": dict(envelope.metadata),
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        if message.html is not None:
            found["HtmlBody"] = message.html
        if picture := message.picture:
            found["Attachments"] = [
                {
                    "Name": picture.name,
                    "Content": picture.text,
                    "ContentType": picture.media_type,
                    "ContentID": picture.url,
                }
            ]
        if answers := reply_to(envelope):
            found["ReplyTo"] = api_mailbox(answers)
        if self._stream:
            found["MessageStream"] = self._stream
        return json_bytes(found)

    def call(self, parts: Sequence[bytes], envelopes: Sequence[Envelope]) -> PostRequest:
        """Make one batch."""
        del envelopes
        return PostRequest(
            url=f"{self._account.endpoint}/email/batch",
            body=b"[" + b",".join(parts) + b"]",
            headers={"Content-Type": "application/json", "X-Postmark-Server-Token": self._account.key},
        )

    def account_request(self) -> PostRequest:
        """Ask for the server that the token belongs to."""
        return PostRequest(
            url=f"{self._account.endpoint}/server",
            body=b"",
            headers={"X-Postmark-Server-Token": self._account.key},
            method="GET",
        )

    def account_says(self, reply: PostReply) -> TrialResult | None:
        """Leave it to the status."""
        del reply
        return None

    def read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what became of each message of a batch."""
        if turned_away := refused_whole(reply, self._account.provider):
            return [turned_away] * len(envelopes)
        if not reply.ok:
            return [self._outcome(reply, reply.mapping(), alone=len(envelopes) == 1)] * len(envelopes)
        answers = reply.json()
        if not isinstance(answers, list) or len(answers) != len(envelopes):
            raise Garbled
        return [self._outcome(reply, answer if isinstance(answer, dict) else {}) for answer in answers]

    def _outcome(self, reply: PostReply, answer: Mapping[str, Any], *, alone: bool = True) -> Outcome:
        """Return what an answer means; one to a whole batch blames nobody of it."""
        code = answer.get("ErrorCode", _FINE if "MessageID" in answer else None)
        if code == _FINE and reply.ok:
            return Accepted(provider_id=name_in(answer.get("MessageID")) or None)
        if code is None:
            return refusal_of(self._account.provider, reply, "")
        if code in _REMEDIES:
            return Unsent(reason=f"{self._account.provider} answered ErrorCode {code}: {_REMEDIES[code]}")
        if code in {_TOO_MANY, _MAINTENANCE}:
            wait = reply.retry_after()
            return Unsent(
                reason=f"{self._account.provider} answered ErrorCode {code}: it asks for a pause", retry_after=wait
            )
        if code == _INACTIVE and alone:
            reason = "Postmark has the recipient as inactive, after a hard bounce or a complaint"
            return Refused(reason=reason, permanent=True, code=str(code), listed=True)
        said = str(answer.get("Message", ""))
        about = alone and code == _INVALID and "'To'" in said
        return refusal_of(self._account.provider, reply, name_in(code), recipient=about, said=said, alone=alone)


def open_url(parts: SplitResult) -> ApiTransport:
    """Open ``postmark://TOKEN@default[?stream=ID&batch=100&connections=4&timeout=30&endpoint=URL&proxy=URL]``.

    Raises:
        ConfigurationError: the token is missing, or an option makes no sense.
    """
    account = account_of(parts, provider="Postmark", endpoint=_ENDPOINT, known=("stream",), most=_MOST, batch=_USUAL)
    return ApiTransport(account, Postmark(account))
