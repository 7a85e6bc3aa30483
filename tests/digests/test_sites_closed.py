"""A site that closes: who is told of it, and what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.digests.stage import LEEDS, LYON, SETTINGS, store_areas, store_subscriber, store_trial
from tests.digests.test_compose import digests_of, entries_of
from trialalerts.catalog.facts import Site
from trialalerts.catalog.tables import Change, ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database, take_numbers
from trialalerts.digests.compose import compose_due
from trialalerts.digests.entries import Reason
from trialalerts.subscribers.tables import RegionKind

BRISTOL = Site(city="Bristol", country="GB", subdivision="GB-ENG", latitude=51.45, longitude=-2.59, status="RECRUITING")
GLASGOW = Site(city="Glasgow", country="GB", subdivision="GB-SCT", latitude=55.86, longitude=-4.25, status="RECRUITING")
SOMEWHERE = Site(city="Nowhere", country="GB", status="RECRUITING")
AROUND_LEEDS = {
    "region_kind": RegionKind.PLACE, "region_label": "Leeds, GB", "country": "GB", "latitude": 53.8,
    "longitude": -1.55, "radius_km": 80.0,
}  # fmt: skip
FAR_AWAY = {**AROUND_LEEDS, "latitude": 50.37, "longitude": -4.14}
BRITAIN = {"region_kind": RegionKind.COUNTRY, "country": "GB"}
ENGLAND = {"region_kind": RegionKind.SUBDIVISION, "country": "GB", "subdivision": "GB-ENG"}
SCOTLAND = {"region_kind": RegionKind.SUBDIVISION, "country": "GB", "subdivision": "GB-SCT"}
FRANCE = {"region_kind": RegionKind.COUNTRY, "country": "FR"}


def told(
    db: Database, clock: FrozenClock, closed: tuple[Site, ...], still: tuple[Site, ...], **follows: Any
) -> Reason | None:
    """Return why somebody is told that sites closed; None where they get no mail."""
    status, now = follows.pop("status", "RECRUITING"), follows.pop("now", ("COMPLETED",) * len(closed))
    reach = follows.pop("reach", None)
    listed = (*(site.model_copy(update={"status": is_}) for site, is_ in zip(closed, now, strict=False)), *still)
    with db.write() as session:
        store_areas(session)
        trial = store_trial(session, 1, clock.now(), sites=listed, status=status, reach=reach)
        (seq,) = take_numbers(session, "change", 1)
        before = {"sites": [site.model_dump(mode="json") for site in closed]}
        session.add(Change(seq=seq, item_id=trial.id or 0, kind=ChangeKind.SITE_CLOSED, before=before, at=clock.now()))
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[follows])
    compose_due(db, SETTINGS, clock)
    digests = digests_of(db, "anna")
    if not digests:
        return None
    ((entry,),) = (entries_of(db, digest) for digest in digests)
    (reason,) = entry.reasons
    return reason


def test_whose_nearest_site_closed_is_told_which_one_is_nearest_now(db: Database, clock: FrozenClock) -> None:
    reason = told(db, clock, (LEEDS,), (BRISTOL, LYON), **AROUND_LEEDS)
    assert reason is not None
    assert (reason.closed, reason.nearest, reason.near_unknown) == (("Leeds",), "Bristol", False)
    assert reason.distance_km == pytest.approx(270, abs=5)


@pytest.mark.parametrize(
    ("closed", "still", "follows", "expected"),
    [
        ((LEEDS,), (LEEDS.model_copy(update={"facility": "Another"}),), AROUND_LEEDS, None),
        ((BRISTOL,), (LEEDS,), AROUND_LEEDS, None),
        ((LEEDS,), (BRISTOL,), FAR_AWAY, None),
        ((LEEDS,), (), AROUND_LEEDS, ("Leeds",)),
        ((LEEDS, LYON), (), AROUND_LEEDS, ("Leeds",)),
        ((LEEDS,), (BRISTOL,), BRITAIN, None),
        ((LEEDS, BRISTOL), (LYON,), BRITAIN, ("Leeds", "Bristol")),
        ((LEEDS,), (GLASGOW,), ENGLAND, ("Leeds",)),
        ((GLASGOW,), (LEEDS,), ENGLAND, None),
        ((LEEDS,), (GLASGOW,), FRANCE, None),
        ((LEEDS,), (LYON,), {}, None),
        ((LEEDS,), (), {}, ("Leeds",)),
        ((SOMEWHERE,), (), AROUND_LEEDS, ("Nowhere",)),
        ((SOMEWHERE,), (LEEDS,), AROUND_LEEDS, None),
        ((LEEDS,), (LYON,), {**SCOTLAND, "reach": "remote"}, ("Leeds",)),
        ((LEEDS,), (BRISTOL,), {**SCOTLAND, "reach": "remote"}, None),
        ((LEEDS,), (LYON,), SCOTLAND, None),
    ],
    ids=[
        "another one in the same town", "not the nearest", "too far away anyway", "none left", "only the near one",
        "the country has another", "the last ones of the country", "the last one of the state",
        "another state", "another country", "anywhere else", "the last one anywhere",
        "nobody knows where it was", "one nearby is open",
        "joined from home until the country's last one closed", "still joined from home",
        "elsewhere in the country, and not joined from home",
    ],
)  # fmt: skip
def test_it_is_told_only_where_it_was_the_nearest_or_the_last(
    sqlite_db: Database,
    clock: FrozenClock,
    closed: tuple[Site, ...],
    still: tuple[Site, ...],
    follows: dict[str, Any],
    expected: tuple[str, ...] | None,
) -> None:
    reason = told(sqlite_db, clock, closed, still, **follows)
    assert (reason and reason.closed) == expected


def test_how_far_the_nearest_is_now_is_unknown_where_a_site_has_no_place(
    sqlite_db: Database, clock: FrozenClock
) -> None:
    reason = told(sqlite_db, clock, (LEEDS,), (SOMEWHERE,), **AROUND_LEEDS)
    assert reason is not None
    assert (reason.closed, reason.near_unknown, reason.distance_km) == (("Leeds",), True, None)


@pytest.mark.parametrize("status", ["COMPLETED", "SUSPENDED", "UNKNOWN"])
def test_of_a_trial_that_takes_nobody_now_no_site_is_news(sqlite_db: Database, clock: FrozenClock, status: str) -> None:
    assert told(sqlite_db, clock, (LEEDS,), (), **AROUND_LEEDS, status=status) is None


def test_a_site_that_is_open_again_is_no_news(sqlite_db: Database, clock: FrozenClock) -> None:
    with sqlite_db.write() as session:
        store_areas(session)
        trial = store_trial(session, 1, clock.now(), sites=(LEEDS, BRISTOL))
        (seq,) = take_numbers(session, "change", 1)
        before = {"sites": [LEEDS.model_dump(mode="json")]}
        session.add(Change(seq=seq, item_id=trial.id or 0, kind=ChangeKind.SITE_CLOSED, before=before, at=clock.now()))
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[AROUND_LEEDS])
    compose_due(sqlite_db, SETTINGS, clock)
    assert digests_of(sqlite_db, "anna") == []


@pytest.mark.parametrize(
    ("now", "paused"),
    [
        (("SUSPENDED",), True),
        (("TEMPORARILY_NOT_AVAILABLE",), True),
        (("COMPLETED",), False),
        (("WITHDRAWN",), False),
        ((), False),
    ],
    ids=["suspended", "not available for now", "completed", "withdrawn", "listed no more"],
)
def test_a_site_that_is_suspended_only_pauses(
    sqlite_db: Database, clock: FrozenClock, now: tuple[str, ...], *, paused: bool
) -> None:
    reason = told(sqlite_db, clock, (LEEDS,), (BRISTOL,), now=now, **AROUND_LEEDS)
    assert reason is not None
    assert (reason.closed, reason.nearest, reason.paused) == (("Leeds",), "Bristol", paused)


def test_of_two_sites_of_which_one_pauses_both_are_told_as_closed(sqlite_db: Database, clock: FrozenClock) -> None:
    reason = told(sqlite_db, clock, (LEEDS, GLASGOW), (LYON,), now=("SUSPENDED", "COMPLETED"), **BRITAIN)
    assert reason is not None
    assert (reason.closed, reason.paused) == (("Leeds", "Glasgow"), False)
