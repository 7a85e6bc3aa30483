"""Moments as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from trialalerts.errors import InvalidInput

__all__ = ["moment_of"]


def moment_of(option: str, text: str | None) -> datetime | None:
    """Return the day or moment that an option names, UTC where it names no zone; None where it is not given.

    >>> moment_of("--since", "2026-03-02").isoformat()
    '2026-03-02T00:00:00+00:00'

    Raises:
        InvalidInput: it is neither.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            f"{option}: “{text}” is no day and no moment; write 2026-03-02 or 2026-03-02T14:00"
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
