"""Holds the comparison to laws, on made-up trials and on changes nobody thought of."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trialalerts.catalog.changes.comparison import compare_trials
from trialalerts.catalog.changes.criteria import changed_criteria
from trialalerts.catalog.changes.sites import compare_sites
from trialalerts.catalog.facts import Site, TrialFacts

STATUSES = (
    None, "RECRUITING", "NOT_YET_RECRUITING", "SUSPENDED", "ACTIVE_NOT_RECRUITING", "COMPLETED", "TERMINATED",
    "WITHDRAWN", "ENROLLING_BY_INVITATION", "UNKNOWN", "AVAILABLE",
)  # fmt: skip
PLACES = [
    ("Leeds", "GB", 53.79648, -1.54785),
    ("York", "GB", 53.95763, -1.08271),
    ("Berlin", "DE", 52.52437, 13.41053),
    ("Lichtenberg", "DE", 52.51391, 13.49975),
    ("Suva", "FJ", -18.14161, 178.44149),
    ("Nowhere", None, None, None),
]
METRES = 1 / 111_195  # in degrees of latitude


@st.composite
def sites(draw: st.DrawFn) -> Site:
    city, country, latitude, longitude = draw(st.sampled_from(PLACES))
    return Site(
        facility=draw(st.sampled_from([None, "Research Site", "Example Hospital", "St Nowhere"])),
        city=city,
        country=country,
        latitude=latitude,
        longitude=longitude,
        postcode=draw(st.sampled_from([None, "1", "2"])),
        status=draw(st.sampled_from(STATUSES)),
    )


@st.composite
def trials(draw: st.DrawFn) -> TrialFacts:
    days = draw(st.none() | st.integers(0, 40_000))
    return TrialFacts(
        status=draw(st.sampled_from(STATUSES)),
        last_known_status=draw(st.sampled_from(STATUSES)),
        why_stopped=draw(st.none() | st.text(max_size=10)),
        sex=draw(st.sampled_from([None, "all", "female", "male"])),
        minimum_age_days=days,
        minimum_age=None if days is None else f"{days} Days",
        healthy_volunteers=draw(st.none() | st.booleans()),
        criteria=draw(criteria),
        sites=tuple(draw(st.lists(sites(), max_size=8))),
        has_results=draw(st.booleans()),
    )


words = st.sampled_from(["age", "18", "≥", "years", "with", "HER2+", "A", "Inclusion Criteria:\n", "-", "\n", ".", "<"])
criteria = st.lists(words, max_size=20).map(" ".join) | st.text(max_size=60)


@given(trials())
def test_a_trial_does_not_differ_from_itself(trial: TrialFacts) -> None:
    assert compare_trials(trial, TrialFacts.model_validate_json(trial.model_dump_json())) == []


@given(trials(), st.randoms(use_true_random=False))
def test_the_order_of_sites_is_no_news(trial: TrialFacts, random: Any) -> None:
    shuffled = list(trial.sites)
    random.shuffle(shuffled)
    assert compare_trials(trial, trial.model_copy(update={"sites": tuple(shuffled)})) == []


@given(trials(), st.lists(st.tuples(st.floats(-70, 70), st.floats(-70, 70)), min_size=8, max_size=8))
def test_coordinates_that_drift_by_less_than_100_metres_are_no_news(
    trial: TrialFacts, drift: list[tuple[float, float]]
) -> None:
    assert compare_trials(trial, drifted(trial, drift)) == []


@given(trials(), trials(), st.lists(st.tuples(st.floats(-70, 70), st.floats(-70, 70)), min_size=8, max_size=8))
def test_a_drift_of_coordinates_hides_no_news_and_makes_none(
    before: TrialFacts, after: TrialFacts, drift: list[tuple[float, float]]
) -> None:
    assert [found.kind for found in compare_trials(before, after)] == [
        found.kind for found in compare_trials(before, drifted(after, drift))
    ]


@given(trials(), trials())
def test_every_pair_of_trials_can_be_compared(before: TrialFacts, after: TrialFacts) -> None:
    kinds = [found.kind for found in compare_trials(before, after)]
    assert len(kinds) == len(set(kinds)) <= 4


@given(st.lists(sites(), max_size=8), st.lists(sites(), max_size=8))
def test_no_more_sites_open_than_are_open_and_all_of_a_trial_without_sites(
    before: list[Site], after: list[Site]
) -> None:
    def opened(was: list[Site]) -> list[Site]:
        return compare_sites(was, after, status_before="RECRUITING", status_after="RECRUITING").opened

    is_open = [site for site in after if site.status in {None, "RECRUITING", "AVAILABLE"}]
    assert opened([]) == is_open
    assert all(site in is_open for site in opened(before))


@given(st.lists(sites(), max_size=6), sites())
def test_one_more_open_site_is_told_once(listed: list[Site], site: Site) -> None:
    new = site.model_copy(update={"status": "RECRUITING"})
    opened = compare_sites(listed, [new, *listed], status_before="RECRUITING", status_after="RECRUITING").opened
    assert len(opened) == 1


@settings(max_examples=300)
@given(criteria, criteria)
def test_any_two_texts_can_be_compared_and_what_is_told_is_short(before: str, after: str) -> None:
    assert changed_criteria(before, before) is None
    told = changed_criteria(before, after)
    back = changed_criteria(after, before)
    assert (told is None) == (back is None)
    if told:
        assert any(told)
        assert all(len(text) <= 600 for text in told)


def drifted(trial: TrialFacts, drift: list[tuple[float, float]]) -> TrialFacts:
    moved = [
        site.model_copy(
            update={"latitude": site.latitude + north * METRES, "longitude": site.longitude + east * METRES}
        )
        if site.latitude is not None and site.longitude is not None
        else site
        for site, (north, east) in zip(trial.sites, drift, strict=False)
    ]
    return trial.model_copy(update={"sites": tuple(moved)})
