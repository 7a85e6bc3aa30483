"""Choices: what is stored, and what is said of what makes no sense."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.errors import InvalidInput
from trialalerts.subscribers import choices
from trialalerts.subscribers.tables import Frequency, SubscriberState


@pytest.mark.parametrize(
    ("check", "typed", "stored"),
    [
        (choices.checked_timezone, "europe/london", "Europe/London"),
        (choices.checked_timezone, "America/New York", "America/New_York"),
        (choices.checked_timezone, " UTC ", "UTC"),
        (choices.checked_locale, "de", "de"),
        (choices.checked_locale, "de_at", "de-AT"),
        (choices.checked_locale, "EN-GB", "en-GB"),
        (choices.checked_locale, "es-419", "es-419"),
        (choices.checked_frequency, " Weekly", Frequency.WEEKLY),
        (choices.checked_hour, "08:00", 8),
        (choices.checked_hour, "0", 0),
        (choices.checked_hour, 23, 23),
        (choices.checked_weekday, "Tuesday", 1),
        (choices.checked_weekday, "su", 6),
        (choices.checked_weekday, 4, 4),
        (choices.checked_day, "28", 28),
        (choices.checked_date, "2026-12-01", date(2026, 12, 1)),
        (choices.checked_state, "paused", SubscriberState.PAUSED),
        (choices.checked_label, "  for\r\n Anna\0 ", "for Anna"),
        (choices.checked_label, " ", None),
    ],
)
def test_what_makes_sense_is_stored_in_one_spelling(check: Callable[[Any], Any], typed: Any, stored: Any) -> None:
    assert check(typed) == stored
    if stored is not None:
        assert check(stored) == stored


@pytest.mark.parametrize(
    ("check", "typed", "said"),
    [
        (choices.checked_timezone, "Europe/Lodnon", "“Europe/Lodnon” is no time zone. Did you mean “Europe/London”"),
        (choices.checked_timezone, "london", "Did you mean “Europe/London”"),
        (choices.checked_timezone, "", "such as Europe/London"),
        (choices.checked_timezone, "../../etc/passwd", "is no time zone"),
        (choices.checked_locale, "german", "Did you mean “de”"),
        (choices.checked_locale, "it", "Did you mean “en”, “de”, “fr” or “es”"),
        (choices.checked_locale, "fr-GB", "Did you mean “fr”"),
        (choices.checked_locale, "", "is no language we write"),
        (choices.checked_frequency, "weakly", "“weakly” is no frequency. Did you mean “weekly”"),
        (choices.checked_frequency, "x", "“immediately”, “daily”, “weekly” or “monthly”"),
        (choices.checked_hour, "24", "write 0 to 23"),
        (choices.checked_hour, "8:30", "write 0 to 23"),
        (choices.checked_hour, "-1", "write 0 to 23"),
        (choices.checked_weekday, "wensday", "Did you mean “wednesday”"),
        (choices.checked_weekday, "t", "is no day of the week"),
        (choices.checked_weekday, "7", "is no day of the week"),
        (choices.checked_day, "29", "write 1 to 28"),
        (choices.checked_day, "0", "write 1 to 28"),
        (choices.checked_date, "1.12.2026", "write year-month-day, such as 2026-12-01"),
        (choices.checked_date, "2026-02-30", "“2026-02-30” is no date: day is out of range for month"),
        (choices.checked_state, "erased", "is no state of a subscriber"),
        (choices.checked_yes, "maybe", "neither yes nor no"),
        (choices.checked_label, "x" * 81, "at most 80 characters"),
    ],
)
def test_what_makes_no_sense_is_named_with_the_nearest_choices(
    check: Callable[[Any], Any], typed: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(typed)
    assert said in str(caught.value)


def test_yes_and_no_are_read_as_people_write_them() -> None:
    assert [choices.checked_yes(word) for word in ("Yes", "true", "1", " no ", "FALSE", "0", "")] == [True] * 3 + [
        False
    ] * 4


@given(st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})))
def test_every_time_zone_is_known(name: str) -> None:
    assert choices.checked_timezone(name) == name
