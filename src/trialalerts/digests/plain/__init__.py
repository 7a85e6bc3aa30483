"""The plain line of a study, made from the fields of its record: no model, no network."""

from __future__ import annotations

from trialalerts.digests.plain.line import Piece, PlainLine, plain_line
from trialalerts.digests.plain.shares import share_line

__all__ = ["Piece", "PlainLine", "plain_line", "share_line"]
