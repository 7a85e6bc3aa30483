"""The register's text of who can join, parted into two lists: what somebody needs, and what must not be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trialalerts.digests.cards.text import shortened

__all__ = ["Criteria", "part_criteria"]

_MARK = re.compile(r"^\s*(?:[-*•·–▪◦o]\s+|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]\s+)+")
_HEADING = re.compile(
    r"(?:[\w()/,&-]+ ){0,4}(inclusion|exclusion)(?: criteri(?:a|on|um))?\b[^:.]{0,60}(?::|$)", re.IGNORECASE
)
_PREFACE = re.compile(r"\b(?:following|these|all)\b.{0,40}\bcriteria\b.{0,20}:$", re.IGNORECASE)
"""“Patients must meet all of the following criteria:” says nothing that the heading does not."""
_LONGEST = 500
_CONTINUES = re.compile(r"[a-z(≥≤<>=]")


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What the register says, line by line; ``others`` stand under no heading. ``more`` lines are left out."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    more: int = 0

    def __bool__(self) -> bool:
        """Tell whether it says anything."""
        return bool(self.included or self.excluded or self.others)


@dataclass
class _Parts:
    """The lines of a text while it is read, by the heading they stand under."""

    lines: dict[str, list[str]] = field(default_factory=lambda: {"inclusion": [], "exclusion": [], "": []})
    under: str = ""
    follows: bool = False

    def read(self, line: str) -> None:
        """Read one line."""
        plain = _MARK.sub("", line).strip().strip("#*").strip()
        heading = _HEADING.match(plain)
        if heading and (heading[0].endswith(":") or not _MARK.match(line)):
            self.under, self.follows = heading[1].lower(), False
            plain = plain[heading.end() :].strip(" :")
        if not plain:
            self.follows = False
            return
        if _PREFACE.search(plain):
            return
        lines = self.lines[self.under]
        if self.follows and not _MARK.match(line) and _CONTINUES.match(plain):
            lines[-1] = f"{lines[-1]} {plain}"
        else:
            lines.append(plain)
        self.follows = True


def part_criteria(text: str, *, most: int, longest: int = _LONGEST) -> Criteria:
    """Return the two lists, each with at most ``most`` lines of at most ``longest`` characters.

    >>> part_criteria("Inclusion Criteria:\\n- asthma\\nExclusion Criteria:\\n- smoking", most=5).excluded
    ('smoking',)
    """
    parts = _Parts()
    for line in text.splitlines():
        parts.read(line)
    shown = {name: tuple(shortened(line, longest) for line in lines[:most]) for name, lines in parts.lines.items()}
    left = sum(max(0, len(lines) - most) for lines in parts.lines.values())
    return Criteria(included=shown["inclusion"], excluded=shown["exclusion"], others=shown[""], more=left)
