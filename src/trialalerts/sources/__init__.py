"""The sources: one file per kind; polling, cursors, conditional requests."""

from __future__ import annotations
