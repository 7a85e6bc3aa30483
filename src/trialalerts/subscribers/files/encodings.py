"""The encoding of a list: Unicode by its marks or its bytes, else the one in which its letters make words.

What spreadsheets write without saying so is Windows-1252, Mac Roman (Excel on old Macs) or code page 850 ("CSV
(MS-DOS)"). A wrong guess turns an ü in the middle of a word into a sign or a capital letter, so each is judged by how
its letters beyond ASCII stand among the others.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from trialalerts.errors import InvalidInput

__all__ = ["DecodedList", "decode_list"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED = {"cp1252": "Windows-1252", "mac_roman": "Mac Roman", "cp850": "code page 850"}
_AT_HOME = frozenset("äöüßéèêàâçñáíóúîïôûëœæøåÄÖÜÉÀÇÑÁÍÓÚ")
_RARE = frozenset("îïûëœæøåÀÇÑÁÍÓÚ")
_SIGNS = frozenset("’‘“”„«»–—…€£§©®™´¡¿°·")
_BEYOND = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True, kw_only=True)
class DecodedList:
    """The text of a file, and how it was encoded, in words; ``certain`` where its bytes left no doubt."""

    text: str
    encoding: str
    certain: bool = True


def decode_list(content: bytes, encoding: str = "") -> DecodedList:
    """Return the text of a file.

    Args:
        content: the whole file.
        encoding: a name such as ``latin2``, where it is known; empty: found out.

    Raises:
        InvalidInput: it is no text, not in that encoding, or there is no encoding of that name.
    """
    if encoding:
        return _strictly(content, encoding, encoding)
    if found := next((name for mark, name in _MARKS if content.startswith(mark)), _unmarked(content)):
        return _strictly(content, found, found.removesuffix("-sig").upper())
    try:
        return _strictly(content, "utf-8", "UTF-8")
    except InvalidInput:
        _refuse_mixed(content)
    guessed = max(_GUESSED, key=lambda name: _likeness(content, name))
    return DecodedList(text=content.decode(guessed, "replace"), encoding=_GUESSED[guessed], certain=False)


def _strictly(content: bytes, codec: str, name: str) -> DecodedList:
    try:
        return DecodedList(text=content.decode(codec), encoding=name)
    except LookupError:
        raise InvalidInput(f"“{codec}” is no encoding; name one such as utf-8, cp1252, mac_roman, latin2.") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The file is not {name}: byte {error.start} makes no sense.") from None


def _refuse_mixed(content: bytes) -> None:
    """Refuse what is UTF-8 but for some bytes: read as anything else, all the other letters would be wrong."""
    text = content.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if len(_BEYOND.findall(text)) > 2 * wrong:
        line = text.count("\n", 0, text.index("\ufffd")) + 1
        raise InvalidInput(f"Line {line} is not UTF-8, and the other lines are; save the whole file as “CSV UTF-8”.")


def _unmarked(content: bytes) -> str | None:
    """Return which UTF-16 this is, by the zero bytes beside the letters of its first line; None for neither."""
    start = content[:4]
    if len(start) < 4:  # noqa: PLR2004 - two letters
        return None
    if start[0] and start[2] and not start[1] and not start[3]:
        return "utf-16-le"
    return "utf-16-be" if start[1] and start[3] and not start[0] and not start[2] else None


def _likeness(content: bytes, codec: str) -> int:
    """Return how well a text reads in an encoding."""
    text = content.decode(codec, "replace")
    return sum(_worth(text, found.start()) for found in _BEYOND.finditer(text))


def _worth(text: str, place: int) -> int:
    """Judge a letter beyond ASCII by the letters beside it."""
    sign = text[place]
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    beside, between = before.isalpha() or after.isalpha(), before.isalpha() and after.isalpha()
    if sign in _AT_HOME:
        if sign.isupper() and before.islower():
            return -2
        if not beside:
            return 1 if sign in "àÀ" else -1
        return 2 if sign in _RARE else 3
    if sign in _SIGNS:
        if between:
            return 3 if sign == "’" else -1
        return 1
    return -3 if beside else -1
