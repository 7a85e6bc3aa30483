"""The operator's logo: a small picture that mails bring with them and pages show, read from a file and checked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trialalerts.errors import ConfigurationError

if TYPE_CHECKING:
    from trialalerts.settings.sections import LookSettings

__all__ = ["LARGEST_LOGO", "Logo", "logo_fault", "read_logo"]

LARGEST_LOGO = 20_000
"""Bytes: each mail carries them (a third more on the way), and the longest mail stays below 60 kB with them."""
_MOST_WIDE, _MOST_HIGH = 220, 44
"""Pixels as mails show it; a file with twice as many is sharp on every telephone."""
_PNG, _JPEG, _GIF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", (b"GIF87a", b"GIF89a")
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""The markers of a JPEG that tell how large it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Logo:
    """A picture: its bytes, its kind (``png``, ``jpeg``, ``gif``), and how large it is shown, in pixels."""

    data: bytes
    kind: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """As what file it is had."""
        return f"logo.{self.kind}"

    @property
    def media_type(self) -> str:
        """What it is, as mails and pages say it."""
        return f"image/{self.kind}"


def read_logo(look: LookSettings) -> Logo | None:
    """Return the logo of the configuration; None without one.

    Raises:
        ConfigurationError: it cannot be read, is too large, or of a kind that mail programs do not show.
    """
    if not look.logo:
        return None
    file = Path(look.logo)
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_LOGO + 1)
            size = max(len(data), file.stat().st_size)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(
            f"look.logo: {file} cannot be read ({reason}); name a file that is there, or leave it empty"
        ) from None
    if size > LARGEST_LOGO:
        raise ConfigurationError(
            f"look.logo: {file} has {size:,} bytes, and each mail would carry them; {LARGEST_LOGO:,} are the most: "
            f"make it at most {2 * _MOST_WIDE} pixels wide and {2 * _MOST_HIGH} high"
        )
    kind, width, height = _read(data)
    if not kind or width < 1 or height < 1:
        raise ConfigurationError(
            f"look.logo: {file} is no PNG, JPEG or GIF; mail programs show no other kind (SVG, WebP): save it as PNG"
        )
    scale = min(1.0, _MOST_WIDE / width, _MOST_HIGH / height)
    return Logo(data=data, kind=kind, width=max(1, round(width * scale)), height=max(1, round(height * scale)))


def logo_fault(look: LookSettings) -> Iterator[tuple[str, str]]:
    """Yield the key and what is wrong with the logo, where something is."""
    try:
        read_logo(look)
    except ConfigurationError as error:
        key, _, fault = str(error).partition(": ")
        yield key, fault


def _read(data: bytes) -> tuple[str, int, int]:
    """Return the kind of a picture, its width and its height; nothing where it is none of the three."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) > 24:  # noqa: PLR2004 - as PNG lays it out
        return ("png", *struct.unpack(">II", data[16:24]))
    if data.startswith(_GIF) and len(data) > 10:  # noqa: PLR2004 - as GIF lays it out
        return ("gif", *struct.unpack("<HH", data[6:10]))
    return ("jpeg", *_jpeg_size(data)) if data.startswith(_JPEG) else ("", 0, 0)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Go from segment to segment of a JPEG until one tells its size."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - begins each segment
        if data[at + 1] in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0
