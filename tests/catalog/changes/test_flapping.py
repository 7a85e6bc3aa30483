"""What turns back within a week is told once it has held a day, and not at all where it turned again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlmodel import Session, col, select

from tests.catalog.samples import trial
from trialalerts.catalog.changes.flapping import release_held
from trialalerts.catalog.facts import Site
from trialalerts.catalog.store import store_items
from trialalerts.catalog.tables import Change, HeldChange, Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OPEN, PAUSED, ENDED, UNKNOWN = "RECRUITING", "SUSPENDED", "COMPLETED", "UNKNOWN"
LEEDS = Site(facility="Example Hospital", city="Leeds", country="GB", latitude=53.8, longitude=-1.55, status=OPEN)
YORK = Site(facility="Example Infirmary", city="York", country="GB", latitude=53.96, longitude=-1.08, status=OPEN)


def told(session: Session) -> list[str]:
    session.expire_all()
    return [change.kind.value for change in session.exec(select(Change).order_by(col(Change.seq)))][1:]


def read(session: Session, at: datetime, *, baseline: bool = False, **facts: Any) -> None:
    """Read the trial anew at a moment."""
    store_items(session, [trial(**facts)], baseline=baseline, now=at)


def flip(db: Database, clock: FrozenClock, *steps: tuple[timedelta, str]) -> list[str]:
    """Let a trial that recruits take other statuses, each after a while; what has held is released before each."""
    with db.write() as session:
        read(session, clock.now(), status=OPEN)
        for after, status in steps:
            clock.advance(after)
            release_held(session, clock.now())
            read(session, clock.now(), status=status)
        return told(session)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(HOUR, PAUSED)], ["paused"]),
        ([(HOUR, PAUSED), (HOUR, OPEN)], ["paused"]),
        ([(HOUR, PAUSED), (HOUR, OPEN), (HOUR * 23, OPEN)], ["paused"]),
        ([(HOUR, PAUSED), (HOUR, OPEN), (DAY, OPEN)], ["paused", "reopened"]),
        ([(HOUR, PAUSED), (HOUR, OPEN), (HOUR, PAUSED), (DAY * 3, PAUSED)], ["paused"]),
        ([(HOUR, PAUSED), (HOUR, OPEN), (HOUR, PAUSED), (HOUR, OPEN), (DAY, OPEN)], ["paused", "reopened"]),
        ([(HOUR, PAUSED), (DAY * 7, OPEN)], ["paused", "reopened"]),
        ([(HOUR, PAUSED), (DAY * 6, OPEN)], ["paused"]),
        ([(HOUR, PAUSED), (HOUR, OPEN), (HOUR, ENDED)], ["paused", "closed"]),
        ([(HOUR, PAUSED), (HOUR, ENDED)], ["paused", "closed"]),
        ([(HOUR, ENDED), (HOUR, OPEN), (HOUR, ENDED), (DAY * 2, ENDED)], ["closed"]),
        ([(HOUR, PAUSED), (HOUR, OPEN), (HOUR, UNKNOWN), (DAY * 2, UNKNOWN)], ["paused"]),
        ([(HOUR, PAUSED), (HOUR, OPEN), (DAY, OPEN), (HOUR, PAUSED), (HOUR, OPEN)], ["paused", "reopened"]),
    ],
    ids=[
        "the first is told at once", "turned back", "not yet a day", "a day", "turned again", "and back once more",
        "a week later", "less than a week later", "then ended", "no turning back", "ended by mistake, twice",
        "then nobody knows", "flaps on",
    ],
)  # fmt: skip
def test_a_status_that_turns_back(
    db: Database, clock: FrozenClock, steps: list[tuple[timedelta, str]], expected: list[str]
) -> None:
    assert flip(db, clock, *steps) == expected


def test_results_are_told_once_whatever_the_record_loses_and_finds_again(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        read(session, clock.now(), status=ENDED)
        for has_results in (True, False, True, False, True):
            clock.advance(DAY * 30)
            read(session, clock.now(), status=ENDED, has_results=has_results)
        assert told(session) == ["results_posted"]


@pytest.mark.parametrize("is_joined", [False, True], ids=["alone", "beside another registry's"])
def test_results_that_were_there_at_the_first_reading_are_no_news_when_they_are_found_again(
    is_joined: bool, db: Database, clock: FrozenClock
) -> None:
    other = trial("ISRCTN12345678", registry="isrctn.com", status=ENDED, numbers=("NCT00000001",))
    with db.write() as session:
        read(session, clock.now(), status=ENDED, has_results=True)
        if is_joined:
            store_items(session, [other], baseline=True, now=clock.now())
        for number, has_results in enumerate((False, False, True, False, True)):
            clock.advance(DAY * 30)
            read(session, clock.now(), status=ENDED, has_results=has_results, enrolment=number)
            facts = session.exec(select(Item.facts).where(Item.registry_name != "joined")).one()
            assert facts["has_results"] is has_results
        assert told(session) == []


def test_what_is_told_after_a_turn_says_what_was_told_before(db: Database, clock: FrozenClock) -> None:
    flip(db, clock, (HOUR, PAUSED), (HOUR, OPEN), (HOUR, ENDED))
    with db.read() as session:
        last = session.exec(select(Change).order_by(col(Change.seq).desc())).first()
    assert last is not None
    assert (last.before, last.after) == ({"status": PAUSED}, {"status": ENDED})


def sites(db: Database, clock: FrozenClock, *steps: tuple[timedelta, tuple[Site, ...]]) -> list[tuple[str, list[str]]]:
    """Let the sites of a trial change; return what was told of which towns."""
    with db.write() as session:
        read(session, clock.now(), sites=(LEEDS, YORK))
        for after, listed in steps:
            clock.advance(after)
            release_held(session, clock.now())
            read(session, clock.now(), sites=listed)
        changes = session.exec(select(Change).order_by(col(Change.seq))).all()[1:]
        return [(c.kind.value, [site["city"] for site in (c.after or c.before)["sites"]]) for c in changes]


def test_a_site_that_closes_and_opens_again_is_told_once_it_has_held_a_day(db: Database, clock: FrozenClock) -> None:
    steps = [(HOUR, (YORK,)), (HOUR, (LEEDS, YORK)), (DAY, (LEEDS, YORK))]
    assert sites(db, clock, *steps[:2]) == [("site_closed", ["Leeds"])]


def test_a_site_of_a_territory_is_known_again_whichever_country_the_registry_writes(
    db: Database, clock: FrozenClock
) -> None:
    whole, territory = (Site(facility="Hospital", city="San Juan", country=code, status=OPEN) for code in ("US", "PR"))
    steps = [(HOUR, (LEEDS, whole)), (HOUR, (LEEDS,)), (HOUR, (LEEDS, territory)), (DAY * 2, (LEEDS, territory))]
    assert [news for news in sites(db, clock, *steps) if news[1] == ["San Juan"]] == [("site_opened", ["San Juan"])]


def test_a_site_that_held_is_told(db: Database, clock: FrozenClock) -> None:
    steps = [(HOUR, (YORK,)), (HOUR, (LEEDS, YORK)), (DAY, (LEEDS, YORK))]
    assert sites(db, clock, *steps) == [("site_closed", ["Leeds"]), ("site_opened", ["Leeds"])]


def test_only_the_site_that_turned_back_waits(db: Database, clock: FrozenClock) -> None:
    changes = {"city": "Hull", "facility": "Example Clinic", "latitude": 53.74, "longitude": -0.33}
    hull = LEEDS.model_copy(update=changes)
    steps = [(HOUR, (YORK,)), (HOUR, (LEEDS, YORK, hull)), (HOUR, (YORK, hull)), (DAY * 2, (YORK, hull))]
    assert sites(db, clock, *steps) == [("site_closed", ["Leeds"]), ("site_opened", ["Hull"])]


def test_a_trial_that_opens_again_tells_of_its_sites_itself(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        read(session, clock.now(), sites=(LEEDS, YORK))
        read(session, clock.now() + HOUR, sites=(YORK,))
        read(session, clock.now() + 2 * HOUR, sites=(LEEDS, YORK))
        read(session, clock.now() + 3 * HOUR, sites=(LEEDS, YORK), status=PAUSED)
        read(session, clock.now() + 4 * HOUR, sites=(LEEDS, YORK), status=OPEN)
        release_held(session, clock.now() + 3 * DAY)
        assert told(session) == ["site_closed", "paused", "reopened", "site_opened"]


def test_what_a_quiet_sweep_changed_again_is_not_told(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        read(session, clock.now())
        read(session, clock.now() + HOUR, status=PAUSED)
        read(session, clock.now() + 2 * HOUR, status=OPEN)
        read(session, clock.now() + 3 * HOUR, status=ENDED, baseline=True)
        assert release_held(session, clock.now() + 2 * DAY) == 0
        assert session.exec(select(HeldChange)).all() == []
        assert told(session) == ["paused"]


def test_a_trial_that_is_gone_holds_nothing(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        read(session, clock.now())
        read(session, clock.now() + HOUR, status=PAUSED)
        read(session, clock.now() + 2 * HOUR, status=OPEN)
        session.connection().execute(delete(Item))
        assert session.exec(select(HeldChange)).all() == []
        assert release_held(session, clock.now() + 2 * DAY) == 0


def test_a_clock_that_was_ahead_holds_nothing_for_longer_than_a_day(db: Database, clock: FrozenClock) -> None:
    year = timedelta(days=365)
    with db.write() as session:
        read(session, clock.now() + year)
        read(session, clock.now() + year + HOUR, status=PAUSED)
        read(session, clock.now() + year + 2 * HOUR, status=OPEN)
        assert release_held(session, clock.now()) == 0
        assert release_held(session, clock.now() + DAY) == 1
        assert told(session) == ["paused", "reopened"]


def test_releasing_twice_tells_once_and_nothing_is_lost_when_cut_off(db: Database, clock: FrozenClock) -> None:
    flip(db, clock, (HOUR, PAUSED), (HOUR, OPEN))
    clock.advance(DAY)
    with pytest.raises(RuntimeError), db.write() as session:
        assert release_held(session, clock.now()) == 1
        raise RuntimeError("killed before the commit")
    for _ in range(2):
        with db.write() as session:
            release_held(session, clock.now())
    with db.read() as session:
        assert told(session) == ["paused", "reopened"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([OPEN, PAUSED])), max_size=8))
def test_who_is_told_everything_knows_in_the_end_how_the_trial_stands(
    sqlite_db: Database, clock: FrozenClock, steps: list[tuple[int, str]]
) -> None:
    with sqlite_db.write() as session:
        session.connection().execute(delete(Item))
        session.connection().execute(delete(Change))
        at = clock.now()
        read(session, at)
        status, before = OPEN, OPEN
        for hours, status in steps:
            at += HOUR * hours
            release_held(session, at)
            read(session, at, status=status)
        release_held(session, at + DAY)
        changes = session.exec(select(Change).order_by(col(Change.seq))).all()[1:]
        for change in changes:
            assert change.before == {"status": before}, "each goes on from what was told last"
            before = change.after["status"]
        assert before == status
