"""The contrast of two colours, as WCAG 2 measures it, and where the operator's own fall short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialalerts.settings.sections import LookSettings

__all__ = ["ENOUGH", "contrast", "too_faint"]

ENOUGH = 4.5
"""What text needs against its ground (WCAG 2, level AA)."""
_WHERE = (
    ("look.accent", "accent", "#ffffff", "as the colour of links on white paper"),
    ("look.accent", "accent", "#f3f7f6", "as the colour of links in the block of a hospital"),
    ("look.accent_dark", "accent_dark", "#1b2226", "as the colour of links on dark paper"),
    ("look.accent_dark", "accent_dark", "#232d31", "as the colour of links in the block of a hospital, in the dark"),
    ("look.accent_dark", "accent_dark", "#0a2629", "behind the words of a button, in the dark"),
)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as ``#0b6470``: 1 (the same) to 21 (black on white).

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def too_faint(look: LookSettings) -> Iterator[tuple[str, str]]:
    """Yield the key of each colour that cannot be read somewhere, and where, with its contrast."""
    told: set[str] = set()
    for key, name, ground, where in _WHERE:
        found = contrast(getattr(look, name), ground)
        if found < ENOUGH and key not in told:
            told.add(key)
            yield key, f"{getattr(look, name)} has a contrast of {found:.1f} {where}; text needs {ENOUGH}"


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - of WCAG 2
