"""Two organisations whose databases are of different kinds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.digests.stage import store_areas
from tests.handover.stage import GIVER, RECEIVER, Organisation, settings_of
from trialalerts.clock import FrozenClock
from trialalerts.database import open_database
from trialalerts.delivery.outbox.suppressions import portable_key
from trialalerts.vocabulary.tables import Place, PlaceKind, PlaceName

Both = tuple[Organisation, Organisation]


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite"])
def both(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Both]:
    """The giver and the receiver, who has put the giver's key into the configuration."""
    kinds = request.param.split(" to ")
    urls = [request.getfixturevalue(f"{kind}_url") for kind in kinds]
    key = portable_key(settings_of(GIVER).service.secrets[0])
    with open_database(urls[0]) as giving, open_database(urls[1]) as taking:
        for db in (giving, taking):
            with db.write() as session:
                store_areas(session)
                session.add(Place(id="GB", kind=PlaceKind.COUNTRY, name="United Kingdom", country="GB", population=1))
                session.flush()
                session.add(PlaceName(key="gb", place_id="GB"))
        yield (
            Organisation(db=giving, clock=clock),
            Organisation(db=taking, clock=clock, settings=settings_of(RECEIVER, received_keys=[key])),
        )
