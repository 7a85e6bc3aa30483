"""Proves the distances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialalerts.vocabulary.places.distance import HALF_ROUND_THE_EARTH_KM, distance_km

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
PLACES = st.tuples(LATITUDES, LONGITUDES)


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        ((53.79648, -1.54785), (53.48095, -2.23743), 57.4),
        ((51.50853, -0.12574), (48.85341, 2.3488), 343.9),
        ((52.52437, 13.41053), (48.13743, 11.57549), 504.4),
        ((40.71427, -74.00597), (34.05223, -118.24368), 3_936),
        ((0, 0), (0, 180), 20_015.1),
        ((90, 17), (-90, -60), 20_015.1),
        ((0, 0), (0, 1), 111.2),
    ],
    ids=["Leeds-Manchester", "London-Paris", "Berlin-Munich", "New York-Los Angeles", "half round", "poles", "degree"],
)
def test_known_distances(one: tuple[float, float], other: tuple[float, float], kilometres: float) -> None:
    assert distance_km(*one, *other) == pytest.approx(kilometres, rel=0.002)


def test_across_the_antimeridian_it_is_not_far() -> None:
    assert distance_km(-17, 179.5, -17, -179.5) == pytest.approx(106.3, rel=0.01)


def test_at_a_pole_the_longitude_means_nothing() -> None:
    assert distance_km(90, 0, 90, 123) == pytest.approx(0, abs=1e-6)


@given(PLACES, PLACES)
def test_there_is_as_far_as_back(one: tuple[float, float], other: tuple[float, float]) -> None:
    assert distance_km(*one, *other) == pytest.approx(distance_km(*other, *one), abs=1e-6)


@given(PLACES)
def test_a_place_is_where_it_is(place: tuple[float, float]) -> None:
    assert distance_km(*place, *place) == 0


@given(PLACES, PLACES)
def test_no_distance_is_longer_than_half_round_the_earth(one: tuple[float, float], other: tuple[float, float]) -> None:
    assert 0 <= distance_km(*one, *other) <= HALF_ROUND_THE_EARTH_KM


@given(PLACES, PLACES, PLACES)
def test_a_detour_is_never_shorter(
    one: tuple[float, float], other: tuple[float, float], between: tuple[float, float]
) -> None:
    detour = distance_km(*one, *between) + distance_km(*between, *other)
    assert distance_km(*one, *other) <= detour + 1e-3
