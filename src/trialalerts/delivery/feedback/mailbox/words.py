"""The words of a report: a mail's text without the copy of ours, and what the other server said in it."""

from __future__ import annotations

import html
import re
from base64 import b64decode
from binascii import Error
from email.message import Message
from quopri import decodestring

__all__ = ["CODE_LINE", "own_words", "quotes_a_message", "said_in", "text_of"]

_MOST = 20_000
_COPY = re.compile(
    r"^[\s>|*#]{0,10}-{2,}.{0,60}(?:copy|original|below this line|returned message|message (?:text|body"
    r"|header|content)"
    r"|undelivered message|unsent message|header)"
    r"|^.{0,60}\b(?:copy of (?:the|your|this)|original (?:message|mail|e-?mail)|message (?:headers?|text"
    r"|body|contents?)|headers of"
    r"|returned (?:message|mail)|unsent message|copie de (?:votre|ce)|message (?:original|d'origine)"
    r"|copia del?|mensaje original|mensagem original"
    r"|kopie (?:ihrer|der)|originalnachricht|ursprüngliche nachricht"
    r"|messaggio originale)\b.{0,60}(?:follow|below|attached|included|:\s*$|suit|folgt|-{2,})"
    r"|^.{0,30}(?:元のメッセージ|オリジナル|送信された(?:メール|メッセージ)|原邮件|原始邮件).{0,40}$"
    r"|^(?:Received|Return-Path|DKIM-Signature|MIME-Version|Message-ID|X-Mailer|X-Originating-IP): ?\S.{0,300}$"
    r"|^Begin (?:of )?(?:message|quoted)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADERS = re.compile(r"^(?:Received|From|To|Subject|Date|Message-ID|Return-Path):", re.IGNORECASE | re.MULTILINE)
_BREAKS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?td|/?li|/?h\d|/?table|hr)\b[^<>]{0,500}>", re.IGNORECASE)
_UNSEEN = ("style", "script", "head", "title")
_TAG = re.compile(r"<[/!a-z][^<>@]{0,1000}>", re.IGNORECASE)
CODE_LINE = re.compile(r"(?<![\w.#/\-(\[=])[45][0-5]\d[ \-](?!\d\d)|(?<![\w./\-])[45]\.\d{1,2}\.\d{1,3}(?![\w.]\d)")
_HEARD = re.compile(r"^.{0,3}<<< ?(\d\d\d)[ -](.*)$", re.MULTILINE)
_ADDRESS_LINE = re.compile(r"^[\s*>\"']{0,12}(?:To: ?)?<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?", re.IGNORECASE)
_REASON = re.compile(
    r"^[\s*>(]{0,12}(?:reason|error|diagnos\w+|grund|fehler\w*|raison|motivo|erreur|理由|原因)\b[^:]{0,30}[:：]",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"this (?:message|e-?mail|report) (?:was|is|has been) (?:created|generated|an? auto)[^.\n]{0,80}"
    r"|(?:the |your |a |this )?(?:message|e-?mail|mail)s?\b[^.\n:]{0,60}\b(?:could|can|did|was|were|has"
    r"|have)(?: ?not|n't)\b[^.\n:]{0,20}\b(?:deliver\w*|reach|sent)\b[^.:\n]{0,60}"
    r"|deliver\w*\b[^.\n:]{0,40}\b(?:fail\w*|unsuccessful|impossible|delayed)\b[^.:\n]{0,60}"
    r"|undelivera\w+[^.:\n]{0,40}"
    r"|(?:i'm afraid )?i wasn't able to deliver[^.:\n]{0,80}|this is a permanent error[^.\n]{0,40}"
    r"|i've given up[^\n]{0,40}|sorry it didn't work out"
    r"|(?:does|did) not like (?:recipient|our [a-z ]{2,10})\b|giving up on[^\n]{0,60}"
    r"|permanent (?:fatal )?errors?\b|the following address(?:es|\(es\))?[^.:\n]{0,60}"
    r"|an error (?:has )?occurred[^.:\n]{0,100}|no valid recipients were found for this message"
    r"|rejected by the (?:recipient|remote|destination)[^.:\n]{0,60}"
    r"|(?:e-?mail|message) (?:was )?(?:returned|refused|rejected) by[^.:\n]{0,80}",
    re.IGNORECASE,
)


def text_of(part: Message) -> str:
    """Return the text of a part, decoded; of HTML what is read; at most 20,000 characters."""
    payload = part.get_payload()
    if isinstance(payload, list):
        text = "\n\n".join(_raw(each) for each in payload if isinstance(each, Message))
        return _decoded(part, text)[:_MOST]
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    text = _in_letters(content[: 4 * _MOST], str(part.get_param("charset", "") or ""))
    return (_without_tags(text) if part.get_content_subtype() == "html" or _looks_like_html(text) else text)[:_MOST]


def own_words(text: str) -> str:
    """Return what the mail system itself says, without the copy of our mail below it."""
    found = _COPY.search(text)
    return text[: found.start()] if found and found.start() > 0 else text


def quotes_a_message(text: str) -> bool:
    """Tell whether a text goes on to quote a message or its headers."""
    return len({found.lower() for found in _HEADERS.findall(text)}) > 1 or _COPY.search(text) is not None


def said_in(text: str) -> str:
    """Return the other server's words in a report's own: heard lines, lines with a code, what stands at an address.

    The reporting system's sentences are no evidence; where nothing else stands there, what is left of them is.
    """
    heard = [found for found in _HEARD.findall(text) if found[0][0] in "45" and found[0] != "503"]
    if heard:
        return " ".join(f"{code} {words}" for code, words in heard if code == heard[-1][0])
    lines = text.splitlines()
    chosen = (
        _with_following(lines, CODE_LINE) or _with_following(lines, _REASON) or _with_following(lines, _ADDRESS_LINE)
    )
    return _BOILERPLATE.sub(" ", " ".join(chosen.split()) if chosen else text).strip()


def _with_following(lines: list[str], pattern: re.Pattern[str]) -> str:
    """Return the lines that meet a pattern, each with what belongs to it, up to a blank line."""
    taken: list[str] = []
    goes_on = False
    for line in lines:
        if pattern.search(line[:500]):
            goes_on = True
        elif not line.strip():
            goes_on = False
        if goes_on:
            taken.append(line.strip())
        if len(taken) > 12:  # noqa: PLR2004 - a reply is not longer
            break
    return "\n".join(taken)


def _raw(message: Message) -> str:
    heads = "\n".join(f"{name}: {value}" for name, value in message.raw_items())
    body = message.get_payload()
    text = f"{heads}\n\n{body}" if isinstance(body, str) and body.strip() else heads
    return _in_letters(text.encode(errors="surrogateescape"), "")


def _decoded(part: Message, text: str) -> str:
    """Undo an encoding that a status part must not have, and has."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "base64":
        try:
            return b64decode("".join(text.split()), validate=False).decode(errors="replace")
        except (Error, ValueError):
            return text
    return (
        decodestring(text.encode(errors="replace")).decode(errors="replace") if encoding == "quoted-printable" else text
    )


def _in_letters(content: bytes, charset: str) -> str:
    first = "iso-2022-jp" if b"\x1b$" in content else "utf-8"
    for name in (first, charset, "latin-1"):
        try:
            if name:
                return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode(errors="replace")


def _looks_like_html(text: str) -> bool:
    return re.match(r"\s{0,20}<(?:!doctype html|html|body)\b", text, re.IGNORECASE) is not None


def _without_tags(text: str) -> str:
    for name in _UNSEEN:
        first, *rest = re.split(f"<{name}\\b", text, flags=re.IGNORECASE)
        text = first + " ".join(piece[max(piece.lower().find(f"</{name}"), 0) :] for piece in rest)
    return html.unescape(_TAG.sub(" ", _BREAKS.sub("\n", text)))
