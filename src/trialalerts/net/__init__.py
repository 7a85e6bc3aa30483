"""HTTP to others: one client, which addresses may be called, bounded bodies."""

from __future__ import annotations
