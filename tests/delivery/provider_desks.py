"""The desks of the fake mail providers: what each demands of a request, and what it answers.

Written from the providers' documentation, apart from the transports: a desk refuses what the provider would refuse,
unknown fields included.
"""

from __future__ import annotations

import json
from email.utils import parseaddr
from typing import Any
from uuid import UUID, uuid4

from tests.delivery.provider_desk import ADDRESS, TAG, BaseDesk, Wrong, as_json, body_of, expect
from tests.delivery.provider_desks_mime import MailgunDesk, SesDesk
from tests.delivery.provider_servers import Answer, Mail, Request

__all__ = ["DESKS", "BrevoDesk", "PostmarkDesk", "ResendDesk", "SendGridDesk"]

_SENDGRIDS_OWN = {
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
}


class PostmarkDesk(BaseDesk):
    """Postmark's ``/email/batch``."""

    scheme = "postmark"
    distinct_batches = True

    def take(self, request: Request) -> Answer:
        """Take a batch; each message has an answer of its own."""
        if request.headers.get("x-postmark-server-token") != self.secret:
            raise Wrong(401, {"ErrorCode": 10, "Message": "No Account or Server API tokens were supplied"})
        expect(request, "/email/batch", Wrong(404, {}))
        messages = body_of(request, list, Wrong(422, {"ErrorCode": 402, "Message": "Invalid JSON"}))
        if len(messages) > 500:
            raise Wrong(422, {"ErrorCode": 410, "Message": "Too many batch messages"})
        if len(request.body) > 50_000_000:
            raise Wrong(413, {"ErrorCode": 0, "Message": "Payload too large"})
        return as_json(200, [self._one(each) for each in messages])

    def _one(self, given: dict[str, Any]) -> dict[str, Any]:
        known = "From To Subject TextBody HtmlBody ReplyTo Headers Metadata MessageStream TrackOpens TrackLinks"
        to = given.get("To", "")
        if set(given) - set(known.split()):
            return {"ErrorCode": 403, "Message": "JSON does not match"}
        if self.refused.get(to) == "inactive":
            said = f"You tried to send to a recipient that has been marked as inactive. Found inactive addresses: {to}."
            return {"ErrorCode": 406, "Message": said}
        if self.refused.get(to) == "invalid" or not ADDRESS.fullmatch(to):
            return {"ErrorCode": 300, "Message": f"Invalid 'To' address: '{to}'."}
        name, address = parseaddr(given["From"])
        if not address.endswith("@example.org"):
            return {"ErrorCode": 400, "Message": f"The 'From' address {address} has no Sender Signature"}
        headers = {header["Name"]: header["Value"] for header in given.get("Headers", ())}
        metadata = given.get("Metadata", {})
        if any(len(key) > 20 or len(value) > 80 for key, value in metadata.items()) or len(metadata) > 10:
            return {"ErrorCode": 300, "Message": "Invalid metadata content."}
        keeps = headers.pop("X-PM-KeepID", "") == "true"
        message_id = headers.pop("Message-ID", None)
        mail = Mail(
            recipient=to,
            sender=f"{name} <{address}>",
            subject=given["Subject"],
            text=given["TextBody"],
            html=given.get("HtmlBody"),
            message_id=message_id if keeps else None,
            metadata=metadata,
            headers=headers | {"Reply-To": given.get("ReplyTo", "")},
            provider_id=str(uuid4()),
            tracked=given.get("TrackOpens") is not False or given.get("TrackLinks") != "None",
        )
        self.mails.append(mail)
        return {"ErrorCode": 0, "Message": "OK", "MessageID": mail.provider_id, "SubmittedAt": "2026-03-02", "To": to}


class ResendDesk(BaseDesk):
    """Resend's ``/emails/batch``, permissive."""

    scheme = "resend"
    keeps_message_id = False
    distinct_batches = True
    idempotent = True

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, tuple[bytes, Answer]] = {}

    def take(self, request: Request) -> Answer:
        """Take a batch once for each key."""
        if request.headers.get("authorization") != f"Bearer {self.secret}":
            raise Wrong(403, {"statusCode": 403, "name": "invalid_api_key", "message": "API key is invalid"})
        expect(request, "/emails/batch", Wrong(404, {"statusCode": 404, "name": "not_found", "message": ""}))
        key = request.headers.get("idempotency-key", "")
        if not 1 <= len(key) <= 256:
            raise Wrong(400, {"statusCode": 400, "name": "invalid_idempotency_key", "message": ""})
        if key in self.answers:
            if self.answers[key][0] != request.body:
                raise Wrong(409, {"statusCode": 409, "name": "invalid_idempotent_request", "message": ""})
            return self.answers[key][1]
        invalid = Wrong(422, {"statusCode": 422, "name": "validation_error", "message": "wrong"})
        messages = body_of(request, list, invalid)
        if len(messages) > 100 or request.headers.get("x-batch-validation") != "permissive":
            raise invalid
        data, errors = [], []
        for index, given in enumerate(messages):
            fault = self._fault(given)
            if fault:
                errors.append({"index": index, "message": fault})
            else:
                data.append({"id": self._keep(given)})
        answer = as_json(200, {"data": data, "errors": errors} if errors else {"data": data})
        self.answers[key] = (request.body, answer)
        return answer

    def _fault(self, given: dict[str, Any]) -> str:
        if set(given) - {"from", "to", "subject", "text", "html", "reply_to", "headers", "tags"}:
            return "Unknown field"
        to = given["to"][0]
        if to in self.refused or not ADDRESS.fullmatch(to):
            return f"Invalid `to` field. The email address {to} needs to follow the `email@example.com` format"
        if not given["subject"] or not all(isinstance(value, str) for value in given["headers"].values()):
            return "Invalid `subject` or `headers` field"
        tags = given.get("tags", ())
        return "" if all(TAG.fullmatch(tag["name"] + tag["value"]) for tag in tags) else "Tags should only contain …"

    def _keep(self, given: dict[str, Any]) -> str:
        self.mails.append(
            Mail(
                recipient=given["to"][0],
                sender=given["from"],
                subject=given["subject"],
                text=given["text"],
                html=given.get("html"),
                message_id=given["headers"].get("Message-ID"),
                metadata={tag["name"]: tag["value"] for tag in given.get("tags", ())},
                headers=given["headers"] | {"Reply-To": given.get("reply_to", [""])[0]},
                provider_id=str(uuid4()),
                tracked=None,
            )
        )
        return self.mails[-1].provider_id


class SendGridDesk(BaseDesk):
    """SendGrid's ``/v3/mail/send``."""

    scheme = "sendgrid"

    def take(self, request: Request) -> Answer:
        """Take one message; the answer has no body."""
        if request.headers.get("authorization") != f"Bearer {self.secret}":
            raise Wrong(401, _sendgrid("authorization required", None))
        expect(request, "/v3/mail/send", Wrong(404, _sendgrid("not found", None)))
        given = body_of(request, dict, Wrong(400, _sendgrid("Bad Request", None)))
        known = "personalizations from subject content headers tracking_settings reply_to"
        (person,) = given["personalizations"]
        headers, args = given.get("headers", {}), person.get("custom_args", {})
        if set(given) - set(known.split()) or {name.lower() for name in headers} & _SENDGRIDS_OWN:
            raise Wrong(400, _sendgrid("Invalid field", "headers"))
        if sum(len(name) + len(value) for name, value in args.items()) > 10_000:
            raise Wrong(400, _sendgrid("custom args too long", "personalizations.0.custom_args"))
        to = person["to"][0]["email"]
        if to in self.refused or not ADDRESS.fullmatch(to):
            raise Wrong(400, _sendgrid(f"Does not contain a valid address: {to}", "personalizations.0.to.0.email"))
        if not given["from"]["email"].endswith("@example.org"):
            raise Wrong(403, _sendgrid("The from address does not match a verified Sender Identity", "from"))
        kinds = [part["type"] for part in given["content"]]
        if kinds != ["text/plain", "text/html"][: len(kinds)] or not all(part["value"] for part in given["content"]):
            raise Wrong(400, _sendgrid("text/plain first", "content"))
        values = [part["value"] for part in given["content"]]
        mail = Mail(
            recipient=to,
            sender=f"{given['from'].get('name', '')} <{given['from']['email']}>",
            subject=given["subject"],
            text=values[0],
            html=values[1] if len(values) > 1 else None,
            message_id=headers.get("Message-ID"),
            metadata=args,
            headers=headers | {"Reply-To": given.get("reply_to", {}).get("email", "")},
            provider_id=uuid4().hex,
            tracked=any(setting["enable"] for setting in given["tracking_settings"].values()),
        )
        self.mails.append(mail)
        return Answer(status=202, headers={"X-Message-Id": mail.provider_id})


class BrevoDesk(BaseDesk):
    """Brevo's ``/v3/smtp/email``."""

    scheme = "brevo"
    keeps_message_id = False
    idempotent = True

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def take(self, request: Request) -> Answer:
        """Take one message once for each key."""
        if request.headers.get("api-key") != self.secret:
            raise Wrong(401, {"code": "unauthorized", "message": "Key not found"})
        expect(request, "/v3/smtp/email", Wrong(404, {"code": "document_not_found", "message": ""}))
        given = body_of(
            request, dict, Wrong(400, {"code": "bad_request", "message": "Input must be a valid JSON object"})
        )
        headers = dict(given.get("headers", {}))
        key = str(UUID(headers.pop("idempotencyKey")))
        if key in self.keys:
            raise Wrong(400, {"code": "duplicate_parameter", "message": "This request was made already"})
        self.keys.add(key)
        to = given["to"][0]["email"]
        if to in self.refused or not ADDRESS.fullmatch(to):
            raise Wrong(400, {"code": "invalid_parameter", "message": "email is not valid in to"})
        if not given.get("htmlContent"):
            raise Wrong(400, {"code": "missing_parameter", "message": "htmlContent is missing"})
        if not given["sender"]["email"].endswith("@example.org"):
            raise Wrong(400, {"code": "invalid_parameter", "message": "Sender is not valid"})
        if not json.dumps(headers, ensure_ascii=False).isascii() or "Message-ID" in headers:
            raise Wrong(400, {"code": "invalid_parameter", "message": "headers"})
        mail = Mail(
            recipient=to,
            sender=f"{given['sender'].get('name', '')} <{given['sender']['email']}>",
            subject=given["subject"],
            text=given["textContent"],
            html=given["htmlContent"],
            message_id=None,
            metadata=json.loads(headers.pop("X-Mailin-custom")),
            headers=headers | {"Reply-To": given.get("replyTo", {}).get("email", "")},
            provider_id=f"{uuid4().hex}@smtp-relay.example.org",
            tracked=None,
        )
        self.mails.append(mail)
        return as_json(201, {"messageId": f"<{mail.provider_id}>"})


DESKS: dict[str, type[Any]] = {
    desk.scheme: desk for desk in (SesDesk, SendGridDesk, MailgunDesk, PostmarkDesk, ResendDesk, BrevoDesk)
}
"""The desks by the schemes of their URLs."""


def _sendgrid(said: str, where: str | None) -> dict[str, Any]:
    return {"errors": [{"message": said, "field": where, "help": None}]}
