"""Any distance from Leeds keeps Leeds: everything matches, and the nearest site is still told."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from sqlmodel import Session

from tests.matching.worlds import window_of
from tests.subscribers.stage import LEEDS, NOW
from trialalerts.catalog.facts import Site, TrialFacts
from trialalerts.catalog.tables import Item, ItemKind
from trialalerts.database import Database
from trialalerts.matching.reasons import Explainer
from trialalerts.matching.window import recruiting_now, subject_of
from trialalerts.subscribers.files.bulk_import import import_csv
from trialalerts.subscribers.files.export import export_csv
from trialalerts.subscribers.people import find_subscriber
from trialalerts.subscribers.preferences import list_preferences
from trialalerts.subscribers.tables import Preference, RegionKind
from trialalerts.vocabulary.areas.tree import AreaTree
from trialalerts.vocabulary.places.regions import any_distance_from

HEAD = "address,area,region,travel,latitude,longitude,country,subdivision,confirmed\n"
LINE = 'a@people.example,D009103,"Leeds, England, GB",anywhere,53.79648,-1.54785,GB,GB-ENG,yes\n'


def stored(session: Session, text: str) -> Preference:
    import_csv(session, io.StringIO(text, newline=""), locale="en", timezone="UTC", now=NOW)
    person = find_subscriber(session, "a@people.example")
    assert person is not None
    (preference,) = list_preferences(session, person)
    return preference


def test_the_place_is_kept_and_the_radius_is_none() -> None:
    found = any_distance_from(LEEDS)
    assert (found.kind, found.label, found.latitude, found.radius_km) == ("anywhere", LEEDS.label, LEEDS.latitude, None)
    assert any_distance_from(found) == found


def test_a_list_keeps_the_place(sqlite_stage: Database) -> None:
    with sqlite_stage.write() as session:
        preference = stored(session, HEAD + LINE)
        assert preference.region_kind is RegionKind.ANYWHERE
        assert (preference.region_label, preference.country) == ("Leeds, England, GB", "GB")
        assert (preference.latitude, preference.longitude, preference.radius_km) == (53.79648, -1.54785, None)
        first, second = io.StringIO(newline=""), io.StringIO(newline="")
        export_csv(session, first)
        first.seek(0)
        session.delete(preference)
        session.flush()
        import_csv(session, first, locale="en", timezone="UTC", now=NOW)
        export_csv(session, second)
        assert second.getvalue() == first.getvalue()


def test_everything_matches_and_the_nearest_site_and_its_distance_are_told() -> None:
    follows = Preference(
        id=1, subscriber_id=1, area_id="D009103", region_kind=RegionKind.ANYWHERE, region_label="Leeds, England, GB",
        country="GB", subdivision="GB-ENG", latitude=53.79648, longitude=-1.54785, created_at=NOW,
    )  # fmt: skip
    sites = (
        Site(city="Sydney", country="AU", latitude=-33.87, longitude=151.21),
        Site(city="York", country="GB", latitude=53.95763, longitude=-1.08271),
    )
    for number, some in enumerate((sites, sites[:1])):
        trial = Item(
            id=number, registry_name="r", external_id="1", kind=ItemKind.TRIAL, url="", title="T", status="RECRUITING",
            is_open=True, facts=TrialFacts(status="RECRUITING", sites=some).model_dump(mode="json"), facts_hash="",
            areas={"direct": [{"id": "D009103", "in_title": True}]}, source="r", first_seen_at=NOW, last_seen_at=NOW,
        )  # fmt: skip
        candidate = recruiting_now(subject_of(trial), datetime(2026, 3, 2, tzinfo=UTC))
        index = window_of([candidate], AreaTree([]))
        assert index.region((follows.region_kind, "GB", "GB-ENG", follows.latitude, follows.longitude, None)) == 1
        reason = Explainer(AreaTree([])).reason(candidate.subject, [candidate], follows)
        assert reason.nearest == some[-1].city
        assert reason.distance_km is not None
        assert (reason.distance_km < 40) == (number == 0)
        assert reason.region_label == "anywhere", "what chose the trial is no place"
