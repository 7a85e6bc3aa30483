"""A picture that a message carries within it: shown where its HTML names it, and fetched from nowhere."""

from __future__ import annotations

from base64 import b64encode, encodebytes
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Picture"]


@dataclass(frozen=True)
class Picture:
    """A picture: its file name, its media type (``image/png``), its bytes. All messages share one."""

    name: str
    media_type: str
    data: bytes

    @cached_property
    def content_id(self) -> str:
        """By what name HTML asks for it (RFC 2392)."""
        return f"{self.name.partition('.')[0]}@mail"

    @cached_property
    def url(self) -> str:
        """The address of the picture within its message."""
        return f"cid:{self.content_id}"

    @cached_property
    def text(self) -> str:
        """The bytes in base64 on one line."""
        return b64encode(self.data).decode()

    @cached_property
    def part(self) -> bytes:
        """The picture as a part of a message, without a last line end."""
        head = (
            f"Content-Type: {self.media_type}\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-ID: <{self.content_id}>\r\n"
            f'Content-Disposition: inline; filename="{self.name}"\r\n\r\n'
        )
        return head.encode() + encodebytes(self.data).rstrip().replace(b"\n", b"\r\n")
