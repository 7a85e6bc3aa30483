"""The mail transports, one file each."""

from __future__ import annotations
