"""The matcher against its specification, and the order and the reasons that people see."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.matching.worlds import TODAY, World, expected, worlds
from trialalerts.matching.index import WindowIndex, bits_of
from trialalerts.matching.matcher import Match, Matcher
from trialalerts.matching.ranking import Tier
from trialalerts.vocabulary.areas import AreaTree

EXAMPLES = 10_000 if os.environ.get("TRIALALERTS_TEST_SOAK") else 200
pytestmark = pytest.mark.soak
slow_to_draw = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def matches_in(world: World) -> tuple[Matcher, list[Match]]:
    matcher = Matcher(WindowIndex(world.candidates, world.areas), TODAY)
    return matcher, matcher.match(world.preferences, after=world.after)


@slow_to_draw
@given(worlds())
def test_the_bitset_matcher_tells_exactly_what_the_specification_tells(world: World) -> None:
    _, matches = matches_in(world)
    wanted = expected(world)
    told = [candidate.seq for match in matches for candidate in match.candidates]
    assert sorted(told) == sorted({seq for _, seq in wanted}), "each matching change once, no other"
    for match in matches:
        seqs = {candidate.seq for candidate in match.candidates}
        assert {p.id for p in match.preferences} == {preference for preference, seq in wanted if seq in seqs}


@slow_to_draw
@given(worlds())
def test_an_item_is_one_entry_and_entries_stand_in_the_order_of_their_tiers(world: World) -> None:
    _, matches = matches_in(world)
    items = [match.subject.item_id for match in matches]
    assert len(items) == len(set(items))
    tiers = [match.tier for match in matches]
    assert tiers == sorted(tiers)
    for match in matches:
        direct = any(p.area_id in match.subject.direct for p in match.preferences)
        assert (match.tier in {Tier.ANCESTOR, Tier.ANCESTOR_RECRUITING, Tier.ARTICLE_ANCESTOR}) is not direct


@slow_to_draw
@given(worlds())
def test_every_reason_is_true_of_the_item(world: World) -> None:
    matcher, matches = matches_in(world)
    for match in matches:
        reasons = matcher.reasons(match)
        assert [reason.preference_id for reason in reasons] == [p.id for p in match.preferences]
        for reason in reasons:
            if reason.through_id is None:
                assert reason.area_id in match.subject.direct or not match.subject.direct
            else:
                assert reason.through_id in match.subject.direct
                assert reason.area_id not in match.subject.direct
            if reason.distance_km is not None:
                assert reason.nearest in {"Leeds", "Suva", "Nome"}


@given(st.sets(st.integers(0, 300)))
def test_bits_and_numbers_are_inverses(numbers: set[int]) -> None:
    index = WindowIndex([], AreaTree([]))
    assert list(index.numbers(bits_of(numbers))) == sorted(numbers)
