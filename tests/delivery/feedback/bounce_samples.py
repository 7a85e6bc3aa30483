"""Mails such as mail servers and people send back, in several dialects. All names and machines are made up.

Each is a function of the return address it is sent to; ``{to}`` in them stands for that address.
"""

from __future__ import annotations

__all__ = ["SAMPLES", "sample"]

_ORIGINAL = """\
Return-Path: <{to}>
From: Trial Alerts <alerts@example.org>
To: mona@example.net
Subject: Your trial alerts
Message-ID: <1@example.org>
"""


def _report(head: str, words: str, status: str, *, quoted: str = "message/rfc822") -> str:
    body = "\nA digest.\n" if quoted == "message/rfc822" else ""
    return f"""\
{head}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_edge"

This is a MIME-encapsulated message.

--=_edge
Content-Type: text/plain; charset=us-ascii

{words}

--=_edge
Content-Description: Delivery report
Content-Type: message/delivery-status

{status}
--=_edge
Content-Type: {quoted}

{_ORIGINAL}{body}
--=_edge--
"""


_POSTFIX_HEAD = """\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
"""
_POSTFIX_MESSAGE = """\
Reporting-MTA: dns; mx.example.org
X-Postfix-Queue-ID: 4F2B1C0001
X-Postfix-Sender: rfc822; {to}
Arrival-Date: Mon,  2 Mar 2026 09:00:00 +0000 (UTC)
"""

POSTFIX = _report(
    _POSTFIX_HEAD,
    "I'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.",
    _POSTFIX_MESSAGE
    + """
Final-Recipient: rfc822; mona@example.net
Original-Recipient: rfc822;mona@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.net
Diagnostic-Code: smtp; 550 5.1.1 <mona@example.net>: Recipient address
    rejected: User unknown in virtual mailbox table
""",
)

POSTFIX_FULL = POSTFIX.replace("Status: 5.1.1", "Status: 5.2.2").replace(
    "550 5.1.1 <mona@example.net>: Recipient address\n    rejected: User unknown in virtual mailbox table",
    "552 5.2.2 <mona@example.net>: Mailbox is full",
)

POSTFIX_POLICY = POSTFIX.replace("Status: 5.1.1", "Status: 5.7.1").replace(
    "550 5.1.1 <mona@example.net>: Recipient address\n    rejected: User unknown in virtual mailbox table",
    "550 5.7.1 Message rejected for its reputation",
)

POSTFIX_LATE = POSTFIX.replace("Action: failed", "Action: delayed").replace("Status: 5.1.1", "Status: 4.4.1")

POSTFIX_DELIVERED = POSTFIX.replace("Action: failed", "Action: delivered").replace("Status: 5.1.1", "Status: 2.0.0")

POSTFIX_SEVERAL = _report(
    _POSTFIX_HEAD,
    "One of the people behind this alias is gone.",
    _POSTFIX_MESSAGE
    + """
Final-Recipient: rfc822; lisa@example.net
Action: relayed
Status: 2.0.0

Final-Recipient: rfc822; mona@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
""",
)

EXIM = _report(
    """\
Return-path: <>
Envelope-to: {to}
X-Failed-Recipients: mona@example.net
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
To: {to}
Subject: Mail delivery failed: returning message to sender
""",
    "This message was created automatically by mail delivery software.",
    """\
Reporting-MTA: dns; mx.example.com

Action: failed
Final-Recipient: rfc822;mona@example.net
Status: 5.0.0
Remote-MTA: dns; mail.example.net
Diagnostic-Code: smtp; 550 5.1.1 <mona@example.net> User doesn't exist
""",
    quoted="text/rfc822-headers",
)

EXIM_PROSE = (
    """\
Return-path: <>
Envelope-to: {to}
X-Failed-Recipients: mona@example.net
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
To: {to}
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  mona@example.net
    SMTP error from remote mail server after RCPT TO:<mona@example.net>:
    host mail.example.net [192.0.2.17]: 550 5.1.1 unknown user

------ This is a copy of the message, including all the headers. ------

"""
    + _ORIGINAL
    + "\nA trial of 452 4.2.2 people.\n"
)

EXIM_WARNING = """\
Return-path: <>
Envelope-to: {to}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
To: {to}
Subject: Warning: message 1w delayed 24 hours

This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.com.

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals.
"""

EXCHANGE = _report(
    """\
Return-Path: <>
X-Original-To: {to}
From: Microsoft Outlook <postmaster@example.net>
To: <{to}>
Subject: Undeliverable: Your trial alerts
Auto-Submitted: auto-replied
X-MS-Exchange-Message-Is-Ndr:
""",
    "Your message to mona@example.net couldn't be delivered.",
    """\
Reporting-MTA: dns;mbx.example.net
Received-From-MTA: dns;mx.example.org
Arrival-Date: Mon, 2 Mar 2026 09:00:00 +0000

Original-Recipient: rfc822;mona@example.net
Final-Recipient: rfc822;mona@example.net
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
""",
)

GMAIL = _report(
    """\
Delivered-To: {to}
Return-Path: <>
Auto-Submitted: auto-replied
From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
To: {to}
Subject: Delivery Status Notification (Failure)
X-Failed-Recipients: mona@example.net
""",
    "** Address not found **\n\nYour message wasn't delivered because the address couldn't be found.",
    """\
Reporting-MTA: dns; googlemail.example
Received-From-MTA: dns; {to}
Arrival-Date: Mon, 02 Mar 2026 01:00:00 -0800 (PST)
X-Original-Message-ID: <1@example.org>

Final-Recipient: rfc822; mona@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.net. (192.0.2.17, the server for the domain example.net.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces.
Last-Attempt-Date: Mon, 02 Mar 2026 01:00:02 -0800 (PST)
""",
)

QMAIL = (
    """\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@mx.example.com
To: {to}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<mona@example.net>:
192.0.2.17 does not like recipient.
Remote host said: 550 sorry, no mailbox here by that name. (#5.1.1)
Giving up on 192.0.2.17.

--- Below this line is a copy of the message.

"""
    + _ORIGINAL
)

QMAIL_FULL = QMAIL.replace("550 sorry, no mailbox here by that name. (#5.1.1)", "552 disk quota exceeded (#5.2.2)")

COMPLAINT = (
    """\
From: <feedback@isp.example>
To: <abuse@example.org>
Subject: FW: Your trial alerts
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_edge"

--=_edge
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for a message received from 192.0.2.1.

--=_edge
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{to}>
Arrival-Date: Mon, 2 Mar 2026 09:00:00 +0000
Source-IP: 192.0.2.1

--=_edge
Content-Type: message/rfc822

"""
    + _ORIGINAL
    + """
A digest.
--=_edge--
"""
)

COMPLAINT_REDACTED = COMPLAINT.replace("Original-Mail-From: <{to}>\n", "")

NOT_SPAM = COMPLAINT.replace("Feedback-Type: abuse", "Feedback-Type: not-spam")

VACATION = """\
Return-Path: <mona@example.net>
Delivered-To: {to}
From: Mona <mona@example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied (vacation)
Precedence: bulk

I am away until Monday. If it cannot be delivered until then: 550 5.1.1.
"""

EXCHANGE_VACATION = """\
Return-Path: <>
X-Original-To: {to}
From: Mona <mona@example.net>
To: Trial Alerts <{to}>
Subject: Automatic reply: Your trial alerts
X-Auto-Response-Suppress: All
Auto-Submitted: auto-generated

I no longer work here; my account does not exist any more. 550 5.1.1 user unknown
"""

OLD_VACATION = """\
Delivered-To: {to}
From: Mona <mona@example.net>
To: {to}
Subject: away
X-Autoreply: yes

Not here.
"""

READ_RECEIPT = """\
Return-Path: <>
Delivered-To: {to}
From: Mona <mona@example.net>
To: {to}
Subject: Read: Your trial alerts
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="=_edge"

--=_edge
Content-Type: text/plain

Your message was read.
--=_edge
Content-Type: message/disposition-notification

Final-Recipient: rfc822; mona@example.net
Disposition: manual-action/MDN-sent-manually; displayed
--=_edge--
"""

PERSON = """\
Return-Path: <mona@example.net>
Delivered-To: {to}
From: Mona <mona@example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender

My neighbour's mailbox is full: 552 5.2.2, user unknown. Could you help?
"""

SAMPLES: dict[str, str] = {
    name.lower(): text for name, text in dict(globals()).items() if name.isupper() and not name.startswith("_")
}


def sample(name: str, to: str) -> bytes:
    """The mail of this name, sent to a return address; with the line ends of the wire."""
    return SAMPLES[name].replace("{to}", to).replace("\n", "\r\n").encode()
