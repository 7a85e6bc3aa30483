"""Who is told of a trial for the sake of a site that is to open near them hears of that one, not of one far away."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from tests.digests.stage import LEEDS, LYON, SETTINGS, publish, store_areas, store_subscriber, store_trial
from trialalerts.catalog.tables import ChangeKind
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.preview import preview_digest
from trialalerts.subscribers.tables import RegionKind, Subscriber

AROUND_LEEDS = {
    "region_kind": RegionKind.PLACE, "region_label": "Leeds, England, GB", "country": "GB", "subdivision": "GB-ENG",
    "latitude": 53.8, "longitude": -1.55, "radius_km": 50.0,
}  # fmt: skip
IN_ENGLAND = {
    "region_kind": RegionKind.SUBDIVISION,
    "region_label": "England, GB",
    "country": "GB",
    "subdivision": "GB-ENG",
}
IN_A_GROUP = {"region_kind": RegionKind.GROUP, "region_label": "Here", "subdivision": "IE GB-ENG"}


@pytest.mark.parametrize("wish", [AROUND_LEEDS, IN_ENGLAND, IN_A_GROUP], ids=["town", "part", "group"])
@pytest.mark.parametrize(("status", "named"), [("NOT_YET_RECRUITING", "Leeds"), ("RECRUITING", "Leeds")])
def test_the_site_for_which_it_is_told_is_named(
    sqlite_db: Database, clock: FrozenClock, wish: dict[str, Any], status: str, named: str
) -> None:
    here = LEEDS.model_copy(update={"status": status, "facility": "Made-up Infirmary"})
    with sqlite_db.write() as session:
        store_areas(session)
        trial = store_trial(session, 1, clock.now(), sites=(LYON, here))
        publish(session, trial, ChangeKind.REOPENED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[wish])
    with sqlite_db.read() as session:
        anna = session.exec(select(Subscriber)).one()
        message = preview_digest(session, SETTINGS, clock, anna).message
    assert message is not None
    assert named in message.text
    assert "Lyon" not in message.text
    chip = next(line for line in message.text.splitlines() if "OPEN AGAIN" in line)
    assert status == "RECRUITING" or "Leeds" not in chip or "in preparation" in chip
    assert ("in preparation" in message.text) is (status == "NOT_YET_RECRUITING")


def test_where_nothing_is_to_open_near_the_nearest_open_site_is_named(sqlite_db: Database, clock: FrozenClock) -> None:
    closed = LEEDS.model_copy(update={"status": "COMPLETED"})
    with sqlite_db.write() as session:
        store_areas(session)
        trial = store_trial(session, 1, clock.now(), sites=(LYON, closed))
        publish(session, trial, ChangeKind.CLOSED, clock.now())
        publish(session, trial, ChangeKind.REOPENED, clock.now())
        store_subscriber(session, "anna", clock.now(), cursor=0, follows=[AROUND_LEEDS])
    with sqlite_db.read() as session:
        anna = session.exec(select(Subscriber)).one()
        message = preview_digest(session, SETTINGS, clock, anna).message
    assert message is None or "in preparation" not in message.text
