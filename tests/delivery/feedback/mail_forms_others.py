"""More made-up bounces: large providers, other languages, odd parts."""

from __future__ import annotations

from tests.delivery.feedback.mail_forms import _GONE, FORMS, ORIGINAL, _add, fields, prose, report

__all__ = ["FORMS"]

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
