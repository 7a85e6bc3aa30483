"""The envelope in which Amazon SNS delivers: its signature, its certificates, and confirming a subscription.

Signature versions 1 (SHA1) and 2 (SHA256) over lines of keys and values. A certificate is believed only from an
https address of SNS in the topic's own region, and nothing is asked of anybody before the topic is known as ours.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate, load_pem_x509_certificate

from trialalerts.delivery.feedback.events import InvalidSignature, Malformed, Unverifiable
from trialalerts.delivery.feedback.webhooks import payload
from trialalerts.delivery.feedback.webhooks.call import WebhookCall, decoded, require_recent
from trialalerts.errors import SourceError

__all__ = ["Fetch", "Topics", "fetch"]

Fetch = Callable[[str], bytes | None]
"""Gets an https address of SNS; None where there is no such page.

Raises:
    Unverifiable: there is no answer just now.
"""

_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_TOPIC = re.compile(r"arn:aws(?:-cn|-us-gov)?:sns:([a-z0-9-]{3,30}):\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?")
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_RECENT = timedelta(days=7)
_MOST_CERTIFICATES = 16
_SECONDS = 10.0
_MOST_BYTES = 64_000
_NOT_FOUND = range(400, 500)
_FINE = range(200, 300)


def fetch(url: str) -> bytes | None:
    """Get a page from SNS (see :data:`Fetch`): no redirects, ten seconds, 64 kB."""
    from trialalerts.net.client import get_once  # only Amazon SES needs it

    try:
        status, content = get_once(url, seconds=_SECONDS, most=_MOST_BYTES)
    except SourceError as error:
        raise Unverifiable(f"Amazon SNS cannot be reached: {error}.") from None
    if status in _NOT_FOUND:
        return None
    if status not in _FINE:
        raise Unverifiable(f"Amazon SNS answered {status}.")
    return content


def is_topic(name: str) -> bool:
    """Tell whether this is the name (ARN) of a topic."""
    return _TOPIC.fullmatch(name) is not None


@dataclass(frozen=True, kw_only=True)
class Topics:
    """The topics that may speak to us; ``fetch`` gets certificates, which are kept in memory."""

    allowed: frozenset[str]
    fetch: Fetch = fetch
    _certificates: OrderedDict[str, Certificate] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def opened(self, call: WebhookCall) -> Mapping[str, object]:
        """Return the envelope of a call, once its signature is right.

        Raises:
            Forged, Malformed, Unverifiable: see :class:`~trialalerts.delivery.feedback.webhooks.call.Webhook`.
        """
        told = payload.parsed(call.body)
        if not isinstance(told, dict) or told.get("Type") not in _SIGNED:
            raise Malformed("This is no message of Amazon SNS.")
        topic = told.get("TopicArn")
        if not isinstance(topic, str) or topic not in self.allowed:
            raise InvalidSignature("The topic is not among feedback.webhooks.ses.topics.")
        self._require_signature(told, _region(topic), call.now)
        require_recent(payload.exact_moment(told.get("Timestamp")), call, _RECENT)
        return told

    def confirm(self, told: Mapping[str, object]) -> None:
        """Confirm the subscription that an opened envelope asks for.

        Raises:
            Forged: the address leads elsewhere, or SNS refuses.
            Unverifiable: SNS does not answer just now.
        """
        url = told.get("SubscribeURL")
        if not isinstance(url, str) or not _leads_to_sns(url, _region(str(told["TopicArn"]))):
            raise InvalidSignature("The address that confirms the subscription is not one of Amazon SNS.")
        if self.fetch(url) is None:
            raise InvalidSignature("Amazon SNS refused to confirm the subscription.")

    def _require_signature(self, told: Mapping[str, object], region: str, now: datetime) -> None:
        signature = decoded(str(told.get("Signature", "")))
        algorithm = {"1": _sha1, "2": hashes.SHA256}.get(str(told.get("SignatureVersion")))
        if not signature or algorithm is None:
            raise InvalidSignature("The signature of Amazon SNS is missing.")
        certificate = self._certificate(str(told.get("SigningCertURL", "")), region)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise InvalidSignature("The certificate is not valid now.")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise InvalidSignature("The certificate holds no RSA key.")
        try:
            key.verify(signature, _string_to_sign(told), PKCS1v15(), algorithm())
        except WrongSignature:
            raise InvalidSignature("The signature of Amazon SNS is wrong.") from None

    def _certificate(self, url: str, region: str) -> Certificate:
        if not _leads_to_sns(url, region) or not _CERTIFICATE_PATH.fullmatch(urlsplit(url).path):
            raise InvalidSignature("The address of the certificate is not one of Amazon SNS.")
        with self._lock:
            if url in self._certificates:
                return self._certificates[url]
        content = self.fetch(url)
        try:
            certificate = load_pem_x509_certificate(content or b"")
        except ValueError:
            raise InvalidSignature("There is no such certificate.") from None
        with self._lock:
            self._certificates[url] = certificate
            while len(self._certificates) > _MOST_CERTIFICATES:
                self._certificates.popitem(last=False)
        return certificate


def _sha1() -> hashes.SHA1:
    return hashes.SHA1()  # noqa: S303 - SNS's signature version 1, which is still what a new topic uses


def _string_to_sign(told: Mapping[str, object]) -> bytes:
    lines = [f"{key}\n{told[key]}\n" for key in _SIGNED[str(told["Type"])] if told.get(key) is not None]
    return "".join(lines).encode()


def _region(topic: str) -> str:
    return topic.split(":")[3]


def _leads_to_sns(url: str, region: str) -> bool:
    """Tell whether an address is one of SNS in a region; nothing else is ever asked for."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = f"sns.{region}.amazonaws.com"
    return parts.scheme == "https" and port is None and parts.netloc in {host, f"{host}.cn"}
