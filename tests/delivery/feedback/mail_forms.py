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

# -- the second half, written with the reader at hand -------------------------------------------------------------
_ORIG_FOLLOWS = "\n----- Original message -----\n\n" + ORIGINAL
_add(
    "yahoo_group",
    report(
        fields(
            "554 delivery error: dd This user doesn't have a webmail.example account (mona@example.net) [0] - mta1",
            status="5.0.0",
        )
    ),
    "gone",
)
_add(
    "yahoo_disabled",
    report(
        fields(
            "554 delivery error: dd Sorry your message to mona@example.net cannot be delivered. This account has been disabled or discontinued [#102].",
            status="5.0.0",
        )
    ),
    "unwell",
)
_add(
    "yahoo_ts",
    report(
        fields(
            "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints - 4.16.55.1",
            status="4.7.0",
        )
    ),
    "ours",
)
_add("aol_rly", report(fields("554 (RLY:B1) http://postmaster.example/errors/554rlyb1.html", status="5.0.0")), "ours")
_add(
    "aol_user",
    report(fields("550 5.1.1 <mona@example.net>: Recipient address rejected: example.net", status="5.1.1")),
    "gone",
)
_add(
    "webde_full",
    report(
        fields(
            "552-Requested mail action aborted: exceeded storage allocation\n 552 Quota exceeded. The recipient's mailbox is full.",
            status="5.0.0",
        )
    ),
    "unwell",
)
_add(
    "gmx_unavailable",
    report(
        fields(
            "550-Requested action not taken: mailbox unavailable\n 550 For explanation visit https://postmaster.gmx.example/error",
            more="Remote-MTA: dns; mx00.gmx.net\n",
        )
    ),
    "gone",
)
_add(
    "gmx_list",
    report(
        fields(
            "554-gmx.example (mxgmx1) Nemesis ESMTP Service not available\n 554-No SMTP service\n 554 IP address is black listed.",
            more="Remote-MTA: dns; mx00.gmx.net\n",
        )
    ),
    "ours",
)
_add(
    "tonline_ip",
    report(
        fields(
            "554 IP=192.0.2.1 - A problem occurred. Ask your postmaster for help or to contact tobr@rx.example to clarify."
        )
    ),
    "ours",
)
_add("tonline_user", report(fields("550-Mailbox does not exist\n 550 User unknown (mona)")), "gone")
_add("free_fr", report(fields("550 spamdetect: cet expediteur est temporairement refuse")), "ours")
_add(
    "orange_416",
    report(
        fields(
            "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]", status="5.1.1"
        )
    ),
    "gone",
)
_add(
    "orange_506",
    report(
        fields(
            "550 5.7.1 Service refuse. Veuillez essayer plus tard. service refused, please try later. OFR_506 [506]",
            status="5.7.1",
        )
    ),
    "ours",
)
_add("docomo", report(fields("550 Unknown user mona@docomo.example (in reply to end of DATA command)")), "unwell")
_add("docomo_rcpt", report(fields("550 5.1.1 Unknown user mona (in reply to RCPT TO command)", status="5.1.1")), "gone")
_add("au_jp", report(fields("550 <mona@ezweb.example>: User unknown (in reply to RCPT TO command)")), "gone")
_add(
    "kddi_prose",
    prose(
        "Your mail sent on: Mon, 2 Mar 2026 09:00:00 +0900\nCould not be delivered to: mona@kddi.example\nAs their mailbox is full.\n",
        subject="Mail Delivery Notice",
    ),
    "unwell",
)
_add("chinese", report(fields("550 用户被锁定: mona")), "unwell")
_add("qq_rate", report(fields("550 Mail content denied. 发信频率过高")), "ours")
_add("netease_user", report(fields("550 User not found: mona@netease.example", status="5.0.0")), "gone")
_add("netease_dt", report(fields("554 DT:SPM mx1,PCowAA 请查看 垃圾邮件")), "ours")
_add("russian", report(fields("550 Пользователь не найден: mona")), "gone")
_add("polish", report(fields("550 Nieznany uzytkownik / user unknown")), "gone")
_add("italian_full", report(fields("552 La casella di posta e' piena")), "unwell")
_add("dutch", report(fields("550 Onbekende ontvanger")), "gone")
_add("swedish", report(fields("550 Okänd användare")), "gone")
_add("portuguese_rejected", report(fields("550 Mensagem rejeitada por política local")), "ours")
_add(
    "mdaemon",
    prose(
        "The following data may be useful for diagnosis:\n\n--> RCPT TO:<mona@example.net>\n<-- 550 <mona@example.net>, Recipient unknown\n\n: Message contains [1] file attachments\n"
        + _ORIG_FOLLOWS,
        sender="MDaemon at mx.example.com <MDaemon@mx.example.com>",
        subject="Permanent Delivery Failure",
    ),
    "gone",
)
_add(
    "mercury",
    prose(
        "This is an automatically generated message.\nThe attached message could not be delivered to the following:\n\n*** mona@example.net\n550 5.7.1 Unable to relay for mona@example.net\n\nThe first part of the message follows:\n--------\n"
        + ORIGINAL,
        sender="Electronic Postmaster <postmaster@mx.example.com>",
        subject="Postmaster Notify: Delivery Failure.",
    ),
    "ours",
)
_add(
    "exchange55",
    prose(
        "Your message\n\n  To:      mona@example.net\n  Subject: trials\n  Sent:    Mon, 2 Mar 2026 09:00:00 +0000\n\ndid not reach the following recipient(s):\n\nmona@example.net on Mon, 2 Mar 2026 09:00:02 +0000\n    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=de;a= ;p=x\n    MSEXCH:IMS:x:y:z 0 (000C05A6) Unknown Recipient\n",
        sender="System Administrator <postmaster@example.net>",
        subject="Undeliverable: trials",
    ),
    "gone",
)
_add(
    "office365_html",
    report(
        fields(
            "550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy", status="5.7.1"
        ),
        human="<html><body>Delivery has failed to these recipients. Your message wasn't delivered because the admin created a mail flow rule.</body></html>",
        human_kind="text/html",
        human_encoding="base64",
    ),
    "ours",
)
_add(
    "office365_dir",
    report(
        fields(
            "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [AM7.eur.prod.example]", status="5.4.1"
        )
    ),
    "gone",
)
_add(
    "office365_banned",
    report(
        fields(
            "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal visit https://sender.example",
            status="5.7.606",
        )
    ),
    "ours",
)
_add(
    "office365_expired",
    report(fields("550 5.4.300 Message expired -> 451 4.4.1 connection timed out", status="5.4.300")),
    "unwell",
)
_add(
    "mimecast",
    report(fields("550 Administrative prohibition - envelope blocked - https://community.example/docs/DOC-1369#550")),
    "ours",
)
_add("proofpoint_user", report(fields("550 5.1.1 User Unknown - pphosted", status="5.1.1")), "gone")
_add(
    "barracuda",
    report(
        fields(
            "554 Service unavailable; Client host [mx.example.org] blocked using Barracuda Reputation; http://bbl.example/q.cgi?ip=192.0.2.1"
        )
    ),
    "ours",
)
_add("cisco", report(fields("550 #5.1.0 Address rejected.", status="5.1.0")), "gone")
_add("comcast", report(fields("550 5.2.1 Account not available: mona (disabled)", status="5.2.1")), "unwell")
_add(
    "icloud",
    report(fields("552 5.2.2 <mona@icloud.example>: user is over quota (in reply to RCPT TO command)", status="5.2.2")),
    "unwell",
)
_add(
    "zimbra",
    report(fields("550 5.1.1 <mona@example.net>: Recipient address rejected: example.net", status="5.1.1")),
    "gone",
)
_add(
    "groups",
    report(
        fields(
            "550-5.7.1 The group mona may not exist, or you may not have permission to post messages to the group.",
            status="5.1.1",
        )
    ),
    "ours",
)
_add(
    "ses_suppressed",
    report(fields("550 5.1.1 Amazon: address is on the suppression list for your account", status="5.1.1")),
    "ours",
)
_add("many_codes", report(fields("550 5.7.1 <mona@example.net>: 5.1.1 rejected", status="5.1.1")), "ours")
_add("temporary_inside", report(fields("550 5.1.1 user unknown (temporary lookup problem)", status="5.1.1")), "unwell")
_add(
    "latin1_body",
    report(_GONE, human="Empfänger unbekannt", human_kind="text/plain", human_encoding="quoted-printable"),
    "gone",
)
_add(
    "text_before_attached",
    prose(
        "This is a MIME mail\n--b\nContent-Type: text/plain\n\nSorry, delivery failed permanently:\nmona@example.net: 550 unknown user\n\n--b\nContent-Type: message/rfc822\n\n"
        + ORIGINAL
        + "\n--b--\n",
        head='MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n',
    ),
    "gone",
)
_add("wrong_boundary", report(_GONE).replace('boundary="=_7f"', 'boundary="other"'), "gone")

_add(
    "sendmail_warning",
    prose(
        "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\nThe original message was received at Mon, 2 Mar 2026 09:00:00\n\n   ----- Transcript of session follows -----\n451 mx.example.net: Name server timeout\nWarning: message still undelivered after 4 hours\nWill keep trying until message is 5 days old\n",
        subject="Warning: could not send message for past 4 hours",
    ),
    "later",
)
_add(
    "sendmail_transcript",
    prose(
        "The original message was received at Mon, 2 Mar 2026 09:00:00 +0000\nfrom localhost [127.0.0.1]\n\n   ----- The following addresses had permanent fatal errors -----\n<mona@example.net>\n    (reason: 550 5.1.1 <mona@example.net>... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.example.net.:\n>>> DATA\n<<< 550 5.1.1 <mona@example.net>... User unknown\n550 5.1.1 <mona@example.net>... User unknown\n<<< 503 5.0.0 Need RCPT (recipient)\n",
        subject="Returned mail: see transcript for details",
        sender="Mail Delivery Subsystem <MAILER-DAEMON>",
    ),
    "gone",
)
_add(
    "vacation_japanese",
    "Return-Path: <>\nDelivered-To: {to}\nFrom: mona@example.net\nTo: {to}\nSubject: 不在のお知らせ\nX-Autoreply: yes\n\nただいま不在です。550 5.1.1\n",
    "none",
)
_add(
    "ooo_quoting",
    "Return-Path: <>\nDelivered-To: {to}\nFrom: mona@example.net\nTo: {to}\nSubject: Abwesenheitsnotiz: Ihre Nachricht\nAuto-Submitted: auto-replied\n\nIch bin bis 12. Mai abwesend. Nachrichten werden nicht zugestellt.\n\n> From: alerts\n> Subject: x\n",
    "none",
)
_add(
    "left_company",
    "Return-Path: <mona@example.net>\nDelivered-To: {to}\nFrom: Mona <mona@example.net>\nTo: {to}\nSubject: Mona has left\nAuto-Submitted: auto-replied\n\nMona no longer works here; this mailbox does not exist any more.\n",
    "none",
)
_add(
    "challenge_system",
    prose(
        "Your message to mona@example.net has not been delivered. To prove that you are human click the link below:\nhttps://example.net/c/1\n",
        sender="Antispam <postmaster@example.net>",
        subject="Please verify your message",
        head="Auto-Submitted: auto-replied\n",
    ),
    "none",
)
_add(
    "unsubscribe_answer",
    "Delivered-To: {to}\nFrom: lisa@example.net\nTo: {to}\nSubject: Re: Undeliverable\n\nPlease stop. Mail delivery failed? User unknown.\n",
    "none",
)
