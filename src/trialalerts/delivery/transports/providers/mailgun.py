"""The transport through Mailgun: ``mailgun://KEY@mg.example.org?region=eu``.

Follows the v3 Messages API as documented in 2025: ``POST /v3/{domain}/messages.mime``, multipart, basic
authentication ``api:KEY``, the MIME as the file ``message``. One message a request. The answer holds the message's id;
errors are a sentence, recognised by a few known words of which none is repeated, and by the moment after which it asks
to try again. ``v:`` fields come back in
webhooks as ``user-variables`` (and stand in the mail's X-Mailgun-Variables header).

The MIME goes as it is, with our Message-ID and signatures; Mailgun adds its own signature and uses its own return
path. It has no idempotency: a request that got no answer may go out twice. Not verified: what headers come with 429.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from secrets import token_hex
from urllib.parse import SplitResult, quote

from trialalerts.delivery.mail.envelope import Accepted, Envelope, Outcome, Unsent
from trialalerts.delivery.transports.probing import TrialResult
from trialalerts.delivery.transports.providers.account import ProviderAccount, account_of
from trialalerts.delivery.transports.providers.channel import ApiTransport, refusal_of, refused_whole
from trialalerts.delivery.transports.providers.message import wire_address
from trialalerts.errors import ConfigurationError
from trialalerts.net.posting import Garbled, PostReply, PostRequest

__all__ = ["open_url"]

_ENDPOINTS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
_LARGEST = 25_000_000
_OPTIONS = {"o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no"}
_ABOUT_RECIPIENT = re.compile(r"'?\bto'? parameter is not a valid address|no valid recipients?", re.IGNORECASE)
_ABOUT_ACCOUNT = re.compile(
    r"\b(account|domain|sandbox)\b.*\b(disabled|not allowed|suspended|unverified|not verified|authorized recipients)\b",
    re.IGNORECASE | re.DOTALL,
)
_AGAIN_AFTER = re.compile(r"\b(?:try again|retry) (?:after|at|on)\b:?\s{0,3}([^\n\"]{8,60})", re.IGNORECASE)
_AGAIN_IN = re.compile(
    r"\b(?:try again|retry) (?:in|after)\b:?\s{0,3}(\d{1,6})\s?(second|minute|hour|day)s?\b", re.IGNORECASE
)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?)\s?(Z|[+-]\d\d:?\d\d)?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_A_DAY = 86_400.0
_ID = re.compile(r"<?([!-;=?-~]{1,300})>?")


class Mailgun:
    """How Mailgun is spoken to."""

    name = "mailgun"
    idempotent = False
    largest = _LARGEST

    def __init__(self, account: ProviderAccount, domain: str) -> None:
        self._account = account
        self._url = f"{account.endpoint}/v3/{quote(domain, safe='')}/messages.mime"
        self._domain_url = f"{account.endpoint}/v3/domains/{quote(domain, safe='')}"

    def part(self, envelope: Envelope) -> bytes:
        """Return the fields of a form before its last one, each followed by the boundary's place."""
        fields = {"to": wire_address(envelope.recipient), **_OPTIONS}
        fields |= {f"v:{name}": value for name, value in envelope.metadata.items()}
        boundary = f"--{token_hex(24)}".encode()
        found = [
            boundary + f'\r\nContent-Disposition: form-data; name="{_field(name)}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        head = b'\r\nContent-Disposition: form-data; name="message"; filename="message.eml"\r\n'
        found.append(boundary + head + b"Content-Type: message/rfc822\r\n\r\n" + envelope.content + b"\r\n")
        return b"".join((*found, boundary, b"--\r\n"))

    def call(self, parts: Sequence[bytes], envelopes: Sequence[Envelope]) -> PostRequest:
        """Make a request of one message."""
        del envelopes
        boundary = parts[0][2 : parts[0].index(b"\r\n")].decode()
        return PostRequest(
            url=self._url,
            body=parts[0],
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Authorization": "Basic " + b64encode(f"api:{self._account.key}".encode()).decode(),
            },
        )

    def account_request(self) -> PostRequest:
        """Ask about the sending domain."""
        return PostRequest(
            url=self._domain_url,
            body=b"",
            headers={"Authorization": "Basic " + b64encode(f"api:{self._account.key}".encode()).decode()},
            method="GET",
        )

    def account_says(self, reply: PostReply) -> TrialResult | None:
        """Look whether the domain may send. A sending key may ask nothing: then it is answered as a wrong one is."""
        if reply.status == 401:  # noqa: PLR2004 - as HTTP numbers it
            told = "Mailgun tells nothing to this key (HTTP 401): it is wrong, or one that may only send."
            return TrialResult(works=None, told=told)
        domain = reply.mapping().get("domain")
        state = domain.get("state") if isinstance(domain, dict) else None
        if reply.ok and state in {"unverified", "disabled"}:
            return TrialResult(works=False, told=f"Mailgun has the domain of mail.url as {state}.")
        return None

    def read(self, reply: PostReply, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what became of the message."""
        del envelopes
        said = str(reply.mapping().get("message", ""))
        if not reply.ok and (turned := _turned_away(reply, said)):
            return [turned]
        if turned_away := refused_whole(reply, self._account.provider):
            return [turned_away]
        if not reply.ok:
            return [
                refusal_of(self._account.provider, reply, "", recipient=bool(_ABOUT_RECIPIENT.search(said)), said=said)
            ]
        found = _ID.fullmatch(str(reply.mapping().get("id", "")))
        if found is None:
            # An address that is none of its API's answers 200 too, with a word of welcome.
            raise Garbled
        return [Accepted(provider_id=found[1])]


def _turned_away(reply: PostReply, said: str) -> Unsent | None:
    """Tell whether a sentence turns the account away, for good or until a moment that it names."""
    wait = _asked_wait(reply, said)
    if _ABOUT_ACCOUNT.search(said):
        reason = (
            f"Mailgun answered HTTP {reply.status}: the account or domain may not send; "
            "see its page at Mailgun, and the domain and region in mail.url"
        )
        return Unsent(reason=reason, retry_after=reply.retry_after() if wait is None else wait)
    if wait is None:
        return None
    return Unsent(reason=f"Mailgun answered HTTP {reply.status}: it asks for a pause", retry_after=wait)


def _asked_wait(reply: PostReply, said: str) -> float | None:
    """Return how many seconds a sentence asks to wait, “try again after: DATE” or “in 5 minutes”, at most a day."""
    if length := _AGAIN_IN.search(said):
        return min(float(length[1]) * _SECONDS[length[2].lower()], _A_DAY)
    found = _AGAIN_AFTER.search(said)
    if found is None:
        return None
    iso = _ISO.match(found[1])
    return reply.seconds_until(f"{iso[1]}{iso[2] or ''}" if iso else found[1].rstrip(" ."))


def open_url(parts: SplitResult) -> ApiTransport:
    """Open ``mailgun://KEY@domain[?region=eu&connections=4&timeout=30&endpoint=URL&proxy=URL]``.

    Raises:
        ConfigurationError: key or domain are missing, or an option makes no sense.
    """
    account = account_of(parts, provider="Mailgun", endpoint=_ENDPOINTS["us"], known=("region",))
    if not parts.hostname or "." not in parts.hostname:
        raise ConfigurationError("mail.url: mailgun:// names no sending domain; write mailgun://KEY@mg.example.org")
    region = account.options.get("region", "us")
    if region not in _ENDPOINTS:
        raise ConfigurationError(f"mail.url: found region={region}, expected one of {', '.join(_ENDPOINTS)}")
    account = account.at(_ENDPOINTS[region])
    return ApiTransport(account, Mailgun(account, parts.hostname))


def _field(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:_-]{1,100}", name):
        raise ValueError("a name that fits into no form")
    return name
