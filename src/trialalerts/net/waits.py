"""How long a server asks to wait: Retry-After and other dates in its headers (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from trialalerts.clock import Clock, SystemClock

__all__ = ["moment_in", "retry_after", "seconds_till"]


def retry_after(headers: Mapping[str, str], clock: Clock | None = None) -> float | None:
    """Return the seconds of a Retry-After; None where there is none that can be read.

    >>> retry_after({"retry-after": "120"})
    120.0
    >>> retry_after({"retry-after": "Mon, 02 Mar 2026 10:30:00 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"})
    1800.0

    Args:
        headers: an answer's, with lower-case names.
        clock: what time it is where the answer bears no date of its own.
    """
    given = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", given):
        return float(given)
    at = _mail_moment(given)
    return None if at is None else seconds_till(at, headers, clock)


def seconds_till(moment: float, headers: Mapping[str, str], clock: Clock | None = None) -> float:
    """Return the seconds until a moment (in seconds since 1970), none where it is past.

    It is measured from the answer's own date, so that our clock need not be right.
    """
    said = _mail_moment(headers.get("date", ""))
    return max(0.0, moment - (said if said is not None else (clock or SystemClock()).now().timestamp()))


def moment_in(text: str) -> float | None:
    """Return a date in the form of e-mail or ISO 8601 in seconds since 1970; None where it is none."""
    at = _mail_moment(text)
    if at is not None:
        return at
    try:
        return _seconds(datetime.fromisoformat(text))
    except ValueError:
        return None


def _mail_moment(text: str) -> float | None:
    try:
        return _seconds(parsedate_to_datetime(text))
    except (ValueError, IndexError, TypeError):
        return None


def _seconds(at: datetime) -> float:
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()
