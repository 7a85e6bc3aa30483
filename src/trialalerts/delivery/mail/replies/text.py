"""The text of a reply, made ready for the tables: codes, stage, reason, advice.

Addresses, machines and links become signs of their own, so that a word within a name is no word of the server.
What is looked at is bounded, and so is every gap in a pattern: a reply may be written to harm.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ServerReply", "Stage", "read_reply"]

_LONGEST = 1_000
_LONGEST_RAW = 8_000

_SAID = re.compile(
    r"\bsaid:|\bserver (?:returned|responded|replied|answered|said):?|\breturned:"
    r"|\bresponded:?(?: with:?)?|\breplied:"
    r"|response (?:was|from[^:]{0,80}):|\berror (?:was|message):|<<<",
    re.IGNORECASE,
)
_REPLY = re.compile(r"(?<![\w.#/\-(\[:=])[45][0-5]\d(?=[\s\-:,]|$)(?!-\d\d)")
_ENHANCED = re.compile(r"(?<![\w.\-/_])[245]\.\d{1,3}\.\d{1,3}(?![\d])(?!\.\d)")
_ADDRESS = re.compile(
    r"<?[^\s<>@;:,\"'()\[\]]{1,80}(?:@|%40|＠)(?:[\w.\-]{1,200}|\[[\d.:a-f]{1,60}\])>?", re.IGNORECASE
)
_URL = re.compile(r"\bhttps?:/{0,2}([\w.\-]{1,100})[^\s<>]{0,300}", re.IGNORECASE)
_IP = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]\d)|(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}[0-9a-f:]{0,20}", re.IGNORECASE
)
_HOST = re.compile(r"(?<![\w.\-])(?:[A-Za-z0-9_\-]{1,63}\.){1,8}[a-z]{2,24}(?![\w\-])\.?")
_FILE = re.compile(r"(?:exe|zip|html?|php|cgi|pl|cf|txt|pdf|docx?|js|scr|bat)\.?$")
_MARKS = re.compile("(?<=[A-Za-z])[\u0300-\u036f]+")
_BLANKS = re.compile(r"[\x00-\x20\x7f\u00a0\u2028\u2029]+")
_APOSTROPHES = str.maketrans("’‘´`", "''''")
_TYPE = re.compile(r"^\s*(?:smtp|x-[\w.\-]{1,40}|dns)\s*;\s*", re.IGNORECASE)
_CONTINUED = re.compile(r"(?<=\s)([45]\d\d)-(?=\d\.|\s|[A-Za-z])")
_IN_REPLY = re.compile(
    r"\(?in (?:reply|response) to (?:the )?(end of data|data|rcpt|mail|ehlo|helo|connect\w*|auth"
    r"|starttls)[^()]{0,40}\)?",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?:\bafter |>>> |\bour |at the end of )(?:pipelined |sending )?(?:the )?"
    r"(end of data|data|rcpt|mail from|mail|ehlo|helo|initial connection|connection)\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\bplease\b|\bpls\b|for (?:more|further|additional) (?:information|details|help)|for (?:help"
    r"|assistance|support)\b"
    r"|\bif you (?:believe|think|feel|are|have|need|want|wish|still|did)|\bif (?:our|this|it|your|there) "
    r"|(?<!trying to )(?<!tried to )(?<!unable to )(?<!could not )(?<!cannot )\bcontact\b"
    r"|\bmore info|\blearn more|\bsee (?:also |our |the )?(?:§u|http)|\bvisit\b|\brefer to"
    r"|\bbitte\b|\bveuillez|\bmerci de|\bpor favor|\bsi prega",
)


class Stage(StrEnum):
    """The command that a reply answers; DATA is the end of the message's text."""

    CONNECT = "connect"
    EHLO = "ehlo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


@dataclass(frozen=True, kw_only=True)
class ServerReply:
    """What a server said: ``whole`` and its ``reason`` in small letters without accents, and the codes within.

    ``§a`` stands for an address, ``§i`` for a machine's number, ``§h`` for its name, ``§u`` for a link. ``named``
    keeps the names and links: the names of block lists stand there.
    """

    whole: str
    reason: str
    named: str
    reply: str | None
    codes: tuple[str, ...]
    stage: Stage | None

    @property
    def code(self) -> str | None:
        """The codes as they are shown: ``550 5.1.1``."""
        return " ".join(each for each in (self.reply, *self.codes[:1]) if each) or None

    @property
    def temporary(self) -> bool:
        """Whether any code says that it may be otherwise tomorrow."""
        return (self.reply or "").startswith("4") or any(code.startswith("4") for code in self.codes)

    @property
    def empty(self) -> bool:
        """Whether there are no words beside the codes."""
        return not any(sign.isalpha() for sign in self.whole)


def read_reply(words: str, stage: Stage | None = None) -> ServerReply:
    """Make the server's words ready; ``stage`` where it is known and the words need not tell it."""
    folded = _BLANKS.sub(" ", words[:_LONGEST_RAW])
    stage = stage or _stage(folded)
    text = _IN_REPLY.sub(" ", _last_speaker(_TYPE.sub("", folded)))[:_LONGEST]
    text = _ADDRESS.sub(" §a ", text)
    text = _CONTINUED.sub(r"\1 ", text)
    reply = _REPLY.search(text)
    codes = tuple(dict.fromkeys(found[0] for found in _ENHANCED.finditer(_IP.sub(" ", text)) if found[0][0] in "45"))
    named = _plain(text)
    masked = _HOST.sub(_host, _IP.sub(" §i ", _URL.sub(" §u ", text)))
    bare = _ENHANCED.sub(" ", _REPLY.sub(" ", masked))
    whole = " ".join(_plain(bare).split())
    return ServerReply(
        whole=whole, reason=_reason(whole), named=named, reply=reply[0] if reply else None, codes=codes, stage=stage
    )


def _last_speaker(text: str) -> str:
    """Return what the server furthest away said: each on the way quotes the next one."""
    start = 0
    for found in _SAID.finditer(text):
        if any(sign.isalnum() for sign in text[found.end() :][:40]):
            start = found.end()
    return text[start:]


def _stage(text: str) -> Stage | None:
    found = _IN_REPLY.search(text)
    word = found[1] if found else next((match[1] for match in reversed(list(_AFTER.finditer(text)))), "")
    return _STAGES.get(word.lower().split(" ")[0] if "data" not in word.lower() else "data")


_STAGES = {
    "data": Stage.DATA,
    "rcpt": Stage.RCPT,
    "mail": Stage.MAIL,
    "ehlo": Stage.EHLO,
    "helo": Stage.EHLO,
    "initial": Stage.CONNECT,
    "connect": Stage.CONNECT,
    "connection": Stage.CONNECT,
}


def _host(found: re.Match[str]) -> str:
    """A name with a dot is a machine, but the last sentence's word may lack its blank: that stays."""
    return found[0] if _FILE.search(found[0]) else " §h "


def _plain(text: str) -> str:
    """Return small letters without accents; the marks of other scripts, which change the letter, stay."""
    return unicodedata.normalize(
        "NFC", _MARKS.sub("", unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)))
    ).casefold()


def _reason(whole: str) -> str:
    """Return the words before the advice; all where nothing stands before it."""
    found = _ADVICE.search(whole)
    before = whole[: found.start()] if found else whole
    return before if len(re.findall(r"\w{3,}", before)) > 1 else whole
