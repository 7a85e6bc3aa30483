"""A trial of several registries is told once, whatever joins it when, and to those whom it did not concern before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from tests.catalog.joining.test_joining import CTIS, EU, ISRCTN, NCT, UK, US, follower
from tests.catalog.samples import trial
from tests.digests.stage import SETTINGS, store_areas, store_subscriber
from tests.digests.test_compose import digests_of, entries_of
from trialalerts.catalog.draft import AreaTag, ItemDraft
from trialalerts.catalog.facts import Site
from trialalerts.catalog.joining.splitting import split_record
from trialalerts.catalog.store import store_items
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.digests.compose import compose_due

MS, ASTHMA = "D009103", "D001249"
DAY = timedelta(days=1)
LEEDS = Site(facility="Infirmary", city="Leeds", country="GB", latitude=53.8, longitude=-1.55)
MAINZ = Site(facility="Klinikum", city="Mainz", country="DE", latitude=50.0, longitude=8.27)
GERMANY: dict[str, Any] = {"area_id": MS, "region_kind": "country", "region_label": "Germany", "country": "DE"}
BRITAIN: dict[str, Any] = {"area_id": MS, "region_kind": "country", "region_label": "Britain", "country": "GB"}


def said(registry: str, number: str, *names: str, site: Site = LEEDS, area: str = MS, **facts: Any) -> ItemDraft:
    """Return the trial as a registry has it, which names other numbers."""
    posted = {US: date(2026, 2, 20), UK: date(2026, 2, 22), EU: date(2026, 2, 25)}[registry]
    draft = trial(number, registry=registry, numbers=(number, *names), sites=(site,), first_posted=posted, **facts)
    return replace(draft, areas=[AreaTag(id=area, in_title=True)], ancestors=[])


def arrange(db: Database, clock: FrozenClock) -> None:
    with db.write() as session:
        store_areas(session)
        store_subscriber(session, "anywhere", clock.now(), cursor=0, follows=[{"area_id": MS}])
        store_subscriber(session, "germany", clock.now(), cursor=0, follows=[GERMANY])
        store_subscriber(session, "britain", clock.now(), cursor=0, follows=[BRITAIN])


def read(db: Database, clock: FrozenClock, *drafts: ItemDraft) -> None:
    """Store what was read, compose what is due, and let a day go by."""
    with db.write() as session:
        store_items(session, drafts, baseline=False, now=clock.now())
    compose_due(db, SETTINGS, clock)
    clock.advance(DAY)


def told(db: Database) -> dict[str, list[list[str]]]:
    """Return what each person was told, digest by digest."""
    found = {name: digests_of(db, name) for name in ("anywhere", "germany", "britain")}
    return {
        name: [[change.kind for entry in entries_of(db, each) for change in entry.told] for each in digests]
        for name, digests in found.items()
    }


def test_who_was_told_under_one_number_is_not_told_under_another(db: Database, clock: FrozenClock) -> None:
    arrange(db, clock)
    read(db, clock, said(US, NCT))
    assert told(db) == {"anywhere": [["registered"]], "germany": [], "britain": [["registered"]]}
    read(db, clock, said(EU, CTIS, NCT, site=MAINZ))
    assert told(db) == {"anywhere": [["registered"]], "germany": [["recruiting_now"]], "britain": [["registered"]]}


def test_two_items_that_become_one_are_told_to_nobody_again(db: Database, clock: FrozenClock) -> None:
    arrange(db, clock)
    read(db, clock, said(US, NCT))
    with db.write() as session:  # the second registry's record waits for the next round
        store_items(session, [said(UK, ISRCTN)], baseline=False, now=clock.now())
    read(db, clock, said(EU, CTIS, NCT, ISRCTN, site=MAINZ))
    assert told(db) == {"anywhere": [["registered"]], "germany": [["registered"]], "britain": [["registered"]]}


def test_an_old_mails_page_shows_the_trial_that_it_is_now(db: Database, clock: FrozenClock) -> None:
    arrange(db, clock)
    read(db, clock, said(US, NCT, site=MAINZ))
    read(db, clock, said(UK, ISRCTN))
    read(db, clock, said(EU, CTIS, NCT, ISRCTN))
    for digest in digests_of(db, "britain"):
        (entry,) = entries_of(db, digest)
        assert entry.item_id == 1


def test_what_is_open_in_a_first_mail_is_there_once(db: Database, clock: FrozenClock) -> None:
    arrange(db, clock)
    read(db, clock, said(US, NCT), said(UK, ISRCTN, NCT))
    with db.write() as session:
        store_subscriber(session, "nina", clock.now(), follows=[{"area_id": MS}])
    compose_due(db, SETTINGS, clock)
    (digest,) = digests_of(db, "nina")
    assert [entry.item_id for entry in entries_of(db, digest)] == [1]


def test_the_end_is_told_to_all_who_knew_it_by_any_number(db: Database, clock: FrozenClock) -> None:
    arrange(db, clock)
    read(db, clock, said(US, NCT))
    read(db, clock, said(EU, CTIS, site=MAINZ))
    read(db, clock, said(UK, ISRCTN, NCT, CTIS))
    clock.advance(10 * DAY)
    read(db, clock, said(US, NCT, status="COMPLETED"))
    found = told(db)
    assert {name: each[-1] for name, each in found.items()} == {name: ["closed"] for name in found}


def test_a_split_is_told_to_nobody_and_what_follows_is(db: Database, clock: FrozenClock) -> None:
    arrange(db, clock)
    read(db, clock, said(US, NCT))
    read(db, clock, said(EU, CTIS, NCT, site=MAINZ))
    with db.write() as session:
        left, own = split_record(session, CTIS, clock.now())
        _follow(session, own)
    before = told(db)
    read(db, clock)
    assert told(db) == before
    assert left != own
    clock.advance(10 * DAY)
    read(db, clock, said(EU, CTIS, NCT, site=MAINZ, status="COMPLETED"))
    assert told(db)["germany"] == [["recruiting_now"], ["closed"]]
    assert told(db)["britain"] == before["britain"]


def _follow(session: Session, item_id: int) -> None:
    follower(session, "fay", item_id)
