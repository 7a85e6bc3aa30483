"""The diseases that trials name in their conditions, beside those whose followers are told."""

from __future__ import annotations

from benchmarks.figures import Figure

__all__ = ["measure"]


def measure() -> list[Figure]:
    """Return nothing yet."""
    return []
