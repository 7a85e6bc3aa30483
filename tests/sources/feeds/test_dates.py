"""Tests of the reading of dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.sources.feeds.dates import When, at_a_time, on_a_day, read_when


@pytest.mark.parametrize(("text", "moment"), [
    ("Thu, 18 Nov 2021 09:00:28 +0200", "2021-11-18T07:00:28"),
    ("Sat, 13 Nov 2021 05:38:33 -0800", "2021-11-13T13:38:33"),
    ("Mon, 10 Feb 2020 11:13:02 EST", "2020-02-10T16:13:02"),
    ("Wed, 24 Nov 2021 13:01:30 GMT", "2021-11-24T13:01:30"),
    ("Wed, 12 May 2021 13:00:37 HST", "2021-05-12T23:00:37"),
    ("Do, 07 Okt 2021 10:19:29 +0000", "2021-10-07T10:19:29"),
    ("Mi, 30 Jun 2021 00:00:00 +0000", "2021-06-30T00:00:00"),
    ("2021/12/4 9:00:00", "2021-12-04T09:00:00"),
    ("2021/10/16 9:23:28", "2021-10-16T09:23:28"),
    ("2021-05-12T22:54:08", "2021-05-12T22:54:08"),
    ("2021-11-13T05:38:33-08:00", "2021-11-13T13:38:33"),
    ("2021-11-24T02:34:50+0900", "2021-11-23T17:34:50"),
    ("2021-06-30T00:00:00+00:00", "2021-06-30T00:00:00"),
    ("2006-08-29T15:41:19Z", "2006-08-29T15:41:19"),
    ("2006-08-29T15:41:19.123456Z", "2006-08-29T15:41:19"),
    ("2018-10-11", "2018-10-11T00:00:00"),
    ("2018-12-17-08:00", "2018-12-17T08:00:00"),
    ("20181011", "2018-10-11T00:00:00"),
    ("20181011T101500Z", "2018-10-11T10:15:00"),
    ("  2018-10-11   10:15 ", "2018-10-11T10:15:00"),
    ("04.12.2021 09:05", "2021-12-04T09:05:00"),
    ("4 Dec 21 09:00 +0000", "2021-12-04T09:00:00"),
    ("December 4, 2021", "2021-12-04T00:00:00"),
    ("Dec. 4, 2021 9:05 p.m. EST", "2021-12-05T02:05:00"),
    ("Dec 4, 2021, 12:05 AM", "2021-12-04T00:05:00"),
    ("Sat Dec  4 09:00:00 2021", "2021-12-04T09:00:00"),
    ("Sat Dec  4 09:00:00 CET 2021", "2021-12-04T08:00:00"),
    ("4 décembre 2021", "2021-12-04T00:00:00"),
    ("sáb, 04 dic 2021 10:00:00 +0100", "2021-12-04T09:00:00"),
    ("Mon, 10 Feb 2020 11:13:02 GMT (Coordinated Universal Time)", "2020-02-10T11:13:02"),
    ("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59"),
    ("2021-12-04T24:00:00Z", "2021-12-05T00:00:00"),
])  # fmt: skip
def test_every_spelling_is_read(text: str, moment: str) -> None:
    found = read_when(text)
    assert found is not None
    assert found.at == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", [
    "", "soon", "2007", "2007-05", "May 2007", "04/12/2021", "2021-02-30", "2021-13-01", "32 Dec 2021", "0000-00-00",
    "Mon, 10 Feb 2020 11:13:02 XYZ", "Mon, 10 Feb 2020 31:13:02 GMT", "1 2 3", "99999-01-01",
    "2021-12-04T09:00:00+99:00", "12 Dec", "Dec 2021 12 12",
])  # fmt: skip
def test_what_is_no_day_is_none(text: str) -> None:
    assert read_when(text) is None


@pytest.mark.parametrize("text", [
    "2026-03-20", "20260320", "2026/03/20", "2026-03-20-08:00", "20.3.2026", "20 March 2026", "Fri, 20 Mar 2026",
    "2026 Mar 20", "20-Mar-2026", "Mar 20, 2026", "20 mars 2026", "20. März 2026", "20 mar 2026",
    "2026-03-20T00:00:00Z", "2026-03-20T00:00", "2026-03-20T00:00:00+11:00", "Fri, 20 Mar 2026 00:00:00 +0000",
    "Fri, 20 Mar 2026 00:00:00 EST", "Mar 20, 2026 12:00 AM",
])  # fmt: skip
def test_a_date_without_a_time_of_day_is_a_day_and_so_is_midnight_sharp(text: str) -> None:
    found = read_when(text)
    assert found is not None
    assert found.day == date(2026, 3, 20)
    assert abs(found.at - datetime(2026, 3, 20, tzinfo=UTC)) <= timedelta(hours=14)


@pytest.mark.parametrize("text", [
    "2026-03-20T09:00", "2026-03-20T00:00:01Z", "Fri, 20 Mar 2026 00:30:00 GMT", "2026-03-20T24:00:00Z",
    "Mar 20, 2026 12:00 PM",
])  # fmt: skip
def test_a_date_with_a_time_of_day_is_a_moment(text: str) -> None:
    found = read_when(text)
    assert found is not None
    assert found.day is None


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2100, 1, 1)))
def test_a_day_is_read_from_a_text_as_from_a_date(day: date) -> None:
    assert read_when(day.isoformat()) == on_a_day(day) == at_a_time(datetime(day.year, day.month, day.day, tzinfo=UTC))
    assert on_a_day(day) == When(datetime(day.year, day.month, day.day, tzinfo=UTC), day)


@given(st.text())
def test_no_text_makes_it_stumble(text: str) -> None:
    found = read_when(text)
    assert found is None or found.at.tzinfo is UTC


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1)), st.timezones())  # noqa: DTZ001
def test_iso_dates_are_read_as_python_reads_them(naive: datetime, zone: object) -> None:
    moment = naive.replace(microsecond=0, tzinfo=zone)  # type: ignore[arg-type]  # st.timezones() gives tzinfo
    if moment.utcoffset() is not None and (moment.utcoffset() or timedelta()) % timedelta(minutes=1) == timedelta():
        found = read_when(moment.isoformat())
        assert found is not None
        assert found.at == moment
