"""The time: the only place that asks what time it is.

Everything else takes a :class:`Clock`, so that a test can freeze the time and a preview can look ahead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import available_timezones

__all__ = ["Clock", "FrozenClock", "SystemClock", "zone_names"]


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the time zones that this machine knows: asking again would walk through all their files."""
    return frozenset(available_timezones())


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError(f"a clock needs an aware datetime, not {at!r}")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment at which the clock stands, aware, in UTC."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move the clock on by ``by``."""
        self._at += by

    def move_to(self, at: datetime) -> None:
        """Set the clock to ``at`` (aware)."""
        self._at = at.astimezone(UTC)
