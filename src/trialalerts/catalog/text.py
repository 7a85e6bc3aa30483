"""The cleaning of text: markdown, HTML and escapes become plain text; article HTML becomes harmless.

Nothing here raises, whatever the text, and nothing takes more than linear time. What comes out holds no
NUL, no control character but the line feed, no invisible or direction-turning character and no lone
surrogate: databases, JSON, mail and readers' eyes refuse or mangle those. A clean text stays as it is.
"""

from __future__ import annotations

import re
import sys
from html import escape
from html.entities import html5

__all__ = ["clean_line", "clean_text", "sanitised_html", "storable", "summary_of"]

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_BAD = "\0-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff"
_BLANK = "\t\xa0\u2000-\u200a\u202f\u205f\u3000"
_BREAK = "\r\x85\u2028\u2029"
_BULLETS = "*•·●○◦▪▫■□‣⁃∙➢➤✓"
_ODD = re.compile(f"[{_BAD}{_BLANK}{_BREAK}]")
_WORK = re.compile(rf"[\\<&\n{_BAD}{_BLANK}{_BREAK}{_BULLETS}]|  |^[ #]| $|\]\(")
"""What a text must hold to need any work; most names and titles hold nothing of it."""

_BREAKS = re.compile("\r\n?|[\x85\u2028\u2029]")
_BLANKS = re.compile(f"[{_BLANK}]")
_INVISIBLE = re.compile(f"[{_BAD}]")

_AMPERSANDS = re.compile(r"&(?:amp;|#0*38;|#x0*26;)+", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_WINDOWS = {0x80 + i: c for i, c in enumerate("€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ")}

_VALUE = r"""(?:"[^"<>]*"|'[^'<>]*'|[^\s<>"'=`]+(?:=[^\s<>"'`]*)?)"""
_VALUED = r"""(?:xml:|xmlns:?|data-|aria-|on)?[a-z][a-z-]*"""
_FLAGS = (
    r"allowfullscreen|async|autofocus|autoplay|checked|compact|controls|defer|disabled|hidden|ismap|itemscope|loop|multiple"
    r"|muted|nohref|noshade|novalidate|nowrap|open|playsinline|readonly|required|reversed|selected|data-[\w-]+"
)
_REST = rf"""(?:(?:\s++|(?<=["']))(?:{_VALUED}\s*=\s*{_VALUE}|(?:{_FLAGS})(?=[\s/>])))*+\s*+/?>"""
"""What stands between the name of a tag and its end: attributes, and nothing else. "A<B and C>D" compares."""


def _tags(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which ``…`` is the rest of a tag behind its name."""
    return re.compile(pattern.replace("…", _REST), re.IGNORECASE | re.DOTALL)


_DROPPED = _tags(r"<(script|style|head|title|noscript)…(?:.*?</\1\s*>|.*\Z)")
_COMMENT = re.compile(
    r"<!--(?:.*?-->|.*\Z)|<!\[CDATA\[|\]\]>|<!(?:doctype|element|entity)\b[^<>]*>|<\?[a-z][^<>]*>",
    re.DOTALL | re.IGNORECASE,
)
_FLOWS = _tags(r"<(?:p|div|li|td|h[1-6]|section)…")
_ITEM = _tags(r"<li…\s*")
_POWER = _tags(r"<sup…(?=[\d+−-])")
_CELL = _tags(r"<t[dh]…|</t[dh]\s*>")
_BLOCK = _tags(
    r"</?(?:[a-z]{1,12}:)?(?:p|div|ul|ol|dl|tr|table|tbody|thead|h[1-6]|section|article|blockquote|pre|hr|title|sec)…"
)
_BREAK_TAG = _tags(r"<(?:br|dt|dd)…")
_INLINE = _tags(
    r"</?([a-z]{1,12}:[a-z]{1,20}|a|abbr|acronym|address|aside|b|big|bdi|bdo|body|button|caption|center|cite|code|col"
    r"|colgroup|del|details|dfn|dt|dd|em|embed|figure|figcaption|font|footer|form|header|html|i|iframe|img|input|ins|kbd"
    r"|label|li|link|main|mark|meta|nav|nobr|o|object|option|q|s|samp|script|select|small|source|span|strike|strong|style"
    r"|sub|summary|sup|svg|tfoot|time|tt|u|var|video|wbr)…"
)
_CHAINED = re.compile(r"(?<=\w)<([abiqsu])>(?=\w)", re.IGNORECASE)
"""May be the middle of "A<B>C" as well as a tag: the one that is never closed."""

_BACKSLASHES = re.compile(r"\\{2,}")
_ESCAPE = re.compile(r"\\([!-/:-@\[\]^_`{-~])")
_IMAGE = re.compile(r"!\[[^\[\]\n]*\]\([^()\s]*\)")
_LINK = re.compile(r"\[([^\[\]\n]*)\]\((?:https?:|mailto:|/|#)[^()\s]*\)")
_BOLD = re.compile(r"(?<!\w)\*\*(?=[^\s*])([^*\n]+)(?<=\S)\*\*(?!\w)")
_HEADING = re.compile(r"^ *#{1,6} +", re.MULTILINE)

_MARKDOWN = re.compile(r"\*\*|\]\(|^#|\n#")

_BULLET_STARTS = frozenset(f"{bullet} " for bullet in _BULLETS + "–-")
_BULLET = re.compile(rf"(?:[{_BULLETS}–-] +)+")
_RUNS = re.compile(r" {2,}")
_GAPS = re.compile(r"\n{3,}")

_MOST_ROUNDS = 8
_MOST_TAGS = 20_000
_SENTENCE_END = re.compile(r"[.!?…](?=[\"'”’)\]]*\s)")

_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "cite", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3"),
    *("h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "small", "span", "strong", "sub"),
    *("sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s\0-\x1f]", re.IGNORECASE)


def clean_text(text: str) -> str:
    """Return markdown or HTML as plain text.

    Bullets become ``- `` lines, numbered lists stay, a blank line parts two paragraphs.
    """
    if "\n" not in text and not _WORK.search(text):
        return text
    for _ in range(_MOST_ROUNDS):
        cleaned = _pass(text)
        if cleaned == text or not ("\\" in cleaned or "<" in cleaned or "&" in cleaned or _MARKDOWN.search(cleaned)):
            return cleaned
        text = cleaned
    return _pass(re.sub(r"[\\<&*#\[\]]", "", text))  # nobody writes this by accident


def clean_line(text: str) -> str:
    """Return a title or a name as plain text on one line.

    >>> clean_line("<b>Asthma</b> &amp; you")
    'Asthma & you'
    """
    if not _WORK.search(text):
        return text
    line = clean_text(" ".join(text.split()))
    return clean_line(line) if "\n" in line else line  # tags can part lines anew


def sanitised_html(html: str) -> str:
    """Return HTML without scripts, styles, images, forms and attributes; links only to http(s) and mailto.

    A body of more than 20,000 tags becomes plain paragraphs: no editor writes it, and deeply nested
    tags take quadratic time.
    """
    import nh3

    html = _INVISIBLE.sub("", storable(html))
    if html.count("<") > _MOST_TAGS:
        return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in clean_text(html).split("\n\n") if paragraph)
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_checked_link,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )


def summary_of(text: str, limit: int) -> str:
    """Return the beginning of a clean text on one line, at most ``limit`` characters (≥ 1).

    It is cut after a sentence where one ends in the second half of the room, else after a word with ``…``.
    """
    line = " ".join(text[: 4 * limit + 200].replace("\n- ", "\n– ").split())
    if len(line) <= limit:
        return line
    ends = [found.end() for found in _SENTENCE_END.finditer(line, 0, limit + 1)]
    if ends and limit // 2 <= ends[-1] <= limit:
        return line[: ends[-1]]
    cut = line.rfind(" ", 0, limit)
    return line[: cut if cut >= limit // 3 else limit - 1].rstrip(" ,;:–-") + "…"


def storable(text: str) -> str:
    """Return a text that every database and encoding takes: halves of surrogate pairs joined or replaced, no NUL."""
    if not _UNSTORABLE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")


def _pass(text: str) -> str:
    if _ODD.search(text):
        text = _INVISIBLE.sub("", _BLANKS.sub(" ", _BREAKS.sub("\n", storable(text))))
    if "&" in text:
        text = _ENTITY.sub(_character, _AMPERSANDS.sub("&", text))
    if "<" in text or "]]>" in text:
        text = _without_tags(text)
    if "\\" in text:
        text = _ESCAPE.sub(r"\1", _BACKSLASHES.sub(r"\\", text) if "\\\\" in text else text)
    if "](" in text:
        text = _LINK.sub(r"\1", _IMAGE.sub("", text))
    if "**" in text:
        text = _BOLD.sub(r"\1", text)
    if "#" in text:
        text = _HEADING.sub("", text)
    text = "\n".join(map(_line, text.split("\n"))).strip()
    if "  " in text:
        text = _RUNS.sub(" ", text)
    return _GAPS.sub("\n\n", text) if "\n\n\n" in text else text


def _line(line: str) -> str:
    line = line.strip(" ")
    return _BULLET.sub("- ", line, count=1) if line[:2] in _BULLET_STARTS else line


def _without_tags(text: str) -> str:
    text = _COMMENT.sub("", _DROPPED.sub(" ", text))
    if _FLOWS.search(text):
        text = text.replace("\n", " ")  # in HTML a line break is a blank; paragraphs have their tags
        text = _ITEM.sub("\n- ", text)
    text = _POWER.sub("^", _CELL.sub(" ", text))
    return _without_inline(_BREAK_TAG.sub("\n", _BLOCK.sub("\n\n", text)))


def _without_inline(text: str) -> str:
    if not _CHAINED.search(text):
        return _INLINE.sub("", text)
    lower = text.lower()
    closed = {name for name in "abiqsu" if f"</{name}>" in lower}
    compared = {found.start() for found in _CHAINED.finditer(text) if found[1].lower() not in closed}
    return _INLINE.sub(lambda found: found[0] if found.start() in compared else "", text)


def _character(entity: re.Match[str]) -> str:
    decimal, hexadecimal, name = entity.groups()
    if name:
        return html5.get(f"{name};") or html5.get(f"{name.lower()};") or entity[0]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code in _WINDOWS:
        return _WINDOWS[code]
    return "\ufffd" if code > sys.maxunicode or _UNSTORABLE.match(chr(code)) else chr(code)


def _checked_link(tag: str, attribute: str, value: str) -> str | None:
    return value if (tag, attribute) == ("a", "href") and _SAFE_LINK.match(value) else None
