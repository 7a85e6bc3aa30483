"""Made-up bounces in prose, complaints, and mails that are no bounces."""

from __future__ import annotations

from tests.delivery.feedback.mail_forms import FORMS, ORIGINAL, _add, part, prose, report

__all__ = ["FORMS"]

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
