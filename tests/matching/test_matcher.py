"""The matcher against its specification, and the order and the reasons that people see."""

from __future__ import annotations

import os
from functools import reduce
from operator import or_

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.matching.worlds import TODAY, World, expected, is_told_of_closing, window_of, worlds
from trialalerts.matching.bits import bits_of, numbers_of
from trialalerts.matching.index import WindowIndex
from trialalerts.matching.matcher import missed, wanted_together
from trialalerts.matching.places import SiteMap
from trialalerts.matching.query import PreferenceQuery
from trialalerts.matching.ranking import Match, Tier, rank
from trialalerts.matching.reasons import Explainer
from trialalerts.subscribers.tables import ONE_TRIAL
from trialalerts.vocabulary.areas.tree import ANY_AREA
from trialalerts.vocabulary.places.distance import distance_km

EXAMPLES = 10_000 if os.environ.get("TRIALALERTS_TEST_SOAK") else 200
pytestmark = pytest.mark.soak
slow_to_draw = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow_to_draw
@given(worlds())
def test_what_is_told_is_what_the_specification_tells_in_the_order_of_tiers_for_true_reasons(world: World) -> None:
    """One drawn world for all that holds of any: to draw one takes ten times as long as to look at it."""
    index = window_of(world.candidates, world.areas)
    found = wanted_together(index, world.preferences, TODAY)
    asked = [
        (preference, world.candidates[number])
        for preference, bits in zip(world.preferences, found, strict=True)
        for number in numbers_of(bits & index.after(world.after)).tolist()
    ]
    matches = rank(asked)
    assert_told_exactly(matches, world)
    assert_what_is_not_wanted_misses_something(index, world)
    assert_each_item_is_one_entry_at_its_tier(matches)
    assert_every_reason_is_true(matches, world)


def assert_told_exactly(matches: list[Match], world: World) -> None:
    """What the bitsets find is what the specification finds, for the same preferences."""
    asked = expected(world)
    told = [candidate.seq for match in matches for candidate in match.candidates]
    assert sorted(told) == sorted({seq for _, seq in asked}), "each matching change once, no other"
    for match in matches:
        seqs = {candidate.seq for candidate in match.candidates}
        assert {p.id for p in match.preferences} == {preference for preference, seq in asked if seq in seqs}


def assert_what_is_not_wanted_misses_something(index: WindowIndex, world: World) -> None:
    """What is wanted misses nothing, and whatever is not misses something."""
    for preference in world.preferences:
        reasons = missed(index, PreferenceQuery.of(preference), TODAY)
        wanted_at_all = index.wanted(
            preference.area_id,
            frozenset(preference.excluded_areas),
            index.filters(PreferenceQuery.of(preference).filters, TODAY),
            PreferenceQuery.of(preference).region,
        )
        if preference.item_id is not None:
            wanted_at_all = index.trial(preference.item_id)
        assert reduce(or_, reasons.values()) == index.every & ~wanted_at_all


def assert_each_item_is_one_entry_at_its_tier(matches: list[Match]) -> None:
    """An item is one entry, and entries stand in the order of their tiers."""
    items = [match.subject.item_id for match in matches]
    assert len(items) == len(set(items))
    tiers = [match.tier for match in matches]
    assert tiers == sorted(tiers)
    for match in matches:
        direct = any(p.area_id in {*match.subject.direct, ONE_TRIAL} for p in match.preferences)
        assert (match.tier in {Tier.ANCESTOR, Tier.ANCESTOR_RECRUITING, Tier.ARTICLE_ANCESTOR}) is not direct


def assert_every_reason_is_true(matches: list[Match], world: World) -> None:
    """Each reason is true of the item."""
    explainer = Explainer(world.areas)
    for match in matches:
        reasons = [explainer.reason(match.subject, match.candidates, p) for p in match.preferences]
        assert [told.preference_id for told in reasons] == [p.id for p in match.preferences]
        for told in reasons:
            if told.area_id in {ANY_AREA, ONE_TRIAL}:
                assert told.through_id is None
            elif told.through_id is None:
                assert told.area_id in match.subject.direct or not match.subject.direct
            else:
                assert told.through_id in match.subject.direct
                assert told.area_id not in match.subject.direct
            closing = [c for c in match.candidates if c.kind == "site_closed" and c.sites]
            asking = next(p for p in world.preferences if p.id == told.preference_id)
            assert not told.closed or closing
            if len(closing) == 1 and is_told_of_closing(asking, closing[0]):
                assert told.closed
            if told.distance_km is not None:
                assert told.nearest in {"Leeds", "Suva", "Nome", "Multiple Locations"}


@given(st.sets(st.integers(0, 300)))
def test_bits_and_numbers_are_inverses(numbers: set[int]) -> None:
    assert numbers_of(bits_of(list(numbers))).tolist() == sorted(numbers)


_place = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(
    st.lists(_place, max_size=60),
    _place,
    st.one_of(st.floats(0.1, 20_100), st.sampled_from([1.0, 50.0, 10_000.0])),
)
def test_the_map_of_sites_finds_what_measuring_every_distance_finds(
    places: list[tuple[float, float]], here: tuple[float, float], radius: float
) -> None:
    found = SiteMap([place[0] for place in places], [place[1] for place in places], list(range(len(places))))
    measured = [distance_km(*here, *place) for place in places]
    bits = found.within(*here, radius)
    for number, distance in enumerate(measured):
        if abs(distance - radius) > 1e-5:  # a centimetre: two ways to reckon differ in the last digits
            assert bool(bits >> number & 1) is (distance <= radius), distance
