"""Tests of the comparison of two versions: what is news, and what only looks so."""

from __future__ import annotations

from typing import Any

import pytest

from trialalerts.catalog.changes.comparison import compare_articles, compare_trials
from trialalerts.catalog.facts import Contact, PartialDate, Site, TrialFacts
from trialalerts.catalog.tables import ChangeKind

UPCOMING, OPEN, INVITATION, PAUSED = "NOT_YET_RECRUITING", "RECRUITING", "ENROLLING_BY_INVITATION", "SUSPENDED"
ACTIVE, COMPLETED, TERMINATED, WITHDRAWN = "ACTIVE_NOT_RECRUITING", "COMPLETED", "TERMINATED", "WITHDRAWN"


def kinds(before: TrialFacts, after: TrialFacts) -> list[str]:
    return [difference.kind.value for difference in compare_trials(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (UPCOMING, OPEN, "opened"),
        (UPCOMING, "AVAILABLE", "opened"),
        (UPCOMING, INVITATION, "opened"),
        (INVITATION, OPEN, "opened"),
        (None, OPEN, "opened"),
        ("UNKNOWN", OPEN, "opened"),
        (PAUSED, OPEN, "reopened"),
        (PAUSED, INVITATION, "reopened"),
        (ACTIVE, OPEN, "reopened"),
        (COMPLETED, INVITATION, "reopened"),
        (WITHDRAWN, OPEN, "reopened"),
        (OPEN, PAUSED, "paused"),
        (OPEN, "TEMPORARILY_NOT_AVAILABLE", "paused"),
        (UPCOMING, PAUSED, "paused"),
        (INVITATION, PAUSED, "paused"),
        (OPEN, UPCOMING, "paused"),
        (OPEN, INVITATION, "closed"),
        (OPEN, ACTIVE, "closed"),
        (OPEN, COMPLETED, "closed"),
        (UPCOMING, TERMINATED, "closed"),
        (INVITATION, ACTIVE, "closed"),
        (PAUSED, TERMINATED, "closed"),
        ("AVAILABLE", "APPROVED_FOR_MARKETING", "closed"),
        (ACTIVE, TERMINATED, "closed"),
        (UPCOMING, WITHDRAWN, "withdrawn"),
        (OPEN, WITHDRAWN, "withdrawn"),
        (COMPLETED, WITHDRAWN, "withdrawn"),
        (None, WITHDRAWN, "withdrawn"),
        (ACTIVE, COMPLETED, None),
        (COMPLETED, TERMINATED, None),
        (OPEN, OPEN, None),
        (OPEN, "AVAILABLE", None),
        (OPEN, "UNKNOWN", None),
        (OPEN, None, None),
        (None, COMPLETED, None),
        (PAUSED, UPCOMING, None),
        (COMPLETED, PAUSED, None),
        (WITHDRAWN, WITHDRAWN, None),
    ],
)
def test_a_step_from_status_to_status_has_one_name_or_none(
    before: str | None, after: str | None, kind: str | None
) -> None:
    assert kinds(TrialFacts(status=before), TrialFacts(status=after)) == ([kind] if kind else [])


def test_a_record_that_nobody_verified_is_no_news_and_stands_for_what_it_said_last() -> None:
    unverified = TrialFacts(status="UNKNOWN", last_known_status=UPCOMING)
    assert kinds(TrialFacts(status=UPCOMING), unverified) == []
    (difference,) = compare_trials(unverified, TrialFacts(status=OPEN))
    assert difference.kind is ChangeKind.OPENED
    assert difference.before == {"status": UPCOMING}
    assert difference.after == {"status": OPEN}


def test_the_reason_stands_with_what_ended_but_not_with_what_opened() -> None:
    (closed,) = compare_trials(TrialFacts(status=OPEN), TrialFacts(status=TERMINATED, why_stopped="Too few came."))
    assert closed.after == {"status": TERMINATED, "why_stopped": "Too few came."}
    (opened,) = compare_trials(
        TrialFacts(status=PAUSED, why_stopped="A review."), TrialFacts(status=OPEN, why_stopped="A review.")
    )
    assert opened.after == {"status": OPEN}


def test_everything_else_is_no_news() -> None:
    before = TrialFacts(
        status=OPEN,
        official_title="A trial",
        enrolment=40,
        contacts=(Contact(name="A Team", email="team@example.org"),),
        start=PartialDate(value="2026-01", precision="month", kind="estimated"),
        keywords=("one",),
        sponsor="Example University",
    )
    after = TrialFacts(
        status=OPEN,
        official_title="A Trial of Something",
        acronym="SOME",
        enrolment=80,
        contacts=(Contact(name="The A Team", email="team@example.org"),),
        start=PartialDate(value="2026-01-15", precision="day", kind="actual"),
        completion=PartialDate(value="2030", precision="year", kind="estimated"),
        last_verified=PartialDate(value="2026-02", precision="month"),
        sponsor="Example University Hospital",
        numbers=("NCT00000001", "2026-500001-11-00"),
    )
    assert compare_trials(before, after) == []


def test_results_are_posted_once() -> None:
    without, with_results = TrialFacts(status=COMPLETED), TrialFacts(status=COMPLETED, has_results=True)
    assert kinds(without, with_results) == ["results_posted"]
    assert kinds(with_results, with_results) == []
    assert kinds(with_results, without) == []


def test_several_kinds_come_in_a_fixed_order() -> None:
    before = TrialFacts(status=PAUSED, minimum_age="18 Years", minimum_age_days=6574)
    after = TrialFacts(status=OPEN, minimum_age="16 Years", minimum_age_days=5844, has_results=True)
    assert kinds(before, after) == ["reopened", "eligibility_changed", "results_posted"]


# Who may join


def test_an_age_limit_is_told_as_written() -> None:
    before = TrialFacts(status=OPEN, minimum_age="18 Years", minimum_age_days=6574, maximum_age="65 Years")
    after = TrialFacts(status=OPEN, minimum_age="16 Years", minimum_age_days=5844, maximum_age="65 Years")
    (difference,) = compare_trials(before, after)
    assert difference.kind is ChangeKind.ELIGIBILITY_CHANGED
    assert difference.before == {"minimum_age": "18 Years"}
    assert difference.after == {"minimum_age": "16 Years"}


@pytest.mark.parametrize(
    ("before", "after", "is_news"),
    [
        (("18 Years", 6574), ("18 years", 6574), False),
        (("18 Years", 6574), ("216 Months", 6574), False),
        (("18 Years", 6574), (None, None), True),
        ((None, None), ("18 Years", 6574), True),
        (("old enough", None), ("Old enough", None), False),
        (("old enough", None), ("older", None), True),
        ((None, None), (None, None), False),
    ],
)
def test_ages_are_compared_by_days_and_by_words_only_where_there_are_none(
    before: tuple[str | None, int | None], after: tuple[str | None, int | None], *, is_news: bool
) -> None:
    was = TrialFacts(status=OPEN, maximum_age=before[0], maximum_age_days=before[1])
    now = TrialFacts(status=OPEN, maximum_age=after[0], maximum_age_days=after[1])
    assert kinds(was, now) == (["eligibility_changed"] if is_news else [])


def test_sex_and_healthy_volunteers_are_told_where_both_versions_say_something() -> None:
    before = TrialFacts(status=OPEN, sex="female", healthy_volunteers=False)
    after = TrialFacts(status=OPEN, sex="all", healthy_volunteers=True)
    (difference,) = compare_trials(before, after)
    assert difference.before == {"sex": "female", "healthy_volunteers": False}
    assert difference.after == {"sex": "all", "healthy_volunteers": True}
    assert compare_trials(TrialFacts(status=OPEN), after) == []
    assert compare_trials(before, TrialFacts(status=OPEN)) == []


@pytest.mark.parametrize("status", [ACTIVE, COMPLETED, TERMINATED, WITHDRAWN])
def test_who_could_have_joined_an_ended_trial_is_no_news(status: str) -> None:
    before = TrialFacts(status=status, sex="female", criteria="Adults with asthma")
    assert compare_trials(before, TrialFacts(status=status, sex="all", criteria="Children with eczema")) == []


# Sites


def leeds(**facts: object) -> Site:
    known = {
        "facility": "Example Hospital",
        "city": "Leeds",
        "country": "GB",
        "postcode": "LS1 1AA",
        "latitude": 53.79648,
        "longitude": -1.54785,
        "status": "RECRUITING",
    }
    return Site.model_validate(known | facts)


def york(**facts: object) -> Site:
    known = {
        "facility": "York Clinic",
        "city": "York",
        "postcode": "YO1 1AA",
        "latitude": 53.95763,
        "longitude": -1.08271,
    }
    return leeds(**(known | facts))


def opened(before: list[Site], after: list[Site], was: str = OPEN, now: str = OPEN) -> list[str]:
    """Return the cities of the sites that opened."""
    found = compare_trials(TrialFacts(status=was, sites=tuple(before)), TrialFacts(status=now, sites=tuple(after)))
    return [site["city"] for difference in found for site in difference.after.get("sites", ())]


def test_a_site_that_begins_to_recruit_has_opened_and_is_told_with_its_place() -> None:
    before = TrialFacts(status=OPEN, sites=(leeds(status="NOT_YET_RECRUITING"), york()))
    (difference,) = compare_trials(before, TrialFacts(status=OPEN, sites=(leeds(), york())))
    assert difference.kind is ChangeKind.SITE_OPENED
    assert difference.before == {}
    assert difference.after == {
        "sites": [
            {
                "facility": "Example Hospital",
                "city": "Leeds",
                "country": "GB",
                "subdivision": None,
                "latitude": 53.79648,
                "longitude": -1.54785,
            }
        ]
    }


def closed(before: list[Site], after: list[Site], was: str = OPEN, now: str = OPEN) -> list[str]:
    """Return the cities of the sites that closed."""
    found = compare_trials(TrialFacts(status=was, sites=tuple(before)), TrialFacts(status=now, sites=tuple(after)))
    return [site["city"] for difference in found for site in difference.before.get("sites", ())]


@pytest.mark.parametrize("status", ["NOT_YET_RECRUITING", "SUSPENDED", "COMPLETED", "WITHDRAWN"])
def test_a_site_that_takes_nobody_any_more_has_closed_while_the_trial_goes_on(status: str) -> None:
    assert closed([leeds(), york()], [leeds(status=status), york()]) == ["Leeds"]
    assert closed([leeds(), york()], [york()]) == ["Leeds"], "nor is it listed"


def test_a_trial_that_ends_or_no_longer_lists_its_sites_tells_of_no_site() -> None:
    assert closed([leeds(), york()], [leeds(status=COMPLETED), york(status=COMPLETED)], now=COMPLETED) == []
    assert closed([leeds(status=COMPLETED)], [leeds(status="WITHDRAWN")]) == []
    assert closed([leeds(), york()], []) == [], "a record without sites says nothing of them"
    assert closed([leeds(facility="Example Hospital")], [leeds(facility="EXAMPLE HOSPITAL")]) == []


def test_a_site_that_moved_to_another_town_closed_in_one_and_opened_in_the_other() -> None:
    before = TrialFacts(status=OPEN, sites=(leeds(),))
    after = TrialFacts(status=OPEN, sites=(leeds(status=COMPLETED), york()))
    assert kinds(before, after) == ["site_opened", "site_closed"]


@pytest.mark.parametrize("status", ["NOT_YET_RECRUITING", "SUSPENDED", "COMPLETED", "WITHDRAWN"])
def test_any_closed_site_can_open(status: str) -> None:
    assert opened([leeds(status=status)], [leeds()]) == ["Leeds"]


def test_a_newly_listed_open_site_has_opened_and_a_closed_one_has_not() -> None:
    assert opened([leeds()], [leeds(), york()]) == ["York"]
    assert opened([leeds()], [leeds(), york(status="NOT_YET_RECRUITING")]) == []
    assert opened([], [leeds(status=None)]) == ["Leeds"]


def test_sites_without_a_status_go_with_their_trial() -> None:
    assert opened([leeds(status=None)], [leeds()]) == []
    assert opened([leeds()], [leeds(status=None)]) == []


def test_a_trial_that_opens_tells_of_all_its_sites_itself() -> None:
    assert opened([leeds(status=None)], [leeds()], was=UPCOMING) == []
    assert opened([leeds(status=None)], [leeds()], was=ACTIVE) == []
    assert opened([leeds()], [leeds(), york()], now=PAUSED) == []


def test_sites_opened_while_nobody_verified_the_record_are_told_when_it_comes_back() -> None:
    before = TrialFacts(status="UNKNOWN", last_known_status=OPEN, sites=(leeds(),))
    after = TrialFacts(status=OPEN, sites=(leeds(), york()))
    assert kinds(before, after) == ["site_opened"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"facility": 'Hă"Pital Exemple'}, {"facility": "Hôpital Exemple"}),
        ({"facility": "EXAMPLE HOSPITAL ( Site 0012)"}, {"facility": "Example Hospital (Site 0012)"}),
        ({"facility": "Example Hospital"}, {"facility": "St Nowhere Medical Centre"}),
        ({"facility": "Example Hospital"}, {"facility": None}),
        ({"city": "N. Pavlos-Melas"}, {"city": "Pavlos Melas"}),
        ({"city": "Lichtenberg"}, {"city": "Berlin", "latitude": 53.82, "longitude": -1.42}),
        ({"latitude": None, "longitude": None}, {}),
        ({"latitude": 52.79, "longitude": -1.54}, {}),
        ({"postcode": "LS1 1AA"}, {"postcode": "LS9 7TF"}),
        ({"state": None}, {"state": "England"}),
        ({"country_name": "Turkey", "country": "TR"}, {"country_name": "Turkey (Türkiye)", "country": "TR"}),
        (
            {"facility": "Example Hospital", "city": "Leeds", "latitude": None, "longitude": None},
            {"facility": "Example Hospital", "city": "Leeds City", "latitude": None, "longitude": None},
        ),
        ({"facility": "Example Hospital", "city": "Old Leeds"}, {"facility": "Exampel Hospital", "city": "Leeds"}),
    ],
    ids=lambda facts: " ".join(map(str, facts)) or "repaired",
)
def test_a_site_under_another_name_is_no_new_site(before: dict[str, object], after: dict[str, object]) -> None:
    assert opened([leeds(**before), york()], [york(), leeds(**after)]) == []


def test_a_renamed_site_that_opens_meanwhile_has_opened() -> None:
    before = leeds(facility="Example Hospital", status="NOT_YET_RECRUITING")
    assert opened([before, york()], [york(), leeds(facility="Example University Hospital")]) == ["Leeds"]


def test_a_second_site_in_the_same_city_is_new() -> None:
    assert opened([leeds()], [leeds(), leeds(facility="St Nowhere Medical Centre", postcode="LS9 7TF")]) == ["Leeds"]


def test_a_site_that_takes_the_place_of_a_closed_one_has_opened() -> None:
    assert opened([leeds(status="COMPLETED"), york()], [leeds(facility="St Nowhere"), york()]) == ["Leeds"]


def test_a_site_elsewhere_is_new_though_another_went() -> None:
    assert opened([leeds(), york()], [leeds(), york(city="Hull", facility="Hull Clinic", latitude=53.74)]) == ["Hull"]


def test_nameless_sites_of_one_city_are_counted() -> None:
    nameless = {"facility": "Research Site"}
    closed = leeds(**nameless, status="NOT_YET_RECRUITING")
    assert opened([leeds(**nameless), closed], [closed, leeds(**nameless)]) == []
    assert opened([leeds(**nameless), closed, closed], [closed, leeds(**nameless), leeds(**nameless)]) == ["Leeds"]


def test_a_nameless_site_in_the_next_city_is_new_though_another_went() -> None:
    sites = [leeds(facility="Research Site"), york(facility="Research Site")]
    harrogate = leeds(facility="Research Site", city="Harrogate", latitude=53.9908, longitude=-1.5373)
    assert opened(sites, [harrogate, sites[1]]) == ["Harrogate"]
    assert opened([leeds(), york()], [leeds(city="Harrogate", latitude=53.9908, longitude=-1.5373), york()]) == []


def test_cities_of_one_name_in_two_states_are_two_cities() -> None:
    illinois = leeds(
        facility="Research Site", city="Springfield", country="US", state="Illinois", latitude=39.8, longitude=-89.6
    )
    missouri = leeds(
        facility="Research Site", city="Springfield", country="US", state="Missouri", latitude=37.2, longitude=-93.3
    )
    before = TrialFacts(status=OPEN, sites=(illinois,))
    (difference,) = compare_trials(before, TrialFacts(status=OPEN, sites=(missouri, illinois)))
    assert [site["latitude"] for site in difference.after["sites"]] == [37.2]
    assert opened([illinois], [missouri]) == ["Springfield"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"latitude": 42.5, "longitude": 143.1}, {"latitude": 35.7, "longitude": 139.8}, id="point"),
        pytest.param({"subdivision": "JP-43"}, {"subdivision": "JP-13"}, id="subdivision"),
        pytest.param({"subdivision": None, "latitude": 42.5}, {"subdivision": "JP-13", "latitude": 35.7}, id="both"),
        pytest.param({"latitude": 42.5, "longitude": 143.1}, {"latitude": None, "longitude": None}, id="unknown now"),
        pytest.param({"country": "US"}, {"country": "PR"}, id="territory"),
        pytest.param({"country": "CN", "subdivision": "CN-HK"}, {"country": "HK", "subdivision": None}, id="Hong Kong"),
        pytest.param({"country": "RS"}, {"country": "XK"}, id="disputed territory"),
        pytest.param(
            {"subdivision": "JP-43", "latitude": 32.8, "longitude": 130.7},
            {"subdivision": "JP-13", "state": "Tokyo", "latitude": 35.7, "longitude": 139.8},
            id="the registry adds the state meanwhile",
        ),
    ],
)
def test_a_site_that_is_only_read_otherwise_is_no_news(before: dict[str, Any], after: dict[str, Any]) -> None:
    site = {"facility": "Made-up Hospital", "city": "Kōtoku", "country": "JP", "postcode": "135-8550"}
    was, now = Site(**{**site, **before}), Site(**{**site, **after})
    others = [leeds(), york()]
    assert opened([was, *others], [*others, now]) == []
    assert opened([now, *others], [*others, was]) == []


# Articles


@pytest.mark.parametrize(
    "title",
    [
        "RETRACTED: A drug for everything",
        "[Retracted] A drug for everything",
        "RETRACTED ARTICLE: A drug for everything",
        "Retraction: A drug for everything",
        "Retraction Note: A drug for everything",
        "Retraction notice to “A drug for everything”: a letter",
        "WITHDRAWN: A drug for everything",
        "Withdrawn – A drug for everything",
    ],
)
def test_an_article_is_retracted_when_its_title_begins_to_say_so(title: str) -> None:
    (difference,) = compare_articles("A drug for everything", title)
    assert difference.kind is ChangeKind.RETRACTED
    assert compare_articles(title, title) == []


@pytest.mark.parametrize("title", ["Withdrawal of opioids in practice", "Retraction of the eyelid", "Retracted lungs"])
def test_a_title_about_withdrawal_is_no_retraction(title: str) -> None:
    assert compare_articles("A drug for everything", title) == []
