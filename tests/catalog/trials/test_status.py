"""Tests of the meaning of a status."""

from __future__ import annotations

import pytest

from trialalerts.catalog.facts import Site
from trialalerts.catalog.trials.status import is_recruiting, site_is_open, status_group


@pytest.mark.parametrize(
    ("status", "last_known", "group"),
    [
        ("NOT_YET_RECRUITING", None, "upcoming"),
        ("RECRUITING", None, "open"),
        ("AVAILABLE", None, "open"),
        ("ENROLLING_BY_INVITATION", None, "invitation"),
        ("SUSPENDED", None, "paused"),
        ("TEMPORARILY_NOT_AVAILABLE", None, "paused"),
        ("ACTIVE_NOT_RECRUITING", None, "closed"),
        ("COMPLETED", None, "closed"),
        ("TERMINATED", None, "closed"),
        ("NO_LONGER_AVAILABLE", None, "closed"),
        ("APPROVED_FOR_MARKETING", None, "closed"),
        ("WITHDRAWN", None, "withdrawn"),
        ("UNKNOWN", "RECRUITING", "open"),
        ("UNKNOWN", "NOT_YET_RECRUITING", "upcoming"),
        ("WITHHELD", "COMPLETED", "closed"),
        ("UNKNOWN", None, "unknown"),
        (None, None, "unknown"),
        ("A_WORD_OF_TOMORROW", None, "unknown"),
        ("COMPLETED", "RECRUITING", "closed"),
    ],
)
def test_a_status_belongs_to_a_group(status: str | None, last_known: str | None, group: str) -> None:
    assert status_group(status, last_known) == group


def test_a_last_known_status_does_not_make_a_trial_recruit_now() -> None:
    assert is_recruiting("RECRUITING")
    assert is_recruiting("AVAILABLE")
    assert not is_recruiting("UNKNOWN")
    assert not is_recruiting("ENROLLING_BY_INVITATION")
    assert not is_recruiting(None)


@pytest.mark.parametrize(
    ("site", "trial", "is_open"),
    [
        ("RECRUITING", "RECRUITING", True),
        (None, "RECRUITING", True),
        ("NOT_YET_RECRUITING", "RECRUITING", False),
        ("COMPLETED", "RECRUITING", False),
        ("RECRUITING", "UNKNOWN", True),
        ("RECRUITING", None, True),
        (None, None, False),
        (None, "NOT_YET_RECRUITING", False),
        ("RECRUITING", "SUSPENDED", False),
        ("RECRUITING", "COMPLETED", False),
        ("RECRUITING", "NOT_YET_RECRUITING", False),
        (None, "ENROLLING_BY_INVITATION", False),
    ],
)
def test_a_site_is_open_when_it_says_so_and_its_trial_has_not_ended(
    site: str | None, trial: str | None, *, is_open: bool
) -> None:
    assert site_is_open(Site(city="Leeds", status=site), trial) is is_open
