"""Bounces in the manner of many mail servers, made up: each a mail and the classes that it has to give.

``{to}`` stands for the return address. The first half was written before the reader was.
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

# -- prose ---------------------------------------------------------------------------------------------------------
_COPY = "\n--- Below this line is a copy of the message.\n\n" + ORIGINAL
_QMAIL = "Hi. This is the qmail-send program at mx.example.com.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
_add(
    "qmail_unknown",
    prose(_QMAIL + "<mona@example.net>:\nSorry, no mailbox here by that name. (#5.1.1)\n" + _COPY),
    "gone",
)
_add(
    "qmail_remote_list",
    prose(
        _QMAIL
        + "<mona@example.net>:\n192.0.2.9 does not like recipient.\nRemote host said: 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example\nGiving up on 192.0.2.9.\n"
        + _COPY
    ),
    "ours",
)
_add(
    "qmail_host",
    prose(_QMAIL + "<mona@people.example>:\nSorry, I couldn't find any host named people.example. (#5.1.2)\n" + _COPY),
    "gone",
)
_add(
    "qmail_connect",
    prose(
        _QMAIL
        + "<mona@example.net>:\nSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\nI'm not going to try again; this message has been in the queue too long.\n"
        + _COPY
    ),
    "unwell",
)
_add(
    "exim_data",
    prose(
        "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  mona@example.net\n    SMTP error from remote mail server after end of data:\n    host mx.example.net [192.0.2.9]: 550 Unknown user mona\n\n------ This is a copy of the message, including all the headers. ------\n\n"
        + ORIGINAL,
        head="X-Failed-Recipients: mona@example.net\nAuto-Submitted: auto-replied\n",
    ),
    "unwell",
)
_add(
    "opensmtpd",
    prose(
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\nmona@example.net: 550 5.1.1 no such account\n\n    Below is a copy of the original message:\n\n"
        + ORIGINAL,
        subject="Delivery status notification: error",
    ),
    "gone",
)
_add(
    "dma",
    prose(
        "This is the DragonFly Mail Agent at mx.example.org.\n\nThere was an error delivering your mail to <mona@example.net>.\n\nmx.example.net [192.0.2.25] did not like our RCPT TO:\n550 5.1.1 <mona@example.net>: user unknown\n\nMessage headers follow.\n\n"
        + ORIGINAL,
        sender="MAILER-DAEMON <>",
        subject="Mail delivery failed",
    ),
    "gone",
)
_add(
    "courier",
    prose(
        "This is a delivery status notification from mx.example.org,\nrunning the Courier mail server.\n\nUNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<mona@example.net>:\n    mx.example.net [192.0.2.9]:\n<<< 550 User unknown.\n\n---------------------------------------------------------------------------\n"
        + ORIGINAL,
        subject="NOTICE: mail delivery status.",
    ),
    "gone",
)
_add(
    "empty_from",
    prose("Your mail could not be delivered:\n<mona@example.net>: 552 mailbox full\n" + _COPY, sender=""),
    "unwell",
)
_add(
    "imail",
    prose(
        "unknown user: mona@example.net\n\nOriginal message follows.\n\n" + ORIGINAL,
        sender="Postmaster <postmaster@mail.example.net>",
        subject="Undeliverable Mail",
    ),
    "gone",
)
_add(
    "t_online_de",
    prose(
        "|------------------------- Message log follows: -------------------------|\n no valid recipients were found for this message\n|------------------------- Failed addresses follow: ---------------------|\n <mona@example.net> ... unknown user\n|------------------------- Message text follows: ------------------------|\n"
        + ORIGINAL,
        subject="mail failed, returning to sender",
    ),
    "gone",
)
_add(
    "german",
    prose(
        "Diese E-Mail wurde automatisch erstellt.\nIhre Nachricht konnte nicht zugestellt werden:\n\nmona@example.net:\nSMTP-Fehler: 550 Empfänger unbekannt\n\n--- Originalnachricht ---\n"
        + ORIGINAL,
        subject="Mail delivery failed: returning message to sender",
    ),
    "gone",
)
_add(
    "japanese",
    prose(
        "次の宛先へのメールを配信できませんでした。\n\n<mona@example.net>: 550 宛先不明です\n\n" + _COPY,
        subject="配信エラー",
    ),
    "gone",
)
_add(
    "french_full",
    prose(
        "Votre message n'a pas pu être remis :\n<mona@example.net>: 552 La boîte aux lettres est pleine\n" + _COPY,
        subject="Echec de remise",
    ),
    "unwell",
)
_add(
    "html_only",
    prose(
        part(
            "text/html",
            "<html><body><h2>Delivery has failed to these recipients:</h2><p>mona@example.net<br>550 5.7.1 Message rejected as spam by content filtering.</p></body></html>",
        ),
        head="MIME-Version: 1.0\n",
        subject="Undeliverable",
    ).replace("failure notice\n\n", ""),
    "ours",
)
_add(
    "delayed_prose",
    prose(
        "A message that you sent has not yet been delivered after more than 4 hours.\nNo action is required; delivery attempts will continue.\n",
        subject="Warning: message delayed 4 hours",
    ),
    "later",
)

# -- no bounce -----------------------------------------------------------------------------------------------------
_add(
    "vacation",
    "Delivered-To: {to}\nFrom: Mona <mona@example.net>\nTo: {to}\nSubject: Out of office: your mail\nAuto-Submitted: auto-replied\n\nI am away; my mailbox is full: 552 5.2.2. Delivery failed last week.\n",
    "none",
)
_add(
    "vacation_by_system",
    prose(
        "The user is on holiday until 12 May.\n",
        sender="postmaster@example.net",
        subject="Automatic reply: Trial Alerts",
        head="Auto-Submitted: auto-replied\n",
    ),
    "none",
)
_add(
    "challenge",
    "Return-Path: <>\nDelivered-To: {to}\nFrom: verify@example.net\nTo: {to}\nSubject: Please confirm your message\nAuto-Submitted: auto-generated\n\nYour message has not been delivered. Click here so that it reaches mona@example.net.\n",
    "none",
)
_add(
    "human",
    "Return-Path: <p@example.net>\nDelivered-To: {to}\nFrom: Postmaster <postmaster@example.net>\nTo: {to}\nSubject: Re: your mails\n\nYour mail was delivered but user unknown stands in your footer. Could not be delivered elsewhere.\n",
    "none",
)
_add(
    "receipt",
    report(
        "Final-Recipient: rfc822; mona@example.net\nDisposition: manual-action/MDN-sent-manually; displayed\n",
        kind="multipart/report; report-type=disposition-notification",
        status_kind="message/disposition-notification",
        subject="Read: trials",
    ),
    "none",
)

# -- complaints ----------------------------------------------------------------------------------------------------
_ARF = "Feedback-Type: abuse\nUser-Agent: Loop/1\nVersion: 1\nOriginal-Mail-From: <{to}>\n"
_add(
    "arf",
    report("", kind="multipart/report; report-type=feedback-report").replace(
        "message/delivery-status\n\nReporting-MTA: dns; mx.example.org\nArrival-Date: Mon, 2 Mar 2026 09:00:00 +0000\n",
        "message/feedback-report\n\n" + _ARF,
    ),
    "complaint",
)
_add(
    "arf_as_text",
    f"From: fbl@example.com\nDelivered-To: {{to}}\nTo: {{to}}\nSubject: Abuse report\n\n{_ARF}",
    "complaint",
)
_add(
    "arf_headers",
    "From: staff@example.com\nDelivered-To: {to}\nTo: {to}\nSubject: complaint about message from 192.0.2.1\nX-HmXmrOriginalRecipient: mona@example.net\n\nComplaint.\n",
    "complaint",
)
_add(
    "auth_failure",
    report("", kind="multipart/report; report-type=feedback-report").replace(
        "message/delivery-status\n\nReporting-MTA: dns; mx.example.org\nArrival-Date: Mon, 2 Mar 2026 09:00:00 +0000\n",
        "message/feedback-report\n\n" + _ARF.replace("abuse", "auth-failure"),
    ),
    "none",
)
