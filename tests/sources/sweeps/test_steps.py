"""Whatever a registry holds and however it pages, a sweep gives all of it once, or says that it did not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.sources.sweeps.steps import (
    BrokenSweep,
    Cursor,
    PagedWindows,
    PagedWindowStep,
    Pages,
    PageStep,
    Paging,
    RecordPage,
    Span,
    SweepStep,
    Token,
    TokenStep,
    WholeFile,
    Windows,
    WindowStep,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BASELINE = Span(began=NOW)
_S = TypeVar("_S", bound=SweepStep)


def swept(paging: Paging[_S], ask: Callable[[_S], RecordPage], span: Span = BASELINE) -> Iterator[Any]:
    """Give what a sweep reads; each step goes through JSON, as between two polls."""
    step: _S | None = paging.first(span)
    asked = 0
    while step is not None:
        step = paging.step.model_validate(step.model_dump(mode="json"))
        page = ask(step)
        whole = page.total is None or page.given >= page.total or not isinstance(step, WindowStep)
        following = paging.after(step, page, span)
        if whole:
            yield from page.records
        step = following
        asked += 1
        assert asked < 10_000


def token_server(records: Sequence[int], size: int, *, counted: int | None = None) -> Callable[[TokenStep], RecordPage]:
    def ask(step: TokenStep) -> RecordPage:
        start = int(step.token or 0)
        more = str(start + size) if start + size < len(records) else None
        return RecordPage.of(
            records[start : start + size], next=more, total=len(records) if counted is None else counted
        )

    return ask


@given(st.lists(st.integers()), st.integers(1, 7))
def test_tokens_lead_through_all_records(records: list[int], size: int) -> None:
    assert list(swept(Token(size=size), token_server(records, size))) == records


def test_an_end_before_all_that_was_counted_is_no_end() -> None:
    with pytest.raises(BrokenSweep, match="gave 5 of 8 records and no token for more"):
        list(swept(Token(size=2), token_server(range(5), 2, counted=8)))


def test_pages_without_end_are_broken_off() -> None:
    def ask(step: TokenStep) -> RecordPage:
        return RecordPage.of([1], next=str(step.pages + 1), total=3)

    with pytest.raises(BrokenSweep, match="and no end"):
        list(swept(Token(size=1), ask))


@given(st.lists(st.integers()), st.integers(1, 7), st.booleans())
def test_a_cursor_that_stays_the_same_is_the_end(records: list[int], size: int, fades: bool) -> None:
    def ask(step: TokenStep) -> RecordPage:
        start = int(step.token or 0)
        behind = min(start + size, len(records))
        following = None if fades and behind == start else str(behind)
        return RecordPage.of(records[start:behind], next=following, total=len(records))

    assert list(swept(Cursor(size=size), ask)) == records


DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 2))


@given(st.lists(st.lists(DAYS, max_size=12), min_size=1, max_size=4), st.integers(1, 5))
def test_parts_and_their_pages_give_all_records(parts: list[list[date]], size: int) -> None:
    def ask(step: PageStep) -> RecordPage:
        part = parts[step.part]
        return RecordPage.of(part[(step.page - 1) * size : step.page * size], total=len(part))

    paging = Pages(size=size, cap=100, parts=len(parts))
    assert list(swept(paging, ask)) == [day for part in parts for day in part]


@given(st.lists(DAYS, max_size=30), st.integers(1, 5), DAYS, st.randoms())
def test_loose_order_hides_nothing_that_lies_less_than_a_page_apart(
    days: list[date], size: int, since: date, random: Any
) -> None:
    """The registry sorts by one date and not strictly: what is new comes at most a page behind what is old."""
    ordered = sorted(days, reverse=True)
    for start in range(0, len(ordered) - size, size):
        piece = ordered[start : start + size]
        random.shuffle(piece)
        ordered[start : start + size] = piece

    def ask(step: PageStep) -> RecordPage:
        page = ordered[(step.page - 1) * size : step.page * size]
        return RecordPage.of(page, total=len(ordered), newest=max(page, default=None))

    span = Span(began=NOW, since=since)
    read = list(swept(Pages(size=size, cap=100), ask, span))
    assert sorted(day for day in read if day >= since) == sorted(day for day in days if day >= since)


@pytest.mark.parametrize("since", [None, date(2026, 1, 1)])
def test_more_than_a_registry_gives_to_anybody_is_told(since: date | None) -> None:
    def ask(_step: PageStep) -> RecordPage:
        return RecordPage.of([NOW.date()] * 10, total=25, newest=NOW.date())

    with pytest.raises(BrokenSweep, match="25"):
        list(swept(Pages(size=10, cap=20), ask, Span(began=NOW, since=since)))


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 2, 11), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(st.lists(MOMENTS, max_size=60, unique=True), st.integers(1, 20))
def test_windows_are_halved_until_each_is_given_whole(moments: list[datetime], most: int) -> None:
    asked: list[WindowStep] = []

    def ask(step: WindowStep) -> RecordPage:
        asked.append(step)
        inside = [moment for moment in moments if step.start <= moment < step.end]
        return RecordPage.of(inside[:most], total=len(inside))

    paging = Windows(most=most, origin=date(2026, 1, 1), shortest=timedelta(microseconds=1))
    try:
        read = list(swept(paging, ask))
    except BrokenSweep:
        # More than are given at once, in one second: nothing was taken for all of it.
        crowded = [sum(one <= other < one + timedelta(seconds=1) for other in moments) for one in moments]
        assert max(crowded) > most
    else:
        assert sorted(read) == sorted(moments)
        assert asked[-1].end > NOW


def test_a_search_that_finds_little_is_through_with_decades_in_a_few_questions() -> None:
    asked: list[WindowStep] = []

    def ask(step: WindowStep) -> RecordPage:
        asked.append(step)
        return RecordPage.of([1], total=1)

    list(swept(Windows(most=200, origin=date(2000, 1, 1)), ask))
    assert asked[-1].end > NOW
    assert len(asked) < 10


def test_of_a_window_that_holds_too_much_no_record_is_read_twice() -> None:
    paging = Windows(most=2, origin=date(2026, 3, 1))
    page = RecordPage.of([1, 2], total=3)
    step = paging.first(BASELINE)
    assert paging.after(step, page, BASELINE) == step.model_copy(update={"seconds": step.seconds // 2})
    assert not page.records


def test_a_window_that_gives_less_than_was_asked_for_is_no_end() -> None:
    def ask(_step: WindowStep) -> RecordPage:
        return RecordPage.of([1, 2], total=5)

    with pytest.raises(BrokenSweep, match="gave 2 records where 5 were asked for"):
        list(swept(Windows(most=10, origin=date(2026, 3, 1)), ask))


def test_a_window_whose_records_were_not_counted_is_no_end() -> None:
    def ask(_step: WindowStep) -> RecordPage:
        return RecordPage.of([1, 2])

    with pytest.raises(BrokenSweep, match="did not say how many records there are"):
        list(swept(Windows(most=10, origin=date(2026, 3, 1)), ask))


DAYS = st.dates(date(2026, 1, 31), date(2026, 3, 2))


@given(st.lists(st.lists(DAYS, max_size=40), min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 20))
def test_windows_of_days_are_halved_and_their_pages_give_all_records(
    parts: list[list[date]], size: int, cap: int
) -> None:
    asked: list[PagedWindowStep] = []
    given: list[tuple[int, int]] = []

    def ask(step: PagedWindowStep) -> RecordPage:
        assert step.start.time() == step.end.time() == NOW.min.time(), "whole days"
        asked.append(step)
        inside = [n for n, day in enumerate(parts[step.part]) if step.start.date() <= day < step.end.date()]
        page = inside[step.offset : step.offset + size] if len(inside) <= cap else []
        given.extend((step.part, number) for number in page)
        return RecordPage.of(page, total=len(inside))

    paging = PagedWindows(size=size, cap=cap, parts=len(parts))
    if any(days.count(day) > cap for days in parts for day in days):
        with pytest.raises(BrokenSweep, match="ask for less"):
            list(swept(paging, ask))
    else:
        list(swept(paging, ask))
        assert sorted(given) == [(part, number) for part, days in enumerate(parts) for number in range(len(days))]
        assert {step.part for step in asked} == set(range(len(parts)))


def test_what_a_window_lists_and_does_not_give_is_no_end() -> None:
    offsets: list[int] = []

    def ask(step: PagedWindowStep) -> RecordPage:
        offsets.append(step.offset)
        return RecordPage.of([], total=7)

    list(swept(PagedWindows(size=3, cap=10), ask))
    assert offsets == [0, 3, 6]


@pytest.mark.parametrize(("given", "total"), [(0, 7), (2, 7), (0, 1)])
def test_of_a_search_that_gives_all_that_it_counts_a_short_page_is_no_end(given: int, total: int) -> None:
    paging, step = PagedWindows(size=3, cap=10, gives_all=True), PagedWindowStep(start=NOW, seconds=86_400)
    with pytest.raises(BrokenSweep, match=f"gave {given} of {total} records and no more"):
        paging.after(step, RecordPage.of(range(given), total=total), BASELINE)
    assert paging.after(step.model_copy(update={"offset": 6}), RecordPage.of([1], total=7), BASELINE) is not step


def test_a_window_that_grew_too_large_while_it_was_read_begins_again_with_its_half() -> None:
    page = RecordPage.of([1, 2, 3], total=11)
    step = PagedWindowStep(start=NOW, seconds=4 * 86_400, offset=6)
    following = PagedWindows(size=3, cap=10).after(step, page, BASELINE)
    assert following is not None
    assert (following.seconds, following.offset, len(page.records)) == (2 * 86_400, 0, 0)


@pytest.mark.parametrize(("span", "since"), [
    (Span(began=NOW, since=date(2026, 2, 28)), "2026-02-28"),
    (Span(began=NOW), "2026-01-31"),
    (Span(began=NOW, announce_from=date(2026, 1, 3)), "2026-01-03"),
    (Span(began=NOW, announce_from=date(2026, 2, 28)), "2026-01-31"),
])  # fmt: skip
def test_a_baseline_reads_a_month_back_or_to_what_is_still_to_be_told(span: Span, since: str) -> None:
    assert PagedWindows(size=1, cap=1).first(span).start.date().isoformat() == since


@given(st.lists(st.lists(st.integers(), max_size=20), min_size=1, max_size=3), st.integers(1, 5))
def test_a_cursor_leads_through_all_parts(parts: list[list[int]], size: int) -> None:
    def ask(step: TokenStep) -> RecordPage:
        return token_server(parts[step.part], size)(step)

    assert list(swept(Cursor(size=size, parts=len(parts)), ask)) == [each for part in parts for each in part]


def test_a_whole_file_is_one_answer() -> None:
    assert list(swept(WholeFile(), lambda _: RecordPage.of([1, 2, 3]))) == [1, 2, 3]
