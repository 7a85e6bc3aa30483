"""Telephone numbers of registries, as far as they can be dialled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

__all__ = ["Dialled", "dialled"]

_LONGEST = 60
_NORTH_AMERICA = 1
_FREE_IN = frozenset({"US", "CA"})
_FREE = re.compile(r"(?:\+?1[ .-]*)?\(?8(?:00|33|44|55|66|77|88)\)?[ .-]*\d{3}[ .-]*\d{4}")
_SPOKEN = re.compile(
    r"^(?:(?:tele)?phone|tel|ph|mobile|cell|call|office|work)\b[ .:]*(?:no\b|number\b)?[ .:]*", re.IGNORECASE
)
_EXTENSION = re.compile(
    r"[ ,;/(-]*(?<![a-z])(?:ext(?:ension|n)?|x|poste|anexo|int(?:erno)?|durchwahl)[ .:#]*(\d{1,7})\)?", re.IGNORECASE
)
_OTHERS = re.compile(
    r"\s*(?:[;,]|(?<=\d{4})\s*/(?=\s*[+\d(])|\bor\b|\bund\b|\bou\b|\band\b|&|\((?=[a-zA-Z])|\b(?:fax|mon|m-f)\b).*$",
    re.IGNORECASE | re.DOTALL,
)
_TRUNK = re.compile(r"^(\+[\d ]{1,5})\(0\)")
_WRITTEN = re.compile(r"[+\d(][\d\s().\-/–]{4,30}")
_FAX = re.compile(r"\bfax\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialled:
    """A telephone number for a reader.

    ``text`` is what is shown (empty: there is no number), ``extension`` stands apart from it. ``tel`` is what a
    ``tel:`` link needs (``+442079460000``); None where nobody can tell how it is dialled. ``note`` is ``usa`` for a
    number that is free of charge and can be dialled from there only.
    """

    text: str
    tel: str | None = None
    note: Literal["usa"] | None = None
    extension: str = ""


@lru_cache(maxsize=8_192)
def dialled(text: str | None, country: str | None) -> Dialled:
    """Return how a number is dialled; a fax is none.

    >>> dialled("020 7946 0000 ext. 12; Mon-Fri", "GB")
    Dialled(text='+44 20 7946 0000', tel='+442079460000', note=None, extension='12')

    Args:
        text: as the registry has it.
        country: where it is (ISO 3166-1 alpha-2); None: nobody knows, so that only a number with ``+`` is a link.
    """
    shown = " ".join((text or "").split())
    if not any(map(str.isdigit, shown)) or _FAX.match(shown):
        return Dialled(text="" if _FAX.match(shown) else shown[:_LONGEST])
    bare, extension = _parted(shown)
    number = _number(bare, country)
    if number is None:
        return Dialled(text=_short(bare, shown), note="usa" if _FREE.fullmatch(bare) else None, extension=extension)
    written = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    if number.country_code == _NORTH_AMERICA and _is_free(number) and country not in _FREE_IN:
        return Dialled(text=written, note="usa", extension=extension)
    return Dialled(text=written, tel=phonenumbers.format_number(number, PhoneNumberFormat.E164), extension=extension)


def _short(bare: str, shown: str) -> str:
    """Return the number alone where it is one, else what was written."""
    return (bare if _WRITTEN.fullmatch(bare) else shown)[:_LONGEST]


def _parted(shown: str) -> tuple[str, str]:
    """Return the first number of a text without what is said around it, and its extension."""
    bare = _SPOKEN.sub("", shown)
    found = _EXTENSION.search(bare)
    if found:
        bare = bare[: found.start()]
    bare = _OTHERS.sub("", bare).strip(" .,-:")
    if bare.startswith("00"):
        bare = f"+{bare[2:]}"
    return _TRUNK.sub(r"\1", bare), found[1] if found else ""


def _number(bare: str, country: str | None) -> PhoneNumber | None:
    """Return a number that is a valid one of the country, or of its own where it is written with ``+``."""
    if not _WRITTEN.fullmatch(bare):
        return None
    try:
        number = phonenumbers.parse(bare, None if bare.startswith("+") else country)
    except NumberParseException:
        return None
    if bare.startswith("+"):
        return number if phonenumbers.is_valid_number(number) else None
    foreign = _FREE.fullmatch(bare) and not _is_free(number)  # of America, though it would pass for a number here
    return number if not foreign and phonenumbers.is_valid_number_for_region(number, country or "") else None


def _is_free(number: PhoneNumber) -> bool:
    return phonenumbers.number_type(number) == PhoneNumberType.TOLL_FREE
