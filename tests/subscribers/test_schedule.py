"""The schedule, held to a specification that only ever looks at a clock on the wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trialalerts.subscribers.schedule import next_due
from trialalerts.subscribers.tables import Frequency

ZONES = sorted(available_timezones() - {"Factory", "localtime"})
GRID = timedelta(minutes=15)  # every offset and every change of the clocks from 2024 to 2030 lies on it
SCHEDULED = [Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY]


def is_slot(day: date, frequency: Frequency, weekday: int, month_day: int) -> bool:
    if frequency is Frequency.WEEKLY:
        return day.weekday() == weekday
    return frequency is Frequency.DAILY or day.day == month_day


def watched(frequency: Frequency, hour: int, weekday: int, day: int, zone: ZoneInfo, after: datetime) -> datetime:
    """Watch the clock on the wall: due is when it first shows the hour, or more, of a day in the schedule."""
    moment = after.replace(minute=after.minute // 15 * 15, second=0, microsecond=0) - timedelta(hours=50)
    latest = moment.astimezone(zone).replace(tzinfo=None)
    while True:
        moment += GRID
        wall = moment.astimezone(zone).replace(tzinfo=None)
        days = {latest.date() + timedelta(days=n) for n in range((wall.date() - latest.date()).days + 1)}
        shown = [datetime.combine(each, time(hour)) for each in days if is_slot(each, frequency, weekday, day)]
        if moment > after and any(latest < slot <= wall for slot in shown):
            return moment
        latest = max(latest, wall)


START = datetime(2024, 1, 1, tzinfo=UTC)
moments = st.integers(0, 2525 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))  # up to December 2030


@settings(max_examples=400, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    frequency=st.sampled_from(SCHEDULED),
    hour=st.integers(0, 23),
    weekday=st.integers(0, 6),
    day=st.integers(1, 28),
    after=moments,
)
@example("Australia/Lord_Howe", Frequency.DAILY, 2, 0, 1, datetime(2026, 10, 3, 12, tzinfo=UTC))
@example("Africa/Cairo", Frequency.DAILY, 0, 0, 1, datetime(2026, 4, 23, 12, tzinfo=UTC))
@example("America/Havana", Frequency.DAILY, 0, 0, 1, datetime(2026, 10, 31, 23, tzinfo=UTC))
def test_the_next_due_moment_is_when_the_wall_clock_first_shows_it(
    zone: str, frequency: Frequency, hour: int, weekday: int, day: int, after: datetime
) -> None:
    found = next_due(frequency, hour, weekday, day, zone, after)
    assert found == watched(frequency, hour, weekday, day, ZoneInfo(zone), after)
    assert found > after
    assert found.tzinfo is UTC


def changes_of_the_clocks(zone: ZoneInfo) -> list[datetime]:
    hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(0, 7 * 8766, 24)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/London",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Asia/Beirut",
        "America/Havana",
        "Pacific/Easter",
        "Africa/Casablanca",
        "Antarctica/Troll",
    ],
)
def test_every_hour_around_every_change_of_the_clocks_is_right(zone: str) -> None:
    changes = changes_of_the_clocks(ZoneInfo(zone))
    assert changes
    for change in changes[:4]:
        for hour in range(24):
            after = change - timedelta(hours=36)
            for _ in range(3):
                found = next_due(Frequency.DAILY, hour, 0, 1, zone, after)
                assert found == watched(Frequency.DAILY, hour, 0, 1, ZoneInfo(zone), after)
                after = found


@pytest.mark.parametrize(
    ("after", "due"),
    [
        pytest.param(
            "2026-03-28T08:00+00:00", "2026-03-29T07:00+00:00", id="the morning after the clocks went forward"
        ),
        pytest.param("2026-10-24T07:00+00:00", "2026-10-25T08:00+00:00", id="the morning after they went back"),
        pytest.param("2026-07-01T07:00+00:00", "2026-07-02T07:00+00:00", id="strictly after the slot itself"),
        pytest.param("2026-07-01T06:59:59.999999+00:00", "2026-07-01T07:00+00:00", id="a moment before the slot"),
    ],
)
def test_eight_in_london_stays_eight_in_london(after: str, due: str) -> None:
    moment = datetime.fromisoformat(after)
    assert next_due(Frequency.DAILY, 8, 0, 1, "Europe/London", moment) == datetime.fromisoformat(due)


def test_an_hour_that_the_clocks_skip_means_the_moment_after_the_gap() -> None:
    after = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert next_due(Frequency.DAILY, 2, 0, 1, "Europe/Berlin", after) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_the_clocks_show_twice_means_the_first() -> None:
    after = datetime(2026, 10, 24, 12, tzinfo=UTC)
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert next_due(Frequency.DAILY, 2, 0, 1, "Europe/Berlin", after) == first
    assert next_due(Frequency.DAILY, 2, 0, 1, "Europe/Berlin", first) == datetime(2026, 10, 26, 1, tzinfo=UTC)


def test_a_day_that_a_country_left_out_is_due_when_the_next_one_begins() -> None:
    found = next_due(Frequency.MONTHLY, 8, 0, 28, "Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC))
    assert found > datetime(2011, 12, 29, tzinfo=UTC)
    weekly = next_due(Frequency.WEEKLY, 8, 4, 1, "Pacific/Apia", datetime(2011, 12, 30, 2, tzinfo=UTC))
    assert weekly == datetime(2011, 12, 30, 10, tzinfo=UTC)  # Friday 30 December 2011 never was: Saturday, 00:00


def test_immediately_is_always_due() -> None:
    after = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert next_due(Frequency.IMMEDIATELY, 8, 0, 1, "Asia/Tokyo", after) == after


def test_a_whole_year_of_daily_slots_has_one_for_each_day() -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC)
    days = []
    while after < datetime(2027, 1, 1, tzinfo=UTC):
        after = next_due(Frequency.DAILY, 8, 0, 1, "America/New_York", after)
        days.append(after.astimezone(ZoneInfo("America/New_York")))
    assert len({day.date() for day in days}) == len(days) == 366
    assert {day.hour for day in days} == {8}
