"""The names of hospitals, short enough for a card."""

from __future__ import annotations

import re

from trialalerts.digests.cards.text import one_line

__all__ = ["short_hospital"]

_NUMBER_OF_A_SITE = re.compile(r"\s*(?:/ ?ID ?# ?\w*|\( ?Site ?[-#:]? ?\w* ?\))$", re.IGNORECASE)
_PARTS = re.compile(r"\s+[-–|/]+\s+|\s*[,;|(]\s*|:\s+|\s+affiliated (?:to|with)\s+", re.IGNORECASE)
_PLACE = re.compile(
    r"hospi|h[oô]pi|osped|clinic(?!al)|klini|krankenhaus|sanator|infirmar|universi|institut|cent(?:er|re|ro)\b|school|college"
    r"|foundation|fondazione|trust\b|practice|associates|research|oncology|\bchu?\b",
    re.IGNORECASE,
)
_OF_SOMEBODY = re.compile(r"\baffiliated hospital$|^(?:university|general|memorial) hospital$", re.IGNORECASE)
"""Ends so what is no name yet: of which university stands in the next part."""
_DEPARTMENT = re.compile(
    r"(?:\w+ )?(?:department|dept|division|unit)\b|(?:section|service|servicio|servizio|unité|klinik für|abteilung)\b",
    re.IGNORECASE,
)


def short_hospital(hospital: str, limit: int) -> str:
    """Return a hospital without a sponsor's number of it; a long one without its departments, else cut at a word.

    A part of it (what a comma or a dash ends) is a whole name, and needs no mark that it is cut.
    """
    named = _NUMBER_OF_A_SITE.sub("", hospital)
    if len(named) <= limit:
        return named
    return _whole_parts(_without_departments(named), limit) or one_line(named, limit)


def _without_departments(named: str) -> str:
    while _DEPARTMENT.match(named) and (found := _PARTS.search(named)):
        named = named[found.end() :]
    return named


def _whole_parts(named: str, limit: int) -> str:
    """Return as many parts of a name as fit; empty where they are no name yet."""
    ends = [len(named), *(found.start() for found in _PARTS.finditer(named))]
    beginning = named[: max((end for end in ends if end <= limit), default=0)]
    return beginning if _PLACE.search(beginning) and not _OF_SOMEBODY.search(beginning) else ""
