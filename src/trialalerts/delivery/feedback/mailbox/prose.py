"""Mails that come back in no standard form: bounces in prose, and automatic answers, which are no bounces.

A bounce in prose is believed only when it was sent to one of our signed return addresses, by a mail system, and has
the structure of one: a line with a code, a line that is an address, the message that it tells of. A subject alone
proves nothing: people answer with any.
"""

from __future__ import annotations

import re

from trialalerts.delivery.feedback.events import EventKind, Meaning
from trialalerts.delivery.feedback.mailbox.incoming import IncomingMail, MailReport
from trialalerts.delivery.feedback.mailbox.words import CODE_LINE, quotes_a_message, said_in
from trialalerts.delivery.mail.replies.text import read_reply
from trialalerts.delivery.mail.reply_codes import BounceClass, classify

__all__ = ["read_prose"]

_SYSTEM = re.compile(
    r"mailer-?daemon|\bmailer\b|post-?master|mail[ _-]?(?:delivery|admin\w*|system|router|gateway|server"
    r"|daemon)|\bdelivery (?:sub)?system"
    r"|\bdelivery (?:agent|service|report|status|notification)|system administrator|systemadministrator"
    r"|\bmdaemon\b|\bmmdf\b|daemon@|\bbounces?\b"
    r"|microsoft (?:exchange|outlook)|\bmail transport|\bmta\b|\bsmtp\b|returned mail|undeliver"
    r"|\bemail ?system|^\s*(?:<\s*>)?\s*$|^[\"']?<>|\(\)$",
    re.IGNORECASE,
)
_BOUNCE = re.compile(
    r"qmail-send program|(?:n't|not) able to deliver|\b(?:not|n't) (?:yet )?(?:be "
    r"|been )?(?:successfully )?(?:deliver|reach|sent\b|transmit)"
    r"|unable to (?:deliver|send|reach)|deliver\w{0,4}\b.{0,60}\b(?:fail|error|problem|impossible"
    r"|unsuccessful|refus|status|attempt)"
    r"|(?:fail|error|problem|trouble|attempting).{0,60}\bdeliver|undeliver|return(?:ed|ing) (?:mail"
    r"|message|e-?mail|to sender)|(?:mail|message) (?:was |is |being )?returned"
    r"|permanent(?:ly)? (?:fatal )?(?:error|fail)|mail (?:error|failed)|non-?deliver|no valid recipients"
    r"|unknown user|user unknown|recipients? unknown|message (?:was )?rejected"
    r"|did not like|transaction failed|unzustellbar|nicht (?:zugestellt|zustell|ausgeliefert|ubermittelt)"
    r"|zustell\w{0,20}(?:fehl|fehlgeschlagen)|fehlgeschlagen"
    r"|(?:non|pas) .{0,20}(?:remis|delivr|distribu|livr)|echec|no (?:se |ha )?(?:pudo|puede|podido"
    r"|sido posible).{0,20}entreg|nao .{0,20}entreg|devuelto|devolvid"
    r"|consegna.{0,30}(?:fallit|non)|non .{0,30}(?:recapit|consegn)|niet .{0,20}(?:bezorg|afgelever)"
    r"|не .{0,20}доставлен|не удалось доставить|nie .{0,20}dostarcz"
    r"|kunde inte levereras|kunne ikke leveres|teslim edilemedi"
    r"|配信でき|配信エラー|配信不能|配送でき|送信できません|届けでき|エラーメール"
    r""
    r"|宛先不明|送信されません|退信|投递失败|无法投递|无法送达|未能送达|발송 ?실패|반송",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\bdelayed|not yet been delivered|\b(?:will|shall) (?:be retried|continue|keep (?:on )?trying"
    r"|try again)|only a warning|still (?:trying|being)"
    r"|no action is required|do not need to resend|attempts will (?:continue|be made)|temporarily deferred"
    r"|wird weiter|verzogert|retardee?|retrasad",
    re.IGNORECASE,
)
_GAVE_UP = re.compile(
    r"permanent|giv(?:e|en|ing) up|gave up|not going to try|will not (?:be )?(?:try|retr)"
    r"|no longer (?:be )?tr(?:y|ied)|could not be delivered|returned to sender|has expired",
    re.IGNORECASE,
)
_FIVE = re.compile(r"(?<![\w.#/\-(\[=])5[0-5]\d[ \-](?!\d\d)|(?<![\w./\-])5\.\d\.\d{1,3}(?![\w.]\d)")
_AWAY = re.compile(
    r"out[ -]of[ -](?:the[ -])?office|auto(?:matic|mated|matische)?[ -]?(?:re(?:ply|sponse|sponder)"
    r"|antwort)|\bvacation|\bholiday|\baway (?:from|until)|\babwesen|\babsence|\babsent"
    r"|\bausencia|\bausente|fuera de|respuesta automatica|resposta automatica|reponse automatique"
    r"|fuori (?:ufficio|sede)|risposta automatica|afwezig|自動(?:返信|応答)|不在|自动(?:回复|答复)|автоответ",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"\b(?:confirm|verify|release|approve|authenticate)\b.{0,60}\b(?:your|message|mail|sender|address)"
    r"|\bclick\b.{0,60}\b(?:to|here|link|below)|challenge",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\s*(?:re|fwd?|wg|tr|aw|antw|sv|rif|odp|回复|答复)\s*(?:\[\d+\])?[:：]", re.IGNORECASE)
_ADDRESS_LINE = re.compile(
    r"^[\s*>\"'\-]{0,12}<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?[\"']?\s{0,9}(?:[:;,.(\[]|$|\.\.\.)"
    r"|(?:to|recipients?|address|for|an|a)\b[ :]{1,3}<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?\W{0,4}$",
    re.MULTILINE | re.IGNORECASE,
)
_LONGEST = 4_000
_AUTO_PRECEDENCE = {"auto_reply", "bulk", "junk", "list"}
_AUTO_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Mail-Autoreply")


def read_prose(returned: IncomingMail) -> list[MailReport]:
    """Return what a mail in no standard form tells; nothing where it is no news of a mail of ours."""
    if returned.sent_to is None:
        return []
    if _is_bounce(returned):
        return [_bounce(returned)]
    kind = EventKind.AUTORESPONDED if _is_automatic(returned) else EventKind.UNKNOWN
    told = f"Content-Type: {returned.message.get_content_type()}"
    return [
        MailReport(kind=kind, told=told, token=returned.sent_to, meaning=Meaning.heard(BounceClass.NONE, "no.bounce"))
    ]


def _is_bounce(returned: IncomingMail) -> bool:
    words = returned.words()[:_LONGEST]
    if _speaks_against(returned, words):
        return False
    if returned.header("X-Failed-Recipients"):
        return _by_system(returned)
    folded = " ".join(f"{returned.decoded('Subject')} . {words}".split())
    told = _GOES_ON.search(folded) is not None or (_fails(folded) and _has_structure(returned, words))
    return told and (_by_system(returned) or _is_plain_by_itself(returned, words))


def _is_plain_by_itself(returned: IncomingMail, words: str) -> bool:
    """Tell whether subject, code and quoted message leave no doubt, whatever the mail system calls itself."""
    quotes = returned.quotes() or any(quotes_a_message(text) for text in returned.texts())
    return quotes and CODE_LINE.search(words) is not None and _BOUNCE.match(returned.decoded("Subject")) is not None


def _by_system(returned: IncomingMail) -> bool:
    """Tell whether a mail system wrote it; a person's name is in the From line of what a person wrote."""
    sender = returned.decoded("From")
    nobody = returned.header("Return-Path") == "<>" and returned.quotes()
    return nobody or _SYSTEM.search(sender) is not None


def _fails(folded: str) -> bool:
    plain = read_reply(folded).whole
    return any(pattern.search(text) for text in (folded, plain) for pattern in (_BOUNCE, _GOES_ON)) or bool(
        CODE_LINE.search(folded)
    )


def _speaks_against(returned: IncomingMail, words: str) -> bool:
    """Tell whether it is a receipt, somebody who is away, a challenge, or a human who answers."""
    subject = returned.decoded("Subject")
    if "disposition-notification" in returned.header("Content-Type").lower():
        return True
    coded = CODE_LINE.search(words) is not None
    if not _BOUNCE.search(subject) and (_AWAY.search(subject) or _answers_by_itself(returned)):
        return True
    return not coded and (_ANSWER.match(subject) is not None or _CHALLENGE.search(words) is not None)


def _answers_by_itself(returned: IncomingMail) -> bool:
    submitted = returned.header("Auto-Submitted").lower()
    return "vacation" in submitted or any(returned.header(name) for name in _AUTO_HEADERS)


def _has_structure(returned: IncomingMail, words: str) -> bool:
    return (
        CODE_LINE.search(words) is not None
        or _ADDRESS_LINE.search(words) is not None
        or returned.quotes()
        or any(quotes_a_message(text) for text in returned.texts())
    )


def _bounce(returned: IncomingMail) -> MailReport:
    words = returned.words()[:_LONGEST]
    folded = " ".join(words.split())
    goes_on = _GOES_ON.search(folded) and not (_GAVE_UP.search(folded) or _FIVE.search(words))
    said = said_in(words)
    judged = classify(said, stage=read_reply(folded).stage, report=folded, trying=bool(goes_on))
    kind = EventKind.DEFERRED if goes_on else EventKind.BOUNCED
    told = said[:_LONGEST].replace("\x00", " ")
    return MailReport(kind=kind, told=told, token=returned.sent_to, meaning=Meaning.of(judged))


def _is_automatic(returned: IncomingMail) -> bool:
    """Tell whether a machine answered (RFC 3834, and what came before it)."""
    submitted = returned.header("Auto-Submitted").lower()
    return (
        (bool(submitted) and submitted != "no")
        or returned.header("Precedence").lower() in _AUTO_PRECEDENCE
        or any(returned.header(name) for name in _AUTO_HEADERS)
        or returned.header("X-Auto-Response-Suppress").lower() == "all"
        or returned.header("Return-Path") == "<>"
    )
