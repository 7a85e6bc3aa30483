"""Who confirmed since Monday, who follows X in Y."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.digests.stage import store_areas, store_subscriber
from tests.installation import Run
from trialalerts.cli.times import since_of
from trialalerts.database import Database
from trialalerts.errors import InvalidInput
from trialalerts.operations.questions.followers import Wanted, count_subscribers, find_subscribers
from trialalerts.subscribers.tables import RegionKind, SubscriberState
from trialalerts.vocabulary.areas.tree import ANY_AREA, load_areas
from trialalerts.vocabulary.places.regions import Region

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)


def region(kind: str, **values: Any) -> Region:
    nothing = dict.fromkeys(("country", "subdivision", "latitude", "longitude", "radius_km"))
    return Region(kind=kind, label=kind, **(nothing | values))


LEEDS = {"country": "GB", "subdivision": "GB-ENG", "latitude": 53.8, "longitude": -1.55, "radius_km": 50.0}
YORK = {**LEEDS, "latitude": 53.96, "longitude": -1.08}
SUVA_EAST, SUVA_WEST = ({"latitude": -18.0, "longitude": degrees, "radius_km": 50.0} for degrees in (179.95, -179.95))


def place(**values: Any) -> dict[str, Any]:
    return {"region_kind": RegionKind.PLACE, **values}


PEOPLE: dict[str, dict[str, Any]] = {
    "leeds": {"follows": [place(**LEEDS)], "confirmed_at": NOW - DAY},
    "york": {"follows": [place(**YORK)], "confirmed_at": NOW - 2 * DAY},
    "gb": {"follows": [{"region_kind": RegionKind.COUNTRY, "country": "GB"}], "confirmed_at": NOW - 9 * DAY},
    "england": {
        "follows": [{"region_kind": RegionKind.SUBDIVISION, "country": "GB", "subdivision": "GB-ENG"}],
        "confirmed_at": NOW - 9 * DAY,
    },
    "asthma": {"follows": [{"area_id": "D001249"}], "confirmed_at": NOW - 9 * DAY},
    "wide": {"follows": [{"area_id": "D001327"}], "confirmed_at": NOW - 9 * DAY},
    "two": {
        "follows": [{"area_id": "D001249", "region_kind": RegionKind.COUNTRY, "country": "FR"}, place(**LEEDS)],
        "confirmed_at": NOW - 9 * DAY,
    },
    "suva": {"follows": [place(**SUVA_EAST)], "confirmed_at": NOW - 9 * DAY},
    "wait_ing": {"state": SubscriberState.PENDING, "created_at": NOW - DAY},
    "old": {"state": SubscriberState.PENDING, "created_at": NOW - 9 * DAY},
    "left": {"state": SubscriberState.UNSUBSCRIBED, "confirmed_at": NOW - DAY},
    "gone": {"state": SubscriberState.ERASED, "confirmed_at": NOW - DAY},
}
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
MS, AUTOIMMUNE, ASTHMA = {"D009103"}, {"D001327", "D009103"}, {"D001249"}
QUESTIONS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("everybody but the erased", {}, set(PEOPLE) - {"gone"}),
    ("who confirmed since Monday", {"since": MONDAY}, {"leeds", "york", "left"}),
    ("of the active ones", {"since": MONDAY, "states": [SubscriberState.ACTIVE]}, {"leeds", "york"}),
    ("who waits since Monday", {"since": MONDAY, "states": [SubscriberState.PENDING]}, {"wait_ing"}),
    ("an area", {"areas": ASTHMA}, {"asthma", "two"}),
    ("an area with what is below", {"areas": AUTOIMMUNE}, set(PEOPLE) - {"asthma", "gone"}),
    ("a country", {"region": region("country", country="GB")}, {"leeds", "york", "gb", "england", "two"}),
    ("a subdivision", {"region": region("subdivision", country="GB", subdivision="GB-ENG")},
     {"leeds", "york", "england", "two"}),
    ("around a town", {"region": region("place", **{**LEEDS, "radius_km": 10.0})}, {"leeds", "two"}),
    ("further around it", {"region": region("place", **LEEDS)}, {"leeds", "york", "two"}),
    ("over the date line", {"region": region("place", **SUVA_WEST)}, {"suva"}),
    ("anywhere", {"areas": ASTHMA, "region": region("anywhere")}, {"asthma"}),
    ("both by one preference", {"areas": ASTHMA, "region": region("country", country="GB")}, set()),
    ("a part of an address", {"search": "EED"}, {"leeds"}),
    ("a part with a wildcard's letter", {"search": "t_i"}, {"wait_ing"}),
    ("none", {"search": "%"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "names"), [row[1:] for row in QUESTIONS], ids=[row[0] for row in QUESTIONS])
def test_those_are_found_who_are_asked_for(db: Database, wanted: dict[str, Any], names: set[str]) -> None:
    with db.write() as session:
        store_areas(session)
        for name, values in PEOPLE.items():
            store_subscriber(session, name, NOW, **{**values, "created_at": values.get("created_at", NOW - 30 * DAY)})
    with db.read() as session:
        found = [each.address.partition("@")[0] for each in find_subscribers(session, Wanted(**wanted))]
        assert set(found) == names
        assert found == [name for name in PEOPLE if name in names], "in the order in which they came"
        assert count_subscribers(session, Wanted(**wanted)) == len(names)
        assert len(list(find_subscribers(session, Wanted(**wanted), limit=1))) == min(len(names), 1)


def test_an_area_is_asked_for_with_all_below_it(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        store_areas(session)
    with sqlite_db.read() as session:
        tree = load_areas(session)
    assert tree.with_below("D001327") == AUTOIMMUNE
    assert tree.with_below("D009103") == MS
    assert tree.with_below(ANY_AREA) == {ANY_AREA}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02", datetime(2026, 3, 1, 23, tzinfo=UTC)),
        ("2026-03-02T10:00+00:00", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("Monday", datetime(2026, 3, 1, 23, tzinfo=UTC)),
        ("wednesday", datetime(2026, 3, 3, 23, tzinfo=UTC)),
        ("thursday", datetime(2026, 2, 25, 23, tzinfo=UTC)),
        ("today", datetime(2026, 3, 3, 23, tzinfo=UTC)),
        ("yesterday", datetime(2026, 3, 2, 23, tzinfo=UTC)),
        ("7d", NOW - 7 * DAY),
        ("2w", NOW - 14 * DAY),
        (" 12h ", NOW - DAY / 2),
    ],
)
def test_since_is_read_as_people_say_it(text: str, moment: datetime) -> None:
    assert since_of("--since", text, NOW, "Europe/Berlin") == moment


@pytest.mark.parametrize("text", ["", "montag", "7", "2026-02-30", "-7d", "d"])
def test_a_since_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--since"):
        since_of("--since", text, NOW, "UTC")


def test_the_command_lists_and_counts(run: Run) -> None:
    run("subscribers", "add", "anna@example.org", "--area", "MS", "--region", "Leeds, GB", "--confirmed")
    run("subscribers", "add", "bert@example.org", "--area", "MS", "--region", "France", "--confirmed")
    asked = ("subscribers", "list", "--since", "yesterday", "--area", "multiple sclerosis", "--region", "GB")
    assert [each["address"] for each in json.loads(run(*asked, "--json").done)] == ["anna@example.org"]
    assert run(*asked, "--count").done == "1\n"
    assert json.loads(run("subscribers", "list", "--count", "--json").done) == {"count": 2}
    assert "bert@example.org" in run("subscribers", "list", "--search", "BERT").done
    assert run("subscribers", "list", "--since", "soon").code == 2
    everybody = run("subscribers", "list", "--limit", "0").done
    assert everybody.splitlines()[1].split("\t")[:6] == ["1", "anna@example.org", "active", "weekly", "en", "UTC"]
    assert run("subscribers", "list").done == everybody
    one = run("subscribers", "list", "--limit", "1")
    assert (one.out.splitlines(), "--limit 0 lists all (shown: 1)" in one.err) == (everybody.splitlines()[:2], True)
    assert len(json.loads(run("subscribers", "list", "--limit", "1", "--json").done)) == 1
