"""Polling: which source is due, storing what it brings, where it stands."""

from __future__ import annotations
