"""The transport through Amazon SES: ``ses://KEY:SECRET@eu-west-1``.

Follows the SES API v2 (2019-09-27) as described by the service model that botocore ships: ``POST
/v2/email/outbound-emails`` with ``Content.Raw`` (the MIME in base64), one message a request, signed with botocore's
Signature Version 4 for the service ``ses``. botocore is not installed by default: ``pip install 'trialalerts[ses]'``.

SES puts its own Message-ID and Date in, so that signatures of ours would not hold: they are taken off, SES signs
itself. The metadata goes as EmailTags (in events of a configuration set) and as the header X-Metadata (in plain
notifications). A return address of ours becomes ``FeedbackForwardingEmailAddress``. SES has no idempotency: a request
that got no answer may go out twice. Not verified: how throttling says how long to wait; the service model names
``TooManyRequestsException`` (429), AWS's list of common errors ``ThrottlingException`` (400).

A return address of ours must lie in a domain that is verified at SES, as mail.from must.
"""

from __future__ import annotations

import importlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, unquote

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Refused, Unsent
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.providers.account import ProviderAccount, account_of, name_in
from trialalerts.delivery.transports.providers.channel import ApiTransport, refusal_of, refused_whole
from trialalerts.delivery.transports.providers.message import json_bytes, tags_of, wire_address
from trialalerts.errors import ConfigurationError
from trialalerts.net.posting import Garbled, PostReply, PostRequest

__all__ = ["open_url"]

_LARGEST = 40_000_000
_SIGNATURE = re.compile(rb"DKIM-Signature:.*\r\n(?:[ \t].*\r\n)*", re.IGNORECASE)
_REMEDIES = {
    "AccountSuspendedException": "the account may not send; ask AWS support",
    "SendingPausedException": "sending is paused in the account or configuration set; resume it at AWS",
    "MailFromDomainNotVerifiedException": "the MAIL FROM domain of mail.from must be verified in this region",
    "NotFoundException": "there is no such configuration set; check configuration_set= in mail.url",
    "LimitExceededException": "a limit of the account is reached; see its sending quota at AWS",
}
"""What turns away the whole account, and what mends it."""
_THROTTLED = {
    *("ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "TooManyRequests"),
    *("RequestThrottledException", "RequestThrottled", "RequestLimitExceeded", "SlowDown"),
}
_KEYS = {
    *("AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"),
    *("InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignatureException", "IncompleteSignature"),
    *("MissingAuthenticationTokenException", "MissingAuthenticationToken", "NotAuthorized", "InvalidAccessKeyId"),
    *("ExpiredTokenException", "ExpiredToken", "RequestExpired"),
}
"""AWS's common errors, which come as 400 or as 403."""
_AFTER_QUOTA = 3_600.0
_AFTER_RATE, _LONGEST_RATE = 2.0, 600.0
_IDENTITY = re.compile(r"[\w.+=~!#$%&'*/?^`{|}-]*@?[\w-]+(?:\.[\w-]+)+")
_ABOUT_RECIPIENT = re.compile(
    r"missing final '@domain'|invalid recipient|illegal address|local address contains", re.IGNORECASE
)


class Ses:
    """How SES is spoken to."""

    name = "ses"
    idempotent = False
    largest = _LARGEST

    def __init__(self, account: ProviderAccount, signer: SesSigner) -> None:
        self._account = account
        self._signer = signer
        self._account_url = f"{account.endpoint}/v2/email/account"

    def part(self, envelope: Envelope) -> bytes:
        """Write one request's body."""
        tags = tags_of(envelope)
        head = b"X-Metadata: " + json_bytes(dict(tags)) + b"\r\n" if tags else b""
        found: dict[str, Any] = {
            "Destination": {"ToAddresses": [wire_address(envelope.recipient)]},
            "Content": {"Raw": {"Data": b64encode(head + _unsigned(envelope.content)).decode()}},
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags],
        }
        if envelope.sender != envelope.message.sender_address:
            found["FeedbackForwardingEmailAddress"] = wire_address(envelope.sender)
        if configuration_set := self._account.options.get("configuration_set"):
            found["ConfigurationSetName"] = configuration_set
        return json_bytes(found)

    def call(self, parts: Sequence[bytes], envelopes: Sequence[Envelope]) -> PostRequest:
        """Make and sign a request of one message."""
        del envelopes
        url = f"{self._account.endpoint}/v2/email/outbound-emails"
        return PostRequest(url=url, body=parts[0], headers=self._signer.headers(url, parts[0]))

    def account_request(self) -> PostRequest:
        """Ask for the account (GetAccount)."""
        return PostRequest(
            url=self._account_url,
            body=b"",
            headers=self._signer.headers(self._account_url, b"", method="GET"),
            method="GET",
        )

    def account_says(self, reply: PostReply) -> TrialResult | None:
        """Look whether the account may send, and to everybody."""
        kind, told = _kind(reply), reply.mapping()
        if kind in {"AccessDeniedException", "AccessDenied"}:
            return TrialResult(
                works=None, told="Amazon SES takes the key of mail.url, which may not ask for the account."
            )
        if kind in _KEYS:
            return TrialResult(works=False, told=f"Amazon SES refuses the key of mail.url ({kind}).")
        if reply.ok and told.get("SendingEnabled") is False:
            return TrialResult(works=False, told="Amazon SES has stopped the account's sending.")
        if reply.ok and told.get("ProductionAccessEnabled") is False:
            return TrialResult(
                works=False, told="Amazon SES has the account in its sandbox: mail reaches verified addresses only."
            )
        return None

    def read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what became of the message."""
        if reply.ok:
            found = name_in(reply.mapping().get("MessageId"))
            if not found:
                raise Garbled
            return [Accepted(provider_id=found)]
        kind = _kind(reply)
        said = str(reply.mapping().get("message") or reply.mapping().get("Message") or "")
        if turned_away := self._turned_away(reply, kind, said):
            return [turned_away]
        if "not verified" in said:
            return [_not_verified(said, envelopes[0], f"{reply.status} {kind}")]
        return [
            refusal_of(self._account.provider, reply, kind, recipient=bool(_ABOUT_RECIPIENT.search(said)), said=said)
        ]

    def _turned_away(self, reply: PostReply, kind: str, said: str) -> Unsent | None:
        """Tell whether it is about the account, by the name of the error: AWS answers much with 400."""
        if kind in _REMEDIES:
            return Unsent(reason=f"Amazon SES answered {kind}: {_REMEDIES[kind]}", retry_after=reply.retry_after())
        if kind in _THROTTLED:
            return _throttled(reply, kind, said)
        if kind in _KEYS:
            reason = f"check the key in mail.url, what it is allowed to do, and this machine's clock ({kind})"
            return Unsent(reason=f"{self._account.provider} answered HTTP {reply.status}: {reason}")
        found = refused_whole(reply, self._account.provider)
        return replace(found, reason=f"{found.reason} ({kind})") if found and kind else found


class SesSigner:
    """Signs requests with botocore's Signature Version 4."""

    def __init__(self, key: str, secret: str, token: str | None, region: str) -> None:
        try:
            auth, request, credentials = (
                importlib.import_module(f"botocore.{name}") for name in ("auth", "awsrequest", "credentials")
            )
        except ImportError:
            raise ConfigurationError(
                "mail.url: ses:// needs botocore, which is not installed; run: pip install 'trialalerts[ses]'"
            ) from None
        self._request: Any = request.AWSRequest
        self._auth: Any = auth.SigV4Auth(credentials.Credentials(key, secret, token), "ses", region)

    def headers(self, url: str, body: bytes, *, method: str = "POST") -> dict[str, str]:
        """Return the headers of a signed request."""
        request = self._request(method=method, url=url, data=body, headers={"Content-Type": "application/json"})
        self._auth.add_auth(request)
        return {str(name): str(value) for name, value in request.headers.items()}


def open_url(parts: SplitResult) -> ApiTransport:
    """Open ``ses://KEY:SECRET@region[?configuration_set=NAME&session_token=T&connections=4&endpoint=URL …]``.

    Raises:
        ConfigurationError: key, secret or region are missing, botocore is not installed, or an option makes no sense.
    """
    region = parts.hostname or ""
    account = account_of(
        parts,
        provider="Amazon SES",
        endpoint=f"https://email.{region}.amazonaws.com",
        known=("configuration_set", "session_token"),
    )
    secret = unquote(parts.password or "")
    if not secret or not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-\d", region):
        raise ConfigurationError(
            "mail.url: ses:// needs a secret and a region; write ses://KEY:SECRET@eu-west-1 with / as %2F"
        )
    return ApiTransport(
        account, Ses(account, SesSigner(account.key, secret, account.options.get("session_token"), region))
    )


def _throttled(reply: PostReply, kind: str, said: str) -> Unsent:
    """Return a pause: a second or two for the rate, an hour for the quota of 24 hours."""
    asked = reply.retry_after()
    if "quota" in said.lower():
        reason = "the quota of 24 hours is used up; see the sending quota at AWS"
        return Unsent(
            reason=f"Amazon SES answered {kind}: {reason}", retry_after=_AFTER_QUOTA if asked is None else asked
        )
    wait = _AFTER_RATE if asked is None else min(asked, _LONGEST_RATE)
    reason = "mail comes faster than the account may send; see mail.limits.per_second"
    return Unsent(reason=f"Amazon SES answered {kind}: {reason}", retry_after=wait)


def _not_verified(said: str, envelope: Envelope, code: str) -> Outcome:
    """Tell which of the identities is not verified: each of our own stops all mail, and has a remedy of its own."""
    identities = {each.lower() for each in _IDENTITY.findall(said.rpartition(":")[2])}
    if _named(identities, envelope.sender) and envelope.sender != envelope.message.sender_address:
        reason = "the domain of mail.bounces is not verified in this region; verify it at SES, or empty mail.bounces"
        return Unsent(reason=f"Amazon SES: {reason}")
    if _named(identities, envelope.message.sender_address):
        return Unsent(reason="Amazon SES: mail.from is not verified in this region; verify it, or its domain, at SES")
    reason = "Amazon SES has mail.from, mail.bounces or (in its sandbox) the recipient as not verified in this region"
    return Refused(reason=reason, code=code, ours=True)


def _named(identities: set[str], address: str) -> bool:
    address = address.lower()
    return address in identities or address.rpartition("@")[2] in identities


def _unsigned(content: bytes) -> bytes:
    """Take our DKIM signatures, which stand first, off a message."""
    start = 0
    while found := _SIGNATURE.match(content, start):
        start = found.end()
    return content[start:]


def _kind(reply: PostReply) -> str:
    """Return the name of an error, such as ``MessageRejected``."""
    given = reply.headers.get("x-amzn-errortype") or reply.mapping().get("__type") or reply.mapping().get("code")
    return name_in(str(given or "").partition(":")[0].rpartition("#")[2])
