"""What is still to come of a trial, and when its results are due."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest

from trialalerts.catalog.facts import PartialDate, TrialFacts
from trialalerts.catalog.trials.awaited import Awaited, awaited, results_due, results_page

US = "clinicaltrials.gov"


def ended(value: str, kind: Literal["actual", "estimated"] | None = "actual", **facts: Any) -> TrialFacts:
    precision: Any = ("year", "month", "day")[value.count("-")]
    said = {"status": "COMPLETED", "completion": PartialDate(value=value, precision=precision, kind=kind), **facts}
    return TrialFacts.model_validate(said)


@pytest.mark.parametrize(
    ("facts", "registry", "due"),
    [
        (ended("2025-03-02"), US, date(2026, 3, 2)),
        (ended("2025-03"), US, date(2026, 3, 31)),
        (ended("2025"), US, date(2026, 12, 31)),
        (ended("2024-02-29"), US, date(2025, 2, 28)),
        (ended("2025-03-02", status="TERMINATED"), "euclinicaltrials.eu", date(2026, 3, 2)),
        (ended("2025-03-02", "estimated"), US, None),
        (ended("2025-03-02", None), "isrctn.com", None),
        (ended("2025-03-02"), "who.int", None),
        (ended("2025-03-02", has_results=True), US, None),
        (ended("2025-03-02", status="WITHDRAWN"), US, None),
        (ended("2025-03-02", enrolment=0), US, None),
        (ended("2025-03-02", status="RECRUITING"), US, None),
        (ended("2025-03-02", status="UNKNOWN", last_known_status="COMPLETED"), US, None),
        (ended("2025-03-02", status="NO_LONGER_AVAILABLE"), US, None),
        (ended("2025-13-40"), US, None),
        (ended("9999-12-31"), US, None),
        (TrialFacts(status="COMPLETED"), US, None),
    ],
    ids=[
        "a day", "a month counts to its last day", "a year too", "a leap day", "stopped early, in the EU",
        "only planned", "nobody says whether it was", "a registry without results", "there are results",
        "called off", "nobody took part", "it goes on", "nobody knows", "no trial", "no date", "the end of time",
        "no end",
    ],
)  # fmt: skip
def test_results_are_due_a_year_after_an_actual_end(facts: TrialFacts, registry: str, due: date | None) -> None:
    assert results_due(registry, facts) == due


@pytest.mark.parametrize(
    ("status", "more", "next_"),
    [
        ("NOT_YET_RECRUITING", {}, Awaited.BEGIN),
        ("RECRUITING", {}, Awaited.END),
        ("ACTIVE_NOT_RECRUITING", {}, Awaited.END),
        ("UNKNOWN", {}, Awaited.END),
        ("COMPLETED", {}, Awaited.RESULTS),
        ("COMPLETED", {"has_results": True}, Awaited.NOTHING),
        ("WITHDRAWN", {}, Awaited.NOTHING),
        ("APPROVED_FOR_MARKETING", {}, Awaited.NOTHING),
    ],
)
def test_what_comes_next(status: str, more: dict[str, Any], next_: Awaited) -> None:
    assert awaited(US, TrialFacts(status=status, **more)) is next_


@pytest.mark.parametrize(
    ("registry", "url", "page"),
    [
        (US, "https://example.org/NCT1", "https://example.org/NCT1?tab=results"),
        (US, "https://example.org/NCT1?a=b", "https://example.org/NCT1?a=b"),
        ("isrctn.com", "https://example.org/ISRCTN1", "https://example.org/ISRCTN1"),
        (US, None, None),
    ],
)
def test_the_results_have_a_page(registry: str, url: str | None, page: str | None) -> None:
    assert results_page(registry, url) == page
