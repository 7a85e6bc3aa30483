"""Six providers as the webhooks meet them: each has keys of its own, writes its own JSON and signs it as it does."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from trialalerts.delivery.feedback.webhooks.brevo import BrevoWebhook
from trialalerts.delivery.feedback.webhooks.call import Webhook, WebhookCall
from trialalerts.delivery.feedback.webhooks.mailgun import MailgunWebhook
from trialalerts.delivery.feedback.webhooks.postmark import PostmarkWebhook
from trialalerts.delivery.feedback.webhooks.resend import ResendWebhook
from trialalerts.delivery.feedback.webhooks.sendgrid import SendGridWebhook
from trialalerts.delivery.feedback.webhooks.ses import SesWebhook

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WHO = "mona@example.org"
TOKEN = "sometoken"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alerts"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
NOBODY = "550 5.1.1 The account does not exist"
FULL = "452 4.2.2 The mailbox is full"
TIRED = "550 5.7.1 Blocked for its reputation"

_numbers = count(1)


def secret(**keys: str) -> dict[str, SecretStr]:
    """Keys as the configuration holds them."""
    return {name: SecretStr(key) for name, key in keys.items()}


def epoch(moment: datetime = NOW) -> int:
    return int(moment.timestamp())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate(since: datetime = NOW - timedelta(days=30), until: datetime = NOW + timedelta(days=30)) -> bytes:
    """A certificate such as SNS signs with, PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(until)
        .sign(rsa_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@dataclass(kw_only=True)
class Sender:
    """One provider. ``bodies`` maps what happened to the JSON that tells of it, with a place for the token."""

    name: str
    keys: dict[str, SecretStr]
    webhook: Webhook
    tell: Callable[[str, str | None], Any]
    sign: Callable[[bytes, datetime], Mapping[str, str]]

    def body(self, what: str, token: str | None = TOKEN) -> bytes:
        """What the provider posts when this happened to the mail with this token."""
        return json.dumps(self.tell(what, token)).encode()

    def call(self, what: str, token: str | None = TOKEN, *, at: datetime = NOW) -> WebhookCall:
        """A call with the right signature."""
        body = self.body(what, token)
        return WebhookCall(headers=self.sign(body, at), body=body, now=NOW)


# --- Amazon SES


@dataclass(kw_only=True)
class Sns:
    """Amazon SNS: what is fetched from it, and from where."""

    pages: dict[str, bytes | None] = field(default_factory=lambda: {CERTIFICATE: certificate()})
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> bytes | None:
        self.asked.append(url)
        return self.pages.get(url)


def sns_envelope(message: Any, *, version: str = "2", at: datetime = NOW, **values: Any) -> dict[str, Any]:
    """An SNS message, signed."""
    told: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": f"message-{next(_numbers)}",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        **values,
    }
    confirms = told["Type"] != "Notification"
    signed = ["Message", "MessageId", *(["SubscribeURL"] if confirms else ["Subject"]), "Timestamp"]
    signed += [*(["Token"] if confirms else []), "TopicArn", "Type"]
    text = "".join(f"{key}\n{told[key]}\n" for key in signed if told.get(key) is not None)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as SNS does
    told["Signature"] = b64encode(rsa_key().sign(text.encode(), PKCS1v15(), algorithm)).decode()
    return told


def ses_told(what: str, token: str | None) -> dict[str, Any]:
    moment = NOW.isoformat().replace("+00:00", "Z")
    mail = {
        "timestamp": moment,
        "source": "alerts@example.org",
        "messageId": "0102",
        "destination": [WHO],
        "headers": [{"name": "Subject", "value": "Your trial alerts"}],
        "commonHeaders": {"subject": "Your trial alerts"},
    }
    if token is not None:
        mail["tags"] = {"ses:configuration-set": ["alerts"], "delivery": [token]}

    def bounce(kind: str, sub: str, words: str, status: str | None = None) -> dict[str, Any]:
        recipient = {"emailAddress": WHO, "action": "failed", "diagnosticCode": f"smtp; {words}"}
        recipient |= {"status": status} if status else {}
        found = {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [recipient], "timestamp": moment}
        return {"eventType": "Bounce", "bounce": found}

    events: dict[str, dict[str, Any]] = {
        "sent": {"eventType": "Send", "send": {}},
        "delivered": {"eventType": "Delivery", "delivery": {"timestamp": moment, "recipients": [WHO]}},
        "deferred": {
            "eventType": "DeliveryDelay",
            "deliveryDelay": {"delayedRecipients": [{"status": "4.4.1", "diagnosticCode": "timed out"}]},
        },
        "hard": bounce("Permanent", "NoEmail", NOBODY, "5.1.1"),
        "soft": bounce("Transient", "MailboxFull", FULL),
        "blocked": bounce("Permanent", "General", TIRED),
        "complained": {
            "notificationType": "Complaint",
            "complaint": {"complainedRecipients": [{"emailAddress": WHO}], "complaintFeedbackType": "abuse"},
        },
        "unsubscribed": {
            "eventType": "Subscription",
            "subscription": {"newTopicPreferences": {"unsubscribeAll": True}},
        },
        "rejected": {"eventType": "Reject", "reject": {"reason": "Bad content"}},
        "opened": {"eventType": "Open", "open": {}},
        "something new": {"eventType": "Teleported"},
    }
    return sns_envelope({**events[what], "mail": mail})


def ses_webhook(sns: Sns) -> SesWebhook:
    return SesWebhook.of(secret(topics=TOPIC), fetched=sns.fetch)


# --- SendGrid


def sendgrid_told(what: str, token: str | None) -> list[dict[str, Any]]:
    common = {"email": WHO, "timestamp": epoch(), "sg_event_id": f"sg-{next(_numbers)}", "sg_message_id": "1.2"}
    common |= {"delivery": token} if token is not None else {}
    events: dict[str, dict[str, Any]] = {
        "sent": {"event": "processed"},
        "delivered": {"event": "delivered", "response": "250 OK"},
        "deferred": {"event": "deferred", "response": "450 4.2.0 later", "attempt": "1"},
        "hard": {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": NOBODY},
        "soft": {"event": "bounce", "type": "blocked", "status": "4.2.2", "reason": FULL},
        "blocked": {"event": "bounce", "type": "blocked", "status": "5.7.1", "reason": TIRED},
        "complained": {"event": "spamreport"},
        "unsubscribed": {"event": "group_unsubscribe", "asm_group_id": 1},
        "rejected": {"event": "dropped", "reason": "Bounced Address"},
        "opened": {"event": "open", "useragent": "somebody's browser"},
        "something new": {"event": "teleported"},
    }
    return [common | events[what]]


def sendgrid_sign(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes, datetime], Mapping[str, str]]:
    def sign(body: bytes, at: datetime) -> Mapping[str, str]:
        timestamp = str(epoch(at))
        signature = b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        return {
            "x-twilio-email-event-webhook-signature": signature,
            "x-twilio-email-event-webhook-timestamp": timestamp,
        }

    return sign


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    """The public key as SendGrid shows it."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return b64encode(key.public_key().public_bytes(serialization.Encoding.DER, spki)).decode()


# --- Mailgun

MAILGUN_KEY = "key-of-mailgun"


def mailgun_signature(key: str = MAILGUN_KEY, *, at: datetime = NOW, token: str | None = None) -> dict[str, str]:
    token = token or f"{next(_numbers):050}"
    timestamp = str(epoch(at))
    return {
        "timestamp": timestamp,
        "token": token,
        "signature": hmac.digest(key.encode(), f"{timestamp}{token}".encode(), "sha256").hex(),
    }


def mailgun_told(what: str, token: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": "abc",
        "timestamp": epoch() + 0.5,
        "recipient": WHO,
        "message": {"headers": {"to": WHO, "subject": "Your trial alerts"}, "size": 1_000},
        "user-variables": {"delivery": token} if token is not None else {},
    }

    def failed(severity: str, reason: str, code: int, words: str) -> dict[str, Any]:
        status = {"code": code, "message": words, "description": ""}
        return {"event": "failed", "severity": severity, "reason": reason, "delivery-status": status}

    events: dict[str, dict[str, Any]] = {
        "sent": {"event": "accepted"},
        "delivered": {"event": "delivered", "delivery-status": {"code": 250, "message": "OK"}},
        "deferred": failed("temporary", "generic", 451, "4.3.0 later"),
        "hard": failed("permanent", "bounce", 550, NOBODY[4:]),
        "soft": failed("permanent", "bounce", 452, FULL[4:]),
        "blocked": failed("permanent", "espblock", 550, TIRED[4:]),
        "complained": {"event": "complained"},
        "unsubscribed": {"event": "unsubscribed"},
        "rejected": failed("permanent", "suppress-bounce", 605, "Not delivering to previously bounced address"),
        "opened": {"event": "opened", "ip": "192.0.2.1"},
        "something new": {"event": "teleported"},
    }
    return {"signature": mailgun_signature(), "event-data": data | events[what]}


# --- Postmark


def postmark_told(what: str, token: str | None) -> dict[str, Any]:
    common = {"MessageID": "00000000-0000", "Metadata": {"delivery": token} if token is not None else {}}

    def bounce(kind: str, words: str) -> dict[str, Any]:
        moment = {"BouncedAt": NOW.isoformat(), "ID": next(_numbers)}
        return {"RecordType": "Bounce", "Type": kind, "Details": words, "Email": WHO, "Subject": "Alerts"} | moment

    change = {
        "RecordType": "SubscriptionChange",
        "Recipient": WHO,
        "ChangedAt": NOW.isoformat(),
        "SuppressSending": True,
    }
    events: dict[str, dict[str, Any]] = {
        "delivered": {"RecordType": "Delivery", "Recipient": WHO, "DeliveredAt": NOW.isoformat()},
        "deferred": bounce("Transient", "smtp;451 4.3.0 later"),
        "hard": bounce("HardBounce", f"smtp;{NOBODY}"),
        "soft": bounce("SoftBounce", f"smtp;{FULL}"),
        "blocked": bounce("HardBounce", f"smtp;{TIRED}"),
        "complained": {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 7, "BouncedAt": NOW.isoformat()},
        "unsubscribed": {**change, "SuppressionReason": "ManualSuppression", "Origin": "Recipient"},
        "rejected": bounce("BadEmailAddress", "not an address"),
        "opened": {"RecordType": "Open", "Recipient": WHO, "UserAgent": "somebody's browser"},
        "something new": {"RecordType": "Teleport"},
    }
    return common | events[what]


def basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


# --- Resend

RESEND_KEY = b"a key of Resend in these tests!!"


def svix_headers(body: bytes, at: datetime, *, key: bytes = RESEND_KEY, event_id: str | None = None) -> dict[str, str]:
    event_id, timestamp = event_id or f"msg_{next(_numbers)}", str(epoch(at))
    made = b64encode(hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, "sha256")).decode()
    return {"svix-id": event_id, "svix-timestamp": timestamp, "svix-signature": f"v1,{made}"}


def whsec(key: bytes = RESEND_KEY) -> str:
    return "whsec_" + b64encode(key).decode()


def resend_told(what: str, token: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {"email_id": "e-1", "to": [WHO], "subject": "Your trial alerts"}
    data |= {"tags": {"delivery": token}} if token is not None else {}

    def bounce(kind: str, sub: str, words: str) -> dict[str, Any]:
        found = {"type": kind, "subType": sub, "message": "It came back.", "diagnosticCode": [f"smtp; {words}"]}
        return {"type": "email.bounced", "data": data | {"bounce": found}}

    events: dict[str, dict[str, Any]] = {
        "sent": {"type": "email.sent"},
        "delivered": {"type": "email.delivered"},
        "deferred": {"type": "email.delivery_delayed"},
        "hard": bounce("Permanent", "General", NOBODY),
        "soft": bounce("Transient", "MailboxFull", FULL),
        "blocked": bounce("Permanent", "General", TIRED),
        "complained": {"type": "email.complained"},
        "rejected": {"type": "email.suppressed"},
        "opened": {"type": "email.opened"},
        "something new": {"type": "email.teleported"},
    }
    return {"created_at": NOW.isoformat(), "data": data} | events[what]


# --- Brevo


def brevo_told(what: str, token: str | None) -> dict[str, Any]:
    common: dict[str, Any] = {"email": WHO, "id": 1, "ts_epoch": epoch() * 1000, "message-id": f"<{next(_numbers)}@b>"}
    common |= {"X-Mailin-custom": json.dumps({"delivery": token})} if token is not None else {}
    events: dict[str, dict[str, Any]] = {
        "sent": {"event": "request"},
        "delivered": {"event": "delivered"},
        "deferred": {"event": "deferred", "reason": "450 later"},
        "hard": {"event": "hard_bounce", "reason": NOBODY},
        "soft": {"event": "soft_bounce", "reason": FULL},
        "blocked": {"event": "hard_bounce", "reason": TIRED},
        "complained": {"event": "spam"},
        "unsubscribed": {"event": "unsubscribed"},
        "rejected": {"event": "invalid_email"},
        "opened": {"event": "unique_opened"},
        "something new": {"event": "teleported"},
    }
    return common | events[what]


def shows(headers: Mapping[str, str]) -> Callable[[bytes, datetime], Mapping[str, str]]:
    """Prove itself with the same headers each time; none where the body holds the signature."""

    def sign(body: bytes, at: datetime) -> Mapping[str, str]:
        del body, at
        return headers

    return sign


def senders() -> dict[str, Sender]:
    """All six, with fresh keys."""
    sendgrid_key = ec.generate_private_key(ec.SECP256R1())
    sendgrid = secret(public_key=public_text(sendgrid_key))
    mailgun, resend = secret(signing_key=MAILGUN_KEY), secret(secret=whsec())
    postmark, brevo = secret(user="postmark", password="a pass:word"), secret(token="a token of Brevo")
    found = [
        Sender(name="ses", keys=secret(topics=TOPIC), webhook=ses_webhook(Sns()), tell=ses_told, sign=shows({})),
        Sender(
            name="sendgrid",
            keys=sendgrid,
            webhook=SendGridWebhook.of(sendgrid),
            tell=sendgrid_told,
            sign=sendgrid_sign(sendgrid_key),
        ),
        Sender(name="mailgun", keys=mailgun, webhook=MailgunWebhook.of(mailgun), tell=mailgun_told, sign=shows({})),
        Sender(
            name="postmark",
            keys=postmark,
            webhook=PostmarkWebhook.of(postmark),
            tell=postmark_told,
            sign=shows({"authorization": basic("postmark", "a pass:word")}),
        ),
        Sender(name="resend", keys=resend, webhook=ResendWebhook.of(resend), tell=resend_told, sign=svix_headers),
        Sender(
            name="brevo",
            keys=brevo,
            webhook=BrevoWebhook.of(brevo),
            tell=brevo_told,
            sign=shows({"authorization": "Bearer a token of Brevo"}),
        ),
    ]
    return {sender.name: sender for sender in found}
