"""Bounces in the manner of many mail servers, made up: each a mail and the classes that it has to give.

``{to}`` stands for the return address. Most here and in ``mail_forms_prose`` were written before the reader was.
"""

from __future__ import annotations

import base64
import quopri
from typing import NamedTuple

__all__ = ["FORMS", "Form", "part", "report"]

ORIGINAL = (
    "Return-Path: <{to}>\nFrom: Trial Alerts <alerts@example.org>\nTo: mona@example.net\n"
    "Subject: 452 new trials, mailbox full of spam\nMessage-ID: <1@example.org>\n\nUser unknown in this digest.\n"
)
_EDGE = "=_7f"


class Form(NamedTuple):
    """A mail and the classes of what it tells, in order; ``none`` alone where it is no bounce."""

    mail: str
    classes: tuple[str, ...]


FORMS: dict[str, Form] = {}


def part(kind: str, body: str, *, encoding: str = "", charset: str = "utf-8", more: str = "") -> str:
    """Write one part of a mail."""
    head = f"Content-Type: {kind}" + (f"; charset={charset}" if kind.startswith("text/") else "") + "\n" + more
    if encoding == "base64":
        body = base64.encodebytes(body.encode(charset)).decode()
    elif encoding == "quoted-printable":
        body = quopri.encodestring(body.encode(charset)).decode("ascii")
    if encoding:
        head += f"Content-Transfer-Encoding: {encoding}\n"
    return f"{head}\n{body}\n"


def report(
    status: str,
    *,
    human: str = "Your message could not be delivered.",
    sender: str = "Mail Delivery System <MAILER-DAEMON@mx.example.org>",
    subject: str = "Undelivered Mail Returned to Sender",
    kind: str = "multipart/report; report-type=delivery-status",
    status_kind: str = "message/delivery-status",
    edge: bool = True,
    closing: bool = True,
    encoding: str = "",
    human_kind: str = "text/plain",
    human_encoding: str = "",
    quoted: str = "message/rfc822",
    head: str = "Auto-Submitted: auto-replied\n",
) -> str:
    """Write a status notification; the arguments tell in what it differs from a tidy one."""
    message = "Reporting-MTA: dns; mx.example.org\nArrival-Date: Mon, 2 Mar 2026 09:00:00 +0000\n\n"
    parts = [
        part(human_kind, human, encoding=human_encoding),
        part(status_kind, message + status, encoding=encoding),
        part(quoted, ORIGINAL),
    ]
    boundary = f'; boundary="{_EDGE}"' if edge else ""
    body = "".join(f"--{_EDGE}\n{each}\n" for each in parts) + (f"--{_EDGE}--\n" if closing else "")
    return (
        f"Return-Path: <>\nDelivered-To: {{to}}\nFrom: {sender}\nTo: {{to}}\nSubject: {subject}\n{head}"
        f"MIME-Version: 1.0\nContent-Type: {kind}{boundary}\n\nThis is a report.\n\n{body}"
    )


def fields(diagnostic: str = "", *, status: str = "5.0.0", action: str = "failed", more: str = "") -> str:
    """Write the fields of one recipient."""
    said = f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else ""
    return f"Final-Recipient: rfc822; mona@example.net\nAction: {action}\nStatus: {status}\n{more}{said}\n"


def prose(
    body: str, *, sender: str = "MAILER-DAEMON@mx.example.org", subject: str = "failure notice", head: str = ""
) -> str:
    """Write a bounce in prose."""
    return f"Return-Path: <>\nDelivered-To: {{to}}\nFrom: {sender}\nTo: {{to}}\nSubject: {subject}\n{head}\n{body}"


def _add(name: str, mail: str, *classes: str) -> None:
    FORMS[name] = Form(mail, classes)


# -- status notifications ------------------------------------------------------------------------------------------
_GONE = fields("550 5.1.1 <mona@example.net>: Recipient address rejected: User unknown in local recipient table")
_add("postfix", report(_GONE), "gone")
_add("postfix_said", report(fields("554 5.7.1 <mona@example.net>: Relay access denied", status="5.7.1")), "ours")
_add(
    "postfix_reverse",
    report(fields("450 4.7.25 Client host rejected: cannot find your hostname", status="4.7.25")),
    "ours",
)
_add(
    "postfix_dns",
    report(
        fields(
            status="5.4.4",
            more="Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error for name=people.example type=AAAA: Host not found\n",
        )
    ),
    "gone",
)
_add(
    "postfix_timeout",
    report(
        fields(
            status="4.4.1",
            more="Diagnostic-Code: X-Postfix; connect to mx.example.net[192.0.2.9]:25: Connection timed out\n",
        )
    ),
    "unwell",
)
_add(
    "exim_unrouteable", report(fields(status="5.0.0", more="Diagnostic-Code: smtp; 550 Unrouteable address\n")), "gone"
)
_add(
    "exim_verify",
    report(fields("550-Verification failed for <{to}>\n 550-No Such User Here\n 550 Sender verify failed")),
    "ours",
)
_add(
    "gmail_full",
    report(
        fields(
            "552-5.2.2 The email account that you tried to reach is over quota. Please direct\n 552 5.2.2 the recipient to https://support.example/?p=OverQuotaPerm",
            status="5.2.2",
        )
    ),
    "unwell",
)
_add(
    "gmail_spam",
    report(
        fields(
            "550-5.7.1 [192.0.2.1] Our system has detected that this message is likely\n 550 5.7.1 unsolicited mail.",
            status="5.7.1",
        )
    ),
    "ours",
)
_add(
    "gmail_inactive",
    report(fields("550 5.2.1 The email account that you tried to reach is inactive.", status="5.2.1")),
    "unwell",
)
_add(
    "gmail_guess",
    report(fields("550 5.7.26 This mail has been blocked because the sender is unauthenticated.", status="5.1.1")),
    "ours",
)
_add(
    "exchange_rule",
    report(
        fields("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", status="5.7.133")
    ),
    "ours",
)
_add(
    "exchange_notfound",
    report(
        fields(
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient mona@example.net not found by SMTP address lookup",
            status="5.1.10",
        )
    ),
    "gone",
)
_add(
    "exchange_full",
    report(
        fields(
            "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
            status="5.2.2",
        )
    ),
    "unwell",
)
_add(
    "exchange_loop",
    report(fields("554 5.4.14 Hop count exceeded - possible mail loop ATTR34", status="5.4.14")),
    "unwell",
)
_add(
    "exchange_legacy",
    report(fields("#5.1.1 smtp;550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found", status="5.1.1")),
    "gone",
)
_add(
    "sendmail_local",
    report(
        fields(status="5.1.1", more="Diagnostic-Code: X-Unix; 67\n"),
        human="   ----- Transcript of session follows -----\n550 5.1.1 <mona@example.net>... User unknown\n",
    ),
    "gone",
)
_add(
    "sendmail_quota",
    report(
        fields(status="5.2.2"),
        human="   ----- Transcript of session follows -----\n... while talking to mx.example.net.:\n>>> DATA\n<<< 552 5.2.2 over quota\n",
    ),
    "unwell",
)
_add("base64_status", report(_GONE, encoding="base64"), "gone")
_add("quoted_status", report(_GONE, encoding="quoted-printable"), "gone")
_add("status_as_text", report(_GONE, status_kind="text/plain"), "gone")
_add("missing_boundary", report(_GONE, edge=False), "gone")
_add("no_closing", report(_GONE, closing=False), "gone")
_add("mixed_not_report", report(_GONE, kind="multipart/mixed"), "gone")
_add("two_recipients", report(_GONE + fields("452 4.2.2 mailbox full", status="4.2.2")), "gone", "unwell")
_add("delayed", report(fields("451 4.4.1 try again later", status="4.4.1", action="delayed")), "later")
_add("expired_word", report(fields("Connection timed out", status="", action="expired")), "unwell")
_add("failure_word", report(fields("550 5.1.1 unknown user", status="5.1.1", action="failure")), "gone")
_add("no_action", report("Final-Recipient: rfc822; mona@example.net\nStatus: 5.1.1\n\n"), "gone")
_add(
    "html_human",
    report(
        fields(status="5.0.0"),
        human="<html><body><p>The mailbox of <b>mona@example.net</b> is full.</p></body></html>",
        human_kind="text/html",
    ),
    "unwell",
)
_add(
    "domino",
    report(
        fields(
            status="5.1.1",
            more="Diagnostic-Code: X-Notes; User mona (mona@example.net) not listed in Domino Directory\n",
        ),
        subject="DELIVERY FAILURE: User mona not listed in Domino Directory",
    ),
    "gone",
)
_add(
    "inside_rfc822",
    'Return-Path: <>\nFrom: postmaster@example.net\nTo: {to}\nSubject: Fwd: bounce\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="o1"\n\n--o1\nContent-Type: message/rfc822\n\n'
    + report(_GONE)
    + "\n--o1--\n",
    "gone",
)
