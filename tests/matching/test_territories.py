"""A site in a territory is found under the territory's name and under that of its country."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.matching.worlds import window_of
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.matching.reasons import nearest_site
from trialalerts.matching.window import recruiting_now, subject_of
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import AreaTree

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def trial(site: Site) -> Item:
    """Return a trial that is open at one site."""
    facts = TrialFacts(status="RECRUITING", sites=(site,)).model_dump(mode="json")
    return Item(
        id=1, registry_name="r", external_id="1", kind=ItemKind.TRIAL, url="", title="Made-up", status="RECRUITING",
        is_open=True, facts=facts, facts_hash="", areas={}, source="r", first_seen_at=NOW, last_seen_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("country", "written", "found", "not_found"),
    [
        ("HK", "China", ["HK", "CN"], ["TW"]),
        ("HK", "Hong Kong", ["HK", "CN"], ["GB"]),
        ("PR", "United States", ["PR", "US"], ["ES"]),
        ("PR", "Puerto Rico", ["PR", "US"], []),
        ("RE", "France", ["RE", "FR"], ["MU"]),
        ("JE", "United Kingdom", ["JE", "GB"], ["FR"]),
        ("TW", "Taiwan", ["TW"], ["CN"]),
        ("TW", "China", ["TW", "CN"], []),
        ("XK", "Kosovo", ["XK"], ["RS"]),
        ("XK", "Serbia", ["XK", "RS"], []),
        ("PS", "Palestine", ["PS"], ["IL"]),
        ("PS", "Israel", ["PS", "IL"], []),
        ("GB", "United Kingdom", ["GB"], ["JE"]),
    ],
)
def test_a_follower_of_either_country_is_told(
    country: str, written: str, found: list[str], not_found: list[str]
) -> None:
    site = Site(facility="Made-up Clinic", city="Somewhere", country=country, country_name=written)
    candidate = recruiting_now(subject_of(trial(site)), NOW)
    index = window_of([candidate], AreaTree([]))
    met = {code for code in (*found, *not_found) if index.region((RegionKind.COUNTRY, code, None, None, None, None))}
    assert met == set(found)
    for code in found:
        follows = Preference(
            subscriber_id=1,
            area_id="x",
            region_kind=RegionKind.COUNTRY,
            region_label=code,
            country=code,
            created_at=NOW,
        )
        nearest, _ = nearest_site(candidate.subject, [candidate], follows)
        assert nearest is not None
        assert nearest.city == "Somewhere"


def test_a_follower_of_a_territory_as_a_state_is_told() -> None:
    site = Site(country="PR", country_name="Puerto Rico")
    index = window_of([recruiting_now(subject_of(trial(site)), NOW)], AreaTree([]))
    assert index.region((RegionKind.SUBDIVISION, "US", "US-PR", None, None, None))
    assert not index.region((RegionKind.SUBDIVISION, "US", "US-TX", None, None, None))
