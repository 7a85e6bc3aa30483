"""The desks of the fake mail providers that take MIME: Mailgun and Amazon SES."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import quote
from uuid import uuid4

from tests.delivery.provider_desk import ADDRESS, TAG, BaseDesk, Wrong, as_json, body_of, expect
from tests.delivery.provider_servers import Answer, Mail, Request

__all__ = ["MailgunDesk", "SesDesk"]


class MailgunDesk(BaseDesk):
    """Mailgun's ``/v3/{domain}/messages.mime``."""

    scheme = "mailgun"
    host = "mg.example.org"

    def take(self, request: Request) -> Answer:
        """Take one message as MIME."""
        if request.headers.get("authorization") != "Basic " + b64encode(f"api:{self.secret}".encode()).decode():
            raise Wrong(401, "Forbidden")
        expect(
            request,
            f"/v3/{self.host}/messages.mime",
            Wrong(404, {"message": "Domain not found"}),
            "multipart/form-data",
        )
        fields = _form(request)
        to = fields.get("to", b"").decode()
        if to in self.refused or not ADDRESS.fullmatch(to):
            raise Wrong(400, {"message": "'to' parameter is not a valid address. please check documentation"})
        if sum(len(value) for name, value in fields.items() if name[:2] in {"o:", "h:", "v:"}) > 16_000:
            raise Wrong(400, {"message": "send options are limited to 16KB"})
        if "message" not in fields or set(fields) - {"to", "message"} - {n for n in fields if n[:2] in {"o:", "v:"}}:
            raise Wrong(400, {"message": "message parameter is missing"})
        metadata = {name[2:]: value.decode() for name, value in fields.items() if name.startswith("v:")}
        tracked = any(value != b"no" for name, value in fields.items() if name.startswith("o:tracking"))
        mail = _from_mime(fields["message"], to, metadata, tracked=tracked)
        self.mails.append(mail)
        return as_json(200, {"id": f"<{mail.provider_id}>", "message": "Queued. Thank you."})


class SesDesk(BaseDesk):
    """Amazon SES v2's ``/v2/email/outbound-emails``."""

    scheme = "ses"
    host = "eu-west-1"
    secret = "s3cret/+"
    keeps_message_id = False
    session_token: str | None = None

    def url(self, root: str) -> str:
        """Return the URL of the settings."""
        token = f"&session_token={quote(self.session_token, safe='')}" if self.session_token else ""
        return f"ses://AKEXAMPLE:{quote(self.secret, safe='')}@{self.host}?endpoint={quote(root, safe='')}{token}"

    def take(self, request: Request) -> Answer:
        """Take one message as MIME."""
        if (
            not _signed(request, self.secret, self.host)
            or request.headers.get("x-amz-security-token") != self.session_token
        ):
            raise Wrong(
                403, {"message": "The request signature we calculated does not match"}, _aws("SignatureDoesNotMatch")
            )
        expect(request, "/v2/email/outbound-emails", Wrong(404, {}, _aws("UnknownOperationException")))
        given = body_of(request, dict, Wrong(400, {}, _aws("SerializationException")))
        known = {"Destination", "Content", "EmailTags", "FeedbackForwardingEmailAddress", "ConfigurationSetName"}
        tags = {tag["Name"]: tag["Value"] for tag in given.get("EmailTags", ())}
        (to,) = given["Destination"]["ToAddresses"]
        content = b64decode(given["Content"]["Raw"]["Data"], validate=True)
        if set(given) - known or not all(TAG.fullmatch(name) and TAG.fullmatch(tags[name]) for name in tags):
            raise Wrong(400, {"message": "Unknown parameter"}, _aws("BadRequestException"))
        if to in self.refused or not ADDRESS.fullmatch(to):
            raise Wrong(400, {"message": f"Missing final '@domain' in {to}"}, _aws("BadRequestException"))
        if b"DKIM-Signature" in content or max(map(len, content.split(b"\r\n"))) > 998:
            raise Wrong(400, {"message": "wrong content"}, _aws("MessageRejected"))
        mail = _from_mime(content, to, tags)
        assert json.loads(mail.headers["X-Metadata"]) == tags
        self.mails.append(mail)
        return as_json(200, {"MessageId": mail.provider_id})


def _aws(kind: str) -> dict[str, str]:
    return {"x-amzn-ErrorType": f"{kind}:http://internal.example.org/"}


def _form(request: Request) -> dict[str, bytes]:
    """Read a multipart form byte by byte: nothing of a message may change on the way."""
    found = re.fullmatch(r"multipart/form-data; boundary=([\w-]{1,70})", request.headers["content-type"])
    assert found is not None
    delimiter = b"--" + found[1].encode()
    first, *parts, last = (b"\r\n" + request.body).split(b"\r\n" + delimiter)
    assert (first, last) == (b"", b"--\r\n")
    fields = {}
    for part in parts:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'; name="([^"]+)"', head)
        assert name is not None
        fields[name[1].decode()] = value
    return fields


def _from_mime(content: bytes, to: str, metadata: Mapping[str, str], *, tracked: bool | None = None) -> Mail:
    read = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    text, html = read.get_body(("plain",)), read.get_body(("html",))
    assert text is not None
    return Mail(
        recipient=to,
        sender=str(read["From"]),
        subject=str(read["Subject"]),
        text=text.get_content().replace("\r\n", "\n"),
        html=html.get_content().replace("\r\n", "\n") if html else None,
        message_id=str(read["Message-ID"]),
        metadata=metadata,
        headers={name: str(value) for name, value in read.items()},
        provider_id=f"{uuid4().hex}@mail.example.org" if tracked is not None else str(uuid4()),
        tracked=tracked,
    )


def _signed(request: Request, secret: str, region: str) -> bool:
    """Check a Signature Version 4 from its specification."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKEXAMPLE/(\d{8})/([\w-]+)/ses/aws4_request, SignedHeaders=([\w;-]+), "
        r"Signature=([0-9a-f]{64})",
        request.headers.get("authorization", ""),
    )
    if found is None or found[2] != region:
        return False
    names = found[3].split(";")
    lines = [f"{name}:{request.headers[name].strip()}" for name in names]
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join(["POST", request.path, "", *lines, "", found[3], digest])
    scope = f"{found[1]}/{region}/ses/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashed])
    key = f"AWS4{secret}".encode()
    for word in (found[1], region, "ses", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return {"host", "x-amz-date"} <= set(names) and hmac.digest(key, to_sign.encode(), "sha256").hex() == found[4]
