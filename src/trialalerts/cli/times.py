"""Moments as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from trialalerts.errors import InvalidInput
from trialalerts.subscribers.choices import WEEKDAYS

__all__ = ["moment_in", "moment_of", "since_of"]

_SPANS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


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


def moment_in(option: str, text: str, zone: ZoneInfo) -> datetime:
    """Return the moment that an option names; in ``zone`` where it names none.

    >>> moment_in("--at", "2026-12-01 08:00", ZoneInfo("Europe/Berlin")).isoformat()
    '2026-12-01T08:00:00+01:00'

    Raises:
        InvalidInput: it is neither a day nor a moment.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{option}: “{text}” is no moment; write 2026-03-02 or 2026-03-02 14:00") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def since_of(option: str, text: str | None, now: datetime, timezone: str) -> datetime | None:
    """Return since when, as people say it: a day, a moment, ``monday``, ``yesterday``, ``12h``, ``7d``, ``2w``.

    A day begins at midnight in ``timezone``; a weekday is the last one, today included.

    >>> since_of("--since", "monday", datetime(2026, 3, 4, 9, tzinfo=UTC), "Europe/Berlin").isoformat()
    '2026-03-02T00:00:00+01:00'

    Raises:
        InvalidInput: it is nothing of the kind.
    """
    if text is None:
        return None
    typed, zone = text.strip().lower(), ZoneInfo(timezone)
    if found := re.fullmatch(r"([0-9]{1,4})\s*([hdw])", typed):
        return now - int(found[1]) * _SPANS[found[2]]
    today = now.astimezone(zone).date()
    days = {"today": 0, "yesterday": 1}.get(typed)
    if typed in WEEKDAYS:
        days = (today.weekday() - WEEKDAYS.index(typed)) % 7
    if days is not None:
        return datetime.combine(today - timedelta(days=days), time(), tzinfo=zone)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", typed) and (day := moment_of(option, typed)):
        return day.replace(tzinfo=zone)
    try:
        return moment_of(option, text)
    except InvalidInput as error:
        raise InvalidInput(f"{error}, or: monday, yesterday, 12h, 7d, 2w") from None
